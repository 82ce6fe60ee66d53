/** What a {@link MicrosandboxError} is about; stable, for programs to branch on. */
export type MicrosandboxErrorCode =
  | "io" | "http" | "cloudHttp" | "libkrunfwNotFound" | "database" | "invalidConfig"
  | "sandboxNotFound" | "sandboxAlreadyExists" | "sandboxStillRunning"
  | "runtime" | "json" | "protocol" | "execTimeout" | "sandboxFsOps"
  | "imageNotFound" | "imageInUse" | "image"
  | "snapshotNotFound" | "snapshotAlreadyExists" | "snapshotSandboxRunning" | "snapshotImageMissing" | "snapshotIntegrity"
  | "snapshotHasChildren" | "snapshotArchive" | "snapshotReadOnly"
  | "volumeNotFound" | "volumeAlreadyExists"
  | "patchFailed" | "metricsDisabled" | "metricsUnavailable"
  | "unsupportedOperation" | "unsupported" | "custom" | "nix" | "terminal" | "noDefaultCommand";

/** What may be known of a failure besides its message. */
export interface FailureOptions {
  /** What it comes from. */
  cause?: unknown;
  /** errno of the system call that failed. */
  errno?: number;
  /** Facts by name: `path`, `reference`, `digest`, `expected`, `actual`, `member`, `sandboxes`, … */
  details?: Readonly<Record<string, string>>;
}

/** Everything that this package rejects with, unless it is of JavaScript's own making (`TypeError`, an abort reason). */
export class MicrosandboxError extends Error {
  readonly code: MicrosandboxErrorCode;
  /** errno of the system call that failed; undefined when none did. */
  readonly errno: number | undefined;
  readonly details: Readonly<Record<string, string>>;

  constructor(code: MicrosandboxErrorCode, message: string, options?: FailureOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.errno = options?.errno;
    this.details = options?.details ?? {};
  }
}

/** The base of a class whose code is always the same. */
function coded(code: MicrosandboxErrorCode) {
  return class extends MicrosandboxError {
    constructor(message: string, options?: FailureOptions) {
      super(code, message, options);
    }
  };
}

export class IoError extends coded("io") {}
export class HttpError extends coded("http") {}
export class CloudHttpError extends coded("cloudHttp") {}
export class LibkrunfwNotFoundError extends coded("libkrunfwNotFound") {}
export class DatabaseError extends coded("database") {}
export class InvalidConfigError extends coded("invalidConfig") {}
export class SandboxNotFoundError extends coded("sandboxNotFound") {}
export class SandboxAlreadyExistsError extends coded("sandboxAlreadyExists") {}
export class SandboxStillRunningError extends coded("sandboxStillRunning") {}
export class RuntimeError extends coded("runtime") {}
export class JsonError extends coded("json") {}
export class ProtocolError extends coded("protocol") {}
export class ExecTimeoutError extends coded("execTimeout") {
  readonly timeoutMs: number | null = null;
}
export class SandboxFsOpsError extends coded("sandboxFsOps") {}
export class ImageNotFoundError extends coded("imageNotFound") {}
export class ImageInUseError extends coded("imageInUse") {}
export class ImageError extends coded("image") {}
export class SnapshotNotFoundError extends coded("snapshotNotFound") {}
export class SnapshotAlreadyExistsError extends coded("snapshotAlreadyExists") {}
export class SnapshotSandboxRunningError extends coded("snapshotSandboxRunning") {}
export class SnapshotImageMissingError extends coded("snapshotImageMissing") {}
export class SnapshotIntegrityError extends coded("snapshotIntegrity") {}
export class VolumeNotFoundError extends coded("volumeNotFound") {}
export class VolumeAlreadyExistsError extends coded("volumeAlreadyExists") {}
export class PatchFailedError extends coded("patchFailed") {}
export class MetricsDisabledError extends coded("metricsDisabled") {}
export class MetricsUnavailableError extends coded("metricsUnavailable") {}
export class UnsupportedOperationError extends coded("unsupportedOperation") {}
export class UnsupportedError extends coded("unsupported") {}
export class CustomError extends coded("custom") {}
/** Refused as long as other snapshots name it as their parent; `details.children` is their number. */
export class SnapshotHasChildrenError extends CustomError {
  override readonly code: MicrosandboxErrorCode = "snapshotHasChildren";
}
/** The archive of a snapshot is damaged, or is none. */
export class SnapshotArchiveError extends CustomError {
  override readonly code: MicrosandboxErrorCode = "snapshotArchive";
}
/** The handle came from a list, and can only be looked at. */
export class SnapshotReadOnlyError extends coded("snapshotReadOnly") {}
export class NixError extends coded("nix") {}
export class TerminalError extends coded("terminal") {}
export class NoDefaultCommandError extends coded("noDefaultCommand") {}
