// Fetches an image and shows how far each layer is; Ctrl-C ends it: node pull.mjs alpine:3.20
import { Image } from "microsandbox";

const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort());

const { handle, layersFetched, layersSkipped, bytesFetched } = await Image.pull(process.argv[2], {
  signal: interrupted.signal,
  onProgress({ phase, index, count, done, total }) {
    if (phase === "downloading") console.error(`layer ${index + 1} of ${count}: ${done}/${total ?? "?"}`);
  },
});
console.log(`${handle.reference} is ${handle.manifestDigest}`);
console.log(`${layersFetched} layers fetched, ${layersSkipped} were there; ${bytesFetched} bytes`);
