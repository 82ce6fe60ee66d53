// The sandboxes that this program has booted and not left to others. Their machines end with it, whatever becomes of it: the
// library sees to that. Here they are known so that closing their client can wait for their end.
import type { Client } from "./client.js";
import { native } from "./native.js";

const attached = new Map<Client, Set<string>>();

export function attach(client: Client, name: string): void {
  const names = attached.get(client) ?? new Set();
  attached.set(client, names.add(name));
}

/** It has stopped. */
export function forget(client: Client, name: string): void {
  const names = attached.get(client);
  if (names?.delete(name) && names.size === 0) attached.delete(client);
}

/** It is somebody else's now. */
export function detach(client: Client, name: string): void {
  if (attached.get(client)?.has(name)) native.sandboxDetach(client.handle, name);
  forget(client, name);
}

/** Names of those that were booted with this client. */
export function attachedTo(client: Client): string[] {
  return [...(attached.get(client) ?? [])];
}
