// Every example runs as it is, and so does the JavaScript of the README.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

import { Client, Image } from "microsandbox";

import { archive, reference, workspace } from "./support.mjs";

const folder = workspace();
const examples = fileURLToPath(new URL("../examples/", import.meta.url));
const run = (home, program, ...args) =>
  execFileSync(process.execPath, [program, ...args], {
    cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, MSB_HOME: join(folder, home) },
  });

const expected = [
  ["images.mjs", archive, /^demo\/busybox:1: linux\/\w+, runs \/bin\/greet\n  0 sha256:/],
  ["cancel.mjs", archive, /^demo\/busybox:1$/m],
  ["snapshots.mjs", reference, /^worker-2 begins where baseline was\ndisk is as recorded: msb-[^]*\nready 4294967296n /m],
];

await Image.load(archive, { client: await Client.open({ home: join(folder, "examples") }) });

test("all are here", () => assert.deepEqual(readdirSync(examples).sort(), expected.map(([name]) => name).sort()));

for (const [name, argument, output] of expected) {
  test(name, () => assert.match(run("examples", join(examples, name), argument), output));
}

const root = dirname(createRequire(import.meta.url).resolve("microsandbox/package.json"));
const blocks = [...readFileSync(join(root, "README.md"), "utf8").matchAll(/```js\n([^]*?)```/g)].map(([, code]) => code);

test("README has programs", () => assert.ok(blocks.length >= 5));

for (const [index, code] of blocks.entries()) {
  const skip = /\bawait using\b/.test(code) && Number(process.versions.node.split(".")[0]) < 24
    ? "this Node has no `await using`" : false;
  test(`README, program ${index}: ${code.split("\n")[0]}`, { skip }, () => {
    copyFileSync(archive, join(folder, "image.tar"));
    const program = new URL(`readme-${index}.mjs`, import.meta.url); // beside us, where the package is found
    const imports = /^import/m.test(code) ? "" : 'import { Image, Sandbox, Snapshot } from "microsandbox";\n';
    writeFileSync(program, imports + code.replace("/srv/sandboxes", join(folder, "srv")));
    run("readme", fileURLToPath(program));
  });
}
