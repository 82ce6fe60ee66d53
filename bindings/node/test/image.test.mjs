// The image cache, as the SDK pages show it.
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, test } from "node:test";

import { Image, ImageHandle, ImageNotFoundError } from "microsandbox";

import { archive, reference, workspace } from "./support.mjs";

const folder = workspace();
const digest = /^sha256:[0-9a-f]{64}$/;

beforeEach(async () => {
  for (const image of await Image.list()) await Image.remove(image.reference);
  await Image.load(archive);
});

test("load yields the images of the archive", async () => {
  const images = await Image.load(archive, { tag: "again:2" });
  assert.deepEqual(images.map((image) => image.reference).sort(), ["again:2", reference]);
  assert.ok(images.every((image) => image instanceof ImageHandle));
});

test("get tells what the index knows", async () => {
  const image = await Image.get(reference);
  assert.equal(image.reference, reference);
  assert.match(image.manifestDigest, digest);
  assert.equal(image.os, "linux");
  assert.equal(image.layerCount, 2);
  assert.equal(typeof image.sizeBytes, "number");
  assert.ok(image.createdAt instanceof Date && Math.abs(Date.now() - image.createdAt) < 60_000);
  assert.ok(image.lastUsedAt instanceof Date);
});

test("get finds an image by the full form of its reference", async () => {
  assert.equal((await Image.get("docker.io/demo/busybox:1")).reference, reference);
});

test("inspect adds config and layers", async () => {
  const { handle, config, layers } = await Image.inspect(reference);
  assert.deepEqual(handle, await Image.get(reference));
  assert.match(config.digest, digest);
  assert.deepEqual(
    { ...config, digest: undefined },
    {
      digest: undefined, env: ["PATH=/bin"], cmd: ["/bin/greet"], entrypoint: null, workingDir: "/root", user: "0:0",
      labels: { "org.opencontainers.image.title": "demo" }, stopSignal: "SIGTERM",
    },
  );
  assert.deepEqual(layers.map((layer) => layer.position), [0, 1]);
  for (const layer of layers) {
    assert.match(layer.diffId, digest);
    assert.match(layer.blobDigest, digest);
    assert.ok(layer.compressedSizeBytes > 0 && layer.erofsSizeBytes > 0);
  }
});

test("remove takes a reference away", async () => {
  await Image.remove(reference, { force: true });
  await assert.rejects(Image.get(reference), ImageNotFoundError);
  assert.deepEqual(await Image.list(), []);
});

test("prune reports what it removed, and null bytes when that was nothing", async () => {
  const report = await Image.prune();
  assert.equal(report.imageRefsRemoved, 1);
  assert.equal(report.layersRemoved, 2);
  assert.ok(report.bytesReclaimed > 0);
  assert.deepEqual(await Image.prune(), {
    imageRefsRemoved: 0, manifestsRemoved: 0, layersRemoved: 0, fsmetaRemoved: 0, vmdkRemoved: 0, bytesReclaimed: null,
  });
});

test("gc and gcLayers leave what images use", async () => {
  assert.equal(await Image.gcLayers(), 0);
  assert.equal(await Image.gc(), 0);
  await Image.get(reference);
});

for (const format of ["docker", "oci"]) {
  test(`save writes an archive that load takes again: ${format}`, async () => {
    const outputPath = join(folder, `${format}.tar`);
    await Image.save(format === "oci" ? [reference] : reference, { outputPath, format });
    assert.ok(statSync(outputPath).size > 0);
    const { layers } = await Image.inspect(reference);
    await Image.remove(reference);
    await Image.load(outputPath);
    assert.deepEqual((await Image.inspect(reference)).layers.map((layer) => layer.diffId),
                     layers.map((layer) => layer.diffId));
  });
}
