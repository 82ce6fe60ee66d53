import type { CallOptions } from "./call.js";
import { Client, onClient } from "./client.js";
import { disposedBy } from "./dispose.js";
import * as machine from "./machine.js";
import { native } from "./native.js";
import { SandboxBuilder } from "./sandbox-builder.js";
import { SandboxHandle } from "./sandbox-handle.js";

/** A sandbox that this program made: a record, and a private writable disk. Its machine is for `msb start` to boot. */
export class Sandbox {
  readonly name: string;
  #ownsLifecycle: boolean;
  readonly #client: Client;

  /** @internal */
  constructor(name: string, ownsLifecycle: boolean, client: Client) {
    this.name = name;
    this.#ownsLifecycle = ownsLifecycle;
    this.#client = client;
  }

  static builder(name: string): SandboxBuilder {
    return new SandboxBuilder(name);
  }

  static get(name: string, options?: CallOptions): Promise<SandboxHandle> {
    return onClient(options, async (client, control) =>
      new SandboxHandle(await native.sandboxGet(client.handle, name, control), client));
  }

  /** Newest first. */
  static list(options?: CallOptions): Promise<SandboxHandle[]> {
    return Sandbox.listWith({}, options);
  }

  /** Those that have all these labels. */
  static listWith(filter: { labels?: Record<string, string> }, options?: CallOptions): Promise<SandboxHandle[]> {
    const labels = Object.entries(filter.labels ?? {});
    return onClient(options, async (client, control) =>
      (await native.sandboxList(client.handle, labels, control)).map((data) => new SandboxHandle(data, client)));
  }

  /** Removes record and disk; snapshots of it stay. */
  static remove(name: string, options?: CallOptions): Promise<void> {
    return onClient(options, (client, control) => native.sandboxRemove(client.handle, name, control));
  }

  static async start(name: string, options?: CallOptions): Promise<Sandbox> {
    return machine.needed(options?.client ?? (await Client.default()), name);
  }

  static startDetached(name: string, options?: CallOptions): Promise<Sandbox> {
    return Sandbox.start(name, options);
  }

  /** Whether the sandbox is stopped when this object is disposed of. */
  get ownsLifecycle(): boolean { return this.#ownsLifecycle; }

  /** Leaves the sandbox to others. */
  async detach(): Promise<void> {
    this.#ownsLifecycle = false;
  }

  stop(): Promise<void> { return machine.settled(this.#client, this.name); }
  stopWithTimeout(_timeoutMs: number): Promise<void> { return machine.settled(this.#client, this.name); }
  kill(): Promise<void> { return machine.settled(this.#client, this.name); }
  killWithTimeout(_timeoutMs: number): Promise<void> { return machine.settled(this.#client, this.name); }
  requestStop(): Promise<void> { return machine.settled(this.#client, this.name); }
  requestKill(): Promise<void> { return machine.settled(this.#client, this.name); }
  requestDrain(): Promise<void> { return machine.settled(this.#client, this.name); }
  waitUntilStopped(options?: Omit<CallOptions, "client">): Promise<machine.SandboxStopResult> {
    return machine.stopped(this.#client, this.name, options);
  }
}

export interface Sandbox {
  [Symbol.asyncDispose](): Promise<void>;
}
disposedBy(Sandbox, async (sandbox) => {
  if (sandbox.ownsLifecycle) await sandbox.stop().catch(() => undefined);
});
