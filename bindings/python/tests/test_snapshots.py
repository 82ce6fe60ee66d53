"""Snapshots and sandboxes beyond the conformance cases: what is Python's own."""
import asyncio
import pathlib
import pickle
import time
import unittest
from typing import List

import microsandbox
from microsandbox import Image, Sandbox, Snapshot, sync
from support import HomeTest


class SnapshotTest(HomeTest):
    """A home with a stopped sandbox."""

    async def base(self) -> None:
        await Image.load(self.input("app.tar"))
        await Sandbox.create("base", image=Image.oci("demo/app:1", upper_size_mib=256), boot=False)


class Create(SnapshotTest):
    """Both forms of create(), and what is refused."""

    async def test_arguments_are_refused_when_it_is_awaited(self) -> None:
        for arguments in ({}, {"name": "a", "path": "b"}):
            with self.assertRaises(ValueError):
                await Snapshot.create("base", **arguments)  # type: ignore[arg-type]
            with self.assertRaises(ValueError):
                sync.Snapshot.create("base", **arguments)  # type: ignore[arg-type]
        with self.assertRaises(ValueError):
            await Snapshot.create(name="a")
        with self.assertRaises(ValueError):
            await Snapshot.create("a", name="b", from_sandbox="c")
        with self.assertRaises(microsandbox.UnsupportedError):
            await Snapshot.create("a", from_sandbox="b", resumable=True)
        failures = await asyncio.gather(Snapshot.create("base"), Snapshot.create("base", name="a", path="b"),
                                        return_exceptions=True)
        self.assertEqual([type(failure) for failure in failures], [ValueError, ValueError])

    async def test_work_that_was_done_is_no_cancellation(self) -> None:
        await self.base()
        outcomes = set()
        for turn in range(60):
            name = f"turn-{turn}"
            task = asyncio.create_task(Snapshot.create("base", name=name))
            await asyncio.sleep(turn / 3000)
            task.cancel()
            try:
                made = (await task).path
                self.assertFalse(task.cancelled())
            except asyncio.CancelledError:
                made = None
            there = await Snapshot.list()
            self.assertEqual([snapshot.path for snapshot in there if snapshot.name == name], [made] if made else [])
            outcomes.add(made is None)
        self.assertEqual(outcomes, {True, False})

    async def test_forms(self) -> None:
        await self.base()
        self.assertEqual((await Snapshot.create("base", name="one")).source_sandbox, "base")
        self.assertEqual((await Snapshot.create("two", from_sandbox="base")).source_sandbox, "base")
        self.assertEqual((await Snapshot.create(name="three", from_sandbox="base")).source_sandbox, "base")
        apart = await Snapshot.create("four", from_sandbox="base", dest_dir=self.work / "apart")
        self.assertEqual(apart.path, str(self.work / "apart/four"))
        at = await Snapshot.create("base", path=pathlib.Path(self.work, "five"))
        self.assertEqual(at.path, str(self.work / "five"))

    async def test_paths_are_taken_everywhere(self) -> None:
        await self.base()
        path, archive = self.work / "one", self.work / "one.tar"
        made = await Snapshot.create("base", path=path)
        self.assertEqual((await Snapshot.open(path)).digest, made.digest)
        self.assertEqual((await Snapshot.get(path)).digest, made.digest)
        await Snapshot.export(path, archive, plain_tar=True)
        await Snapshot.remove(path)
        await Snapshot.import_(archive, dest=self.work / "there")
        self.assertEqual(len(await Snapshot.list_dir(self.work / "there")), 1)
        self.assertEqual(await Snapshot.reindex(self.work / "there"), 1)

    async def test_without_await(self) -> None:
        await self.base()
        with sync.Snapshot.create("base", name="one", record_integrity=True) as made:
            self.assertEqual(made.verify()["upper"]["kind"], "verified")
        [row] = sync.Snapshot.list()
        self.assertEqual(row.open().digest, row.digest)
        with sync.Sandbox.create("fork", from_snapshot="one", boot=False) as fork:
            self.assertEqual(fork.name, "fork")
        sync.Sandbox.get("fork").snapshot("two")
        self.assertEqual([handle.name for handle in sync.Snapshot.list()], ["two", "one"])


class Convert(SnapshotTest):
    """Snapshots in the form of other releases."""

    async def test_arguments(self) -> None:
        await self.base()
        made = await Snapshot.create("base", path=self.work / "made")
        new = await Snapshot.convert(pathlib.Path(made.path), path=self.work / "new", form="snapshot.json")
        self.assertNotEqual(new.digest, made.digest)
        with sync.Snapshot.convert(new.path, name="back", dest_dir=self.work, integrity_algorithm="sha256") as back:
            self.assertEqual(back.path, str(self.work / "back"))
        for arguments in ({"form": "groups"}, {"form": "manifest"}, {"integrity_algorithm": "md5"}, {"name": None}):
            with self.assertRaisesRegex(ValueError, "^invalid argument: "):
                await Snapshot.convert("made", **{"name": "x", **arguments})  # type: ignore[arg-type]
        with microsandbox.deadline(0), self.assertRaises(TimeoutError):
            await Snapshot.convert("made", name="x", form="snapshot.json")


class Closed(SnapshotTest):
    """Objects are given back by close(), and say so."""

    async def test_use_after_close(self) -> None:
        await self.base()
        with await Snapshot.create("base", name="one") as made:
            self.assertEqual(made.format, "raw")
        [row] = await Snapshot.list()
        row.close()
        row.close()
        for use in (lambda: made.digest, lambda: row.digest):
            with self.assertRaisesRegex(RuntimeError, "is closed"):
                use()
        with self.assertRaisesRegex(RuntimeError, "is closed"):
            await row.open()
        with self.assertRaisesRegex(RuntimeError, "is closed"):
            await made.verify()

    async def test_values_outlive_the_home(self) -> None:
        async with microsandbox.Client(self.work / "one"):
            await self.base()
            made = await Snapshot.create("base", name="one")
        self.assertEqual(made.source_sandbox, "base")
        with self.assertRaises(RuntimeError):
            await made.verify()

    async def test_pickle(self) -> None:
        await self.base()
        sandbox = await Sandbox.create("fork", image="demo/app:1", boot=False)
        things: List[object] = [await Snapshot.create("base", name="one"), await Snapshot.get("one"), sandbox,
                                await Sandbox.get("base")]
        for thing in things:
            with self.assertRaisesRegex(TypeError, f"cannot pickle a {type(thing).__name__}: .*; pickle its"):
                pickle.dumps(thing)


class Stopped(SnapshotTest):
    """What needs no machine to run is done."""

    async def test_stopped(self) -> None:
        await self.base()
        sandbox = await Sandbox.create("one", image="demo/app:1", cpus=2, memory=1024, env={"B": "2", "A": "ü"},
                                       pull_policy="if-missing", boot=False)
        self.assertEqual((await sandbox.name, await sandbox.owns_lifecycle), ("one", True))
        for call in (sandbox.stop(1.0), sandbox.kill(), sandbox.request_stop(), sandbox.request_kill(),
                     sandbox.request_drain(), sandbox.detach()):
            self.assertIsNone(await call)
        self.assertFalse(await sandbox.owns_lifecycle)
        result = await sandbox.wait_until_stopped()
        self.assertEqual((result.name, result.status, result.exit_code), ("one", "stopped", None))
        handle = await Sandbox.get("one")
        environment = handle.config()["env"]
        for variable in ({"key": "A", "value": "ü"}, {"key": "B", "value": "2"}):
            self.assertIn(variable, environment)
        self.assertEqual((handle.config()["resources"]["cpus"], handle.config()["resources"]["memory_mib"]), (2, 1024))
        self.assertIsNone(await handle.stop())
        with self.assertRaises(microsandbox.SandboxNotRunningError):
            await handle.connect()
        with self.assertRaises(microsandbox.SandboxNotFoundError):
            await Sandbox.start("none")
        self.assertEqual((await handle.refresh()).name, "one")
        await handle.remove()

    async def test_arguments(self) -> None:
        await self.base()
        for arguments in ({}, {"image": "demo/app:1", "snapshot": "x"}, {"snapshot": "x", "from_snapshot": "y"},
                          {"image": "demo/app:1", "pull_policy": "sometimes"}):
            with self.assertRaises(ValueError):
                await Sandbox.create("one", **arguments)  # type: ignore[arg-type]
        for unsupported in (Image.bind("/srv"), Image.disk("/srv/disk.raw"), "/srv", "./root", "../root", "disk.qcow2",
                            pathlib.Path("/srv/root")):
            with self.assertRaises(microsandbox.UnsupportedError):
                await Sandbox.create("one", image=unsupported)
        with self.assertRaises(TypeError):
            await Sandbox.create("one", image=7)  # type: ignore[arg-type]


class Many(SnapshotTest):
    """Long lists, and many tasks."""

    async def test_ten_thousand(self) -> None:
        await self.base()
        await Snapshot.create("base", name="seed")
        import sqlite3  # of the interpreter; shares no symbol with the library's own
        with sqlite3.connect(self.work / "home/db/msb.db") as rows:
            columns = [column for _, column, *_ in rows.execute("PRAGMA table_info(snapshot_index)")]
            changed = {"digest": "printf('sha256:%064x', n)", "name": "'copy-' || n"}
            rows.execute(
                "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 9999) "
                f"INSERT INTO snapshot_index ({', '.join(columns)}) "
                f"SELECT {', '.join(changed.get(column, column) for column in columns)} FROM snapshot_index, number")
        rows.close()
        before = time.monotonic()
        handles = await Snapshot.list()
        names = {handle.name for handle in handles}
        took = time.monotonic() - before
        self.assertEqual(len(names), 10000)
        self.assertLess(took, 2.0)

    async def test_tasks(self) -> None:
        await self.base()
        made = await asyncio.gather(*(Snapshot.create("base", name=f"s{number}") for number in range(12)))
        self.assertEqual(len({snapshot.path for snapshot in made}), 12)
        reports = await asyncio.gather(*(snapshot.verify() for snapshot in made))
        self.assertEqual({report["upper"]["kind"] for report in reports}, {"not_recorded"})


if __name__ == "__main__":
    unittest.main()
