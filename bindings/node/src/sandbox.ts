import { detach } from "./attached.js";
import type { CallOptions } from "./call.js";
import { Client, onClient } from "./client.js";
import { disposedBy } from "./dispose.js";
import * as machine from "./machine.js";
import type {
  LogOptions, OwnOptions, RunOptions, RunResult, SandboxStopResult, StartOptions,
} from "./machine.js";
import { native } from "./native.js";
import { SandboxBuilder } from "./sandbox-builder.js";
import { SandboxHandle } from "./sandbox-handle.js";

/** A sandbox that this program made, started or connected to: a record, a private writable disk, and a machine. */
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

  /** As {@link Sandbox.run}. */
  run(command: readonly string[], options?: RunOptions & OwnOptions): Promise<RunResult> {
    return machine.run(this.#client, this.name, command, options);
  }

  /** Whether the sandbox is stopped when this object is disposed of, and when this program ends. */
  get ownsLifecycle(): boolean { return this.#ownsLifecycle; }

  /** Leaves the sandbox to others. */
  async detach(): Promise<void> {
    this.#ownsLifecycle = false;
    detach(this.#client, this.name);
  }

  /** Gently, and after 10 s the hard way. What does not run is stopped already. */
  stop(options?: OwnOptions): Promise<void> { return machine.stop(this.#client, this.name, undefined, options); }
  /** The same with another limit. */
  stopWithTimeout(timeoutMs: number, options?: OwnOptions): Promise<void> {
    return machine.stop(this.#client, this.name, timeoutMs, options);
  }
  /** The hard way; rejects with a `TimeoutError` if that takes more than 5 s. */
  kill(options?: OwnOptions): Promise<void> { return machine.kill(this.#client, this.name, undefined, options); }
  killWithTimeout(timeoutMs: number, options?: OwnOptions): Promise<void> {
    return machine.kill(this.#client, this.name, timeoutMs, options);
  }
  /** Asks for a gentle end, and does not wait for it; nor do the next two. */
  requestStop(options?: OwnOptions): Promise<void> { return machine.request(this.#client, this.name, false, options); }
  requestKill(options?: OwnOptions): Promise<void> { return machine.request(this.#client, this.name, true, options); }
  requestDrain(options?: OwnOptions): Promise<void> { return machine.request(this.#client, this.name, false, options); }
  waitUntilStopped(options?: OwnOptions): Promise<SandboxStopResult> {
    return machine.stopped(this.#client, this.name, options);
  }

  /** What the present or the last machine has written. */
  logs(options?: LogOptions & OwnOptions): Promise<Buffer> {
    return machine.logs(this.#client, this.name, options);
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
