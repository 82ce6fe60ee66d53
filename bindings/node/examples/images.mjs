// Loads an image archive into the cache and shows what is in it: node images.mjs alpine.tar
import { Image, ImageError } from "microsandbox";

try {
  const [image] = await Image.load(process.argv[2], {
    onProgress: ({ phase, item, done, total }) => console.error(phase, item ?? "", total ? `${done}/${total}` : ""),
  });
  const { config, layers } = await Image.inspect(image.reference);
  console.log(`${image.reference}: ${image.os}/${image.architecture}, runs ${config?.cmd?.join(" ")}`);
  for (const layer of layers) console.log(`  ${layer.position} ${layer.diffId} ${layer.compressedSizeBytes} bytes`);
} catch (error) {
  if (!(error instanceof ImageError)) throw error;
  console.error(`no such image as it claims: ${error.message} (${error.details.member})`);
  process.exitCode = 1;
}
