// Machines are booted and stopped by microsandbox, not here. What follows holds for sandboxes whose machine does not run,
// which is how they are made here, and refuses where a machine would be needed.
import { setTimeout } from "node:timers/promises";

import type { CallOptions } from "./call.js";
import { onClientOf, type Client } from "./client.js";
import { MicrosandboxError, UnsupportedError } from "./errors.js";
import { native, type SandboxData } from "./native.js";
import type { SandboxStatus } from "./sandbox-config.js";

/** How a sandbox came to stop. */
export interface SandboxStopResult {
  readonly name: string;
  readonly status: SandboxStatus;
  /** Null when unknown; likewise `signal` and `source`. */
  readonly exitCode: number | null;
  readonly signal: number | null;
  readonly observedAt: Date;
  readonly source: string | null;
}

const atRest: ReadonlySet<SandboxStatus> = new Set(["created", "stopped", "crashed"]);

function lookUp(client: Client, name: string, options?: CallOptions): Promise<SandboxData> {
  return onClientOf(client, options, (_, control) => native.sandboxGet(client.handle, name, control));
}

function unsupported(name: string): UnsupportedError {
  return new UnsupportedError(
    `unsupported operation: the machine of sandbox ${name} is for \`msb start\` and \`msb stop\` to run`);
}

/** For what can only be done with a machine that this package would have booted. */
export async function needed(client: Client, name: string): Promise<never> {
  await lookUp(client, name);
  throw unsupported(name);
}

export async function connected(client: Client, name: string): Promise<never> {
  const { status } = await lookUp(client, name);
  throw atRest.has(status) ? new MicrosandboxError("custom", `sandbox not running: ${name}`) : unsupported(name);
}

/** Stopping what does not run is done. */
export async function settled(client: Client, name: string): Promise<void> {
  const { status } = await lookUp(client, name);
  if (!atRest.has(status)) throw unsupported(name);
}

/** Watches the registry: another program runs the machine. */
export async function stopped(client: Client, name: string, options?: CallOptions): Promise<SandboxStopResult> {
  for (;;) {
    const { status } = await lookUp(client, name, options);
    if (atRest.has(status)) {
      return { name, status, exitCode: null, signal: null, observedAt: new Date(), source: null };
    }
    await setTimeout(50, undefined, { signal: options?.signal }).catch(() => options?.signal?.throwIfAborted());
  }
}
