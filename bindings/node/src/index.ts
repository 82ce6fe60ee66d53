export type { CallOptions, Progress } from "./call.js";
export { Client, type ClientOptions, type LogEntry } from "./client.js";
export * from "./errors.js";
export { Home, type HomeOptions, type HomeProblem, type HomeReport, type SnapshotForm } from "./home.js";
export {
  Image, ImageHandle,
  type ImageConfigDetail, type ImageDetail, type ImageLayerDetail, type ImagePruneReport,
  type ImagePullResult, type LayerLimits, type PullOptions,
} from "./image.js";
export { libraryVersion, liveHandles } from "./library.js";
export type {
  CommandOptions, LogOptions, MachineOptions, RunOptions, RunResult, SandboxStopResult, StartOptions,
} from "./machine.js";
export { ImageBuilder } from "./image-builder.js";
export { DiskImageFormats, PullPolicies, type DiskImageFormat, type PullPolicy } from "./pull-policy.js";
export { PullProgressCreate, type PullEvent, type PullProgress } from "./pull-progress.js";
export { Sandbox } from "./sandbox.js";
export { SandboxBuilder, type CreateOptions } from "./sandbox-builder.js";
export { SandboxStatuses, type SandboxConfig, type SandboxStatus } from "./sandbox-config.js";
export { SandboxHandle } from "./sandbox-handle.js";
export { Setup, install, isInstalled, setup } from "./setup.js";
export { GiB, KiB, MiB, TiB, type Mebibytes } from "./size.js";
export { Snapshot, type ConvertOpts, type ExportOpts, type SaveOpts, type SnapshotVerifyReport } from "./snapshot.js";
export { SnapshotBuilder, type SnapshotConfig } from "./snapshot-builder.js";
export { SnapshotHandle } from "./snapshot-handle.js";
