// What the tests share: a home of their own, an image to put into it, and the check that nothing was left behind.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { Client, Image, Sandbox, liveHandles } from "microsandbox";

/** An archive of one image, `demo/busybox:1`, that whoever runs the tests has made. */
export const archive = process.env.MSB_TEST_IMAGE;
export const reference = "demo/busybox:1";

/** A folder for this test file, which is the default home too; at the end no object of the library may be left. */
export function workspace() {
  const folder = mkdtempSync(join(tmpdir(), "msb-node-"));
  process.env.MSB_HOME = join(folder, "home");
  after(async () => {
    await (await Client.default()).close();
    await collected();
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc");

/** Waits for the collector to have freed what nobody refers to any more. */
export async function collected() {
  for (let turn = 0; turn < 50 && liveHandles() > 0; turn++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.equal(liveHandles(), 0, "objects of the library are left");
}

/** A pipe that nobody writes to: whoever reads an archive from it waits until it is stopped. */
export function endlessArchive(folder) {
  const path = join(folder, `pipe-${Math.random().toString(36).slice(2)}`);
  execFileSync("mkfifo", [path]);
  return path;
}

/** Why no machine can be run here; false where they can. */
export const noMachines = (() => {
  if (process.env.MSB_TEST_NO_SHELL) return process.env.MSB_TEST_NO_SHELL;
  if (process.arch !== "x64") return "machines run on x86-64 hosts only";
  if (spawnSync("qemu-system-x86_64", ["--version"], { stdio: "ignore" }).error) return "no QEMU: install qemu-system-x86";
  if (!readdirSync("/boot").some((name) => name.startsWith("vmlinuz-"))) return "no kernel: install linux-image-amd64";
  return false;
})();

/** Fast enough everywhere, and no attempt at KVM. */
export const machine = { accelerator: "tcg", memory: 256 };

/** A stopped sandbox of the demo image, with a small disk. */
export async function sandbox(name, options) {
  if ((await Image.list(options)).length === 0) await Image.load(archive, options);
  return Sandbox.builder(name).image(reference).ociUpperSize(128).boot(false).create(options);
}
