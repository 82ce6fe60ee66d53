// The sandboxes that this program has booted and not left to others: they are stopped when it ends.
import type { Client } from "./client.js";
import { native } from "./native.js";

const attached = new Map<Client, Set<string>>();

// Nothing can be waited for any more. The machine's own process sees to a clean end.
function leave(): void {
  for (const [client, names] of attached) {
    for (const name of names) native.sandboxLeave(client.handle, name);
  }
}

export function attach(client: Client, name: string): void {
  if (attached.size === 0) process.once("exit", leave);
  const names = attached.get(client) ?? new Set();
  attached.set(client, names.add(name));
}

/** It has stopped, or is somebody else's now. */
export function detach(client: Client, name: string): void {
  const names = attached.get(client);
  if (!names?.delete(name) || names.size > 0) return;
  attached.delete(client);
  if (attached.size === 0) process.removeListener("exit", leave);
}

/** Names of those that were booted with this client. */
export function attachedTo(client: Client): string[] {
  return [...(attached.get(client) ?? [])];
}
