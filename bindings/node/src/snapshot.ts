import type { CallOptions } from "./call.js";
import { onClient, onClientOf } from "./client.js";
import { disposedBy } from "./dispose.js";
import { keysOf } from "./given.js";
import type { SnapshotForm } from "./home.js";
import { native, type SnapshotData } from "./native.js";
import { SnapshotBuilder } from "./snapshot-builder.js";
import { SnapshotHandle } from "./snapshot-handle.js";
import type { Client } from "./client.js";

/** What goes into an archive besides the snapshot. All default to false. */
export interface ExportOpts {
  /** The chain of parents too. */
  withParents?: boolean;
  /** The pinned image too, so that the receiver can boot without pulling. */
  withImage?: boolean;
  /** No compression. */
  plainTar?: boolean;
}

/** Another name of {@link ExportOpts}. */
export type SaveOpts = ExportOpts;

/** What {@link Snapshot.convert} makes, and where. Exactly one of name and path. */
export interface ConvertOpts {
  /** By default that of the home. */
  form?: SnapshotForm;
  /** A bare name under the snapshots directory. */
  name?: string;
  /** Or the directory to create. */
  path?: string;
  /** With a name: put it there instead of the snapshots directory. */
  destDir?: string;
  /** Replace the snapshot that is there. */
  force?: boolean;
  /** Hash the disk anew, after holding it against what is recorded. */
  recordIntegrity?: boolean;
  /** The same with this one; by default what the form asks for. "sparse" is read by microsandbox up to 0.6.8. */
  integrityAlgorithm?: "merkle" | "sparse" | "sha256";
  /** Record no parent, where it cannot be found for instance. */
  dropParent?: boolean;
}

const convertKeys = keysOf<ConvertOpts>({
  form: true, name: true, path: true, destDir: true, force: true, recordIntegrity: true, integrityAlgorithm: true,
  dropParent: true,
});
const exportKeys = keysOf<ExportOpts>({ withParents: true, withImage: true, plainTar: true });

/** What {@link Snapshot.verify} found. A mismatch is no report: it rejects with `SnapshotIntegrityError`. */
export type SnapshotVerifyReport =
  | { readonly digest: string; readonly path: string; readonly upper: { readonly kind: "notRecorded" } }
  | {
      readonly digest: string;
      readonly path: string;
      readonly upper: { readonly kind: "verified"; readonly algorithm: string; readonly digest: string };
    };

/** A snapshot on disk: a directory with a descriptor and the writable disk of a stopped sandbox. */
export class Snapshot {
  /** @internal */
  readonly inner: SnapshotData;
  readonly #client: Client;

  /** @internal */
  constructor(data: SnapshotData, client: Client) {
    this.inner = data;
    this.#client = client;
  }

  /** Begins a snapshot of a stopped sandbox. */
  static builder(sourceSandbox: string): SnapshotBuilder {
    return new SnapshotBuilder(sourceSandbox);
  }

  /**
   * Makes a snapshot out of another one, with a descriptor that other releases of microsandbox read. It has a digest of its
   * own; what was there stays as it is. Its parent is called what that one's own conversion is called, so that a family can
   * be converted in any order.
   */
  static convert(pathOrName: string, opts: ConvertOpts & CallOptions): Promise<Snapshot> {
    return onClient(opts, async (client, control) =>
      new Snapshot(await native.snapshotConvert(client.handle, pathOrName, opts, control), client), convertKeys);
  }

  /** Opens and checks metadata; the disk is not read, that is {@link verify}. */
  static open(pathOrName: string, options?: CallOptions): Promise<Snapshot> {
    return onClient(options, async (client, control) =>
      new Snapshot(await native.snapshotOpen(client.handle, pathOrName, control), client));
  }

  /** Looks an indexed snapshot up by name, digest or path. */
  static get(nameOrDigest: string, options?: CallOptions): Promise<SnapshotHandle> {
    return onClient(options, async (client, control) =>
      new SnapshotHandle(await native.snapshotGet(client.handle, nameOrDigest, control), client));
  }

  /** All indexed snapshots, newest first, as read-only handles. */
  static list(options?: CallOptions): Promise<SnapshotHandle[]> {
    return onClient(options, async (client, control) =>
      (await native.snapshotList(client.handle, control)).map((row) => new SnapshotHandle(row)));
  }

  /** The snapshots directly under a directory, sorted by path. The index is neither asked nor changed. */
  static listDir(dir: string, options?: CallOptions): Promise<Snapshot[]> {
    return onClient(options, async (client, control) =>
      (await native.snapshotListDir(client.handle, dir, control)).map((data) => new Snapshot(data, client)));
  }

  /** Removes by path, name or digest; refuses while indexed snapshots name it as parent, unless forced. */
  static remove(pathOrName: string, opts?: { force?: boolean } & CallOptions): Promise<void> {
    return onClient(opts, (client, control) =>
      native.snapshotRemove(client.handle, pathOrName, opts?.force, control), ["force"]);
  }

  /** Brings the index in line with a directory, by default that of snapshots; resolves to the number indexed. */
  static reindex(dir?: string, options?: CallOptions): Promise<number> {
    return onClient(options, (client, control) => native.snapshotReindex(client.handle, dir, control));
  }

  /** Writes one archive, `.tar.zst` unless `plainTar`. */
  static export(nameOrPath: string, out: string, opts?: ExportOpts & CallOptions): Promise<void> {
    return onClient(opts, (client, control) => native.snapshotExport(client.handle, nameOrPath, out, opts, control), exportKeys);
  }

  /** Takes an archive in, everything checked before anything becomes visible. */
  static import(archive: string, dest?: string, options?: CallOptions): Promise<SnapshotHandle> {
    return onClient(options, async (client, control) =>
      new SnapshotHandle(await native.snapshotImport(client.handle, archive, dest, control), client));
  }

  /** Another name of {@link export}. */
  static save(nameOrPath: string, out: string, opts?: SaveOpts & CallOptions): Promise<void> {
    return Snapshot.export(nameOrPath, out, opts);
  }

  /** Another name of {@link import}. */
  static load(archive: string, dest?: string, options?: CallOptions): Promise<SnapshotHandle> {
    return Snapshot.import(archive, dest, options);
  }

  /** Absolute directory. */
  get path(): string { return this.inner.path; }
  /** `sha256:…` of the descriptor: the snapshot's identity. */
  get digest(): string { return this.inner.digest; }
  /** Apparent size of the disk. */
  get sizeBytes(): bigint { return this.inner.sizeBytes; }
  get imageRef(): string { return this.inner.imageRef; }
  get imageManifestDigest(): string { return this.inner.imageManifestDigest; }
  get format(): "raw" | "qcow2" { return this.inner.format; }
  /** File system on the disk. */
  get fstype(): string { return this.inner.fstype; }
  /** Digest; null for a root. */
  get parent(): string | null { return this.inner.parent; }
  /** RFC 3339 */
  get createdAt(): string { return this.inner.createdAt; }
  /** Sorted by the bytes of the key. */
  get labels(): ReadonlyArray<readonly [string, string]> { return this.inner.labels; }
  get sourceSandbox(): string | null { return this.inner.sourceSandbox; }

  /** Reads the disk and holds it against the recorded digest. */
  verify(options?: Omit<CallOptions, "client">): Promise<SnapshotVerifyReport> {
    return onClientOf(this.#client, options, (client, control) =>
      native.snapshotVerify(client.handle, this.inner.handle, control));
  }

  /** Frees what is held in memory, at once rather than when it is collected. What was read of it stays. */
  close(): void {
    this.inner.handle.close();
  }
}

export interface Snapshot {
  [Symbol.asyncDispose](): Promise<void>;
}
disposedBy(Snapshot, async (snapshot) => snapshot.close());
