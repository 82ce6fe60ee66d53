"""Sandboxes that run, in real machines: the documented flow, from image to fork."""
import asyncio
import os
import pathlib
import unittest
from typing import List, Tuple
from unittest import mock

import microsandbox
from microsandbox import Image, MachineOptions, Sandbox, Snapshot, client, sync
from microsandbox._capi import machines, sandboxes
from support import HomeTest, make_demo_image, why_no_machines


@unittest.skipIf(why_no_machines(), str(why_no_machines()))
class Machines(HomeTest):
    """Boots are slow where they are emulated: each test asks as much as it can of one."""

    async def load(self) -> None:
        make_demo_image(self.work / "image.tar")
        await Image.load(self.work / "image.tar")

    async def test_run_snapshot_fork(self) -> None:
        await self.load()
        base = await Sandbox.create("base", image=Image.oci("demo/busybox:1", upper_size_mib=128), boot=False,
                                    env={"GREETING": "hello"}, memory=256)
        heard: List[Tuple[str, bytes]] = []
        done = await Sandbox.run(
            "base", ["/bin/sh", "-c", "echo $GREETING $NAME; pwd; echo kept > /root/kept; printf '\\377' >&2; exit 7"],
            env={"NAME": "you"}, cwd="/etc", accelerator="tcg", grace=5.0, output_limit=1 << 20,
            on_output=lambda source, data: heard.append((source, data)))
        self.assertEqual((done.exit_code, done.signal, done.success, done.stdout_bytes), (7, None, False, b""))
        self.assertEqual((done.stdout_total, done.stderr_total), (15, 1))
        self.assertEqual(b"".join(data for source, data in heard if source == "stdout"), b"hello you\n/etc\n")
        self.assertEqual(b"".join(data for source, data in heard if source == "stderr"), b"\xff")
        self.assertEqual(await base.logs(), b"hello you\n/etc\n")
        self.assertEqual((await base.wait_until_stopped()).exit_code, 7)

        ready = await Snapshot.create("base", name="ready")
        async with Sandbox.create_with_progress(
                "fork", from_snapshot="ready", accelerator="tcg", machine=MachineOptions(console=True, ready_timeout=90.0),
                command=["/bin/sh", "-c", "cat /root/kept; exec sleep 1000"]) as session:
            phases = [event.phase async for event in session.progress]
            fork = await session.result()
            with self.assertRaisesRegex(RuntimeError, "consumed"):
                await session.result()
        self.assertEqual((phases.count("complete"), phases[-1]), (1, "complete"))
        async with fork:
            handle = await Sandbox.get("fork")
            self.assertEqual(handle.status, "running")
            self.assertFalse(await (await handle.connect()).owns_lifecycle)
            with self.assertRaises(microsandbox.SnapshotSandboxRunningError):
                await Snapshot.create("fork", name="early")
            with self.assertRaises(microsandbox.SandboxStillRunningError):
                await handle.run(["/bin/true"])
            for refused in (fork.exec("ls"), fork.shell("ls"), fork.attach("sh")):
                with self.assertRaisesRegex(microsandbox.UnsupportedError, "in the running sandbox fork"):
                    await refused
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(fork.wait_until_stopped(), 0.05)
            while await fork.logs() != b"kept\n":
                await asyncio.sleep(0.02)
            self.assertIn(b"Linux version", await fork.logs(source="console"))
        ended = await fork.wait_until_stopped()
        self.assertEqual((ended.name, ended.status, ended.signal, ended.source), ("fork", "stopped", 15, "signalled"))
        self.assertEqual(await fork.logs(limit=4), b"ept\n")
        self.assertEqual((await Snapshot.create("fork", name="forked")).parent, ready.digest)

    async def test_a_creation_that_is_cancelled_leaves_nothing(self) -> None:
        await self.load()
        task = asyncio.create_task(Sandbox.create("gone", image="demo/busybox:1", accelerator="tcg"))
        while [handle.status for handle in await Sandbox.list()] != ["starting"]:
            await asyncio.sleep(0.01)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.assertEqual(await Sandbox.list(), [])


class Owned(HomeTest):
    """Sandboxes that end with their client."""

    async def test_stopped_when_the_home_is_closed(self) -> None:
        with mock.patch.object(machines, "stop", wraps=machines.stop) as stop:
            async with microsandbox.Client(self.work / "other") as other:
                await Image.load(self.input("app.tar"))
                for name in ("one", "two", "three"):
                    await Sandbox.create(name, image="demo/app:1", boot=False)
                    client.own(other, name, True)  # as a boot has it
                await (await Sandbox.create("three", image="demo/app:1", boot=False, replace=True)).detach()
            self.assertEqual({call.args[2:] for call in stop.mock_calls},
                             {("one", client.GRACE), ("two", client.GRACE)})
        self.assertEqual(client._owned, set())


class NotBooted(HomeTest):
    """What cannot be booted leaves nothing, and says what is missing."""

    async def asyncSetUp(self) -> None:
        await Image.load(self.input("app.tar"))
        path = os.environ["PATH"]
        os.environ["PATH"] = str(self.work)
        self.addCleanup(os.environ.__setitem__, "PATH", path)

    async def test_no_qemu(self) -> None:
        for create in (Sandbox.create("one", image="demo/app:1"),
                       asyncio.to_thread(sync.Sandbox.create, "one", image="demo/app:1")):
            with self.assertRaisesRegex(microsandbox.UnsupportedError, "qemu-system-x86") as caught:
                await create
            self.assertEqual(caught.exception.details["package"], "qemu-system-x86")
            self.assertEqual(await Sandbox.list(), [])
        self.assertEqual(list(pathlib.Path(self.work, "home/sandboxes").iterdir()), [])

    async def test_a_session_that_fails(self) -> None:
        async with Sandbox.create_with_progress("one", image="demo/app:1") as session:
            phases = [event.phase async for event in session.progress]
            self.assertEqual([event async for event in session.progress], [])
            with self.assertRaises(microsandbox.UnsupportedError):
                await session.result()
        self.assertNotIn("complete", phases)

    async def test_what_exists_stays(self) -> None:
        await Sandbox.create("one", image="demo/app:1", boot=False)
        for start in (Sandbox.start("one", env={"A": "b"}, machine=MachineOptions(hostname="box")),
                      Sandbox.run("one", ["ls"]), (await Sandbox.get("one")).run(["ls"])):
            with self.assertRaises(microsandbox.UnsupportedError):
                await start
        self.assertEqual((await Sandbox.get("one")).status, "stopped")

    async def test_what_is_replaced_is_stopped_first(self) -> None:
        runs = microsandbox.SandboxStillRunningError("sandbox still running: one")
        with mock.patch.object(sandboxes, "create", side_effect=[runs, None, runs, runs]), \
                mock.patch.object(machines, "stop") as stop:
            await Sandbox.create("one", image="demo/app:1", boot=False, replace=True)
            self.assertEqual([call.args[2:] for call in stop.mock_calls], [("one", client.GRACE)])
            with self.assertRaises(microsandbox.SandboxStillRunningError):
                await Sandbox.create("one", image="demo/app:1", boot=False, replace=True)

    async def test_arguments(self) -> None:
        sandbox = await Sandbox.create("one", image="demo/app:1", boot=False)
        with self.assertRaises(ValueError):
            await Sandbox.create("two", image="demo/app:1", boot=False, command=["ls"])
        with self.assertRaises(ValueError):
            await Sandbox.run("one", [])
        with self.assertRaises(ValueError):
            await Sandbox.run("one", ["ls"], accelerator="steam")
        with self.assertRaises(TypeError):
            await Sandbox.run("one", "ls")
        with self.assertRaises(ValueError):
            await sandbox.logs(source="elsewhere")


if __name__ == "__main__":
    unittest.main()
