// Every class of error, its code, and how a program tells them apart.
import * as microsandbox from "microsandbox";
import { ExecTimeoutError, MicrosandboxError, type MicrosandboxErrorCode } from "microsandbox";
import { same, type Same } from "./same.mjs";

type Classes =
  | "IoError" | "HttpError" | "CloudHttpError" | "LibkrunfwNotFoundError" | "DatabaseError" | "InvalidConfigError"
  | "SandboxNotFoundError" | "SandboxAlreadyExistsError" | "SandboxStillRunningError" | "RuntimeError" | "JsonError"
  | "ProtocolError" | "ExecTimeoutError" | "SandboxFsOpsError" | "ImageNotFoundError" | "ImageInUseError"
  | "VolumeNotFoundError" | "VolumeAlreadyExistsError" | "ImageError" | "PatchFailedError" | "MetricsDisabledError"
  | "MetricsUnavailableError" | "UnsupportedOperationError" | "UnsupportedError" | "CustomError" | "NixError"
  | "TerminalError" | "NoDefaultCommandError" | "SnapshotNotFoundError" | "SnapshotAlreadyExistsError"
  | "SnapshotSandboxRunningError" | "SnapshotImageMissingError" | "SnapshotIntegrityError" | "SnapshotHasChildrenError"
  | "SnapshotArchiveError" | "SnapshotReadOnlyError";

export const all: Record<Classes, new (message: string, options?: { cause?: unknown }) => MicrosandboxError> = microsandbox;

same<Same<
  ConstructorParameters<typeof MicrosandboxError>[0], MicrosandboxErrorCode
>>();
same<Same<MicrosandboxError["code"], MicrosandboxErrorCode>>();
same<Same<ExecTimeoutError["timeoutMs"], number | null>>();

export function advice(error: MicrosandboxError): string {
  switch (error.code) {
    case "imageNotFound": return "load it";
    case "snapshotIntegrity": return "take the copy";
    case "io": return `errno ${error.errno}`;
    default: return error.message;
  }
}
