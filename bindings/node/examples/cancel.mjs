// Loads an image, but for no longer than a second and only until Ctrl-C: node cancel.mjs alpine.tar
import { Image } from "microsandbox";

const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort());
const timeout = setTimeout(() => interrupted.abort(new Error("took longer than a second")), 1000);

try {
  const images = await Image.load(process.argv[2], { signal: interrupted.signal });
  console.log(images.map((image) => image.reference).join("\n"));
} catch (error) {
  if (!interrupted.signal.aborted) throw error;
  console.error(`stopped, and the cache is as it was: ${error.message}`);
} finally {
  clearTimeout(timeout);
}
