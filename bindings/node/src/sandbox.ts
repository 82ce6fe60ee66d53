import { detach } from "./attached.js";
import type { CallOptions } from "./call.js";
import { Client, onClient } from "./client.js";
import { disposedBy } from "./dispose.js";
import { known, texts } from "./given.js";
import * as machine from "./machine.js";
import type { RunOptions, RunResult, StartOptions } from "./machine.js";
import { native } from "./native.js";
import { SandboxBuilder } from "./sandbox-builder.js";
import { SandboxHandle } from "./sandbox-handle.js";
import { SandboxMachine } from "./sandbox-machine.js";

/** A sandbox that this program made, started or connected to: a record, a private writable disk, and a machine. */
export class Sandbox extends SandboxMachine {
  #ownsLifecycle: boolean;

  /** @internal */
  constructor(name: string, ownsLifecycle: boolean, client: Client) {
    super(name, client);
    this.#ownsLifecycle = ownsLifecycle;
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
  static async listWith(filter: { labels?: Record<string, string> }, options?: CallOptions): Promise<SandboxHandle[]> {
    const { labels: wanted = {}, ...others } = filter;
    known(others, []);
    const labels = texts(wanted, "labels");
    return onClient(options, async (client, control) =>
      (await native.sandboxList(client.handle, labels, control)).map((data) => new SandboxHandle(data, client)));
  }

  /** Removes record and disk; snapshots of it stay. */
  static remove(name: string, options?: CallOptions): Promise<void> {
    return onClient(options, (client, control) => native.sandboxRemove(client.handle, name, control));
  }

  /** Boots a stopped or crashed sandbox; it is stopped when this program ends, see {@link detach}. */
  static async start(name: string, options?: StartOptions & CallOptions): Promise<Sandbox> {
    return start(options?.client ?? (await Client.default()), name, false, options);
  }

  /** The same, and leaves it to others. */
  static async startDetached(name: string, options?: StartOptions & CallOptions): Promise<Sandbox> {
    return start(options?.client ?? (await Client.default()), name, true, options);
  }

  /**
   * Boots a stopped or crashed sandbox, runs one command in it to its end, and switches it off. An empty command is that
   * of the image. An exit code other than 0 is no failure; when the machine has ended before the command this rejects, and
   * the `cause` is what is known of it, output included. Aborted, or when this process dies, the machine is ended too.
   */
  static async run(name: string, command: readonly string[], options?: RunOptions & CallOptions): Promise<RunResult> {
    return machine.run(options?.client ?? (await Client.default()), name, command, options);
  }

  /** Whether the sandbox is stopped when this object is disposed of, and when this program ends. */
  get ownsLifecycle(): boolean { return this.#ownsLifecycle; }

  /** Leaves the sandbox to others. */
  async detach(): Promise<void> {
    this.#ownsLifecycle = false;
    detach(this.client, this.name);
  }

  /** Rejects with `UnsupportedError`: nobody is in the machine to run it. {@link run} does before it is booted. */
  exec(..._command: unknown[]): Promise<never> { return machine.unsupported(this.name, "exec"); }
  /** Likewise, as the next. */
  shell(..._command: unknown[]): Promise<never> { return machine.unsupported(this.name, "shell"); }
  attach(..._command: unknown[]): Promise<never> { return machine.unsupported(this.name, "attach"); }
}

export interface Sandbox {
  [Symbol.asyncDispose](): Promise<void>;
}
disposedBy(Sandbox, async (sandbox) => {
  if (sandbox.ownsLifecycle) await sandbox.stop().catch(() => undefined);
});

/** @internal */
export async function start(
  client: Client, name: string, detached: boolean, options: (StartOptions & CallOptions) | undefined,
): Promise<Sandbox> {
  await machine.boot(client, name, detached, options, options);
  return new Sandbox(name, !detached, client);
}
