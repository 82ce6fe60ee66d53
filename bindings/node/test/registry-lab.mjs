// A registry, and everything that can go wrong with it: the servers of tests/support/registry_lab.py.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { after } from "node:test";

/** Why there are no servers; false where there are. */
export const missing = (() => {
  const lacking = ["docker-registry", "skopeo", "openssl", "python3"].filter(
    (program) => spawnSync(program, ["--version"], { stdio: "ignore" }).error);
  return lacking.length > 0 && `no ${lacking.join(", ")}`;
})();

/** Starts them; resolves to what they say of themselves: PLAIN, BASIC, TLS, PROXY are ports on 127.0.0.1. */
export async function registryLab(folder) {
  const work = join(folder, "registry");
  mkdirSync(work);
  const lab = spawn("python3", ["-B", "-W", "ignore", process.env.MSB_REGISTRY_LAB, work], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => lab.once("exit", resolve));
  after(async () => {
    lab.stdin.end();
    await ended;
  });
  const facts = {};
  for await (const line of createInterface({ input: lab.stdout })) {
    if (line === "ready") return facts;
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (key) facts[key] = value;
  }
  throw new Error("the registry has ended before it was ready");
}
