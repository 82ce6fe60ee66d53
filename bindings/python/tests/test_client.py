"""Homes: the default one, several at once, closed ones, and what pickling and fork() make of them."""
import os
import pathlib
import pickle
import unittest
from typing import List, Tuple

import microsandbox
from microsandbox import Client, Home, Image, sync
from support import HomeTest


class Homes(HomeTest):
    """Which home calls go to."""

    async def test_the_environment_names_the_default(self) -> None:
        await Image.list()
        self.assertTrue((self.work / "home/db/msb.db").exists())

    async def test_two_homes_at_once(self) -> None:
        async with Client(self.work / "one") as one:
            await Image.load(self.input("app.tar"))
            async with Client(self.work / "two") as two:
                self.assertEqual(await Image.list(), [])
                self.assertEqual(two.home, str(self.work / "two"))
            [image] = await Image.list()
            self.assertEqual(one.home, str(self.work / "one"))
            self.assertEqual((await image.inspect()).handle, image)

    def test_without_await(self) -> None:
        with Client(self.work / "one"):
            sync.Image.load(self.input("app.tar"))
            self.assertEqual([image.reference for image in sync.Image.list()], ["demo/app:1"])
        self.assertEqual(sync.Image.list(), [])

    async def test_a_closed_home_says_so(self) -> None:
        async with Client(self.work / "one") as client:
            [image] = await Image.load(self.input("app.tar"))
        self.assertEqual(image.reference, "demo/app:1")
        with self.assertRaises(RuntimeError):
            await image.inspect()
        with self.assertRaises(RuntimeError):
            client.close()

    async def test_options(self) -> None:
        with self.assertRaises(microsandbox.IoError):
            Client(self.work / "none", create=False)
        Client(self.work / "one").close()
        async with Client(self.work / "one", read_only=True) as client:
            self.assertTrue(client.read_only)
            with self.assertRaises(microsandbox.UnsupportedError):
                await Image.prune()

    async def test_the_release_of_a_new_home(self) -> None:
        with self.assertRaisesRegex(ValueError, "0.6.3 to 0.6.18"):
            Client(self.work / "one", new_home_release="latest")
        self.assertFalse((self.work / "one").exists())
        for release in ("0.6.8", "0.6.18"):  # what is there stays as it is
            Client(self.work / "one", new_home_release=release).close()
        report = await Home.inspect(self.work / "one")
        self.assertEqual((report.generation, report.newest_release), ("snapshot.json", "0.6.8"))

    async def test_inspect(self) -> None:
        async with Client(self.work / "one") as client:
            self.assertEqual((await Home.inspect()).state, "missing")  # the default home
            self.assertEqual((await Home.inspect(client.home)).state, "ready")
        os.mkdir(self.work / "home")
        self.assertEqual(sync.Home.inspect().state, "empty")
        self.assertEqual(os.listdir(self.work / "home"), [])
        odd = pathlib.Path(os.fsdecode(os.fsencode(str(self.work)) + b"/odd-\xff"))
        report = await Home.inspect(odd, snapshots_dir=self.work)
        self.assertEqual((report.home, report.database), (str(odd), str(odd / "db/msb.db")))
        self.assertEqual(pickle.loads(pickle.dumps(report)), report)
        with microsandbox.deadline(0), self.assertRaises(TimeoutError):
            await Home.inspect()

    async def test_log(self) -> None:
        lines: List[Tuple[str, str, str]] = []
        async with Client(self.work / "one", log_level="debug", on_log=lambda *line: lines.append(line)):
            await Image.load(self.input("app.tar"))
            await Image.prune()
        for level, target, message in lines:
            self.assertIn(level, {"error", "warn", "info", "debug"})
            self.assertTrue(target and message)

    async def test_bytes_of_paths_are_the_file_systems(self) -> None:
        odd = pathlib.Path(os.fsdecode(os.fsencode(str(self.work)) + b"/odd-\xff"))
        async with Client(odd) as client:
            self.assertEqual(client.home, str(odd))
            await Image.load(self.input("app.tar"))


class Pickle(HomeTest):
    """Live objects are refused, plain values are not."""

    async def test_refused(self) -> None:
        async with Client(self.work / "one") as client:
            [image] = await Image.load(self.input("app.tar"))
            for thing in (client, image, await image.inspect()):
                with self.assertRaisesRegex(TypeError, "cannot pickle"):
                    pickle.dumps(thing)

    async def test_values(self) -> None:
        report = await Image.prune()
        self.assertEqual(pickle.loads(pickle.dumps(report)), report)


class Fork(HomeTest):
    """A child process opens the home anew."""

    def test_the_child_works(self) -> None:
        sync.Image.load(self.input("app.tar"))
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if len(sync.Image.list()) == 1 else 1)
            finally:
                os._exit(2)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)


if __name__ == "__main__":
    unittest.main()
