"""What the library writes, in homes of each generation, passes the strict reader: rows, artifacts, archives, layers and
disks."""

import os
import shutil

from support import LATER, Malformed, OURS, Workspace, main, read_file
from strict import archive, erofs, home, reference

ALGORITHMS = {"merkle": "msb-file-merkle-blake3-v1", "sparse": "msb-sparse-sha256-v1", "sha256": "sha256"}
ONLY_SPARSE = "0.6.7"  # opens no other


class Written:
    """The tests of each generation, which the classes below name."""

    release = OURS

    def setUp(self):
        super().setUp()
        self.make_home(self.release)
        self.msbctl("image", "load", "-q", "-i", self.demo_archive(), "--tag", "demo/other:2")
        self.msbctl("sandbox", "create", "-q", "web", "--image", "demo/app:1", "--size", "68MiB", "--label", "a=b")

    def usual(self):
        """What is recorded when no algorithm is asked for."""
        return ALGORITHMS["sparse" if self.release == ONLY_SPARSE else "merkle"]

    def form(self):
        return "manifest.json" if self.release == OURS else "snapshot.json"

    def hold(self, root=None):
        return home.Home(root or self.home)

    def snapshot(self, name, *options, source="web"):
        return self.told("snapshot", "create", name, "--from", source, *options)["digest"]

    def family(self):
        """A snapshot, and one of a sandbox that was made from it."""
        parent = self.snapshot("base")
        self.msbctl("sandbox", "create", "-q", "fork", "--from-snapshot", "base")
        return parent, self.snapshot("child", "--integrity", source="fork")

    def test_image_and_sandbox(self):
        found = self.hold()
        self.assertEqual(set(found.images), {"demo/app:1", "demo/other:2"})
        tree = {path.decode(): node for path, node in erofs.walk(found.images["demo/app:1"][1])}
        self.assertEqual(sorted(tree), ["/bin", "/bin/data", "/etc", "/etc/motd"])
        self.assertEqual((tree["/etc/motd"].data, tree["/bin/data"].data), (b"hello again\n", bytes(range(256)) * 400))

    def test_references(self):
        """Each as it is spelled, its document by what that means."""
        names = ["python", "foo/bar", "localhost/x", "127.0.0.1:5050/a/b:1", "test.com:5000", "foo/bar:V.1_a",
                 "index.docker.io/library/python", "a--b.c__d/e-f:1", f"ghcr.io/x/y@sha256:{'5' * 64}"]
        self.msbctl("image", "load", "-q", "-i", self.demo_archive(), *[f"--tag={name}" for name in names])
        self.assertEqual(set(self.hold().images), {*names, "demo/app:1", "demo/other:2"})
        there = {name[:-5] for name in os.listdir(f"{self.home}/cache/manifests") if name.endswith(".json")}
        self.assertLessEqual({reference.metadata_name(name)[:-5] for name in names}, there)

    def test_snapshots(self):
        odd = 'a"b\\c\n\t\u0001/\u007f\u00e9\U0001F600'
        expected = dict(ALGORITHMS, plain=None, usual=self.usual())
        if self.release == ONLY_SPARSE:
            expected["plain"] = expected["usual"]
            for name in ("merkle", "sha256"):
                told = self.msbctl("snapshot", "create", name, "--from", "web", "--algorithm", name, code=1)
                self.assertIn("microsandbox 0.6.8", told)
                del expected[name]
        digests = {name: self.snapshot(name, "--algorithm", name) for name in ALGORITHMS if name in expected}
        digests["usual"] = self.snapshot("usual", "--integrity")
        digests["plain"] = self.snapshot("plain", "--label", f"esc={odd}", "--label", "b=2", "--label", "a=1")
        found = self.hold()
        self.assertEqual({name: each.digest for name, each in found.snapshots.items()}, digests)
        for name, each in found.snapshots.items():
            self.assertEqual(each.form, self.form())
            self.assertEqual((each.upper["integrity"] or {}).get("algorithm"), expected[name])
            # The file is the canonical form itself, so that its own hash is the digest.
            self.assertEqual(read_file(f"{self.home}/snapshots/{name}/{each.form}"), each.canonical)
        self.assertEqual(found.snapshots["plain"].labels, {"a": "1", "b": "2", "esc": odd})

    def test_lineage(self):
        parent, _ = self.family()
        found = self.hold()
        self.assertEqual(found.snapshots["child"].parent, parent)
        self.msbctl("snapshot", "rm", "child")
        self.hold()
        self.msbctl("snapshot", "rm", "base")
        self.assertEqual(self.hold().snapshots, {})

    def test_reindexed(self):
        self.family()
        for name in ("base", "child"):
            os.rename(f"{self.home}/snapshots/{name}", f"{self.home}/snapshots/{name}-moved")
        self.msbctl("snapshot", "reindex")
        self.assertEqual(set(self.hold().snapshots), {"base-moved", "child-moved"})

    def hold_archive(self, name, layout, image):
        found = archive.read(self.path(name))
        self.assertEqual((found.layout, len(found.snapshots), bool(found.image)),
                         ({"legacy": "A", "current": "B"}[layout], 2, image))
        found.hold_image()
        algorithms = found.hold_disks(self.work)
        self.assertEqual(algorithms[found.head], self.usual())
        return found

    def test_archives(self):
        self.family()
        for layout in ("legacy", "current") if self.release == OURS else ("current",):
            with self.subTest(layout):
                for name, options in ((f"{layout}.tar", ["--plain-tar"]), (f"{layout}.tar.zst", ["--with-image"])):
                    self.msbctl("snapshot", "export", "-q", "child", self.path(name), "--with-parents",
                                "--layout", layout, *options)
                    found = self.hold_archive(name, layout, "--with-image" in options)
                    self.assertEqual(found.compressed, name.endswith(".zst"))
                # The suggested name where there is room for one, and in the other layout the directories.
                names = [found.inventory["suggested_name"]] if layout == "current" else found.names.values()
                self.assertIn("child", names)

    def test_imported(self):
        self.family()
        self.msbctl("snapshot", "export", "-q", "child", self.path("out.tar.zst"), "--with-parents", "--with-image")
        there = self.path("there")
        self.make_home(self.release, there)
        self.msbctl("snapshot", "import", "-q", self.path("out.tar.zst"), home=there)
        found, here = self.hold(there), self.hold()
        self.assertEqual({each.digest for each in found.snapshots.values()},
                         {each.digest for each in here.snapshots.values()})
        self.msbctl("sandbox", "create", "-q", "again", "--from-snapshot", "child", home=there)
        self.hold(there)

    def test_image_comes_back(self):
        """Saved and loaded elsewhere it has the same layers."""
        before = self.hold().images["demo/app:1"][0]
        for kind in ("docker", "oci"):
            there = self.path(f"there-{kind}")
            self.make_home(self.release, there)
            self.msbctl("image", "save", "-q", "-o", self.path(kind), "--format", kind, "demo/app:1")
            self.msbctl("image", "load", "-q", "-i", self.path(kind), home=there)
            after = self.hold(there).images["demo/app:1"][0]
            self.assertEqual(after["layers"][0]["diff_id"], before["layers"][0]["diff_id"])
            self.assertEqual(after["raw_config_json"], before["raw_config_json"])

    def test_removed(self):
        self.msbctl("image", "rm", "-q", "demo/other:2")
        self.assertEqual(set(self.hold().images), {"demo/app:1"})
        self.msbctl("sandbox", "rm", "-q", "web")
        self.msbctl("image", "prune", "-q", "--yes")
        self.assertEqual(self.hold().images, {})


class InOurs(Written, Workspace):
    """A new home is one of 0.6.3."""

    def test_the_reader_sees_damage(self):
        """What holds everything else has to be able to fail."""
        self.family()
        self.msbctl("snapshot", "export", "-q", "child", self.path("a.tar"), "--plain-tar", "--layout", "current")
        self.hold()
        cache, snapshots = f"{self.home}/cache", f"{self.home}/snapshots"
        layer = min((f"{cache}/layers/{name}" for name in os.listdir(f"{cache}/layers") if name.endswith(".erofs")),
                    key=os.path.getsize)
        [fsmeta] = [f"{cache}/fsmeta/{name}" for name in os.listdir(f"{cache}/fsmeta") if name.endswith(".erofs")]
        for path, at, what in ((layer, 4096 + 44, "number of names|as it is laid out|checksum"),  # nlink of the root
                               (fsmeta, 1024 + 0x10, "checksum"),
                               (f"{snapshots}/child/upper.ext4", 5 << 20, "Merkle root"),
                               (f"{self.home}/sandboxes/web/upper.ext4", 1024 + 0x5C, "features")):
            with self.subTest(path), self.damaged(path, at):
                with self.assertRaisesRegex(Malformed, what):
                    self.hold()
        middle = os.path.getsize(self.path("a.tar")) // 2
        for at, what in ((600, "descriptor|JSON|digest|member|inventory"), (middle, "transport")):
            with self.subTest(at), self.damaged(self.path("a.tar"), at):
                with self.assertRaisesRegex(Malformed, what):
                    archive.read(self.path("a.tar"))

    def damaged(self, path, at):
        return Damage(path, at)


class Damage:
    """One byte of a file is another one for a while."""

    def __init__(self, path, at):
        self.path, self.at = path, at

    def __enter__(self):
        shutil.copy2(self.path, self.path + ".kept")
        with open(self.path, "r+b") as file:
            file.seek(self.at)
            byte = file.read(1)[0]
            file.seek(self.at)
            file.write(bytes([byte ^ 1]))

    def __exit__(self, *_):
        os.replace(self.path + ".kept", self.path)


for each in LATER:
    name = "In" + each.replace(".", "_")
    globals()[name] = type(name, (Written, Workspace), {"release": each, "__module__": "__main__"})

if __name__ == "__main__":
    main()
