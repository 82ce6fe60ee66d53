import type { CallOptions, Progress } from "./call.js";
import { Client, onClientOf } from "./client.js";
import { SandboxStillRunningError, SnapshotImageMissingError, UnsupportedError } from "./errors.js";
import { known, texts, the, whole } from "./given.js";
import { Image, pullKeys, type PullOptions } from "./image.js";
import { ImageBuilder } from "./image-builder.js";
import { boot, startKeys, stop, stopLimitMs, type StartOptions } from "./machine.js";
import { native, type SandboxCreateData } from "./native.js";
import { policyCode, type PullPolicy } from "./pull-policy.js";
import { PullProgressCreate } from "./pull-progress.js";
import { Sandbox } from "./sandbox.js";
import type { SandboxConfig } from "./sandbox-config.js";

// How policies are stored, by MSB_PULL_…
const storedPolicies = ["IfMissing", "Always", "Never"];

/** What a sandbox is made with besides what its builder was told. */
export interface CreateOptions extends CallOptions {
  /** How its image is got where the cache lacks it. When, is for {@link SandboxBuilder.pullPolicy} to say. */
  pull?: Omit<PullOptions, "policy"> | undefined;
  /** What it is booted with. */
  machine?: StartOptions | undefined;
}

/** Collects what a sandbox is to be; each setter returns the builder. */
export class SandboxBuilder {
  readonly #name: string;
  #image: string | undefined;
  #fromSnapshot: string | undefined;
  #upperMiB = 0;
  readonly #labels = new Map<string, string>();
  readonly #env = new Map<string, string>();
  #cpus: number | undefined;
  #memory: number | undefined;
  #pullPolicy: string | undefined;
  #replaceLimitMs: number | undefined;
  #detached = false;
  #boot = true;
  #unsupported: string | undefined;
  readonly #runtime: { workdir?: string; shell?: string; hostname?: string; user?: string; entrypoint?: string[] } = {};
  readonly #lifecycle: { ephemeral?: boolean; max_duration_secs?: number; idle_timeout_secs?: number } = {};

  constructor(name: string) {
    this.#name = name;
  }

  /** Reference of an image, which is pulled as {@link pullPolicy} says. Either this or {@link fromSnapshot}. */
  image(reference: string): this {
    this.#image = the(reference, "string", "reference");
    this.#unsupported = undefined;
    return this;
  }

  /** The same with more to say. Rejects at `create()` for what is no image. */
  imageWith(configure: (image: ImageBuilder) => ImageBuilder): this {
    const source = the(configure, "function", "configure")(new ImageBuilder()).build();
    this.#unsupported = undefined;
    if (source?.kind === "oci") {
      this.#image = source.reference;
      if (source.upperSizeMib !== undefined) this.#upperMiB = source.upperSizeMib;
    } else if (source) {
      this.#unsupported = source.kind === "bind" ? "a directory of the host" : "a disk image";
    }
    return this;
  }

  /** Name, path or digest of a snapshot: the sandbox gets a private copy of its disk. */
  fromSnapshot(pathOrName: string): this {
    this.#fromSnapshot = the(pathOrName, "string", "pathOrName");
    return this;
  }

  label(key: string, value: string): this {
    this.#labels.set(the(key, "string", "key"), the(value, "string", "value"));
    return this;
  }

  labels(labels: Record<string, string>): this {
    for (const [key, value] of texts(labels, "labels")) this.#labels.set(key, value);
    return this;
  }

  env(key: string, value: string): this {
    this.#env.set(the(key, "string", "key"), the(value, "string", "value"));
    return this;
  }

  envs(vars: Record<string, string>): this {
    for (const [key, value] of texts(vars, "vars")) this.#env.set(key, value);
    return this;
  }

  cpus(count: number): this {
    this.#cpus = whole(count, "count");
    return this;
  }

  memory(mib: number): this {
    this.#memory = whole(mib, "mib");
    return this;
  }

  /** Size of the writable disk; 4 GiB by default. Not with {@link fromSnapshot}. */
  ociUpperSize(mib: number): this {
    this.#upperMiB = whole(mib, "mib");
    return this;
  }

  /** Stops and removes a sandbox of that name first. */
  replace(): this {
    return this.replaceWithTimeout(stopLimitMs);
  }

  /** The same with another limit than 10 s for a gentle end. */
  replaceWithTimeout(timeoutMs: number): this {
    this.#replaceLimitMs = whole(timeoutMs, "timeoutMs");
    return this;
  }

  /** Whether the sandbox is left to others: neither disposing of the object nor the end of this program then stops it. */
  detached(enabled: boolean): this {
    this.#detached = the(enabled, "boolean", "enabled");
    return this;
  }

  /** With false, `create()` makes record and disk only. */
  boot(enabled: boolean): this {
    this.#boot = the(enabled, "boolean", "enabled");
    return this;
  }

  /** Whether microsandbox removes it when it stops. */
  ephemeral(enabled: boolean): this {
    this.#lifecycle.ephemeral = the(enabled, "boolean", "enabled");
    return this;
  }

  /** Makes `msb` end the machine after a time, in seconds. */
  maxDuration(seconds: number): this {
    this.#lifecycle.max_duration_secs = whole(seconds, "seconds");
    return this;
  }

  /** Makes `msb` end the machine when it had nothing to do for a time, in seconds. */
  idleTimeout(seconds: number): this {
    this.#lifecycle.idle_timeout_secs = whole(seconds, "seconds");
    return this;
  }

  /** Directory that commands start in. */
  workdir(path: string): this {
    this.#runtime.workdir = the(path, "string", "path");
    return this;
  }

  /** Who commands run as. */
  user(user: string): this {
    this.#runtime.user = the(user, "string", "user");
    return this;
  }

  hostname(name: string): this {
    this.#runtime.hostname = the(name, "string", "name");
    return this;
  }

  shell(shell: string): this {
    this.#runtime.shell = the(shell, "string", "shell");
    return this;
  }

  /** In place of the image's. */
  entrypoint(words: readonly string[]): this {
    if (!Array.isArray(words)) throw new TypeError("words must be an array of strings");
    this.#runtime.entrypoint = words.map((word: string) => the(word, "string", "a word"));
    return this;
  }

  /** When the image is pulled; by default "if-missing". */
  pullPolicy(policy: PullPolicy | (string & {})): this {
    this.#pullPolicy = the(policy, "string", "policy");
    return this;
  }

  /** What was set, as it goes into the stored configuration. */
  async build(): Promise<SandboxConfig> {
    return {
      name: this.#name,
      ...(this.#image !== undefined && { image: this.#image }),
      ...(this.#fromSnapshot !== undefined && { fromSnapshot: this.#fromSnapshot }),
      ...(this.#cpus !== undefined && { cpus: this.#cpus }),
      ...(this.#memory !== undefined && { memoryMib: this.#memory }),
      ...(this.#lifecycle.ephemeral !== undefined && { ephemeral: this.#lifecycle.ephemeral }),
      ...(this.#lifecycle.max_duration_secs !== undefined && { maxDurationSecs: this.#lifecycle.max_duration_secs }),
      ...(this.#lifecycle.idle_timeout_secs !== undefined && { idleTimeoutSecs: this.#lifecycle.idle_timeout_secs }),
      ...this.#runtime,
      ...(this.#pullPolicy !== undefined && { pullPolicy: this.#pullPolicy }),
      env: Object.fromEntries(this.#env),
      labels: Object.fromEntries(this.#labels),
    };
  }

  /**
   * Pulls the image, also the one that a snapshot lacks, makes the sandbox, and boots it. The sandbox is gone again when
   * that fails.
   */
  async create(options?: CreateOptions): Promise<Sandbox> {
    known(options, ["pull", "machine"]);
    known(options?.pull, pullKeys);
    known(options?.machine, startKeys);
    if (this.#image !== undefined && /^(\/|\.\.?\/|~)|\.(qcow2|raw|vmdk)$/.test(this.#image)) {
      this.#unsupported = `the path ${this.#image}`;
    }
    if (this.#unsupported) {
      throw new UnsupportedError(`unsupported operation: a sandbox from ${this.#unsupported}; this package makes them from ` +
                                 "OCI images and snapshots");
    }
    const policy = policyCode(this.#pullPolicy);
    const create = {
      image: this.#image,
      fromSnapshot: this.#fromSnapshot,
      upperSize: BigInt(this.#upperMiB) << 20n,
      labels: [...this.#labels],
      configJson: JSON.stringify(this.#stored(policy)),
      replace: this.#replaceLimitMs !== undefined,
    };
    options?.signal?.throwIfAborted();
    const client = options?.client ?? (await Client.default());
    const last: CallOptions = { signal: options?.signal, onProgress: options?.onProgress, client };
    const earlier = { ...last, onProgress: unlessComplete(options?.onProgress) };
    const pull = (reference: string) =>
      Image.pull(reference, { ...options?.pull, policy: this.#pullPolicy as PullPolicy, ...earlier });
    if (create.image !== undefined && create.fromSnapshot === undefined) await pull(create.image);
    await this.#record(client, create, this.#boot ? earlier : last, {
      // This very image, whatever the tag means today.
      image: async ({ details }) => void await pull(`${details["reference"]}@${details["digest"]}`),
      room: () => stop(client, this.#name, this.#replaceLimitMs, earlier),
    });
    if (this.#boot) await this.#start(client, options?.machine, last);
    return new Sandbox(this.#name, !this.#detached, client);
  }

  /** Makes record and disk. What is in the way, and may be put out of it, is: each once. */
  async #record(
    client: Client, create: SandboxCreateData, options: CallOptions,
    make: { image: (missing: SnapshotImageMissingError) => Promise<void>; room: () => Promise<void> },
  ): Promise<void> {
    let mayPull = this.#pullPolicy !== "never", mayStop = create.replace;
    for (;;) {
      try {
        await onClientOf(client, options, (_, control) =>
          native.sandboxCreate(client.handle, this.#name, create, control));
        return;
      } catch (error) {
        if (mayPull && error instanceof SnapshotImageMissingError) {
          mayPull = false;
          await make.image(error);
        } else if (mayStop && error instanceof SandboxStillRunningError) {
          mayStop = false;
          await make.room();
        } else {
          throw error;
        }
      }
    }
  }

  async #start(client: Client, machine: StartOptions | undefined, options: CallOptions): Promise<void> {
    try {
      await boot(client, this.#name, this.#detached, machine, options);
    } catch (error) {
      await native.sandboxRemove(client.handle, this.#name).catch(() => undefined); // why it does not run is worth more
      throw error;
    }
  }

  /** The same with what happens meanwhile. */
  async createWithPullProgress(options?: CreateOptions): Promise<PullProgressCreate> {
    return new PullProgressCreate((onProgress: (event: Progress) => void) => this.create({ ...options, onProgress }));
  }

  /** Members to set in the stored configuration; JSON leaves out those that are undefined. */
  #stored(policy: number): object {
    return {
      resources: { cpus: this.#cpus, max_cpus: this.#cpus, memory_mib: this.#memory, max_memory_mib: this.#memory },
      runtime: this.#runtime,
      lifecycle: this.#lifecycle,
      env: this.#env.size > 0 ? [...this.#env].map(([key, value]) => ({ key, value })) : undefined,
      pull_policy: this.#pullPolicy && storedPolicies[policy],
    };
  }
}

/** The steps before the last do not tell of their end. */
function unlessComplete(onProgress: CallOptions["onProgress"]): CallOptions["onProgress"] {
  return onProgress && ((event) => event.phase === "complete" || onProgress(event));
}
