// Every example runs as it is, and so does the JavaScript of the README.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

import { Client, Image } from "microsandbox";

import { missing, registryLab } from "./registry-lab.mjs";
import { archive, noMachines, reference, workspace } from "./support.mjs";

const folder = workspace();
const examples = fileURLToPath(new URL("../examples/", import.meta.url));
const run = (home, program, ...args) =>
  execFileSync(process.execPath, [program, ...args], {
    cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, MSB_HOME: join(folder, home) },
  });

/** A host that config.json lets be spoken to without TLS; without servers the example is left out. */
async function registry() {
  const { PLAIN } = await registryLab(folder);
  const host = `127.0.0.1:${PLAIN}`;
  const config = { registries: { hosts: { [host]: { insecure: true } } } };
  mkdirSync(join(folder, "examples"), { recursive: true });
  writeFileSync(join(folder, "examples/config.json"), JSON.stringify(config));
  return host;
}
const pulled = missing ? "" : `${await registry()}/multi:1`;

const expected = [
  ["images.mjs", archive, /^demo\/busybox:1: linux\/\w+, runs \/bin\/greet\n  0 sha256:/],
  ["cancel.mjs", archive, /^demo\/busybox:1$/m],
  ["pull.mjs", pulled, /:\d+\/multi:1 is sha256:\w+\n3 layers fetched, 0 were there; \d+ bytes\n/],
  ["snapshots.mjs", reference, /^worker-2 begins where baseline was\ndisk is as recorded: msb-[^]*\nready 4294967296n /m],
];

await Image.load(archive, { client: await Client.open({ home: join(folder, "examples") }) });

test("all are here", () => assert.deepEqual(readdirSync(examples).sort(), expected.map(([name]) => name).sort()));

for (const [name, argument, output] of expected) {
  test(name, { skip: argument ? false : missing }, () => assert.match(run("examples", join(examples, name), argument), output));
}

const root = dirname(createRequire(import.meta.url).resolve("microsandbox/package.json"));
const blocks = [...readFileSync(join(root, "README.md"), "utf8").matchAll(/```js\n([^]*?)```/g)].map(([, code]) => code);

test("README has programs", () => assert.ok(blocks.length >= 5));

for (const [index, code] of blocks.entries()) {
  const skip = /\.run\(/.test(code) && noMachines ? noMachines : /\bawait using\b/.test(code) && Number(process.versions.node.split(".")[0]) < 24
    ? "this Node has no `await using`" : false;
  test(`README, program ${index}: ${code.split("\n")[0]}`, { skip }, () => {
    copyFileSync(archive, join(folder, "image.tar"));
    const program = new URL(`readme-${index}.mjs`, import.meta.url); // beside us, where the package is found
    const imports = /^import/m.test(code) ? "" : 'import { Image, Sandbox, Snapshot } from "microsandbox";\n';
    writeFileSync(program, imports + code.replace("/srv/sandboxes", join(folder, "srv")));
    run("readme", fileURLToPath(program));
  });
}
