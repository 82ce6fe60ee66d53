import { native } from "./native.js";

/** Version of the native library, `0.1.0`. */
export function libraryVersion(): string {
  return native.version();
}

/** Number of native objects alive in this process, for leak tests. */
export function liveHandles(): number {
  return native.liveHandles();
}
