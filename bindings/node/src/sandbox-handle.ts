import { onClientOf, type Client } from "./client.js";
import * as machine from "./machine.js";
import type { OwnOptions, StartOptions } from "./machine.js";
import { native, type SandboxData } from "./native.js";
import { Sandbox, start } from "./sandbox.js";
import { parseConfig, type SandboxConfig, type SandboxStatus } from "./sandbox-config.js";
import { SandboxMachine } from "./sandbox-machine.js";
import { Snapshot } from "./snapshot.js";

/** What the registry knows of a sandbox, at the time it was asked. */
export class SandboxHandle extends SandboxMachine {
  readonly status: SandboxStatus;
  /** The stored configuration, as it is stored. */
  readonly configJson: string;
  readonly createdAt: Date | null;
  readonly updatedAt: Date | null;

  /** @internal */
  constructor(data: SandboxData, client: Client) {
    super(data.name, client);
    this.status = data.status;
    this.configJson = data.configJson;
    this.createdAt = data.createdAt;
    this.updatedAt = data.updatedAt;
  }

  config(): SandboxConfig {
    return parseConfig(this.configJson);
  }

  /** Looks it up again. */
  refresh(options?: OwnOptions): Promise<SandboxHandle> {
    return onClientOf(this.client, options, async (client, control) =>
      new SandboxHandle(await native.sandboxGet(client.handle, this.name, control), client));
  }

  /** A snapshot under a bare name. The sandbox must be stopped or crashed now. */
  snapshot(name: string, options?: OwnOptions): Promise<Snapshot> {
    return Snapshot.builder(this.name).name(name).create({ ...options, client: this.client });
  }

  /** A snapshot at a path, the directory to create. */
  snapshotTo(path: string, options?: OwnOptions): Promise<Snapshot> {
    return Snapshot.builder(this.name).path(path).create({ ...options, client: this.client });
  }

  remove(options?: OwnOptions): Promise<void> {
    return onClientOf(this.client, options, (client, control) =>
      native.sandboxRemove(client.handle, this.name, control));
  }

  /** Boots it; it is stopped when this program ends, see {@link Sandbox.detach}. */
  start(options?: StartOptions & OwnOptions): Promise<Sandbox> {
    return start(this.client, this.name, false, options);
  }
  /** The same, and leaves it to others. */
  startDetached(options?: StartOptions & OwnOptions): Promise<Sandbox> {
    return start(this.client, this.name, true, options);
  }
  /** To one that runs; who has started it stays its owner. */
  async connect(): Promise<Sandbox> {
    await machine.connected(this.client, this.name);
    return new Sandbox(this.name, false, this.client);
  }
  /** As {@link connect}, which does not wait. */
  connectWithTimeout(_timeoutMs: number): Promise<Sandbox> { return this.connect(); }
}
