// The table of errors is that of src/base/status.def, row by row, and the loaded library has the same.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";

import * as microsandbox from "microsandbox";

const require = createRequire(import.meta.url);
const dist = dirname(require.resolve("microsandbox"));
const { toError } = require(join(dist, "failure.js"));
const { native } = require(join(dist, "native.js"));

const row = /^MSB_STATUS\((\w+), (\d+), "(\w*)", "[^"]*", "(\w*)", "(\w*)"/gm;
const rows = [...readFileSync(process.env.MSB_STATUS_TABLE, "utf8").matchAll(row)];

test("the table is there", () => assert.ok(rows.length > 45));

for (const [, tag, value, kind, name, code] of rows) {
  test(`${tag} is ${name}`, () => {
    assert.equal(native.statusTag(Number(value)), tag);
    const raw = Object.assign(new Error("what happened"), { status: Number(value), kind, tag, errno: 0, details: {} });
    const error = toError(raw);
    assert.equal(error.name, name);
    if (code) {
      assert.ok(error instanceof microsandbox[name]);
      assert.equal(error.code, code);
      assert.equal(error.cause, raw);
    }
    const expected = /^Snapshot(?!ReadOnly|HasChildren|Archive)\w+Error$/.test(name) ? `[${kind}] what happened` : "what happened";
    assert.equal(error.message, expected);
  });
}

test("a status of a newer library is the base class", () => {
  const raw = Object.assign(new Error("new"), { status: 999, kind: "Unknown", tag: "unknown", errno: 0, details: {} });
  assert.equal(toError(raw).name, "MicrosandboxError");
});
