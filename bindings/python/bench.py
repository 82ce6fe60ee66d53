"""Measures what the binding adds: listing an index of many snapshots, and reading every member of every handle.

Usage: python bench.py ARCHIVE [COUNT]      (an image archive to make the first snapshot of; 10,000 snapshots)
The C side of the same is snapshot_bench.
"""
import os
import sqlite3
import sys
import tempfile
import time
from typing import Callable

from microsandbox import Client
from microsandbox.sync import Image, Sandbox, Snapshot

MEMBERS = ("digest", "name", "parent_digest", "image_ref", "format", "size_bytes", "created_at", "path")


def fill(home: str, archive: str, count: int) -> None:
    """One real snapshot, and rows like its own."""
    [image, *_] = Image.load(archive)
    Sandbox.create("base", image=image.reference, boot=False)
    Snapshot.create("base", name="seed")
    with sqlite3.connect(os.path.join(home, "db/msb.db")) as rows:
        columns = [column for _, column, *_ in rows.execute("PRAGMA table_info(snapshot_index)")]
        changed = {"digest": "printf('sha256:%064x', n)", "name": "'copy-' || n"}
        rows.execute(
            f"WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {count - 1}) "
            f"INSERT INTO snapshot_index ({', '.join(columns)}) "
            f"SELECT {', '.join(changed.get(column, column) for column in columns)} FROM snapshot_index, number")


def best(work: Callable[[], object], times: int = 5) -> float:
    """Milliseconds of the quickest run."""
    took = []
    for _ in range(times):
        before = time.perf_counter()
        work()
        took.append(time.perf_counter() - before)
    return min(took) * 1000


def main(archive: str, count: int) -> None:
    with tempfile.TemporaryDirectory() as home, Client(home):
        fill(home, archive, count)
        print(f"list {len(Snapshot.list())}: {best(Snapshot.list):.1f} ms")
        print(f"list and read: {best(lambda: [[getattr(h, m) for m in MEMBERS] for h in Snapshot.list()]):.1f} ms")
        print(f"get: {best(lambda: Snapshot.get('seed'), 200):.3f} ms")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10_000)
