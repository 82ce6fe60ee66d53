// Cancellation, progress, and what goes on beside calls that take long.
import assert from "node:assert/strict";
import { open, readFile } from "node:fs/promises";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";

import { Image } from "microsandbox";

import { archive, endlessArchive, workspace } from "./support.mjs";

const folder = workspace();

test("long calls do not stall fs", async () => {
  const controller = new AbortController();
  const pipe = endlessArchive(folder);
  let settled = 0;
  const loads = Array.from({ length: 16 }, () =>
    Image.load(pipe, { signal: controller.signal }).catch(() => {}).finally(() => settled++));
  await sleep(50); // all of them run
  for (let i = 0; i < 8; i++) await readFile(new URL(import.meta.url));
  assert.equal(settled, 0, "libuv's threads were waiting with the calls");
  controller.abort();
  await Promise.all(loads);
});

test("abort ends a call with the reason of the signal", async () => {
  const controller = new AbortController();
  const reason = new Error("changed my mind");
  const load = Image.load(endlessArchive(folder), { signal: controller.signal });
  await sleep(20);
  const begun = performance.now();
  controller.abort(reason);
  await assert.rejects(load, (error) => error === reason);
  assert.ok(performance.now() - begun < 1000, "the call went on");
});

test("a signal that was aborted before rejects at once, and nothing is done", async () => {
  await assert.rejects(Image.load(archive, { signal: AbortSignal.abort() }), { name: "AbortError" });
  assert.deepEqual(await Image.list(), []);
});

test("AbortSignal.timeout is a deadline", async () => {
  const signal = AbortSignal.timeout(20);
  await assert.rejects(Image.load(endlessArchive(folder), { signal }), { name: "TimeoutError" });
});

test("an abort after the end changes nothing", async () => {
  const controller = new AbortController();
  const images = await Image.load(archive, { signal: controller.signal });
  controller.abort();
  assert.equal(images.length, 1);
});

test("progress runs from resolving to complete, with exact numbers", async () => {
  await Image.prune();
  const events = [];
  await Image.load(archive, { onProgress: (event) => events.push(event) });
  assert.equal(events[0].phase, "resolving");
  assert.equal(events[0].total, null);
  assert.equal(events.at(-1).phase, "complete");
  const layer = events.find((event) => event.phase === "materializing");
  assert.equal(typeof layer.done, "bigint");
  assert.ok(layer.total > 0n);
  assert.equal(layer.count, 2);
  assert.match(layer.item, /^sha256:/);
});

test("a progress callback that throws stops the call", async () => {
  await Image.prune();
  for (const thrown of [new RangeError("enough"), "a text"]) {
    const load = Image.load(archive, { onProgress: () => { throw thrown; } });
    await assert.rejects(load, (error) => error === thrown);
  }
});

test("progress and signal go together", async () => {
  await Image.prune();
  const controller = new AbortController();
  const phases = [];
  const pipe = endlessArchive(folder);
  const writer = await open(pipe, "r+");
  const load = Image.load(pipe, {
    signal: controller.signal,
    onProgress: ({ phase }) => { phases.push(phase); controller.abort(); },
  });
  await assert.rejects(load, { name: "AbortError" });
  await writer.close();
  assert.deepEqual(phases, ["resolving"]);
});

test("a thread that is terminated amid calls takes them along", async () => {
  const worker = new Worker(`
    const { workerData, parentPort } = require("node:worker_threads");
    const { Image } = require("microsandbox");
    for (let i = 0; i < 4; i++) Image.load(workerData, { onProgress: () => parentPort.postMessage("runs") });
  `, { eval: true, workerData: endlessArchive(folder) });
  await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
  assert.equal(await worker.terminate(), 1);
});
