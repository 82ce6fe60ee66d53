import type { CallOptions } from "./call.js";
import { onClientOf, type Client } from "./client.js";
import * as machine from "./machine.js";
import { native, type SandboxData } from "./native.js";
import type { Sandbox } from "./sandbox.js";
import { parseConfig, type SandboxConfig, type SandboxStatus } from "./sandbox-config.js";
import { Snapshot } from "./snapshot.js";

type Options = Omit<CallOptions, "client">;

/** What the registry knows of a sandbox, at the time it was asked. */
export class SandboxHandle {
  readonly name: string;
  readonly status: SandboxStatus;
  /** The stored configuration, as it is stored. */
  readonly configJson: string;
  readonly createdAt: Date | null;
  readonly updatedAt: Date | null;
  readonly #client: Client;

  /** @internal */
  constructor(data: SandboxData, client: Client) {
    this.name = data.name;
    this.status = data.status;
    this.configJson = data.configJson;
    this.createdAt = data.createdAt;
    this.updatedAt = data.updatedAt;
    this.#client = client;
  }

  config(): SandboxConfig {
    return parseConfig(this.configJson);
  }

  /** Looks it up again. */
  refresh(options?: Options): Promise<SandboxHandle> {
    return onClientOf(this.#client, options, async (client, control) =>
      new SandboxHandle(await native.sandboxGet(client.handle, this.name, control), client));
  }

  /** A snapshot under a bare name. The sandbox must be stopped or crashed now. */
  snapshot(name: string, options?: Options): Promise<Snapshot> {
    return Snapshot.builder(this.name).name(name).create({ ...options, client: this.#client });
  }

  /** A snapshot at a path, the directory to create. */
  snapshotTo(path: string, options?: Options): Promise<Snapshot> {
    return Snapshot.builder(this.name).path(path).create({ ...options, client: this.#client });
  }

  remove(options?: Options): Promise<void> {
    return onClientOf(this.#client, options, (client, control) =>
      native.sandboxRemove(client.handle, this.name, control));
  }

  start(): Promise<Sandbox> { return machine.needed(this.#client, this.name); }
  startDetached(): Promise<Sandbox> { return machine.needed(this.#client, this.name); }
  connect(): Promise<Sandbox> { return machine.connected(this.#client, this.name); }
  connectWithTimeout(_timeoutMs: number): Promise<Sandbox> { return machine.connected(this.#client, this.name); }
  stop(): Promise<void> { return machine.settled(this.#client, this.name); }
  stopWithTimeout(_timeoutMs: number): Promise<void> { return machine.settled(this.#client, this.name); }
  kill(): Promise<void> { return machine.settled(this.#client, this.name); }
  killWithTimeout(_timeoutMs: number): Promise<void> { return machine.settled(this.#client, this.name); }
  requestStop(): Promise<void> { return machine.settled(this.#client, this.name); }
  requestKill(): Promise<void> { return machine.settled(this.#client, this.name); }
  requestDrain(): Promise<void> { return machine.settled(this.#client, this.name); }
  waitUntilStopped(options?: Options): Promise<machine.SandboxStopResult> {
    return machine.stopped(this.#client, this.name, options);
  }
}
