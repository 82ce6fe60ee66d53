// Every signature of the snapshot surface, held by tsc.
import { Snapshot, SnapshotBuilder, SnapshotHandle } from "microsandbox";
import type { CallOptions, ConvertOpts, ExportOpts, SaveOpts, SnapshotVerifyReport } from "microsandbox";
import { same, type Same } from "./same.mjs";

type Force = { force?: boolean };
type Own = Omit<CallOptions, "client">; // of methods, which work in the home that their object came from

same<Same<typeof Snapshot.builder, (sourceSandbox: string) => SnapshotBuilder>>();
same<Same<typeof Snapshot.open, (pathOrName: string, options?: CallOptions) => Promise<Snapshot>>>();
same<Same<typeof Snapshot.get, (nameOrDigest: string, options?: CallOptions) => Promise<SnapshotHandle>>>();
same<Same<typeof Snapshot.list, (options?: CallOptions) => Promise<SnapshotHandle[]>>>();
same<Same<typeof Snapshot.listDir, (dir: string, options?: CallOptions) => Promise<Snapshot[]>>>();
same<Same<typeof Snapshot.remove, (pathOrName: string, opts?: Force & CallOptions) => Promise<void>>>();
same<Same<typeof Snapshot.reindex, (dir?: string, options?: CallOptions) => Promise<number>>>();
same<Same<typeof Snapshot.export, (nameOrPath: string, out: string, opts?: ExportOpts & CallOptions) => Promise<void>>>();
same<Same<typeof Snapshot.import, (archive: string, dest?: string, options?: CallOptions) => Promise<SnapshotHandle>>>();
same<Same<typeof Snapshot.save, (nameOrPath: string, out: string, opts?: SaveOpts & CallOptions) => Promise<void>>>();
same<Same<typeof Snapshot.load, typeof Snapshot.import>>();
same<Same<typeof Snapshot.convert, (pathOrName: string, opts: ConvertOpts & CallOptions) => Promise<Snapshot>>>();
same<Same<ConvertOpts, {
  form?: "manifest.json" | "snapshot.json"; name?: string; path?: string; destDir?: string; force?: boolean;
  recordIntegrity?: boolean; integrityAlgorithm?: "merkle" | "sparse" | "sha256"; dropParent?: boolean;
}>>();
same<Same<ExportOpts, { withParents?: boolean; withImage?: boolean; plainTar?: boolean }>>();

type Members<T, Names extends keyof T> = { [name in Names]: T[name] };

same<Same<
  Members<Snapshot, Exclude<keyof Snapshot, "verify" | "close" | typeof Symbol.asyncDispose>>,
  {
    readonly path: string;
    readonly digest: string;
    readonly sizeBytes: bigint;
    readonly imageRef: string;
    readonly imageManifestDigest: string;
    readonly format: "raw" | "qcow2";
    readonly fstype: string;
    readonly parent: string | null;
    readonly createdAt: string;
    readonly labels: ReadonlyArray<readonly [string, string]>;
    readonly sourceSandbox: string | null;
  }
>>();
same<Same<Snapshot["verify"], (options?: Own) => Promise<SnapshotVerifyReport>>>();

same<Same<
  SnapshotVerifyReport,
  | { readonly digest: string; readonly path: string; readonly upper: { readonly kind: "notRecorded" } }
  | {
      readonly digest: string;
      readonly path: string;
      readonly upper: { readonly kind: "verified"; readonly algorithm: string; readonly digest: string };
    }
>>();

same<Same<
  Members<SnapshotHandle, Exclude<keyof SnapshotHandle, "open" | "remove" | "close" | typeof Symbol.asyncDispose>>,
  {
    readonly digest: string;
    readonly name: string | null;
    readonly parentDigest: string | null;
    readonly imageRef: string;
    readonly format: "raw" | "qcow2";
    readonly sizeBytes: bigint | null;
    readonly createdAt: Date;
    readonly path: string;
  }
>>();
same<Same<SnapshotHandle["open"], (options?: Own) => Promise<Snapshot>>>();
same<Same<SnapshotHandle["remove"], (opts?: Force & Own) => Promise<void>>>();

export async function builder(): Promise<Snapshot> {
  const begun: SnapshotBuilder = new SnapshotBuilder("baseline");
  const chained: SnapshotBuilder = begun.name("n").path("p").label("k", "v").force().recordIntegrity();
  const later: SnapshotBuilder = chained.fromSandbox("s").destDir("d");
  const snap: Snapshot = await later.create();
  return snap;
}

export async function report(snap: Snapshot): Promise<string> {
  const { upper } = await snap.verify();
  // @ts-expect-error: there is a digest only where one was recorded
  upper.digest;
  return upper.kind === "verified" ? upper.digest : "none";
}
