// Many calls at once, from several JavaScript threads, half of them stopped midway: nothing hangs, leaks or mixes up.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";

import { Image, Sandbox, Snapshot } from "microsandbox";

import { archive, reference, sandbox, workspace } from "./support.mjs";

workspace();

test("hundreds of calls at once, each with its own answer", async () => {
  await Image.load(archive);
  const answers = await Promise.all(Array.from({ length: 400 }, (_, i) =>
    i % 2 ? Image.get(reference) : Image.get(`absent:${i}`).catch((error) => error)));
  answers.forEach((answer, i) => {
    assert.equal(i % 2 ? answer.reference : answer.message, i % 2 ? reference : `image not found: absent:${i}`);
  });
});

test("calls that are stopped at any time", async () => {
  await sandbox("source");
  const results = await Promise.allSettled(Array.from({ length: 40 }, (_, i) =>
    Snapshot.builder("source").name(`s${i}`).recordIntegrity().create({ signal: AbortSignal.timeout(1 + i * 2) })));
  const created = results.filter(({ status }) => status === "fulfilled").map(({ value }) => value.digest).sort();
  for (const { reason } of results.filter(({ status }) => status === "rejected")) {
    assert.equal(reason.name, "TimeoutError", reason.stack);
  }
  assert.deepEqual((await Snapshot.list()).map((row) => row.digest).sort(), created, "a stopped one is there after all");
});

test("several JavaScript threads on one home", async () => {
  const program = `
    const { Image, Sandbox, Snapshot } = require("microsandbox");
    const { parentPort, workerData: { reference, id } } = require("node:worker_threads");
    (async () => {
      for (let i = 0; i < 5; i++) {
        const name = "w" + id + "-" + i;
        await Sandbox.builder(name).image(reference).ociUpperSize(68).boot(false).create();
        const snap = await (await Sandbox.get(name)).snapshot(name);
        await Promise.all([snap.verify(), Snapshot.list(), Image.inspect(reference), Sandbox.list()]);
        await Snapshot.remove(snap.digest);
        await Sandbox.remove(name);
      }
    })().then(() => parentPort.postMessage("done"));
  `;
  await Promise.all(Array.from({ length: 3 }, (_, id) => new Promise((resolve, reject) => {
    const worker = new Worker(program, { eval: true, workerData: { reference, id } });
    worker.once("error", reject).once("exit", (code) => (code ? reject(new Error(`exit ${code}`)) : resolve()));
  })));
  assert.deepEqual((await Sandbox.list()).map(({ name }) => name), ["source"]);
});

test("a process that exits amid calls", async () => {
  const { spawnSync } = await import("node:child_process");
  const program = `
    const { Image } = require("microsandbox");
    for (let i = 0; i < 8; i++) Image.load(process.argv[1], { onProgress: () => process.exit(7) }).catch(() => {});
  `;
  for (let turn = 0; turn < 5; turn++) {
    const { status, signal } = spawnSync(process.execPath, ["-e", program, archive], { timeout: 30_000 });
    assert.deepEqual([status, signal], [7, null]);
  }
});
