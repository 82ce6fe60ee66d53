import type { CallOptions } from "./call.js";
import { onClientOf, type Client } from "./client.js";
import { disposedBy } from "./dispose.js";
import { SnapshotReadOnlyError } from "./errors.js";
import { native, type NativeHandle, type SnapshotRow } from "./native.js";
import { Snapshot } from "./snapshot.js";

/**
 * What the index knows of a snapshot, at the time it was asked. Those of `Snapshot.list()` are read-only: open and remove
 * need one of `Snapshot.get()`.
 */
export class SnapshotHandle {
  readonly digest: string;
  /** Null when it has none. */
  readonly name: string | null;
  /** Null for a root. */
  readonly parentDigest: string | null;
  readonly imageRef: string;
  readonly format: "raw" | "qcow2";
  readonly sizeBytes: bigint | null;
  readonly createdAt: Date;
  /** Absolute directory at the time it was indexed. */
  readonly path: string;
  readonly #live: { readonly handle: NativeHandle; readonly client: Client } | undefined;

  /** @internal */
  constructor(row: SnapshotRow, client?: Client) {
    this.digest = row.digest;
    this.name = row.name;
    this.parentDigest = row.parentDigest;
    this.imageRef = row.imageRef;
    this.format = row.format;
    this.sizeBytes = row.sizeBytes;
    this.createdAt = row.createdAt;
    this.path = row.path;
    this.#live = client && row.handle && { handle: row.handle, client };
  }

  async open(options?: Omit<CallOptions, "client">): Promise<Snapshot> {
    const { handle, client } = this.#writable();
    return onClientOf(client, options, async (_, control) =>
      new Snapshot(await native.snapshotHandleOpen(client.handle, handle, control), client));
  }

  /** Removes this snapshot, by digest and path: a second copy elsewhere survives. */
  async remove(opts?: { force?: boolean } & Omit<CallOptions, "client">): Promise<void> {
    const { handle, client } = this.#writable();
    return onClientOf(client, opts, (_, control) =>
      native.snapshotHandleRemove(client.handle, handle, opts?.force, control), ["force"]);
  }

  /** Frees what is held in memory, at once rather than when it is collected. */
  close(): void {
    this.#live?.handle.close();
  }

  #writable() {
    if (this.#live) return this.#live;
    throw new SnapshotReadOnlyError(
      "SnapshotHandle is read-only: it came from Snapshot.list(); use Snapshot.get(name) for one that is not");
  }
}

export interface SnapshotHandle {
  [Symbol.asyncDispose](): Promise<void>;
}
disposedBy(SnapshotHandle, async (handle) => handle.close());
