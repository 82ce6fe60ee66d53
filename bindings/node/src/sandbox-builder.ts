import type { CallOptions, Progress } from "./call.js";
import { Client, onClientOf } from "./client.js";
import { SandboxStillRunningError, SnapshotImageMissingError } from "./errors.js";
import { Image, type PullOptions } from "./image.js";
import { boot, stop, stopLimitMs, type StartOptions } from "./machine.js";
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
  #ephemeral: boolean | undefined;
  #pullPolicy: string | undefined;
  #replaceLimitMs: number | undefined;
  #detached = false;
  #boot = true;

  constructor(name: string) {
    this.#name = name;
  }

  /** Reference of an image, which is pulled as {@link pullPolicy} says. Either this or {@link fromSnapshot}. */
  image(reference: string): this {
    this.#image = reference;
    return this;
  }

  /** Name, path or digest of a snapshot: the sandbox gets a private copy of its disk. */
  fromSnapshot(pathOrName: string): this {
    this.#fromSnapshot = pathOrName;
    return this;
  }

  label(key: string, value: string): this {
    this.#labels.set(key, value);
    return this;
  }

  labels(labels: Record<string, string>): this {
    for (const [key, value] of Object.entries(labels)) this.#labels.set(key, value);
    return this;
  }

  env(key: string, value: string): this {
    this.#env.set(key, value);
    return this;
  }

  envs(vars: Record<string, string>): this {
    for (const [key, value] of Object.entries(vars)) this.#env.set(key, value);
    return this;
  }

  cpus(count: number): this {
    this.#cpus = count;
    return this;
  }

  memory(mib: number): this {
    this.#memory = mib;
    return this;
  }

  /** Size of the writable disk; 4 GiB by default. Not with {@link fromSnapshot}. */
  ociUpperSize(mib: number): this {
    this.#upperMiB = mib;
    return this;
  }

  /** Stops and removes a sandbox of that name first. */
  replace(): this {
    return this.replaceWithTimeout(stopLimitMs);
  }

  /** The same with another limit than 10 s for a gentle end. */
  replaceWithTimeout(timeoutMs: number): this {
    this.#replaceLimitMs = timeoutMs;
    return this;
  }

  /** Whether the sandbox is left to others: neither disposing of the object nor the end of this program then stops it. */
  detached(enabled: boolean): this {
    this.#detached = enabled;
    return this;
  }

  /** With false, `create()` makes record and disk only. */
  boot(enabled: boolean): this {
    this.#boot = enabled;
    return this;
  }

  /** Whether microsandbox removes it when it stops. */
  ephemeral(enabled: boolean): this {
    this.#ephemeral = enabled;
    return this;
  }

  /** When the image is pulled; by default "if-missing". */
  pullPolicy(policy: PullPolicy | (string & {})): this {
    this.#pullPolicy = policy;
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
      ...(this.#ephemeral !== undefined && { ephemeral: this.#ephemeral }),
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
      lifecycle: { ephemeral: this.#ephemeral },
      env: this.#env.size > 0 ? [...this.#env].map(([key, value]) => ({ key, value })) : undefined,
      pull_policy: this.#pullPolicy && storedPolicies[policy],
    };
  }
}

/** The steps before the last do not tell of their end. */
function unlessComplete(onProgress: CallOptions["onProgress"]): CallOptions["onProgress"] {
  return onProgress && ((event) => event.phase === "complete" || onProgress(event));
}
