// Every example runs as it is.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

import { archive, workspace } from "./support.mjs";

workspace();
const examples = new URL("../examples/", import.meta.url);
const prints = {
  "cancel.mjs": /^demo\/busybox:1$/m,
  "images.mjs": /^demo\/busybox:1: linux\/\w+, runs \/bin\/greet\n  0 sha256:/,
};

test("all are here", () => assert.deepEqual(readdirSync(examples).sort(), Object.keys(prints)));

for (const [name, expected] of Object.entries(prints)) {
  test(name, () => {
    const output = execFileSync(process.execPath, [fileURLToPath(new URL(name, examples)), archive], {
      encoding: "utf8", stdio: ["ignore", "pipe", "ignore"],
    });
    assert.match(output, expected);
  });
}
