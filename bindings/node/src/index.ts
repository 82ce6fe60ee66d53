export type { CallOptions, Progress } from "./call.js";
export { Client, type ClientOptions } from "./client.js";
export * from "./errors.js";
export {
  Image, ImageHandle,
  type ImageConfigDetail, type ImageDetail, type ImageLayerDetail, type ImagePruneReport,
} from "./image.js";
export { libraryVersion, liveHandles } from "./library.js";
export { GiB, KiB, MiB, TiB, type Mebibytes } from "./size.js";
