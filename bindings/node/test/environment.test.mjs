// The home is the one that the program sees in its environment, which is not always that of the process.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { Worker } from "node:worker_threads";

import { workspace } from "./support.mjs";

const folder = workspace();
const module = createRequire(import.meta.url).resolve("microsandbox");

/** Opens the default home, and says where it is. */
const program = `
  const { Client, Home } = require(${JSON.stringify(module)});
  const tell = (async () => {
    const { home: looked } = await Home.inspect();
    const client = await Client.default();
    await client.close();
    return [looked, client.home].join();
  })();`;

function inWorker(env) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(`${program} tell.then((home) => require("worker_threads").parentPort.postMessage(home));`,
                              { eval: true, env });
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

test("a worker with an environment of its own", async () => {
  const home = join(folder, "worker");
  assert.equal(await inWorker({ ...process.env, MSB_HOME: home }), `${home},${home}`);
  const below = join(folder, "user", ".microsandbox");
  assert.equal(await inWorker({ HOME: join(folder, "user") }), `${below},${below}`);
  assert.equal(existsSync(process.env.MSB_HOME), false);
});

for (const [runtime, arguments_] of [["node", []], ["bun", []], ["deno", ["--allow-all"]]]) {
  const missing = spawnSync(runtime, ["--version"], { stdio: "ignore" }).error && `no ${runtime}`;
  test(`what a program of ${runtime} sets`, { skip: missing }, () => {
    const home = join(folder, runtime);
    const script = `${program.replaceAll("\n", " ")} tell.then((home) => console.log(home));`;
    const set = `const { env } = require("node:process"); env.MSB_HOME = ${JSON.stringify(home)}; ${script}`;
    const run = runtime === "deno" ? ["eval", "--ext=cjs", set] : [...arguments_, "-e", set];
    const { stdout, stderr } = spawnSync(runtime, run, { env: { ...process.env, MSB_HOME: join(folder, "outer") }, encoding: "utf8" });
    assert.equal(stdout, `${home},${home}\n`, stderr);
    assert.equal(existsSync(join(folder, "outer")), false);
  });
}
