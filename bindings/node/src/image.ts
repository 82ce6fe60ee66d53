import type { CallOptions } from "./call.js";
import { onClient } from "./client.js";
import { keysOf } from "./given.js";
import { native, type ImageData } from "./native.js";
import { policyCode, type PullPolicy } from "./pull-policy.js";

/** What the cache knows of an image, at the time it was asked. */
export class ImageHandle {
  readonly reference: string;
  /** Sum of the layers as they are distributed. */
  readonly sizeBytes: number | null;
  readonly manifestDigest: string | null;
  readonly architecture: string | null;
  readonly os: string | null;
  readonly layerCount: number;
  readonly lastUsedAt: Date | null;
  readonly createdAt: Date | null;

  /** @internal */
  constructor(data: ImageData) {
    this.reference = data.reference;
    this.sizeBytes = data.sizeBytes;
    this.manifestDigest = data.manifestDigest;
    this.architecture = data.architecture;
    this.os = data.os;
    this.layerCount = data.layerCount;
    this.lastUsedAt = data.lastUsedAt;
    this.createdAt = data.createdAt;
  }
}

export interface ImageDetail {
  readonly handle: ImageHandle;
  /** Null when none is recorded. */
  readonly config: ImageConfigDetail | null;
  /** Bottom first. */
  readonly layers: readonly ImageLayerDetail[];
}

export interface ImageConfigDetail {
  readonly digest: string;
  /** `KEY=VALUE` */
  readonly env: readonly string[];
  /** Null when absent, and empty when explicitly so; likewise `entrypoint`. */
  readonly cmd: readonly string[] | null;
  readonly entrypoint: readonly string[] | null;
  readonly workingDir: string | null;
  readonly user: string | null;
  readonly labels: Record<string, unknown> | null;
  readonly stopSignal: string | null;
}

export interface ImageLayerDetail {
  /** Digest of the uncompressed tar; names the layer in the cache. */
  readonly diffId: string;
  /** Of the layer as distributed. */
  readonly blobDigest: string;
  readonly mediaType: string | null;
  readonly compressedSizeBytes: number | null;
  /** Of the file in the cache. */
  readonly erofsSizeBytes: number | null;
  /** 0 is the bottom. */
  readonly position: number;
}

export interface ImagePruneReport {
  readonly imageRefsRemoved: number;
  readonly manifestsRemoved: number;
  readonly layersRemoved: number;
  readonly fsmetaRemoved: number;
  readonly vmdkRemoved: number;
  /** Null when nothing was removed. */
  readonly bytesReclaimed: number | null;
}

/** Bounds of what a layer may ask for. An error names the one that is too low. */
export interface LayerLimits {
  /** Most bytes of one file in a layer; by default 64 GiB. */
  maxFileBytes?: number | bigint | undefined;
  /** Most bytes of all files in a layer; by default 256 GiB. */
  maxLayerBytes?: number | bigint | undefined;
  /** Most files and directories of a layer; by default 1,000,000. */
  maxLayerEntries?: number | bigint | undefined;
}

/** How an image is got from its registry. What is not said is as the home's `config.json` has it. */
export interface PullOptions extends LayerLimits {
  /** When the registry is asked; by default "if-missing". */
  policy?: PullPolicy | undefined;
  /** Fetch and make everything anew, although it is cached. */
  force?: boolean | undefined;
  /** The registry speaks plain HTTP. */
  insecure?: boolean | undefined;
  /** For the registry; by default what is configured, else what Docker's `config.json` and its helpers know. */
  username?: string | undefined;
  password?: string | undefined;
  /** PEM file of authorities to trust beside those of the system. */
  caCerts?: string | undefined;
  /** `os/architecture[/variant]`; by default this machine's. */
  platform?: string | undefined;
  /** Keep the compressed layers too, so that a saved image has its original manifest digest. */
  keepBlobs?: boolean | undefined;
  /** Take what is cached when the registry cannot be reached. */
  fallBack?: boolean | undefined;
}

const layerKeys = keysOf<LayerLimits>({ maxFileBytes: true, maxLayerBytes: true, maxLayerEntries: true });

/** @internal */
export const pullKeys = [
  ...layerKeys,
  ...keysOf<Omit<PullOptions, keyof LayerLimits>>({
    policy: true, force: true, insecure: true, username: true, password: true, caCerts: true, platform: true,
    keepBlobs: true, fallBack: true,
  }),
];

/** What {@link Image.pull} got, and what it took. */
export interface ImagePullResult {
  readonly handle: ImageHandle;
  /** All of it was there: nothing was fetched but perhaps its manifest. */
  readonly cached: boolean;
  /** The registry could not be reached, and the cached image was taken. */
  readonly fellBack: boolean;
  readonly layersFetched: number;
  /** That were there already. */
  readonly layersSkipped: number;
  /** Of layers, as they came. */
  readonly bytesFetched: number;
}

/** The local cache of OCI images. */
export class Image {
  private constructor() {}

  /** By the reference as it was stored, else by its full form. */
  static async get(reference: string, options?: CallOptions): Promise<ImageHandle> {
    return new ImageHandle(await onClient(options, (client, control) => native.imageGet(client.handle, reference, control)));
  }

  /** Newest first. */
  static async list(options?: CallOptions): Promise<ImageHandle[]> {
    const images = await onClient(options, (client, control) => native.imageList(client.handle, control));
    return images.map((data) => new ImageHandle(data));
  }

  static async inspect(reference: string, options?: CallOptions): Promise<ImageDetail> {
    const { handle, config, layers } = await onClient(options, (client, control) =>
      native.imageInspect(client.handle, reference, control));
    return {
      handle: new ImageHandle(handle),
      config: config && { ...config, labels: config.labels && Object.fromEntries(config.labels) },
      layers,
    };
  }

  /** Takes a reference away; refuses while a sandbox uses the image, unless forced. */
  static remove(reference: string, opts?: { force?: boolean } & CallOptions): Promise<void> {
    return onClient(opts, (client, control) => native.imageRemove(client.handle, reference, opts?.force, control),
      ["force"]);
  }

  /** Removes images that no sandbox and no snapshot uses, and files that nothing refers to. */
  static prune(options?: CallOptions): Promise<ImagePruneReport> {
    return onClient(options, (client, control) => native.imagePrune(client.handle, control));
  }

  /** Collects layers that no image refers to; resolves to their number. */
  static gcLayers(options?: CallOptions): Promise<number> {
    return onClient(options, (client, control) => native.imageGcLayers(client.handle, control));
  }

  /** Collects everything that no reference, sandbox or snapshot needs. */
  static gc(options?: CallOptions): Promise<number> {
    return onClient(options, (client, control) => native.imageGc(client.handle, control));
  }

  /** Puts the images of a `docker save` archive or an OCI layout into the cache, all of them or none. */
  static async load(inputPath: string, opts?: { tag?: string } & LayerLimits & CallOptions): Promise<ImageHandle[]> {
    const tags = opts?.tag === undefined ? [] : [opts.tag];
    const images = await onClient(opts, (client, control) =>
      native.imageLoad(client.handle, inputPath, { ...opts, tags }, control), ["tag", ...layerKeys]);
    return images.map((data) => new ImageHandle(data));
  }

  /**
   * Gets an image from its registry, unless the cache has it. Every digest is checked before the image appears; layers
   * that are there already are not fetched again, and what breaks is taken up where it stood. `onProgress` tells of each
   * layer by `index` and `count`.
   */
  static async pull(reference: string, opts?: PullOptions & CallOptions): Promise<ImagePullResult> {
    const options = { ...opts, policy: policyCode(opts?.policy) };
    const { handle, ...report } = await onClient(opts, (client, control) =>
      native.imagePull(client.handle, reference, options, control), pullKeys);
    return { handle: new ImageHandle(handle), ...report };
  }

  /** Writes images as one archive, the same bytes each time. */
  static async save(
    reference: string | readonly string[],
    opts: { outputPath: string; format?: "docker" | "oci" } & CallOptions,
  ): Promise<void> {
    if (![undefined, "docker", "oci"].includes(opts.format)) throw new TypeError("opts.format must be docker or oci");
    const references = typeof reference === "string" ? [reference] : reference;
    return onClient(opts, (client, control) =>
      native.imageSave(client.handle, references, opts.outputPath, { oci: opts.format === "oci" }, control),
      ["outputPath", "format"]);
  }
}
