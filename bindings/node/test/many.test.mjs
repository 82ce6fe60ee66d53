// Ten thousand snapshots are listed without a pause that anybody would notice; the figures are in the output.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { monitorEventLoopDelay } from "node:perf_hooks";

import { Snapshot } from "microsandbox";

import { sandbox, workspace } from "./support.mjs";

const folder = workspace();
const count = 10_000;
const skip = spawnSync("sqlite3", ["--version"]).status === 0 ? false : "no sqlite3 to fill the index with";

/** Rows like the one that is there. Making so many snapshots would take minutes. */
function fillIndex() {
  const database = join(folder, "home/db/msb.db");
  const sql = (text) => execFileSync("sqlite3", [database, text], { encoding: "utf8" }).trim();
  const columns = sql("select group_concat(name) from pragma_table_info('snapshot_index')").split(",");
  const other = { digest: "printf('sha256:%064x', i)", name: "'n' || i", artifact_path: "artifact_path || i",
                  size_bytes: "9007199254740993 + i" };
  sql(`with recursive n(i) as (select 1 union all select i + 1 from n where i < ${count - 1})
       insert into snapshot_index (${columns}) select ${columns.map((name) => other[name] ?? name)} from snapshot_index, n`);
}

test("list 10,000", { skip }, async (t) => {
  await sandbox("source");
  await Snapshot.builder("source").name("first").create();
  fillIndex();
  await Snapshot.list(); // what comes once
  const pauses = monitorEventLoopDelay({ resolution: 1 });
  pauses.enable();
  const begun = performance.now();
  const rows = await Snapshot.list();
  const took = performance.now() - begun;
  await new Promise((resolve) => setTimeout(resolve, 5));
  pauses.disable();
  assert.equal(rows.length, count);
  assert.ok(rows.some(({ sizeBytes }) => sizeBytes === 9007199254740994n), "sizes beyond 2^53 are exact");
  t.diagnostic(`listed in ${took.toFixed(1)} ms, longest pause ${(pauses.max / 1e6).toFixed(1)} ms`);
  assert.ok(pauses.max < 500e6, "the event loop stood still");
});
