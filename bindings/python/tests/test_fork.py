"""Processes that are made by fork(), as multiprocessing does it."""
import multiprocessing
import os
import pathlib
import sys
import threading

from microsandbox import Image, sync
from support import HomeTest

FORK = multiprocessing.get_context("fork")


def use_and_leave(archive: pathlib.Path) -> None:
    """What a child does with the client of its parent: it reads, writes, and lets it go."""
    before = [image.reference for image in sync.Image.list()]
    sync.Image.load(archive)
    sync.Image.remove("demo/app:1")
    after = [image.reference for image in sync.Image.list()]
    sys.exit(0 if (before, after) == (["demo/app:1"], []) else 1)


def sleep(ends: int) -> None:
    """A child that has nothing to do with it, and lives on."""
    os.read(ends, 1)


class Fork(HomeTest):
    def test_parent_and_child_both_write(self) -> None:
        archive = self.input("app.tar")
        sync.Image.load(archive)
        child = FORK.Process(target=use_and_leave, args=(archive,))
        child.start()
        child.join(60)
        self.assertEqual(child.exitcode, 0)
        self.assertEqual(sync.Image.list(), [])
        sync.Image.load(archive)
        self.assertEqual([image.reference for image in sync.Image.list()], ["demo/app:1"])

    def test_children_forked_beside_calls_keep_no_lock(self) -> None:
        archive = self.input("app.tar")
        sync.Image.load(archive)
        over = threading.Event()

        def work() -> None:
            while not over.is_set():
                sync.Image.load(archive)

        thread = threading.Thread(target=work)
        thread.start()
        read, write = os.pipe()
        children = [FORK.Process(target=sleep, args=(read,)) for _ in range(10)]
        for child in children:
            child.start()
        over.set()
        thread.join()
        sync.Image.remove("demo/app:1", force=True)
        self.assertEqual(sync.Image.list(), [])
        os.write(write, bytes(len(children)))
        for child in children:
            child.join(60)
        os.close(read)
        os.close(write)
