"""Beside a process that locks as microsandbox does (formats/snapshots.md §3, formats/images.md §1.4): it holds each of
its locks while we work. We wait for it or refuse, write nothing that the lock is for, and go on when it lets go.

That somebody waits is told by the kernel: each attempt to get a lock opens its file."""

import ctypes
import fcntl
import hashlib
import json
import os
import select
import sqlite3
import struct
import subprocess
import threading
import time

from support import MSBCTL, OURS, PATIENCE, Workspace, main, run_script
from strict import database, home, reference

OPENED, MOVED_TO = 0x20, 0x80  # of inotify(7)
ATTEMPTS = 4  # that fail before we are sure that it waits
LEASE = """INSERT OR REPLACE INTO maintenance_lease (name, holder_pid, lease_expires_at)
           VALUES ('install_exclusive', 1, '{until}')"""
KIND, MALFORMED = "v0.6.6-manifest-to-snapshot-v1", "legacy_descriptor_malformed"
TIME = "2026-01-02 03:04:05"


class Watch:
    """What the kernel tells about one path."""

    def __init__(self, path, events=OPENED):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_CLOEXEC)
        if libc.inotify_add_watch(self.fd, os.fsencode(path), events) < 0:
            raise OSError(ctypes.get_errno(), "inotify", path)

    def wait(self, count=1):
        """Until that many events have come."""
        until = time.monotonic() + PATIENCE
        while count > 0:
            if not select.select([self.fd], [], [], max(0, until - time.monotonic()))[0]:
                raise TimeoutError("nothing has happened")
            data, at = os.read(self.fd, 65536), 0
            while at < len(data):
                at += 16 + struct.unpack_from("<iIII", data, at)[3]
                count -= 1
        return self

    def close(self):
        os.close(self.fd)


class Player:
    """A process of microsandbox: it takes a lock file, blocking, and has it until it lets go."""

    def __init__(self, path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.path = path
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

    def lock(self):
        """Blocks; fails instead of doing so for ever."""
        failed = threading.Timer(PATIENCE, lambda: os._exit(3))  # a deadlock: nothing else ends a flock(2)
        failed.start()
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX)
        finally:
            failed.cancel()
        return self

    def release(self):
        os.close(self.fd)


def lock_id(name):
    return hashlib.sha256(name.encode()).hexdigest()[:32]


class Locks(Workspace):
    release = OURS

    def setUp(self):
        super().setUp()
        self.make_home(self.release)
        self.msbctl("image", "load", "-q", "-i", self.demo_archive())
        self.msbctl("sandbox", "create", "-q", "web", "--image", "demo/app:1", "--size", "68MiB")
        [row] = self.rows("manifest")
        self.manifest = reference.safe(row["digest"])
        self.layers = [reference.safe(row["diff_id"]) for row in self.rows("layer")]

    def rows(self, table):
        return database.dump(f"{self.home}/db/msb.db")[1][table]

    def lock_file(self, name):
        return f"{self.home}/" + {
            "schema": "db/msb.db.migration.lock",
            "lifecycle": f"run/locks/{lock_id('web')}.lock",
            "creation": f"run/creation-locks/{lock_id('new')}.lock",
            "reference": "cache/manifests/" + reference.metadata_name("demo/app:1")[:-5] + ".lock",
            "layer": f"cache/layers/{self.layers[0]}.erofs.lock",
            "fsmeta": f"cache/fsmeta/{self.manifest}.erofs.lock",
        }[name]

    def patience(self, seconds):
        """How long we wait for others, as the home's owner has said."""
        with open(f"{self.home}/config.json", "w", encoding="utf-8") as file:
            json.dump({"database": {"busy_timeout_secs": seconds}}, file)

    def forget(self, *paths):
        for path in paths:
            os.unlink(f"{self.home}/cache/{path}")

    def begin(self, *arguments):
        process = subprocess.Popen([MSBCTL, *arguments], env=self.environment(self.home), cwd=self.work, text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(process.stdout.close)
        return process

    def finish(self, process, code=0):
        said, _ = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, code, said)
        return said

    def hold_while(self, lock, arguments, made):
        """The lock is held while the command runs: it waits, has not written `made`, and then goes on."""
        player = Player(self.lock_file(lock)).lock()
        watch = Watch(player.path)
        before = database.dump(f"{self.home}/db/msb.db")
        process = self.begin(*arguments)
        watch.wait(ATTEMPTS)
        self.assertIsNone(process.poll(), "it did not wait")
        self.assertFalse(os.path.exists(made), "written under a lock that somebody else has")
        self.assertEqual(database.dump(f"{self.home}/db/msb.db"), before)
        player.release()
        self.finish(process)
        self.assertTrue(os.path.exists(made))
        watch.close()

    def refuse_while(self, lock, arguments, made, message):
        """The lock is held for longer than anybody waits: refused, and nothing written."""
        self.patience(0)
        player = Player(self.lock_file(lock)).lock()
        before = database.dump(f"{self.home}/db/msb.db")
        self.assertRegex(self.msbctl(*arguments, code=1), message)
        self.assertFalse(os.path.exists(made))
        self.assertEqual(database.dump(f"{self.home}/db/msb.db"), before)
        player.release()
        self.msbctl(*arguments)
        self.assertTrue(os.path.exists(made))

    def snapshot(self, name="base"):
        return ["snapshot", "create", "-q", name, "--from", "web"], f"{self.home}/snapshots/{name}"

    def create(self):
        arguments = ["sandbox", "create", "-q", "new", "--image", "demo/app:1", "--size", "68MiB"]
        return arguments, f"{self.home}/sandboxes/new"

    def load(self):
        return ["image", "load", "-q", "-i", self.demo_archive()]


class Waits(Locks):
    def test_for_the_schema(self):
        self.hold_while("schema", *self.snapshot())

    def test_for_a_sandbox_that_starts_or_stops(self):
        self.hold_while("lifecycle", *self.snapshot())

    def test_for_the_name_of_a_sandbox(self):
        self.hold_while("creation", *self.create())

    def test_for_a_layer(self):
        file = f"layers/{self.layers[0]}.erofs"
        self.forget(file)
        self.hold_while("layer", self.load(), f"{self.home}/cache/{file}")

    def test_for_the_merged_file_system(self):
        file = f"fsmeta/{self.manifest}.erofs"
        self.forget(file)
        self.hold_while("fsmeta", self.load(), f"{self.home}/cache/{file}")

    def test_for_a_reference(self):
        file = "manifests/" + reference.metadata_name("demo/app:1")
        self.forget(file)
        self.hold_while("reference", self.load(), f"{self.home}/cache/{file}")

    def test_for_a_file_that_is_unlinked_meanwhile(self):
        """Its rm and prune take lock files away: a lock on what has no name any more is none."""
        file = f"layers/{self.layers[0]}.erofs"
        self.forget(file)
        player = Player(self.lock_file("layer")).lock()
        watch = Watch(player.path)
        process = self.begin(*self.load())
        watch.wait(ATTEMPTS)
        os.unlink(player.path)
        self.finish(process)  # by a file of its own, though the old one is still held
        self.assertTrue(os.path.exists(f"{self.home}/cache/{file}"))
        player.release()
        home.Home(self.home)

    def test_for_a_transaction(self):
        other = sqlite3.connect(f"{self.home}/db/msb.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        arguments, made = self.create()
        watch = Watch(f"{self.home}/sandboxes", MOVED_TO)
        process = self.begin(*arguments)
        watch.wait()  # the directory is in its place; the row is what remains
        count = other.execute("SELECT count(*) FROM sandbox").fetchone()[0]
        self.assertEqual((process.poll(), count), (None, 1))
        self.assertTrue(os.path.exists(f"{made}/.unrecorded"))
        other.execute("UPDATE sandbox SET updated_at = NULL")
        other.execute("COMMIT")
        self.finish(process)
        self.assertEqual([row[0] for row in other.execute("SELECT name FROM sandbox ORDER BY id")], ["web", "new"])
        other.close()
        watch.close()


class Refuses(Locks):
    def test_a_sandbox_whose_lock_stays(self):
        arguments, made = self.snapshot()
        self.refuse_while("lifecycle", arguments, made, "busy: web is being started, stopped or copied elsewhere")

    def test_a_name_whose_lock_stays(self):
        arguments, made = self.create()
        self.refuse_while("creation", arguments, made, "held by another process")

    def test_a_reference_whose_lock_stays(self):
        file = "manifests/" + reference.metadata_name("demo/app:1")
        self.forget(file)
        self.refuse_while("reference", self.load(), f"{self.home}/cache/{file}", "held by another process")

    def test_a_transaction_that_stays(self):
        self.patience(0)
        other = sqlite3.connect(f"{self.home}/db/msb.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        arguments, made = self.snapshot()
        create, directory = self.create()
        self.assertIn("busy", self.msbctl(*create, code=1))
        self.assertFalse(os.path.exists(directory))
        self.msbctl("snapshot", "ls")  # readers wait for nobody
        self.msbctl("image", "ls")
        other.execute("ROLLBACK")
        other.close()
        self.msbctl(*create)
        self.msbctl(*arguments)
        home.Home(self.home)
        self.assertTrue(os.path.exists(made))

    def test_while_an_installation_has_the_home(self):
        path = f"{self.home}/db/msb.db"
        run_script(path, LEASE.format(until="2999-01-01 00:00:00"))
        self.patience(0)
        before = database.dump(path)
        for arguments in (self.create()[0], self.load(), ["image", "rm", "demo/app:1", "--force"]):
            with self.subTest(" ".join(arguments)):
                self.assertIn("install", self.msbctl(*arguments, code=1))
        self.msbctl("image", "ls")
        self.msbctl(*self.snapshot()[0])  # needs no row: its directory is the truth
        self.assertEqual(database.dump(path), before)
        self.assertFalse(os.path.exists(self.create()[1]))
        run_script(path, LEASE.format(until="2001-01-01 00:00:00"))
        for arguments in (self.create()[0], self.load(), ["snapshot", "reindex"]):
            self.msbctl(*arguments)
        home.Home(self.home)

    def test_a_sandbox_that_is_alive(self):
        """Its process lives, or somebody has its lock: its disk is not touched, whatever else is said."""
        path, live = f"{self.home}/db/msb.db", subprocess.Popen(["sleep", "1000"])
        self.addCleanup(live.wait)
        self.addCleanup(live.kill)
        run_script(path, f"""UPDATE sandbox SET status = 'Running';
            INSERT INTO run (sandbox_id, pid, status, started_at)
            VALUES (1, {live.pid}, 'Running', '2026-01-02 03:04:05')""")
        arguments, made = self.snapshot()
        self.assertIn("is not stopped", self.msbctl(*arguments, code=1))
        self.msbctl("sandbox", "rm", "-q", "web", code=1)
        # The row is stale and says that it has stopped; the lock says otherwise.
        self.patience(0)
        run_script(path, "UPDATE sandbox SET status = 'Stopped'; UPDATE run SET status = 'Terminated'")
        player = Player(self.lock_file("lifecycle")).lock()
        self.msbctl(*arguments, code=1)
        self.msbctl("sandbox", "rm", "-q", "web", code=1)
        self.assertFalse(os.path.exists(made))
        player.release()
        self.msbctl(*arguments)


class Translation(Locks):
    """A home of ours that a later release has taken over, but for a snapshot that it could not translate."""

    release = "0.6.14"

    def blocked(self):
        ours = self.path("ours")
        self.msbctl("image", "load", "-q", "-i", self.demo_archive(), home=ours)
        self.msbctl("sandbox", "create", "-q", "web", "--image", "demo/app:1", "--size", "68MiB", home=ours)
        told = self.told("snapshot", "create", "old", "--from", "web", "--integrity", home=ours)
        os.makedirs(f"{self.home}/snapshots", exist_ok=True)
        path = f"{self.home}/snapshots/old"
        os.rename(f"{ours}/snapshots/old", path)
        run_script(f"{self.home}/db/msb.db", f"""
            INSERT INTO snapshot_index
              (digest, name, scope, state_kind, image_ref, image_manifest_digest, format, fstype, artifact_path,
               size_bytes, migration_state, migration_error_code, created_at, indexed_at)
            VALUES
              ('{told["digest"]}', 'old', 'disk', 'file', '{told["image_ref"]}', '{told["image_manifest_digest"]}',
               'raw', 'ext4', '{path}', {told["size_bytes"]}, 'blocked', '{MALFORMED}', '{TIME}', '{TIME}');
            INSERT INTO snapshot_artifact_migration
              (kind, artifact_path, indexed_digest, source_digest, phase, attempts, error_code, discovered_at,
               updated_at)
            VALUES
              ('{KIND}', '{path}', '{told["digest"]}', '{told["digest"]}', 'discovered', 1, '{MALFORMED}', '{TIME}',
               '{TIME}')""")
        return path

    def test_waits_for_who_translates(self):
        path = self.blocked()
        player = Player(f"{path}/.snapshot-migration.lock").lock()
        watch = Watch(player.path)
        process = self.begin("snapshot", "ls", "-q")
        watch.wait(ATTEMPTS)
        self.assertIsNone(process.poll())
        self.assertFalse(os.path.exists(f"{path}/snapshot.json"))
        player.release()
        self.finish(process)
        self.assertEqual(sorted(os.listdir(path)),
                         [".manifest.json.legacy", ".snapshot-migration.lock", "snapshot.json", "upper.ext4"])
        home.Home(self.home)
        [row] = self.rows("snapshot_artifact_migration")
        self.assertEqual((row["phase"], row["error_code"]), ("complete", None))
        self.assertEqual(self.rows("snapshot_index")[0]["migration_state"], "complete")


class Order(Locks):
    """What it takes one inside the other: while it has the outer lock and we want it, the inner one is to be had."""

    def hold_pair(self, outer, inner, arguments, forget=()):
        self.forget(*forget)
        first = Player(self.lock_file(outer)).lock()
        watch = Watch(first.path)
        process = self.begin(*arguments)
        watch.wait(ATTEMPTS)
        if inner == "database":
            other = sqlite3.connect(f"{self.home}/db/msb.db", isolation_level=None, timeout=PATIENCE)
            other.execute("BEGIN IMMEDIATE")
            other.execute("COMMIT")
            other.close()
        else:
            Player(self.lock_file(inner)).lock().release()
        first.release()
        self.finish(process)
        home.Home(self.home)

    def test_schema_then_database(self):
        self.hold_pair("schema", "database", self.create()[0])

    def test_name_then_database(self):
        self.hold_pair("creation", "database", self.create()[0])

    def test_lifecycle_then_database(self):
        self.hold_pair("lifecycle", "database", self.snapshot()[0])

    def test_name_then_lifecycle(self):
        self.msbctl(*self.create()[0])
        first = Player(self.lock_file("creation")).lock()
        watch = Watch(first.path)
        process = self.begin("sandbox", "rm", "-q", "new")
        watch.wait(ATTEMPTS)
        Player(f"{self.home}/run/locks/{lock_id('new')}.lock").lock().release()
        first.release()
        self.finish(process)

    def test_reference_then_each_file(self):
        metadata = "manifests/" + reference.metadata_name("demo/app:1")
        layer, fsmeta = f"layers/{self.layers[0]}.erofs", f"fsmeta/{self.manifest}.erofs"
        for inner, files in (("layer", [layer]), ("fsmeta", [fsmeta]), ("database", [])):
            with self.subTest(inner):
                self.hold_pair("reference", inner, self.load(), [metadata, *files])

    def test_many_at_once(self):
        """It pulls in its order while we load and prune: all of them end, and the home is whole."""
        stop = threading.Event()

        def play():
            while not stop.is_set():
                outer = Player(self.lock_file("reference")).lock()
                for inner in ("layer", "fsmeta"):
                    Player(self.lock_file(inner)).lock().release()
                outer.release()

        players = [threading.Thread(target=play) for _ in range(2)]
        for each in players:
            each.start()
        try:
            for _ in range(3):
                self.forget(f"layers/{self.layers[0]}.erofs", f"fsmeta/{self.manifest}.erofs")
                for process in [self.begin(*self.load()), self.begin("image", "gc", "-q"), self.begin(*self.load())]:
                    self.finish(process)
        finally:
            stop.set()
            for each in players:
                each.join()
        home.Home(self.home)


if __name__ == "__main__":
    main()
