// From what the addon rejects with to what users catch: the one place where a kind of the library gets its class.
import * as errors from "./errors.js";
import type { FailureOptions, MicrosandboxError } from "./errors.js";

/** An Error of the addon; see native/failure.h. */
export interface NativeFailure extends Error {
  /** Value, Go name and tag of the msb_status. */
  readonly status: number;
  readonly kind: string;
  readonly tag: string;
  readonly errno: number;
  readonly details: Readonly<Record<string, string>>;
}

type ErrorClass = new (message: string, options?: FailureOptions) => MicrosandboxError;

/** Class of each tag that has one of its own. Others are plain, see {@link toError}. */
export const classes: Readonly<Record<string, ErrorClass>> = {
  internal: errors.CustomError,
  invalid_argument: errors.InvalidConfigError,
  invalid_config: errors.InvalidConfigError,
  unsupported: errors.UnsupportedError,
  library_not_loaded: errors.LibkrunfwNotFoundError,
  io: errors.IoError,
  database: errors.DatabaseError,
  busy: errors.DatabaseError,
  no_memory: errors.RuntimeError,
  json: errors.JsonError,
  http: errors.HttpError,
  custom: errors.CustomError,
  sandbox_not_found: errors.SandboxNotFoundError,
  sandbox_already_exists: errors.SandboxAlreadyExistsError,
  sandbox_still_running: errors.SandboxStillRunningError,
  image_not_found: errors.ImageNotFoundError,
  image_in_use: errors.ImageInUseError,
  image_pull_failed: errors.ImageError,
  image_invalid: errors.ImageError,
  snapshot_not_found: errors.SnapshotNotFoundError,
  snapshot_already_exists: errors.SnapshotAlreadyExistsError,
  snapshot_sandbox_running: errors.SnapshotSandboxRunningError,
  snapshot_image_missing: errors.SnapshotImageMissingError,
  snapshot_integrity: errors.SnapshotIntegrityError,
  snapshot_migration: errors.CustomError,
  snapshot_has_children: errors.SnapshotHasChildrenError,
  snapshot_archive: errors.SnapshotArchiveError,
  snapshot_read_only: errors.SnapshotReadOnlyError,
  volume_not_found: errors.VolumeNotFoundError,
  volume_already_exists: errors.VolumeAlreadyExistsError,
  exec_timeout: errors.ExecTimeoutError,
  no_default_command: errors.NoDefaultCommandError,
  filesystem: errors.SandboxFsOpsError,
  path_not_found: errors.SandboxFsOpsError,
  patch_failed: errors.PatchFailedError,
  metrics_disabled: errors.MetricsDisabledError,
  metrics_unavailable: errors.MetricsUnavailableError,
};

/** Programs written before these had classes look for the tag at the start of the message: it stays there. */
const bracketed = new Set<ErrorClass>([
  errors.SnapshotNotFoundError,
  errors.SnapshotAlreadyExistsError,
  errors.SnapshotSandboxRunningError,
  errors.SnapshotImageMissingError,
  errors.SnapshotIntegrityError,
]);

/** Tags for which there is no class at all in this API. */
const plain = new Set(["exec_failed", "network_policy", "secret_violation", "tls"]);

export function isNativeFailure(value: unknown): value is NativeFailure {
  return value instanceof Error && typeof (value as Partial<NativeFailure>).tag === "string" && "status" in value;
}

/** What users catch for `raw`; anything that is not of the addon is returned as it is. */
export function toError(raw: unknown): unknown {
  if (!isNativeFailure(raw)) return raw;
  if (raw.tag === "cancelled") return new DOMException(raw.message, "AbortError");
  if (raw.tag === "deadline_exceeded") return new DOMException(raw.message, "TimeoutError");
  if (plain.has(raw.tag)) return new Error(raw.message, { cause: raw });
  const options: FailureOptions = { cause: raw, errno: raw.errno || undefined, details: raw.details };
  const Class = classes[raw.tag];
  if (!Class) return new errors.MicrosandboxError("custom", raw.message, options);
  return new Class(bracketed.has(Class) ? `[${raw.kind}] ${raw.message}` : raw.message, options);
}
