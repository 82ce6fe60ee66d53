// The thin layer: finds the addon, loads it, and says what is in it. Nothing here is for users.
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";

import { LibkrunfwNotFoundError } from "./errors.js";
import type { Progress } from "./call.js";
import type { HomeReport } from "./home.js";
import type {
  ImageConfigDetail, ImageHandle, ImageLayerDetail, ImagePruneReport, ImagePullResult, LayerLimits, PullOptions,
} from "./image.js";
import type { LogOptions, RunOptions, RunResult, StartOptions } from "./machine.js";
import type { SandboxStatus } from "./sandbox-config.js";
import type { ConvertOpts, ExportOpts, SnapshotVerifyReport } from "./snapshot.js";

/** One object of the C library, of whichever kind; it is freed by close(), or when it is collected. */
export interface NativeHandle {
  close(): void;
}

export interface Control {
  cancel?: NativeHandle | undefined;
  timeoutMs?: number | undefined;
  onProgress?: ((event: Progress) => void) | undefined;
  /** Of runs alone. */
  onOutput?: ((chunk: Buffer, source: "stdout" | "stderr") => void) | undefined;
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

export type ImagePullData = Omit<PullOptions, "policy"> & {
  /** MSB_PULL_… */
  policy: number;
};

export interface SandboxData {
  readonly name: string;
  readonly status: SandboxStatus;
  readonly configJson: string;
  readonly createdAt: Date | null;
  readonly updatedAt: Date | null;
}

export interface SandboxCreateData {
  image?: string | undefined;
  fromSnapshot?: string | undefined;
  upperSize: bigint;
  labels: [string, string][];
  configJson: string;
  replace: boolean;
}

export type StartData = Omit<StartOptions, "env"> & Pick<RunOptions, "stopLimitMs"> & {
  env: [string, string][];
  /** It ends with its client, and with this process, however that ends. */
  attached?: boolean;
};

export type MachineEndData = Omit<RunResult, "exitCode"> & {
  readonly end: "exited" | "signalled" | "failed" | "killed" | "lost";
  /** Null when there is none. */
  readonly exitCode: number | null;
  /** What went wrong; null for nothing. */
  readonly message: string | null;
};

export interface SnapshotData {
  readonly handle: NativeHandle;
  readonly path: string;
  readonly digest: string;
  readonly sizeBytes: bigint;
  readonly imageRef: string;
  readonly imageManifestDigest: string;
  readonly format: "raw" | "qcow2";
  readonly fstype: string;
  readonly parent: string | null;
  readonly createdAt: string;
  readonly labels: readonly (readonly [string, string])[];
  readonly sourceSandbox: string | null;
}

export interface SnapshotRow {
  /** Of live handles alone. */
  readonly handle?: NativeHandle;
  readonly digest: string;
  readonly name: string | null;
  readonly parentDigest: string | null;
  readonly imageRef: string;
  readonly format: "raw" | "qcow2";
  readonly sizeBytes: bigint | null;
  readonly createdAt: Date;
  readonly path: string;
}

export interface SnapshotCreateData {
  name?: string | undefined;
  path?: string | undefined;
  destDir?: string | undefined;
  labels: [string, string][];
  force: boolean;
  recordIntegrity: boolean;
}

/** Functions that take a `control` run on a thread of the addon; the others return at once. */
export interface Native {
  version(): string;
  abiVersion(): number;
  liveHandles(): number;
  statusTag(status: number): string;
  cancelNew(): NativeHandle;
  cancelTrigger(cancel: NativeHandle): void;
  /** Ends the calls that run, and takes no more. */
  quiesce(): void;

  clientOpen(options: object | undefined, control?: Control): Promise<ClientData>;
  clientClose(client: NativeHandle, control?: Control): Promise<void>;
  clientRecover(client: NativeHandle, control?: Control): Promise<number>;
  homeInspect(options: object | undefined, control?: Control): Promise<HomeReport>;

  imageGet(client: NativeHandle, reference: string, control?: Control): Promise<ImageData>;
  imageList(client: NativeHandle, control?: Control): Promise<ImageData[]>;
  imageInspect(client: NativeHandle, reference: string, control?: Control): Promise<ImageDetailData>;
  imageRemove(client: NativeHandle, reference: string, force?: boolean, control?: Control): Promise<void>;
  imageLoad(client: NativeHandle, path: string, options: { tags: string[] } & LayerLimits, control?: Control): Promise<ImageData[]>;
  imagePull(client: NativeHandle, reference: string, options: ImagePullData,
            control?: Control): Promise<Omit<ImagePullResult, "handle"> & { readonly handle: ImageData }>;
  imageSave(client: NativeHandle, references: readonly string[], path: string, options: { oci: boolean },
            control?: Control): Promise<void>;
  imagePrune(client: NativeHandle, control?: Control): Promise<ImagePruneReport>;
  imageGc(client: NativeHandle, control?: Control): Promise<number>;
  imageGcLayers(client: NativeHandle, control?: Control): Promise<number>;

  sandboxCreate(client: NativeHandle, name: string, options: SandboxCreateData, control?: Control): Promise<SandboxData>;
  sandboxGet(client: NativeHandle, name: string, control?: Control): Promise<SandboxData>;
  sandboxList(client: NativeHandle, labels: [string, string][], control?: Control): Promise<SandboxData[]>;
  sandboxRemove(client: NativeHandle, name: string, control?: Control): Promise<void>;

  sandboxStart(client: NativeHandle, name: string, options: StartData, control?: Control): Promise<void>;
  sandboxRun(client: NativeHandle, name: string, options: StartData, control?: Control): Promise<MachineEndData>;
  sandboxStop(client: NativeHandle, name: string, limitMs: number, control?: Control): Promise<void>;
  sandboxRequestStop(client: NativeHandle, name: string, atOnce: boolean, control?: Control): Promise<void>;
  /** At once: lets go of a machine that was started attached, and returns whether there was one. */
  sandboxDetach(client: NativeHandle, name: string): boolean;
  sandboxWait(client: NativeHandle, name: string, control?: Control): Promise<MachineEndData>;
  sandboxLogs(client: NativeHandle, name: string, options: LogOptions, control?: Control): Promise<Buffer>;

  snapshotCreate(client: NativeHandle, sourceSandbox: string, options: SnapshotCreateData,
                 control?: Control): Promise<SnapshotData>;
  snapshotConvert(client: NativeHandle, pathOrName: string, options: ConvertOpts, control?: Control): Promise<SnapshotData>;
  snapshotOpen(client: NativeHandle, pathOrName: string, control?: Control): Promise<SnapshotData>;
  snapshotGet(client: NativeHandle, nameOrDigest: string, control?: Control): Promise<SnapshotRow>;
  snapshotList(client: NativeHandle, control?: Control): Promise<SnapshotRow[]>;
  snapshotListDir(client: NativeHandle, dir: string, control?: Control): Promise<SnapshotData[]>;
  snapshotRemove(client: NativeHandle, pathOrName: string, force?: boolean, control?: Control): Promise<void>;
  snapshotReindex(client: NativeHandle, dir?: string, control?: Control): Promise<number>;
  snapshotVerify(client: NativeHandle, snapshot: NativeHandle, control?: Control): Promise<SnapshotVerifyReport>;
  snapshotHandleOpen(client: NativeHandle, snapshot: NativeHandle, control?: Control): Promise<SnapshotData>;
  snapshotHandleRemove(client: NativeHandle, snapshot: NativeHandle, force?: boolean, control?: Control): Promise<void>;
  snapshotExport(client: NativeHandle, nameOrPath: string, out: string, options?: ExportOpts,
                 control?: Control): Promise<void>;
  snapshotImport(client: NativeHandle, archive: string, dest?: string, control?: Control): Promise<SnapshotRow>;
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

// process.exit() takes down what the library stands on while its threads still run. None may be left by then.
process.once("exit", () => native.quiesce());
