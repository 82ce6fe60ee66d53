import type { CallOptions, Progress } from "./call.js";
import { onClient } from "./client.js";
import { InvalidConfigError, UnsupportedError } from "./errors.js";
import { native } from "./native.js";
import { PullProgressCreate } from "./pull-progress.js";
import { Sandbox } from "./sandbox.js";
import type { PullPolicy } from "./pull-policy.js";
import type { SandboxConfig } from "./sandbox-config.js";

// How policies are stored. "always" is not among them: images are loaded, and not pulled here.
const storedPolicies: Record<string, string> = { "if-missing": "IfMissing", never: "Never" };

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
  #replace = false;
  #detached = false;

  constructor(name: string) {
    this.#name = name;
  }

  /** Reference of a cached image. Either this or {@link fromSnapshot}. */
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

  /** Removes a stopped or crashed sandbox of that name first. */
  replace(): this {
    this.#replace = true;
    return this;
  }

  /** As {@link replace}: what runs is not replaced, so there is nothing to wait for. */
  replaceWithTimeout(_timeoutMs: number): this {
    return this.replace();
  }

  /** Whether the sandbox is left to others: disposing of the object then stops nothing. */
  detached(enabled: boolean): this {
    this.#detached = enabled;
    return this;
  }

  /** Whether microsandbox removes it when it stops. */
  ephemeral(enabled: boolean): this {
    this.#ephemeral = enabled;
    return this;
  }

  /** Sandboxes are made from cached images alone here: `create()` refuses "always". */
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

  async create(options?: CallOptions): Promise<Sandbox> {
    const create = {
      image: this.#image,
      fromSnapshot: this.#fromSnapshot,
      upperSize: BigInt(this.#upperMiB) << 20n,
      labels: [...this.#labels],
      configJson: JSON.stringify(this.#stored()),
      replace: this.#replace,
    };
    return onClient(options, async (client, control) => {
      const { name } = await native.sandboxCreate(client.handle, this.#name, create, control);
      return new Sandbox(name, !this.#detached, client);
    });
  }

  /** The same with what happens meanwhile. */
  async createWithPullProgress(options?: CallOptions): Promise<PullProgressCreate> {
    return new PullProgressCreate((onProgress: (event: Progress) => void) => this.create({ ...options, onProgress }));
  }

  /** Members to set in the stored configuration; JSON leaves out those that are undefined. */
  #stored(): object {
    const policy = this.#pullPolicy;
    if (policy === "always") {
      throw new UnsupportedError("unsupported operation: images are not pulled; load them with Image.load");
    }
    if (policy !== undefined && !storedPolicies[policy]) {
      throw new InvalidConfigError(`invalid config: unknown pull policy ${JSON.stringify(policy)}`);
    }
    return {
      resources: { cpus: this.#cpus, max_cpus: this.#cpus, memory_mib: this.#memory, max_memory_mib: this.#memory },
      lifecycle: { ephemeral: this.#ephemeral },
      env: this.#env.size > 0 ? [...this.#env].map(([key, value]) => ({ key, value })) : undefined,
      pull_policy: policy && storedPolicies[policy],
    };
  }
}
