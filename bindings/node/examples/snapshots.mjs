// Prepares a sandbox once, and forks it: node snapshots.mjs demo/busybox:1
import { Sandbox, Snapshot } from "microsandbox";

await Sandbox.builder("baseline").image(process.argv[2]).label("stage", "base").boot(false).create();
// … `await Sandbox.run("baseline", [program, …arguments])` to install what it takes …
const baseline = await Sandbox.get("baseline");
await baseline.stop();

const snap = await Snapshot.builder("baseline").name("ready").recordIntegrity().create();
for (const name of ["worker-1", "worker-2"]) {
  const worker = await Sandbox.builder(name).fromSnapshot(snap.path).boot(false).create();
  console.log(`${worker.name} begins where ${snap.sourceSandbox} was`);
}

await Snapshot.export("ready", "ready.tar.zst", { withImage: true }); // boots elsewhere without pulling
const report = await snap.verify();
if (report.upper.kind === "verified") console.log(`disk is as recorded: ${report.upper.algorithm}`);

for (const handle of await Snapshot.list()) console.log(handle.name ?? handle.digest, handle.sizeBytes, handle.createdAt);
