// Sandboxes: their records and disks. What runs is for machine.test.mjs.
import assert from "node:assert/strict";
import { join } from "node:path";
import { beforeEach, test } from "node:test";

import {
  Client, DiskImageFormats, GiB, Image, ImageBuilder, ImageInUseError, ImageNotFoundError, InvalidConfigError, KiB, MiB, PullPolicies,
  PullProgressCreate, Sandbox, SandboxAlreadyExistsError, SandboxBuilder, SandboxHandle, SandboxNotFoundError,
  SandboxStatuses, SnapshotNotFoundError, TiB, UnsupportedError,
} from "microsandbox";

import { archive, reference, sandbox, workspace } from "./support.mjs";

const folder = workspace();

beforeEach(async () => {
  for (const { name } of await Sandbox.list()) await Sandbox.remove(name);
  await Image.load(archive);
});

const make = (name) => Sandbox.builder(name).image(reference).ociUpperSize(128).boot(false);

test("create, get, refresh, remove", async () => {
  const made = await make("web").label("tier", "front").cpus(2).memory(MiB(256)).env("A", "b").create();
  assert.ok(made instanceof Sandbox && made.ownsLifecycle);
  const handle = await Sandbox.get("web");
  assert.ok(handle instanceof SandboxHandle);
  assert.equal(handle.status, "stopped");
  assert.ok(handle.createdAt instanceof Date && handle.updatedAt instanceof Date);
  const config = handle.config();
  assert.equal(config.name, "web");
  assert.deepEqual(config.labels, { tier: "front" });
  assert.deepEqual([config.resources.cpus, config.resources.memoryMib], [2, 256]);
  assert.deepEqual(config.env, [{ key: "PATH", value: "/bin" }, { key: "A", value: "b" }]);
  assert.equal(JSON.parse(handle.configJson).name, "web");
  assert.equal((await handle.refresh()).name, "web");
  await handle.remove();
  await assert.rejects(Sandbox.get("web"), SandboxNotFoundError);
  await assert.rejects(handle.refresh(), SandboxNotFoundError);
});

test("list is newest first, and listWith asks for labels", async () => {
  await make("a").labels({ x: "1", y: "2" }).create();
  await make("b").label("x", "1").create();
  assert.deepEqual((await Sandbox.list()).map(({ name }) => name), ["b", "a"]);
  assert.deepEqual((await Sandbox.listWith({ labels: { x: "1" } })).length, 2);
  assert.deepEqual((await Sandbox.listWith({ labels: { x: "1", y: "2" } })).map(({ name }) => name), ["a"]);
  assert.deepEqual(await Sandbox.listWith({ labels: { x: "2" } }), []);
});

test("what cannot be made", async () => {
  await make("there").create();
  await assert.rejects(make("there").create(), SandboxAlreadyExistsError);
  await make("there").replace().create();
  await make("there").replaceWithTimeout(1000).create();
  await assert.rejects(make("-odd").create(), InvalidConfigError);
  await assert.rejects(make("x").fromSnapshot("y").create(), InvalidConfigError);
  await assert.rejects(Sandbox.builder("x").create(), InvalidConfigError);
  await assert.rejects(Sandbox.builder("x").image("absent:1").pullPolicy("never").create(), ImageNotFoundError);
  await assert.rejects(Sandbox.builder("x").fromSnapshot("absent").create(), SnapshotNotFoundError);
  await assert.rejects(make("x").pullPolicy("sometimes").create(), InvalidConfigError);
  await assert.rejects(Sandbox.remove("x"), SandboxNotFoundError);
});

test("an image in use stays", async () => {
  await make("user").create();
  await assert.rejects(Image.remove(reference), (error) => {
    assert.ok(error instanceof ImageInUseError);
    assert.equal(error.details.sandboxes, "user");
    return true;
  });
});

test("stopping what does not run is done", async () => {
  const made = await make("rest").create();
  const handle = await Sandbox.get("rest");
  for (const object of [made, handle]) {
    for (const stop of ["stop", "kill", "requestStop", "requestKill", "requestDrain"]) await object[stop]();
    await object.stopWithTimeout(10);
    await object.killWithTimeout(10);
    const result = await object.waitUntilStopped();
    assert.deepEqual({ ...result, observedAt: null }, {
      name: "rest", status: "stopped", exitCode: null, signal: null, observedAt: null, source: null,
    });
    assert.equal((await object.logs()).length, 0);
  }
  await assert.rejects(handle.connect(), { message: "sandbox not running: rest" });
  for (const call of ["exec", "shell", "attach"]) {
    await assert.rejects(made[call]("ls"), (error) => error instanceof UnsupportedError && error.message.includes(`${call} in `));
  }
  await assert.rejects(handle.logs({ source: "elsewhere" }), {
    name: "TypeError", message: "options.source must be stdout, stderr, console or machine",
  });
  await handle.remove();
  for (const call of ["stop", "start", "startDetached", "kill", "waitUntilStopped", "connect", "logs"]) {
    await assert.rejects(handle[call](), SandboxNotFoundError, call);
  }
  await assert.rejects(handle.run(["/bin/true"]), SandboxNotFoundError);
});

test("what a machine cannot have", async () => {
  const made = await make("odd").create();
  const refused = [
    [{ memory: 1 }, InvalidConfigError], [{ cpus: 4096 }, InvalidConfigError],
    [{ accelerator: "fpga" }, TypeError], [{ env: { "A=B": "c" } }, InvalidConfigError], [{ cpus: -1 }, TypeError],
  ];
  for (const [options, error] of refused) await assert.rejects(made.run(["/bin/true"], options), error);
  await assert.rejects(made.run("/bin/true"), TypeError);
  await assert.rejects(made.run(["/bin/\0true"]), InvalidConfigError);
  assert.equal((await Sandbox.get("odd")).status, "stopped");
});

test("of a sandbox that cannot be booted nothing is left", async () => {
  const { PATH } = process.env;
  process.env.PATH = folder;
  try {
    await assert.rejects(make("unlucky").boot(true).create(), (error) => {
      assert.ok(error instanceof UnsupportedError, error.stack);
      if (process.arch === "x64") assert.equal(error.details.package, "qemu-system-x86");
      return true;
    });
  } finally {
    process.env.PATH = PATH;
  }
  assert.deepEqual(await Sandbox.list(), []);
});

test("snapshots of a handle", async () => {
  await make("source").create();
  const handle = await Sandbox.get("source");
  assert.equal((await handle.snapshot("by-name")).sourceSandbox, "source");
  const path = join(folder, "by-path");
  assert.equal((await handle.snapshotTo(path)).path, path);
});

test("progress of a sandbox that is being made", async () => {
  const creating = await make("seen").createWithPullProgress();
  assert.ok(creating instanceof PullProgressCreate);
  const phases = [];
  const kinds = [];
  for await (const { phase, kind } of creating) {
    phases.push(phase);
    kinds.push(kind);
  }
  assert.equal(kinds.at(-1), "complete");
  assert.equal(phases.at(-1), "complete");
  assert.equal((await creating.awaitSandbox()).name, "seen");
  assert.equal(await creating.progress.recv(), null);
  const failing = await Sandbox.builder("x").image("absent:1").pullPolicy("never").createWithPullProgress();
  for await (const { phase } of failing) assert.notEqual(phase, "complete");
  await assert.rejects(failing.awaitSandbox(), ImageNotFoundError);
});

test("detached sandboxes are left to others", async () => {
  const made = await make("left").detached(true).create();
  assert.equal(made.ownsLifecycle, false);
  const owned = await make("owned").create();
  await owned.detach();
  assert.equal(owned.ownsLifecycle, false);
});

test("builders tell what they were told", async () => {
  assert.deepEqual(
    await new SandboxBuilder("x").image("a").cpus(1).memory(2).ephemeral(true).pullPolicy("never").envs({ E: "f" }).build(),
    { name: "x", image: "a", cpus: 1, memoryMib: 2, ephemeral: true, pullPolicy: "never", env: { E: "f" }, labels: {} },
  );
  assert.deepEqual(
    await new SandboxBuilder("x").imageWith((image) => image.oci("a").upperSize(64)).workdir("/w").user("u").hostname("h").shell("/s")
      .entrypoint(["e", "f"]).maxDuration(60).idleTimeout(5).build(),
    { name: "x", image: "a", maxDurationSecs: 60, idleTimeoutSecs: 5, workdir: "/w", user: "u", hostname: "h", shell: "/s",
      entrypoint: ["e", "f"], env: {}, labels: {} },
  );
  assert.deepEqual(new ImageBuilder().disk("/d.raw").format("raw").fstype("ext4").build(),
                   { kind: "disk", path: "/d.raw", format: "raw", fstype: "ext4" });
  assert.deepEqual(DiskImageFormats, ["qcow2", "raw", "vmdk"]);
});

test("what a builder was told of the machine is stored", async () => {
  const made = await make("told").workdir("/w").user("1000").hostname("h").shell("/bin/sh").entrypoint(["/e"])
    .maxDuration(60).idleTimeout(5).create();
  const { runtime, lifecycle } = (await Sandbox.get(made.name)).config();
  assert.deepEqual([runtime.workdir, runtime.user, runtime.hostname, runtime.shell, runtime.entrypoint],
                   ["/w", "1000", "h", "/bin/sh", ["/e"]]);
  assert.deepEqual([lifecycle.maxDurationSecs, lifecycle.idleTimeoutSecs], [60, 5]);
  await Sandbox.remove("told");
});

test("builders refuse what they do not know", async () => {
  for (const wrong of [
    (b) => b.cpus("2"), (b) => b.memory(-1), (b) => b.env("k", 1), (b) => b.labels("l"), (b) => b.boot(1),
    (b) => b.entrypoint("sh"), (b) => b.maxDuration(0.5), (b) => b.image(7), (b) => b.imageWith("x"),
  ]) {
    assert.throws(() => wrong(Sandbox.builder("x")), TypeError);
  }
  await assert.rejects(make("x").create({ machines: {} }), TypeError);
  await assert.rejects(make("x").create({ machine: { ram: 1 } }), TypeError);
  await assert.rejects(make("x").create({ pull: { secure: true } }), TypeError);
  await assert.rejects(Sandbox.listWith({ label: {} }), TypeError);
  await assert.rejects(Sandbox.start("x", { memmory: 1 }), TypeError);
  for (const path of ["/srv", "./root", "../root", "~/root", "disk.qcow2", "/srv/disk.raw"]) {
    await assert.rejects(Sandbox.builder("x").image(path).create(), UnsupportedError);
  }
  await assert.rejects(Sandbox.builder("x").imageWith((image) => image.disk("/d.raw")).create(), UnsupportedError);
});

test("sandboxes of another home", async () => {
  const client = await Client.open({ home: join(folder, "other") });
  await sandbox("there", { client });
  assert.equal((await (await Sandbox.get("there", { client })).refresh()).name, "there");
  await assert.rejects(Sandbox.get("there"), SandboxNotFoundError);
  await client.close();
});

test("constants", () => {
  assert.deepEqual(PullPolicies, ["always", "if-missing", "never"]);
  assert.ok(SandboxStatuses.includes("stopped"));
  assert.deepEqual([KiB(1024), MiB(3), GiB(2), TiB(1)], [1, 3, 2048, 1048576]);
});
