// Errors: classes, codes, facts, and arguments that no library call could take.
import assert from "node:assert/strict";
import { join } from "node:path";
import { writeFileSync } from "node:fs";
import { test } from "node:test";

import { Image, ImageError, ImageNotFoundError, InvalidConfigError, IoError, MicrosandboxError } from "microsandbox";

import { workspace } from "./support.mjs";

const folder = workspace();

test("an error has its class, code, facts and the native error as cause", async () => {
  const error = await Image.get("alpine:3.20").catch((caught) => caught);
  assert.ok(error instanceof ImageNotFoundError && error instanceof MicrosandboxError && error instanceof Error);
  assert.equal(error.name, "ImageNotFoundError");
  assert.equal(error.code, "imageNotFound");
  assert.equal(error.message, "image not found: alpine:3.20");
  assert.equal(error.details.reference, "alpine:3.20");
  assert.equal(error.cause.status, 200);
  assert.match(error.stack, /error\.test\.mjs/);
});

test("a failure of the operating system has its errno", async () => {
  const error = await Image.load(join(folder, "absent.tar")).catch((caught) => caught);
  assert.ok(error instanceof IoError);
  assert.equal(error.errno, 2);
  assert.match(error.message, /^io error: .*absent\.tar/);
});

test("a malformed archive", async () => {
  const path = join(folder, "text.tar");
  writeFileSync(path, "no archive at all");
  await assert.rejects(Image.load(path, { tag: "x" }), { name: ImageError.name, code: "image" });
});

test("a malformed reference", async () => {
  await assert.rejects(Image.get("UPPER CASE"), { name: InvalidConfigError.name, code: "invalidConfig" });
});

test("a NUL byte in a text is refused, not cut", async () => {
  await assert.rejects(Image.get("alpine\0:3"), { code: "invalidConfig", message: /reference contains a NUL byte/ });
});

test("values of another type are a TypeError that names them", async () => {
  await assert.rejects(Image.get(42), { name: "TypeError", message: "reference must be a string" });
  await assert.rejects(Image.get(), TypeError);
  await assert.rejects(Image.load("x", { tag: 1 }), { name: "TypeError", message: "options.tags[0] must be a string" });
  await assert.rejects(Image.list({ onProgress: "no" }), { name: "TypeError", message: /onProgress must be a function/ });
  await assert.rejects(Image.remove("x", { force: "yes" }), TypeError);
  await assert.rejects(Image.list({ client: { handle: {} } }), { message: "client must be an object of this library" });
});

test("unpaired surrogates become U+FFFD, as everywhere in Node", async () => {
  await assert.rejects(Image.get("\ud800"), { code: "invalidConfig", message: /\ufffd/ });
});

test("errors of users' own making", () => {
  const error = new ImageNotFoundError("mine", { cause: 1 });
  assert.equal(error.code, "imageNotFound");
  assert.equal(error.cause, 1);
  assert.equal(new MicrosandboxError("custom", "text").name, "MicrosandboxError");
});
