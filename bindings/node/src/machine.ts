// What can be done with the machine of a sandbox, by client and name.
import { attach, attachedTo, forget } from "./attached.js";
import type { CallOptions } from "./call.js";
import { onClientOf, type Client } from "./client.js";
import { MicrosandboxError, UnsupportedError } from "./errors.js";
import { keysOf, known } from "./given.js";
import { isNativeFailure } from "./failure.js";
import { native, type Control, type StartData } from "./native.js";
import type { SandboxStatus } from "./sandbox-config.js";

/** In what a sandbox runs. */
export interface MachineOptions {
  /** MiB; by default as the sandbox is configured, else 512. */
  memory?: number | undefined;
  /** By default as the sandbox is configured, else 1. */
  cpus?: number | undefined;
  /** Outgoing IPv4; by default none. The guest then reaches what listens on this host's loopback, as 10.0.2.2. */
  network?: boolean | undefined;
  /** By default the sandbox's name. */
  hostname?: string | undefined;
  /** Path of a bzImage; by default the newest in /boot that has modules. */
  kernel?: string | undefined;
  /** "auto", the default, takes KVM where it runs a guest within 5 s, and emulation elsewhere. */
  accelerator?: "auto" | "kvm" | "tcg" | undefined;
  /** Longest time until the guest is ready; by default a minute. */
  readyTimeoutMs?: number | undefined;
}

/** How a command is run. */
export interface CommandOptions extends MachineOptions {
  /** Added to the sandbox's environment. */
  env?: Readonly<Record<string, string>> | undefined;
  /** By default the image's, like the next. */
  cwd?: string | undefined;
  /** `NAME`, `UID`, `NAME:GROUP` or `UID:GID`. */
  user?: string | undefined;
  /** Bytes kept, or told, of each output; by default 8 MiB. The rest is counted. */
  outputLimit?: number | undefined;
}

/** What a sandbox is booted with. */
export interface StartOptions extends CommandOptions {
  /**
   * Runs as long as it does; what it writes is in the logs. Without one nothing is run, and the machine stays until it is
   * stopped; an empty one is that of the image.
   */
  command?: readonly string[] | undefined;
}

/** How one command is run to its end. */
export interface RunOptions extends CommandOptions {
  /** Told what the command writes, as it comes; the result then has none of it. What it throws ends the run. */
  onOutput?: ((chunk: Buffer, source: "stdout" | "stderr") => void) | undefined;
  /** Time for a clean end once the run is aborted; by default none. */
  stopLimitMs?: number | undefined;
}

/** How a command has ended. */
export interface RunResult {
  /** 128 and its number for a signal. */
  readonly exitCode: number;
  /** That ended the command; null for none. */
  readonly signal: number | null;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  /** Bytes that the command wrote, whether kept or not. */
  readonly stdoutTotal: number;
  readonly stderrTotal: number;
  /** The disk was unmounted. Otherwise it is as after a power failure, which its journal mends. */
  readonly clean: boolean;
  readonly accelerator: "kvm" | "tcg";
  /** From the start of the machine to the command. */
  readonly readyMs: number;
  /** To the end of the machine. */
  readonly totalMs: number;
}

export interface LogOptions {
  /** "console" is that of the guest's kernel; "machine" has remarks of QEMU. By default "stdout". */
  source?: "stdout" | "stderr" | "console" | "machine" | undefined;
  /** How much of the end; by default 1 MiB. */
  maxBytes?: number | undefined;
}

/** How a sandbox came to stop. */
export interface SandboxStopResult {
  readonly name: string;
  readonly status: SandboxStatus;
  /** Of what it ran; null when that has none, or nobody knows of it, like the next. */
  readonly exitCode: number | null;
  readonly signal: number | null;
  readonly observedAt: Date;
  /**
   * What has ended: "exited" or "signalled", the command; "failed", it was never run; "killed", the machine was ended the
   * hard way; "lost", it broke down. Null when nobody knows.
   */
  readonly source: string | null;
}

const commandKeys = keysOf<CommandOptions>({
  memory: true, cpus: true, network: true, hostname: true, kernel: true, accelerator: true, readyTimeoutMs: true,
  env: true, cwd: true, user: true, outputLimit: true,
});
/** @internal */
export const startKeys = [...commandKeys, ...keysOf<Omit<StartOptions, keyof CommandOptions>>({ command: true })];
const runKeys = [
  ...commandKeys, ...keysOf<Omit<RunOptions, keyof CommandOptions>>({ onOutput: true, stopLimitMs: true }),
];
const logKeys = keysOf<LogOptions>({ source: true, maxBytes: true });

/** For methods of objects that came from a client. */
export type OwnOptions = Omit<CallOptions, "client">;

/** Time for a clean end. */
export const stopLimitMs = 10_000;
const killLimitMs = 5_000;

const atRest: ReadonlySet<SandboxStatus> = new Set(["created", "stopped", "crashed"]);

function failsFor(raw: unknown, tag: string): boolean {
  return isNativeFailure(raw) && raw.tag === tag;
}

/** The members that the addon is to see: of an object of the caller's, not all that may be in it. */
function settings(options: CommandOptions | undefined, command: readonly string[] | undefined): StartData {
  const { env, cwd, user, outputLimit, memory, cpus, network, hostname, kernel, accelerator, readyTimeoutMs } = options ?? {};
  return {
    command, env: Object.entries(env ?? {}), cwd, user, outputLimit,
    memory, cpus, network, hostname, kernel, accelerator, readyTimeoutMs,
  };
}

export async function boot(
  client: Client, name: string, detached: boolean, machine: StartOptions | undefined, options?: CallOptions,
): Promise<void> {
  known(machine, startKeys);
  const start = { ...settings(machine, machine?.command), attached: !detached, stopLimitMs };
  await onClientOf(client, options, (_, control) => native.sandboxStart(client.handle, name, start, control), startKeys);
  if (!detached) attach(client, name);
}

export async function run(
  client: Client, name: string, command: readonly string[], options: (RunOptions & CallOptions) | undefined,
): Promise<RunResult> {
  const start = { ...settings(options, command), stopLimitMs: options?.stopLimitMs };
  const { end, message, exitCode, ...ended } = await onClientOf(client, options, (_, control) =>
    native.sandboxRun(client.handle, name, start, { ...control, onOutput: options?.onOutput }),
    runKeys);
  const result = { exitCode, ...ended };
  if (exitCode !== null) return result as RunResult;
  throw new Error(`exec failed: sandbox ${name}: ${message ?? `its machine was ${end}`}`, { cause: result });
}

/** A call that has nothing to do where the sandbox does not run. */
async function ending(
  client: Client, options: CallOptions | undefined, call: (control: Control | undefined) => Promise<void>,
): Promise<void> {
  await onClientOf(client, options, (_, control) => call(control).catch((raw: unknown) => {
    if (!failsFor(raw, "sandbox_not_running")) throw raw;
  }));
}

export async function stop(client: Client, name: string, limitMs = stopLimitMs, options?: OwnOptions): Promise<void> {
  await ending(client, options, (control) => native.sandboxStop(client.handle, name, limitMs, control));
  forget(client, name);
}

export async function kill(client: Client, name: string, timeoutMs = killLimitMs, options?: OwnOptions): Promise<void> {
  await ending(client, options, (control) =>
    native.sandboxStop(client.handle, name, 0, { ...control, timeoutMs }));
  forget(client, name);
}

export function request(client: Client, name: string, atOnce: boolean, options?: OwnOptions): Promise<void> {
  return ending(client, options, (control) => native.sandboxRequestStop(client.handle, name, atOnce, control));
}

/** One that has never been run is told of as it is. */
export async function stopped(client: Client, name: string, options?: OwnOptions): Promise<SandboxStopResult> {
  const end = await onClientOf(client, options, (_, control) =>
    native.sandboxWait(client.handle, name, control).catch((raw: unknown) => {
      if (!failsFor(raw, "sandbox_not_running")) throw raw;
    }));
  const { status } = await onClientOf(client, undefined, () => native.sandboxGet(client.handle, name));
  forget(client, name);
  const { exitCode = null, signal = null, end: source = null } = end ?? {};
  return { name, status, exitCode: signal === null ? exitCode : null, signal, observedAt: new Date(), source };
}

export function logs(client: Client, name: string, options?: LogOptions & OwnOptions): Promise<Buffer> {
  const { source, maxBytes } = options ?? {};
  return onClientOf(client, options, (_, control) =>
    native.sandboxLogs(client.handle, name, { source, maxBytes }, control), logKeys);
}

/** That it runs, if only just. */
export async function connected(client: Client, name: string): Promise<void> {
  const { status } = await onClientOf(client, undefined, () => native.sandboxGet(client.handle, name));
  if (atRest.has(status)) throw new MicrosandboxError("custom", `sandbox not running: ${name}`);
}

/** For what only somebody within the machine could do. */
export async function unsupported(name: string, what: string): Promise<never> {
  throw new UnsupportedError(`unsupported operation: ${what} in the running sandbox ${name}; boot it with the command ` +
                             "instead: Sandbox.run, or the command of Sandbox.start");
}

/** Stops what this program has booted with a client, which is about to be closed. */
export async function stopAll(client: Client): Promise<void> {
  await Promise.all(attachedTo(client).map((name) => stop(client, name).catch(() => forget(client, name))));
}
