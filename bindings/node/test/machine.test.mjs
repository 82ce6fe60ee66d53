// Sandboxes that run, in real machines: few boots, as each takes seconds.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

import { Image, Sandbox, SandboxStillRunningError, Snapshot, SnapshotSandboxRunningError } from "microsandbox";

import { archive, machine, noMachines, reference, workspace } from "./support.mjs";

workspace();

test("create, run, stop, snapshot, fork", { skip: noMachines }, async (group) => {
  await Image.load(archive);

  await group.test("a sandbox that is attached runs as long as its program", async () => {
    const program = fileURLToPath(new URL("attached.mjs", import.meta.url));
    const child = spawn(process.execPath, [program, "baseline", reference], { stdio: ["pipe", "pipe", "inherit"] });
    const exit = once(child, "exit");
    const [line] = await Promise.race([once(child.stdout.setEncoding("utf8"), "data"), exit]);
    assert.equal(line, "baseline is up\n");

    const handle = await Sandbox.get("baseline");
    assert.equal(handle.status, "running");
    const other = await handle.connect();
    assert.equal(other.ownsLifecycle, false);
    await assert.rejects(handle.snapshot("early"), SnapshotSandboxRunningError);
    await assert.rejects(handle.remove(), SandboxStillRunningError);
    await assert.rejects(handle.start(), SandboxStillRunningError);
    await assert.rejects(other.waitUntilStopped({ signal: AbortSignal.timeout(20) }), { name: "TimeoutError" });

    child.kill("SIGKILL"); // nothing of the program can see to it
    assert.deepEqual(await exit, [null, "SIGKILL"]);
    const { status, exitCode, signal, source } = await other.waitUntilStopped();
    assert.deepEqual([status, exitCode, signal, source], ["stopped", 0, null, "exited"]);
  });

  await group.test("a command has its environment, and its output and exit code come back", async () => {
    const command = ["/bin/sh", "-c", "cat /etc/motd; echo $GREETING; pwd; echo kept > /root/kept; echo oops >&2; exit 7"];
    const result = await Sandbox.run("baseline", command, { ...machine, env: { GREETING: "hello there" }, cwd: "/etc" });
    assert.equal(result.stdout.toString(), "Welcome to the demo image.\nhello there\n/etc\n");
    assert.equal(result.stderr.toString(), "oops\n");
    const { exitCode, signal, clean, stdoutTotal, stderrTotal, accelerator, readyMs, totalMs } = result;
    assert.deepEqual(
      { exitCode, signal, clean, stdoutTotal, stderrTotal, accelerator },
      { exitCode: 7, signal: null, clean: true, stdoutTotal: 44, stderrTotal: 5, accelerator: "tcg" });
    assert.ok(readyMs > 0 && totalMs >= readyMs);
    const handle = await Sandbox.get("baseline");
    assert.equal(handle.status, "stopped");
    assert.equal((await handle.logs({ source: "stderr" })).toString(), "oops\n");
    assert.equal((await handle.logs({ maxBytes: 3 })).toString(), "tc\n");
    assert.ok(Buffer.isBuffer(await handle.logs({ source: "console" })));
  });

  await group.test("a fork begins where the snapshot was; its output comes as it is written; it is stopped amid", async () => {
    const sb = await Sandbox.get("baseline");
    await sb.stop();
    const snap = await Snapshot.builder("baseline").name("after-install").recordIntegrity().create();
    const fork = await Sandbox.builder("worker").fromSnapshot(snap.path).boot(false).create();
    const heard = [];
    let stopping;
    const result = await fork.run(["/bin/sh", "-c", "cat /root/kept; echo more > /root/more; exec sleep 600"], {
      ...machine,
      onOutput(chunk, source) {
        heard.push(`${source}: ${chunk}`);
        stopping = fork.stop();
      },
    });
    await stopping;
    assert.deepEqual(heard, ["stdout: kept\n"]);
    assert.deepEqual([result.clean, result.stdout.length, result.stdoutTotal], [true, 0, 5]);
    assert.equal(result.exitCode, 128 + result.signal);
    assert.equal((await Sandbox.get("worker")).status, "stopped");
  });

  await group.test("a start that is aborted leaves it stopped", async () => {
    const late = AbortSignal.timeout(300);
    await assert.rejects(Sandbox.start("worker", { ...machine, signal: late }), { name: "TimeoutError" });
    assert.equal((await Sandbox.get("worker")).status, "stopped");
  });
});
