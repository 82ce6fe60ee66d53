// Every signature of the image surface, held by tsc: one that is missing or of another type does not compile.
import { Client, Image, ImageHandle } from "microsandbox";
import type {
  CallOptions, ImageConfigDetail, ImageDetail, ImageLayerDetail, ImagePruneReport, ImagePullResult, LayerLimits, Progress,
  PullOptions, PullPolicy,
} from "microsandbox";
import { same, type Same } from "./same.mjs";

same<Same<typeof Image.get, (reference: string, options?: CallOptions) => Promise<ImageHandle>>>();
same<Same<typeof Image.list, (options?: CallOptions) => Promise<ImageHandle[]>>>();
same<Same<typeof Image.inspect, (reference: string, options?: CallOptions) => Promise<ImageDetail>>>();
same<Same<typeof Image.remove, (reference: string, opts?: { force?: boolean } & CallOptions) => Promise<void>>>();
same<Same<typeof Image.prune, (options?: CallOptions) => Promise<ImagePruneReport>>>();
same<Same<typeof Image.gcLayers, (options?: CallOptions) => Promise<number>>>();
same<Same<typeof Image.gc, (options?: CallOptions) => Promise<number>>>();
same<Same<
  typeof Image.load,
  (inputPath: string, opts?: { tag?: string } & LayerLimits & CallOptions) => Promise<ImageHandle[]>
>>();
same<Same<
  typeof Image.save,
  (reference: string | readonly string[],
   opts: { outputPath: string; format?: "docker" | "oci" } & CallOptions) => Promise<void>
>>();
same<Same<typeof Image.pull, (reference: string, opts?: PullOptions & CallOptions) => Promise<ImagePullResult>>>();
// @ts-expect-error: data only, unlike in Go and Python
ImageHandle.prototype.remove;

same<Same<{ [name in keyof ImageHandle]: ImageHandle[name] }, {
  readonly reference: string;
  readonly sizeBytes: number | null;
  readonly manifestDigest: string | null;
  readonly architecture: string | null;
  readonly os: string | null;
  readonly layerCount: number;
  readonly lastUsedAt: Date | null;
  readonly createdAt: Date | null;
}>>();

same<Same<{ [name in keyof PullOptions]-?: Exclude<PullOptions[name], undefined> }, {
  policy: PullPolicy;
  force: boolean;
  insecure: boolean;
  username: string;
  password: string;
  caCerts: string;
  platform: string;
  keepBlobs: boolean;
  maxFileBytes: number | bigint;
  maxLayerBytes: number | bigint;
  maxLayerEntries: number | bigint;
  fallBack: boolean;
}>>();

same<Same<{ [name in keyof ImagePullResult]: ImagePullResult[name] }, {
  readonly handle: ImageHandle;
  readonly cached: boolean;
  readonly fellBack: boolean;
  readonly layersFetched: number;
  readonly layersSkipped: number;
  readonly bytesFetched: number;
}>>();

same<Same<{ [name in keyof ImageDetail]: ImageDetail[name] }, {
  readonly handle: ImageHandle;
  readonly config: ImageConfigDetail | null;
  readonly layers: readonly ImageLayerDetail[];
}>>();

same<Same<{ [name in keyof ImageConfigDetail]: ImageConfigDetail[name] }, {
  readonly digest: string;
  readonly env: readonly string[];
  readonly cmd: readonly string[] | null;
  readonly entrypoint: readonly string[] | null;
  readonly workingDir: string | null;
  readonly user: string | null;
  readonly labels: Record<string, unknown> | null;
  readonly stopSignal: string | null;
}>>();

same<Same<{ [name in keyof ImageLayerDetail]: ImageLayerDetail[name] }, {
  readonly diffId: string;
  readonly blobDigest: string;
  readonly mediaType: string | null;
  readonly compressedSizeBytes: number | null;
  readonly erofsSizeBytes: number | null;
  readonly position: number;
}>>();

same<Same<{ [name in keyof ImagePruneReport]: ImagePruneReport[name] }, {
  readonly imageRefsRemoved: number;
  readonly manifestsRemoved: number;
  readonly layersRemoved: number;
  readonly fsmetaRemoved: number;
  readonly vmdkRemoved: number;
  readonly bytesReclaimed: number | null;
}>>();

same<Same<CallOptions["signal"], AbortSignal | undefined>>();
same<Same<CallOptions["onProgress"], ((event: Progress) => void) | undefined>>();
same<Same<CallOptions["client"], Client | undefined>>();
same<Same<Progress["done"], bigint>>();
same<Same<Progress["total"], bigint | null>>();

export async function disposal(): Promise<void> {
  await using client = await Client.open({ home: "/tmp/home" });
  await Image.list({ client, signal: AbortSignal.timeout(1000) });
}
