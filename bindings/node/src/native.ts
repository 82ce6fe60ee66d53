// The thin layer: finds the addon, loads it, and says what is in it. Nothing here is for users.
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";

import { LibkrunfwNotFoundError } from "./errors.js";
import type { Progress } from "./call.js";
import type { ImageConfigDetail, ImageHandle, ImageLayerDetail, ImagePruneReport } from "./image.js";

/** One object of the C library, of whichever kind; it is freed by close(), or when it is collected. */
export interface NativeHandle {
  close(): void;
}

export interface Control {
  cancel?: NativeHandle | undefined;
  onProgress?: ((event: Progress) => void) | undefined;
}

export interface ClientData {
  readonly handle: NativeHandle;
  readonly home: string;
  readonly cacheDir: string;
  readonly snapshotsDir: string;
  readonly sandboxesDir: string;
  readonly readOnly: boolean;
}

export type ImageData = { readonly [field in keyof ImageHandle]: ImageHandle[field] };

export interface ImageDetailData {
  readonly handle: ImageData;
  /** Labels as pairs, in the order of the library. */
  readonly config: (Omit<ImageConfigDetail, "labels"> & { readonly labels: [string, string][] | null }) | null;
  readonly layers: readonly ImageLayerDetail[];
}

/** Functions that take a `control` run on a thread of the addon; the others return at once. */
export interface Native {
  version(): string;
  abiVersion(): number;
  liveHandles(): number;
  statusTag(status: number): string;
  cancelNew(): NativeHandle;
  cancelTrigger(cancel: NativeHandle): void;

  clientOpen(options: object | undefined, control?: Control): Promise<ClientData>;
  clientClose(client: NativeHandle, control?: Control): Promise<void>;
  clientRecover(client: NativeHandle, control?: Control): Promise<number>;

  imageGet(client: NativeHandle, reference: string, control?: Control): Promise<ImageData>;
  imageList(client: NativeHandle, control?: Control): Promise<ImageData[]>;
  imageInspect(client: NativeHandle, reference: string, control?: Control): Promise<ImageDetailData>;
  imageRemove(client: NativeHandle, reference: string, force: boolean, control?: Control): Promise<void>;
  imageLoad(client: NativeHandle, path: string, options: { tags: string[] }, control?: Control): Promise<ImageData[]>;
  imageSave(client: NativeHandle, references: readonly string[], path: string, options: { oci: boolean },
            control?: Control): Promise<void>;
  imagePrune(client: NativeHandle, control?: Control): Promise<ImagePruneReport>;
  imageGc(client: NativeHandle, control?: Control): Promise<number>;
  imageGcLayers(client: NativeHandle, control?: Control): Promise<number>;
}

/** Where the package brings the addon along, with the libraries it needs beside it. */
const bundled = join(__dirname, "..", "prebuilds", `${process.platform}-${process.arch}`, "microsandbox.node");
/** Where `npm run build` puts it in a checkout; there it uses the library that pkg-config found. */
const built = join(__dirname, "..", "build", "native", "microsandbox.node");

function load(): Native {
  const path = [bundled, built].find((candidate) => existsSync(candidate));
  if (!path) {
    throw new LibkrunfwNotFoundError(
      `library not loaded: this package has no addon for ${process.platform}-${process.arch}; see "Build" in its README`);
  }
  const holder = { exports: {} };
  // Node carries its own zlib and OpenSSL and shows their symbols to everything it loads. Bound deeply, the library uses
  // those it was built with.
  const flags = constants.dlopen as Record<string, number>;
  try {
    process.dlopen(holder, path, flags["RTLD_NOW"]! | (flags["RTLD_DEEPBIND"] ?? 0));
  } catch (cause) {
    throw new LibkrunfwNotFoundError(`library not loaded: ${(cause as Error).message}`, { cause });
  }
  return holder.exports as Native;
}

export const native: Native = load();
