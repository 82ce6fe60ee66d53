"""Which rows each operation changes: all tables are written down before and after it, in homes of both generations. The
home has rows of others in it, which nothing may touch."""

import collections
import os
import sqlite3

from support import OURS, Workspace, main, run_script
from strict import database

STRANGERS = """
CREATE TABLE of_somebody (id INTEGER PRIMARY KEY, what TEXT);
INSERT INTO of_somebody VALUES (1, 'kept');
INSERT INTO volume (id, name, kind, created_at) VALUES (7, 'data', 'dir', '2026-01-02 03:04:05');
INSERT INTO maintenance_lease VALUES ('sandbox_lifecycle_maintenance', 1, '2026-01-02 03:04:05', NULL);
INSERT INTO sandbox (id, name, config, status, created_at, updated_at)
  VALUES (41, 'bound', '{{"name":"bound","image":{{"Bind":"/srv"}},"new":[1]}}', 'Stopped', '2026-01-02 03:04:05',
          NULL);
INSERT INTO run (id, sandbox_id, pid, status, started_at) VALUES (9, 41, 1, 'Terminated', '2026-01-02 03:04:05');
INSERT INTO sandbox_rootfs (sandbox_id, mode, created_at) VALUES (41, 'bind', '2026-01-02 03:04:05');
INSERT INTO sandbox_labels VALUES (41, 'team', 'other');
INSERT INTO snapshot_index ({columns}digest, name, image_ref, image_manifest_digest, format, fstype, artifact_path,
                            created_at, indexed_at, child_count)
  VALUES ({values}'sha256:' || lower(hex(zeroblob(32))), 'far', 'a/b:1', 'sha256:' || lower(hex(zeroblob(32))), 'raw',
          'ext4', '/not/mounted/far', '2026-01-02 03:04:05', '2026-01-02 03:04:05', 0);
"""
JOURNAL = """
INSERT INTO snapshot_artifact_migration (kind, artifact_path, phase, discovered_at, updated_at)
  VALUES ('v0.6.6-manifest-to-snapshot-v1', '/gone', 'complete', '2026-01-02 03:04:05', '2026-01-02 03:04:05');
INSERT INTO cpu_allocation VALUES ('a', 9, 'auto', 'auto', 'none', 'x', 'lease', 'released', '2026-01-02 03:04:05');
"""
NOTHING = set()
IMAGE = {"+image_ref", "+manifest", "+config", "+layer 2", "+manifest_layer 2"}
SANDBOX = {"+sandbox", "+sandbox_rootfs"}
SNAPSHOT = {"+snapshot_index"}
# (what is asked of msbctl, whether it succeeds, what changes). Rows that are + come, - go, and of ~ a column differs;
# one unless a number is told.
STORY = [
    ("image load -q -i demo.tar", True, IMAGE),
    ("image load -q -i demo.tar", True, {"~image_ref.updated_at", "~layer.last_used_at 2"}),
    ("image load -q -i demo.tar --tag demo/app:2", True,
     {"+image_ref", "~image_ref.updated_at", "~layer.last_used_at 2"}),
    ("image load -q -i missing.tar", False, NOTHING),
    ("image ls", True, NOTHING),
    ("image inspect demo/app:1", True, NOTHING),
    ("image save -q -o saved.tar demo/app:1", True, NOTHING),
    ("image df", True, NOTHING),
    ("df", True, NOTHING),
    ("sandbox create -q web --image demo/app:1 --size 68MiB", True, SANDBOX),
    ("sandbox create -q web --image demo/app:1 --size 68MiB", False, NOTHING),
    ("sandbox create -q web --image demo/app:1 --size 68MiB --replace", True,
     SANDBOX | {"-sandbox", "-sandbox_rootfs"}),
    ("sandbox create -q tagged --image demo/app:1 --size 68MiB --label a=1 --label b=2", True,
     SANDBOX | {"+sandbox_labels 2"}),
    ("sandbox create -q none --image demo/none:1", False, NOTHING),
    ("sandbox ls", True, NOTHING),
    ("sandbox inspect web", True, NOTHING),
    ("snapshot create -q base --from web", True, SNAPSHOT),
    ("snapshot create -q base --from web", False, NOTHING),
    ("snapshot create -q base --from web --force --integrity", True, {"+snapshot_index", "-snapshot_index"}),
    ("snapshot create -q nobody --from nobody", False, NOTHING),
    ("snapshot create -q bound --from bound", False, NOTHING),
    ("sandbox create -q fork --from-snapshot base", True, SANDBOX),
    ("snapshot create -q child --from fork", True, SNAPSHOT | {"~snapshot_index.child_count"}),
    ("snapshot ls", True, NOTHING),
    ("snapshot tree", True, NOTHING),
    ("snapshot inspect child --verify", True, NOTHING),
    ("snapshot verify base", True, NOTHING),
    ("snapshot export -q child out.tar.zst --with-parents --with-image", True, NOTHING),
    ("snapshot import -q out.tar.zst", True,
     {"~image_ref.updated_at", "~layer.last_used_at 2", "~snapshot_index.indexed_at 2"}),
    ("snapshot rm base", False, NOTHING),
    ("image rm -q demo/app:2", True, {"-image_ref"}),  # another reference keeps what the sandboxes need
    ("image rm -q demo/app:1", False, NOTHING),
    ("image prune -q --yes", True, NOTHING),
    ("image gc -q", True, NOTHING),
    ("check", False, NOTHING),  # a row leads nowhere
    ("check --deep", False, NOTHING),
    ("check --repair", True, {"-snapshot_index"}),
    ("check", True, NOTHING),
    ("recover", True, NOTHING),
    ("snapshot reindex", True, NOTHING),
    ("snapshot rm base child", False, {"-snapshot_index", "~snapshot_index.child_count"}),
    ("snapshot rm base", True, {"-snapshot_index"}),
    ("snapshot import -q out.tar.zst", True, {"+snapshot_index 2", "~image_ref.updated_at", "~layer.last_used_at 2"}),
    ("snapshot rm child base", True, {"-snapshot_index 2"}),
    ("sandbox rm -q web tagged fork", True,
     {"-sandbox 3", "-sandbox_rootfs 3", "-sandbox_labels 2"}),
    ("image prune -q --yes", True,
     {"-image_ref", "-manifest", "-config", "-layer 2", "-manifest_layer 2"}),
]


def keys_of(connection, table):
    names = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")') if row[5]]
    return names or None


def changes(before, after, keys):
    """How the rows of one state differ from those of another."""
    told = collections.Counter()
    for table in after.keys() - {"sqlite_sequence"}:  # SQLite's own count of the numbers that it has given out
        name = keys[table]
        index = {tuple(row[key] for key in name or row): row for row in before.get(table, [])}
        for row in after[table]:
            old = index.pop(tuple(row[key] for key in name or row), None)
            if old is None:
                told[f"+{table}"] += 1
            else:
                told.update(f"~{table}.{column}" for column in row if row[column] != old[column])
        told[f"-{table}"] += len(index)
    return {what if count == 1 else f"{what} {count}" for what, count in told.items() if count}


class Rows:
    release = OURS

    def state(self):
        return database.dump(f"{self.home}/db/msb.db")

    def setUp(self):
        super().setUp()
        self.make_home(self.release)
        self.msbctl("image", "ls")  # makes the home, where it is ours
        script = STRANGERS.format(columns="", values="")
        if self.release != OURS:
            script = STRANGERS.format(columns="scope, state_kind, ", values="'disk', 'file', ") + JOURNAL
        run_script(f"{self.home}/db/msb.db", script)
        self.demo_archive()
        connection = sqlite3.connect(f"{self.home}/db/msb.db")
        self.keys = {table: keys_of(connection, table) for table in self.state()[1]}
        connection.close()

    def test_each_operation(self):
        first = before = self.state()
        for command, succeeds, expected in STORY:
            with self.subTest(command):
                try:
                    self.msbctl(*command.split(" "), code=0 if succeeds else 1)
                finally:
                    last, before = before, self.state()
                self.assertEqual(before[0], last[0], "the schema")
                self.assertEqual(changes(last[1], before[1], self.keys), expected)
        # Everything is gone again; of what was somebody else's, the row that led nowhere.
        self.assertEqual(changes(first[1], before[1], self.keys), {"-snapshot_index"})

    def test_opening_writes_no_row(self):
        before = self.state()
        for _ in range(2):
            self.msbctl("recover")
            self.assertEqual(self.state(), before)


class InOurs(Rows, Workspace):
    pass


class InDescriptors(Rows, Workspace):
    release = "0.6.14"


class InGroups(Workspace):
    """A home of a release that is newer than what we write: everything that would write a row is refused."""

    def test_nothing_is_written(self):
        self.make_home(OURS, self.path("ours"))
        self.demo_archive()
        for line in ("image load -q -i demo.tar", "sandbox create -q web --image demo/app:1 --size 68MiB",
                     "snapshot create -q base --from web", "snapshot export -q base out.tar"):
            self.msbctl(*line.split(" "), home=self.path("ours"))
        self.make_home("0.7.2")
        before = database.dump(f"{self.home}/db/msb.db")
        for command in ("image load -q -i demo.tar", "snapshot import -q out.tar", "snapshot reindex", "recover",
                        "image gc -q", "image prune -q --yes"):
            with self.subTest(command):
                self.assertIn("microsandbox 0.7", self.msbctl(*command.split(" "), code=1))
        for command in ("image ls", "sandbox ls", "snapshot ls", "df"):
            with self.subTest(command):
                self.msbctl(*command.split(" "))
        self.assertEqual(database.dump(f"{self.home}/db/msb.db"), before)
        self.assertEqual([name for name in os.listdir(self.home) if name in ("snapshots", "sandboxes")
                          and os.listdir(f"{self.home}/{name}")], [])


if __name__ == "__main__":
    main()
