// Snapshots, as the SDK page shows them.
import assert from "node:assert/strict";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { open as openFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, test } from "node:test";

import {
  Client, CustomError, InvalidConfigError, MicrosandboxError, Sandbox, SandboxNotFoundError, Snapshot,
  SnapshotAlreadyExistsError, SnapshotArchiveError, SnapshotBuilder, SnapshotHandle, SnapshotHasChildrenError,
  SnapshotIntegrityError, SnapshotNotFoundError, SnapshotReadOnlyError,
} from "microsandbox";

import { reference, sandbox, workspace } from "./support.mjs";

const folder = workspace();
const digest = /^sha256:[0-9a-f]{64}$/;

beforeEach(async () => {
  for (const { digest } of await Snapshot.list()) await Snapshot.remove(digest, { force: true });
  for (const { name } of await Sandbox.list()) await Sandbox.remove(name);
  await sandbox("baseline");
});

test("capture and boot", async () => {
  const sb = await Sandbox.get("baseline");
  await sb.stop();
  const snap = await Snapshot.builder("baseline").name("after-pip-install").recordIntegrity().create();
  const fresh = await Sandbox.builder("worker").fromSnapshot(snap.path).boot(false).create();
  assert.equal(fresh.name, "worker");
  const child = await (await Sandbox.get("worker")).snapshot("child");
  assert.equal(child.parent, snap.digest);
});

test("a snapshot tells what its descriptor says", async () => {
  const before = Date.now();
  const snap = await Snapshot.builder("baseline").name("told").label("z", "ü").label("1", "b").label("z", "last").create();
  assert.equal(snap.path, join((await Client.default()).snapshotsDir, "told"));
  assert.match(snap.digest, digest);
  assert.equal(snap.sizeBytes, 128n << 20n);
  assert.equal(snap.imageRef, reference);
  assert.match(snap.imageManifestDigest, digest);
  assert.equal(snap.format, "raw");
  assert.equal(snap.fstype, "ext4");
  assert.equal(snap.parent, null);
  assert.ok(Math.abs(Date.parse(snap.createdAt) - before) < 60_000);
  assert.deepEqual(snap.labels, [["1", "b"], ["z", "last"]]);
  assert.equal(snap.sourceSandbox, "baseline");
  assert.deepEqual(Object.keys(Snapshot.prototype).length, 0, "getters are not enumerable");
});

test("open takes names, paths and digests", async () => {
  const { path, digest } = await Snapshot.builder("baseline").name("opened").create();
  for (const ref of ["opened", path, digest]) assert.equal((await Snapshot.open(ref)).digest, digest);
  await assert.rejects(Snapshot.open("absent"), {
    name: SnapshotNotFoundError.name, code: "snapshotNotFound", message: /^\[SnapshotNotFound\] snapshot not found: /,
  });
  await assert.rejects(Snapshot.open(""), InvalidConfigError);
});

test("get yields a live handle", async () => {
  const snap = await Snapshot.builder("baseline").name("got").create();
  const handle = await Snapshot.get("got");
  assert.ok(handle instanceof SnapshotHandle);
  assert.deepEqual({ ...handle }, {
    digest: snap.digest, name: "got", parentDigest: null, imageRef: reference, format: "raw", sizeBytes: 128n << 20n,
    createdAt: handle.createdAt, path: snap.path,
  });
  assert.ok(handle.createdAt instanceof Date);
  assert.equal((await handle.open()).digest, snap.digest);
  await handle.remove();
  assert.ok(!existsSync(snap.path));
  await assert.rejects(Snapshot.get("got"), SnapshotNotFoundError);
});

test("list is newest first, and its handles are read-only", async () => {
  for (const name of ["first", "second"]) await Snapshot.builder("baseline").name(name).create();
  const [second, first] = await Snapshot.list();
  assert.deepEqual([second.name, first.name], ["second", "first"]);
  for (const refused of [() => second.open(), () => second.remove(), () => second.remove({ force: true })]) {
    const error = await refused().catch((caught) => caught);
    assert.ok(error instanceof SnapshotReadOnlyError && error instanceof MicrosandboxError);
    assert.equal(error.code, "snapshotReadOnly");
    assert.match(error.message, /^SnapshotHandle is read-only.*Snapshot\.get\(name\)/);
  }
});

test("listDir opens what is there, and nothing for a directory that is not", async () => {
  const dir = join(folder, "collection");
  for (const name of ["b", "a"]) await Snapshot.builder("baseline").path(join(dir, name)).create();
  const found = await Snapshot.listDir(dir);
  assert.deepEqual(found.map((snap) => snap.path), [join(dir, "a"), join(dir, "b")]);
  assert.ok(found.every((snap) => snap instanceof Snapshot));
  assert.deepEqual(await Snapshot.listDir(join(folder, "nowhere")), []);
});

test("a parent is kept until it is forced", async () => {
  const snap = await Snapshot.builder("baseline").name("parent").create();
  await Sandbox.builder("fork").fromSnapshot("parent").boot(false).create();
  await Snapshot.builder("fork").name("child").create();
  await assert.rejects(Snapshot.remove("parent"), { name: SnapshotHasChildrenError.name, message: /has 1 indexed child/ });
  await Snapshot.remove(snap.digest, { force: true });
  assert.equal((await Snapshot.get("child")).parentDigest, snap.digest);
});

test("reindex counts what it finds", async () => {
  await Snapshot.builder("baseline").name("kept").create();
  assert.equal(await Snapshot.reindex(), 1);
  assert.equal(await Snapshot.reindex(join(folder, "nowhere")).catch(() => 0), 0);
});

test("export and import, whatever they are called", async () => {
  for (const [out, write, read, opts] of [
    ["a.tar.zst", Snapshot.export, Snapshot.import, { withImage: true }],
    ["b.tar", Snapshot.save, Snapshot.load, { plainTar: true, withParents: true }],
  ]) {
    const archive = join(folder, out);
    const snap = await Snapshot.builder("baseline").name("carried").recordIntegrity().create();
    await write("carried", archive, opts);
    assert.ok(statSync(archive).size > 0);
    await Snapshot.remove("carried");
    const handle = await read(archive);
    assert.equal(handle.digest, snap.digest);
    assert.equal((await (await handle.open()).verify()).upper.kind, "verified");
    await handle.remove();
    const elsewhere = join(folder, `dest-${out}`);
    assert.equal((await read(archive, elsewhere)).path, join(elsewhere, "carried"));
    await Snapshot.remove(snap.digest);
  }
});

test("verify reports, or rejects when the disk is another", async () => {
  const unrecorded = await Snapshot.builder("baseline").name("plain").create();
  assert.deepEqual(await unrecorded.verify(), {
    digest: unrecorded.digest, path: unrecorded.path, upper: { kind: "notRecorded" },
  });
  const snap = await Snapshot.builder("baseline").name("hashed").recordIntegrity().create();
  const { upper, ...rest } = await snap.verify();
  assert.deepEqual(rest, { digest: snap.digest, path: snap.path });
  assert.equal(upper.kind, "verified");
  assert.match(upper.digest, /^blake3:/);
  const disk = await openFile(join(snap.path, "upper.ext4"), "r+");
  await disk.write(Buffer.from("changed"), 0, 7, 64 << 20);
  await disk.close();
  await assert.rejects(snap.verify(), {
    name: SnapshotIntegrityError.name, message: /^\[SnapshotIntegrity\] snapshot integrity check failed: /,
  });
});

test("a snapshot that is there stays, unless forced", async () => {
  const first = await Snapshot.builder("baseline").name("same").create();
  await assert.rejects(Snapshot.builder("baseline").name("same").create(), SnapshotAlreadyExistsError);
  const second = await Snapshot.builder("baseline").name("same").label("n", "2").force().create();
  assert.notEqual(second.digest, first.digest);
  assert.equal((await Snapshot.list()).length, 1);
});

test("builders take a name or a path, and not both in any order", async () => {
  const path = join(folder, "by-path");
  for (const both of [
    new SnapshotBuilder("baseline").name("by-name").path(path), new SnapshotBuilder("baseline").path(path).name("by-name"),
  ]) {
    assert.throws(() => both.build(), InvalidConfigError);
    await assert.rejects(both.create(), InvalidConfigError);
  }
  for (const wrong of [() => Snapshot.builder("baseline").name(1), () => Snapshot.builder("baseline").label("k", 1)]) {
    assert.throws(wrong, TypeError);
  }
});

test("what nobody would read is refused", async () => {
  await Snapshot.builder("baseline").name("strict").create();
  await assert.rejects(Snapshot.remove("strict", { forse: true }), { name: "TypeError", message: /unknown option "forse"; there are: force/ });
  await assert.rejects(Snapshot.remove("strict", "force"), TypeError);
  await assert.rejects(Snapshot.export("strict", join(folder, "no.tar"), { plainTar: "yes" }), TypeError);
  await assert.rejects(Snapshot.export("strict", join(folder, "no.tar"), { plain: true }), TypeError);
  await assert.rejects(Snapshot.list({ client: {} }), TypeError);
  await assert.rejects(Snapshot.list({ signal: 1 }), TypeError);
  await assert.rejects(Snapshot.list({ onProgress: 1 }), TypeError);
  const handle = await Snapshot.get("strict");
  await assert.rejects(handle.remove({ forced: true }), TypeError);
  await handle.remove();
});

test("children and a corrupt archive are told apart", async () => {
  await Snapshot.builder("baseline").name("trunk").create();
  await Sandbox.builder("branch").fromSnapshot("trunk").boot(false).create();
  await Snapshot.builder("branch").name("leaf").create();
  await assert.rejects(Snapshot.remove("trunk"), (error) => error instanceof SnapshotHasChildrenError &&
    error instanceof CustomError && error.code === "snapshotHasChildren" && /has 1 indexed child/.test(error.message));
  const damaged = join(folder, "damaged.tar");
  writeFileSync(damaged, "no archive");
  await assert.rejects(Snapshot.import(damaged), (error) => error instanceof SnapshotArchiveError &&
    error instanceof CustomError && error.code === "snapshotArchive" && error.message.startsWith("invalid snapshot archive: "));
  await Snapshot.remove("leaf");
  await Snapshot.remove("trunk");
  await Sandbox.remove("branch");
});

test("create uses a builder up", async () => {
  const path = join(folder, "by-path");
  const builder = new SnapshotBuilder("baseline").path(path);
  assert.deepEqual(builder.build(), {
    sourceSandbox: "baseline", destinationKind: "path", destinationValue: path, labels: [], force: false,
    recordIntegrity: false,
  });
  assert.equal((await builder.create()).path, path);
  const used = (error) => error.constructor === Error && /was used/.test(error.message);
  await assert.rejects(builder.create(), used);
  assert.throws(() => builder.name("again"), used);
  await assert.rejects(Snapshot.builder("baseline").create(), InvalidConfigError);
  await assert.rejects(Snapshot.builder("nobody").name("x").create(), SandboxNotFoundError);
});

test("the builder of later releases", async () => {
  const destDir = join(folder, "later");
  const snap = await Snapshot.builder("named").fromSandbox("baseline").destDir(destDir).create();
  assert.equal(snap.path, join(destDir, "named"));
  assert.equal(snap.sourceSandbox, "baseline");
});

test("closed objects are refused, and what was read of them stays", async () => {
  const snap = await Snapshot.builder("baseline").name("closed").create();
  const handle = await Snapshot.get("closed");
  snap.close();
  handle.close();
  const closed = { name: MicrosandboxError.name, code: "custom", message: /^invalid handle/ };
  await assert.rejects(snap.verify(), closed);
  await assert.rejects(handle.open(), closed);
  await assert.rejects(handle.remove(), closed);
  assert.match(snap.digest, digest);
});

test("copying and hashing are reported, and can be stopped", async () => {
  const phases = new Set();
  await Snapshot.builder("baseline").name("seen").recordIntegrity()
    .create({ onProgress: ({ phase }) => phases.add(phase) });
  assert.ok(phases.has("complete"));
  const stopped = Snapshot.builder("baseline").name("stopped").create({ signal: AbortSignal.abort() });
  await assert.rejects(stopped, { name: "AbortError" });
  await assert.rejects(Snapshot.open("stopped"), SnapshotNotFoundError);
});

test("a snapshot is converted for other releases", async () => {
  const made = await Snapshot.builder("baseline").name("made").create();
  const converted = await Snapshot.convert("made", { form: "snapshot.json", path: join(folder, "converted") });
  assert.ok(converted instanceof Snapshot);
  assert.notEqual(converted.digest, made.digest);
  assert.ok(existsSync(join(converted.path, "snapshot.json")));
  const signal = AbortSignal.abort();
  await assert.rejects(Snapshot.convert("made", { name: "x", form: "snapshot.json", signal }), { name: "AbortError" });
  await assert.rejects(Snapshot.convert("made", { form: "snapshot.json" }), InvalidConfigError);
  await assert.rejects(Snapshot.convert("made", { name: "x", form: "groups" }),
                       { message: "options.form must be manifest.json or snapshot.json" });
  await assert.rejects(Snapshot.convert("made", { name: "x", integrityAlgorithm: "md5" }),
                       { message: "options.integrityAlgorithm must be merkle, sparse or sha256" });
});

test("an archive that is none", async () => {
  const path = join(folder, "text.tar");
  writeFileSync(path, "no archive");
  await assert.rejects(Snapshot.import(path), { name: SnapshotArchiveError.name, message: /^invalid snapshot archive/ });
});
