import type { Client } from "./client.js";
import * as machine from "./machine.js";
import type { LogOptions, OwnOptions, RunOptions, RunResult, SandboxStopResult } from "./machine.js";

/** What can be done with the machine of a sandbox, whether it was looked up or booted here. */
export abstract class SandboxMachine {
  readonly name: string;
  readonly #client: Client;

  /** @internal */
  constructor(name: string, client: Client) {
    this.name = name;
    this.#client = client;
  }

  /** That the object came from. @internal */
  protected get client(): Client { return this.#client; }

  /** As `Sandbox.run`. */
  run(command: readonly string[], options?: RunOptions & OwnOptions): Promise<RunResult> {
    return machine.run(this.#client, this.name, command, options);
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
}
