// Homes: the default one, others beside it, and what remains of a client that was closed.
import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { Client, Home, Image, InvalidConfigError, MicrosandboxError, Snapshot, UnsupportedError } from "microsandbox";

import { archive, workspace } from "./support.mjs";

const folder = workspace();

test("the default client is $MSB_HOME, opened once", async () => {
  const [first, second] = await Promise.all([Client.default(), Client.default()]);
  assert.equal(first, second);
  assert.equal(first.home, process.env.MSB_HOME);
  assert.equal(first.cacheDir, join(first.home, "cache"));
  assert.equal(first.readOnly, false);
});

test("a program that changes $MSB_HOME gets that home", async () => {
  const before = process.env.MSB_HOME;
  process.env.MSB_HOME = join(folder, "changed");
  const changed = await Client.default();
  assert.equal(changed.home, process.env.MSB_HOME);
  await changed.close();
  process.env.MSB_HOME = before;
  assert.equal((await Client.default()).home, before);
});

test("two homes in one process know nothing of each other", async () => {
  const client = await Client.open({ home: join(folder, "other") });
  await Image.load(archive, { client });
  assert.equal((await Image.list({ client })).length, 1);
  assert.equal((await Image.list()).length, 0);
  await client.close();
});

test("a closed client is refused, and so is closing it again", async () => {
  const client = await Client.open({ home: join(folder, "closed") });
  await client.close();
  const closed = { name: "MicrosandboxError", code: "custom", message: /^invalid handle/ };
  await assert.rejects(Image.list({ client }), closed);
  await assert.rejects(client.close(), closed);
});

test("close waits for calls that run", async () => {
  const client = await Client.open({ home: join(folder, "busy") });
  const order = [];
  const load = Image.load(archive, { client }).then((images) => order.push(`loaded ${images.length}`));
  await new Promise((resolve) => setTimeout(resolve, 5));
  await Promise.all([load, client.close().then(() => order.push("closed"))]);
  assert.deepEqual(order, ["loaded 1", "closed"]);
});

test("the default client can be closed, and is opened anew", async () => {
  const first = await Client.default();
  await first.close();
  assert.notEqual(await Client.default(), first);
  assert.deepEqual(await Image.list(), []);
});

test("options that cannot be met reject, and the next call tries again", async () => {
  await assert.rejects(Client.open({ home: join(folder, "nowhere"), noCreate: true }), MicrosandboxError);
  await assert.rejects(Client.open({ home: 7 }), TypeError);
  await assert.rejects(Client.open({ threads: -1 }), TypeError);
});

test("a read-only client changes nothing", async () => {
  const home = (await Client.default()).home;
  const client = await Client.open({ home, readOnly: true });
  assert.equal(client.readOnly, true);
  await assert.rejects(Image.load(archive, { client }), UnsupportedError);
  await client.close();
});

test("a new home is made for the release that is asked for, and stays what it is", async () => {
  const home = join(folder, "released");
  await assert.rejects(Client.open({ home, newHomeRelease: "latest" }), InvalidConfigError);
  assert.equal((await Home.inspect({ home })).state, "missing");
  for (const newHomeRelease of ["0.6.8", "0.6.18"]) await (await Client.open({ home, newHomeRelease })).close();
  const { state, generation, newestRelease } = await Home.inspect({ home });
  assert.deepEqual({ state, generation, newestRelease }, { state: "ready", generation: "snapshot.json", newestRelease: "0.6.8" });
});

test("inspect opens nothing, and tells what is wrong", async () => {
  const client = await Client.open({ home: join(folder, "inspected") });
  await Image.load(archive, { client });
  await client.close();
  rmSync(join(client.cacheDir, "layers"), { recursive: true });
  const report = await Home.inspect({ home: client.home });
  assert.equal(report.images, 1);
  assert.deepEqual([...new Set(report.problems.map(({ kind }) => kind))], ["layerMissing"]);
  const before = process.env.MSB_HOME;
  process.env.MSB_HOME = join(folder, "none");
  assert.equal((await Home.inspect()).home, process.env.MSB_HOME);
  process.env.MSB_HOME = before;
  const signal = AbortSignal.abort();
  await assert.rejects(Home.inspect({ signal }), { name: "AbortError" });
  await assert.rejects(Home.inspect({ home: 7 }), { name: "TypeError", message: "options.home must be a string" });
});

test("recover resolves to a number", async () => {
  assert.equal(await (await Client.default()).recover(), 0);
});

test("a log tells what is left out", async () => {
  const lines = [];
  const client = await Client.open({ home: join(folder, "logging"), onLog: (line) => lines.push(line) });
  const broken = join(client.snapshotsDir, "broken");
  mkdirSync(broken, { recursive: true });
  writeFileSync(join(broken, "manifest.json"), "{");
  assert.deepEqual(await Snapshot.listDir(client.snapshotsDir, { client }), []);
  assert.ok(lines.some(({ level, target, message }) => level === "warn" && target && message.includes("broken")), lines);
  await client.close();
  await assert.rejects(Client.open({ onLog: 1 }), { message: "options.onLog must be a function" });
  await assert.rejects(Client.open({ logLevel: "loud" }), { message: "options.logLevel must be error, warn, info or debug" });
});

test("await using closes", { skip: Symbol.asyncDispose ? false : "this Node has no Symbol.asyncDispose" }, async () => {
  const client = await Client.open({ home: join(folder, "disposed") });
  await client[Symbol.asyncDispose]();
  await assert.rejects(Image.list({ client }), { code: "custom" });
});
