// A program in the way of the SDK's page on snapshots, each entry point as it is used there. It compiles as it is.
import { Sandbox, Snapshot, SnapshotHandle } from "microsandbox";
import type { ExportOpts, SnapshotVerifyReport } from "microsandbox";

export async function flow(): Promise<void> {
  const sb = await Sandbox.get("baseline");
  await sb.stop();
  const snap = await Snapshot.builder("baseline").name("after-pip-install").label("stage", "deps").recordIntegrity().create();
  const fresh = await Sandbox.builder("worker").fromSnapshot(snap.path).create();
  console.log(fresh.name);
}

export async function capture(): Promise<void> {
  const h = await Sandbox.get("baseline");
  const named: Snapshot = await h.snapshot("after-pip-install");
  const placed: Snapshot = await h.snapshotTo("/data/snapshots/baseline-v2");
  await Snapshot.builder("baseline").path("/data/snapshots/baseline-v3").force().create();
  console.log(named.digest, placed.path);
}

export async function manage(): Promise<void> {
  const h: SnapshotHandle = await Snapshot.get("after-pip-install");
  console.log(h.digest, h.createdAt.toISOString());
  for (const each of await Snapshot.list()) console.log(each.name ?? each.digest, each.sizeBytes);
  const found = await Snapshot.listDir("/mnt/external/snapshots");
  const count: number = await Snapshot.reindex();
  console.log(`${found.length} artifacts, ${count} indexed`);
  const opts: ExportOpts = { withImage: true };
  await Snapshot.export("after-pip-install", "./baseline.tar.zst", opts);
  const imported = await Snapshot.import("./baseline.tar.zst");
  const opened: Snapshot = await imported.open();
  const report: SnapshotVerifyReport = await opened.verify();
  console.log(report.upper.kind === "verified" ? `hash matches: ${report.upper.digest}` : "no integrity hash recorded");
  await imported.remove({ force: false });
  await Snapshot.remove("after-pip-install", { force: true });
}
