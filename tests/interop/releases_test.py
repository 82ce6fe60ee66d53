"""Whole homes of every release in the fixtures, put together from its database, descriptors and archives: all of it is
listed, verified and exported, nothing is changed by looking, and then we go on in it."""

import glob
import hashlib
import os
import shutil
import sqlite3
import subprocess

from support import KeptHome, fixture, main, read_file, read_json, run_script
from strict import archive, database, descriptor

WAS = "/opt/msbhome"  # where the releases had it
IMAGE = "127.0.0.1:5050/fix/tiny:1"
NAMES = ["child1", "child2", "dense4k", "integ", "nlimg", "plain", "sparse30"]
CHECKED = {"child1", "child2", "dense4k", "integ", "sparse30"}  # whose disk has a digest recorded
KNOWN_FILES = (".lock", "-wal", "-shm")


def digests_of(source):
    """The digest of each snapshot by its name."""
    if os.path.exists(f"{source}/digests.txt"):
        pairs = [line.split() for line in read_file(f"{source}/digests.txt").decode().splitlines()]
    else:
        pairs = read_json(f"{source}/digests.json").items()
    return {os.path.dirname(path): digest for path, digest in pairs}


class Home(KeptHome):
    """Puts a home together."""

    release = None
    descriptors = None  # the file's name
    checked = CHECKED
    archived = None  # where its archives are, if not beside the rest

    @classmethod
    def setUpClass(cls):
        cls.source = fixture(f"snapshots/{cls.release}")
        cls.archives = fixture(f"snapshots/{cls.archived or cls.release}")
        super().setUpClass()

    def fill(self):
        self.put_snapshots()
        self.put_images()
        self.put_database()
        for name, like in (("base1", "dense4k"), ("base-nl", "nlimg")):
            os.makedirs(f"{self.home}/sandboxes/{name}")
            subprocess.run(["cp", "--sparse=always", f"{self.home}/snapshots/{like}/upper.ext4",
                            f"{self.home}/sandboxes/{name}/upper.ext4"], check=True)

    def setUp(self):
        super().setUp()
        self.bring()

    def put_snapshots(self):
        disks = {}
        # That of 0.5.7 has lock files in it, which no later release loads; then another fresh disk has to do.
        images = [] if self.release == "0.5.7" else ["nlimg-with-image"]
        for name in ["plain", "sparse30", "child2-with-parents", *images]:
            found = archive.read(f"{self.archives}/archives/{name}.tar.zst")
            for digest, member in found.disks.items():
                disks[digest] = member
        digests = digests_of(self.archives)
        for name in NAMES:
            folder = f"{self.home}/snapshots/{name}"
            shutil.copytree(f"{self.source}/snapshots/{name}", folder)
            # That of `integ` is the one of `plain`: nothing had used it in between.
            disks.get(digests[name], disks[digests["plain"]]).write(f"{folder}/upper.ext4")

    def put_images(self):
        # 0.5.7 archived no metadata; the image is the same.
        source = fixture("snapshots/0.6.2") if self.release == "0.5.7" else self.archives
        for name in ("plain", "nlimg"):
            for path, member in archive.read(f"{source}/archives/{name}-with-image.tar.zst").image.items():
                os.makedirs(os.path.dirname(f"{self.home}/cache/{path}"), exist_ok=True)
                data = member.stored
                if path.startswith("vmdk/"):
                    data = data.replace(WAS.encode(), self.home.encode())
                with open(f"{self.home}/cache/{path}", "wb") as file:
                    file.write(data)

    def put_database(self):
        script = read_file(f"{self.source}/msb.db.sql").decode()
        children = f"{self.source}/msb.db.after-children.sql"
        if os.path.exists(children):
            later = read_file(children).decode()
            script += "DROP TABLE snapshot_index;" + later[later.index("CREATE TABLE"):later.index("COMMIT")]
        run_script(f"{self.home}/db/msb.db", script.replace(WAS, self.home))

    def files(self):
        """Everything in the home but locks and the database's own."""
        found = {}
        for folder, _, names in os.walk(self.home):
            for name in names:
                path = os.path.join(folder, name)
                if not name.endswith(KNOWN_FILES) and "/leases/" not in path and name != "msb.db":
                    found[os.path.relpath(path, self.home)] = hashlib.sha256(read_file(path)).hexdigest()
        return found

    def state(self):
        return database.dump(f"{self.home}/db/msb.db"), self.files()


class Releases:
    def test_looking_changes_nothing(self):
        """Listed, inspected, verified, exported and checked: rows and files are as they were."""
        before = self.state()
        self.look()
        self.assertEqual(self.state(), before)

    def look(self):
        digests = digests_of(self.source)
        self.assertEqual(sorted(each["name"] for each in self.told("snapshot", "ls")), NAMES)
        for name in NAMES:
            with self.subTest(name):
                told = self.told("snapshot", "inspect", name)
                self.assertEqual((told["digest"], told["image_ref"].rsplit(":", 1)[0]), (digests[name], IMAGE[:-2]))
                self.assertEqual(self.told("snapshot", "verify", name)["verified"], name in self.checked)
                self.export(name)
        self.assertEqual(sorted(each["name"] for each in self.told("sandbox", "ls")), ["base-nl", "base1"])
        self.assertEqual(self.told("sandbox", "inspect", "base1")["status"].lower(), "stopped")
        self.assertEqual(sorted(each["reference"] for each in self.told("image", "ls")), [IMAGE, IMAGE[:-1] + "nl"])
        self.assertEqual(self.told("image", "inspect", IMAGE)["config"]["cmd"], ["/bin/sh"])
        self.msbctl("df")
        self.msbctl("check")

    def export(self, name):
        """What leaves the home is what a strict reader takes, and the same snapshot elsewhere."""
        out, there = self.path("out.tar.zst"), self.path("there")
        self.msbctl("snapshot", "export", "-q", name, out, "--with-parents")
        found = archive.read(out)
        before = descriptor.open_artifact(f"{self.home}/snapshots/{name}")
        self.assertEqual(found.head, before.digest)
        self.assertEqual(len(found.snapshots), {"child1": 2, "child2": 3}.get(name, 1))
        self.msbctl("snapshot", "import", "-q", out, home=there)
        [again] = [each for each in self.told("snapshot", "ls", home=there) if each["digest"] == found.head]
        self.assertEqual(read_file(f"{again['artifact_path']}/upper.ext4"),
                         read_file(f"{self.home}/snapshots/{name}/upper.ext4"))
        shutil.rmtree(there)

    def test_going_on(self):
        """Snapshots of its sandboxes, forks of its snapshots and images, in the forms of the generation."""
        before = database.dump(f"{self.home}/db/msb.db")
        self.msbctl("snapshot", "create", "-q", "new", "--from", "base-nl", "--integrity", "--algorithm", "sparse")
        self.msbctl("sandbox", "create", "-q", "fork", "--from-snapshot", "plain")
        self.msbctl("snapshot", "create", "-q", "next", "--from", "fork")
        self.msbctl("sandbox", "create", "-q", "fresh", "--image", IMAGE, "--size", "80MiB")
        plain = self.told("snapshot", "inspect", "plain")["digest"]
        for name, parent in (("new", None), ("next", plain)):
            found = descriptor.open_artifact(f"{self.home}/snapshots/{name}", verify=True)
            self.assertEqual((found.form, found.parent), (self.descriptors, parent))
        self.msbctl("snapshot", "rm", "plain", code=1)
        self.msbctl("snapshot", "rm", "next", "new")
        self.msbctl("sandbox", "rm", "-q", "fork", "fresh")
        after = database.dump(f"{self.home}/db/msb.db")
        self.assertEqual(after[0], before[0])
        for table in ("sandbox", "sandbox_labels", "run", "seaql_migrations", "snapshot_index"):
            self.assertEqual(after[1].get(table), before[1].get(table), table)

    def test_index_made_anew(self):
        """The directories are the truth: without its rows the home comes back."""
        connection = sqlite3.connect(f"{self.home}/db/msb.db")
        before = connection.execute("SELECT digest, name, parent_digest, size_bytes, child_count FROM snapshot_index "
                                    "ORDER BY name").fetchall()
        connection.execute("DELETE FROM snapshot_index")
        connection.commit()
        self.msbctl("snapshot", "reindex")
        self.assertEqual(connection.execute("SELECT digest, name, parent_digest, size_bytes, child_count FROM "
                                            "snapshot_index ORDER BY name").fetchall(), before)
        connection.close()


class Home_0_5_7(Releases, Home):
    release, descriptors = "0.5.7", "manifest.json"


class Home_0_6_2(Releases, Home):
    release, descriptors = "0.6.2", "manifest.json"


class Home_0_6_6(Releases, Home):
    release, descriptors = "0.6.6", "manifest.json"


class Home_0_6_7(Releases, Home):
    release, descriptors, checked = "0.6.7", "snapshot.json", set(NAMES)  # it records one always


class Home_0_6_14(Releases, Home):
    release, descriptors = "0.6.14", "snapshot.json"


class Home_0_6_18(Releases, Home):
    release, descriptors = "0.6.18", "snapshot.json"


class Home_0_6_6_moved_on_by_0_6_14(Releases, Home):
    release, archived, descriptors = "migrated-0.6.6-to-0.6.14", "0.6.6", "snapshot.json"

    def test_by_its_old_digest(self):
        """Whoever has written down a digest from before finds the snapshot still."""
        new = digests_of(self.source)
        for name, old in digests_of(self.archives).items():
            if name in NAMES:
                self.assertEqual(self.told("snapshot", "inspect", old)["digest"], new[name])


class Home_0_7_2(KeptHome):
    """Newer than what we write: its rows are read, and nothing is changed."""

    @classmethod
    def setUpClass(cls):
        cls.source = fixture("snapshots/0.7.2")
        super().setUpClass()

    def fill(self):
        run_script(f"{self.home}/db/msb.db", read_file(f"{self.source}/msb.db.sql").decode().replace(WAS, self.home))
        shutil.copytree(f"{self.source}/snapshots", f"{self.home}/snapshots")
        for path in glob.glob(f"{self.home}/snapshots/*/*"):
            if os.path.isdir(path):
                self.put_layer(path, read_json(f"{path}/snapshot.json")["state"], read_json(f"{path}/group-member.json"))

    def put_layer(self, path, state, member):
        """The fixtures have no disks; two are of known content (their README)."""
        os.mkdir(f"{path}/layers")
        with open(f"{path}/layers/{state['head']}.raw", "wb") as file:
            if member["name"] == "dense4k":
                file.write(b"0123456789abcdef" * 256)
            if member["name"] == "sparse30":
                for i in range(30):
                    file.seek(i * 131072)
                    file.write(bytes((37 * i + 11 * j + 5) & 255 for j in range(4096)))
            file.truncate(state["virtual_size"])

    def test_looking_changes_nothing(self):
        self.bring()
        before = database.dump(f"{self.home}/db/msb.db")
        rows = before[1]["snapshot_index"]
        self.assertEqual(sorted((each["name"], each["digest"]) for each in self.told("snapshot", "ls")),
                         sorted((row["name"], row["digest"]) for row in rows))
        self.assertEqual(sorted(each["digest"] for each in self.told("snapshot", "ls", f"{self.home}/snapshots")),
                         sorted(row["digest"] for row in rows))
        for row in rows:
            for name in (f"{row['group_name']}:{row['name']}", row["snapshot_id"], row["digest"], row["artifact_path"]):
                told = self.told("snapshot", "inspect", name)
                self.assertEqual((told["digest"], told["parent_digest"], told["size_bytes"]),
                                 (row["digest"], row["parent_digest"], row["size_bytes"]))
            self.assertEqual(len(told["labels"]), 3 if row["name"] == "plain" else 0)
        self.assertNotIn("is not here", self.msbctl("snapshot", "tree"))
        self.assertRegex(self.msbctl("snapshot", "tree"), r"(?s)\nplain .* integ .* sparse30 .* dense4k ")
        for name in ("dense4k", "sparse30"):
            self.assertTrue(self.told("snapshot", "verify", f"base1:{name}")["verified"])
        self.assertFalse(self.told("snapshot", "verify", "base1:plain")["verified"])
        self.msbctl("snapshot", "verify", "base1:integ", code=1)  # its disk here is empty
        self.assertNotIn("/snapshots/", self.msbctl("check", code=1))  # the fixtures have no images
        self.assertEqual(sorted(each["name"] for each in self.told("sandbox", "ls")), ["base-nl", "base1"])
        self.assertEqual(len(self.told("image", "ls")), 2)
        for name, code in (("base1", 0), ("base1:sparse30", 0), ("base1:integ", 1)):  # see above
            self.msbctl("snapshot", "export", "-q", name, self.path("out.tar"), "--plain-tar", code=code)
        self.msbctl("snapshot", "export", "-q", "base1:sparse30", self.path("out.tar"), "--plain-tar")
        self.assertEqual(archive.read(self.path("out.tar")).inventory["suggested_name"], "sparse30")
        self.msbctl("snapshot", "import", "-q", self.path("out.tar"), home=self.path("there"))
        self.assertTrue(self.told("snapshot", "verify", "sparse30", home=self.path("there"))["verified"])
        self.assertIn("schema of microsandbox 0.7.2", self.msbctl("snapshot", "reindex", code=1))
        self.assertEqual(database.dump(f"{self.home}/db/msb.db"), before)


if __name__ == "__main__":
    main()
