"""The strict reader on what every release of microsandbox has written: it says what the releases say."""

import base64
import os
import subprocess

from support import Malformed, Workspace, fixture, main, read_file, read_json, run_script
from strict import archive, cached, database, descriptor, erofs, ext4, home, integrity, reference

MANIFEST = ("0.5.7", "0.6.2", "0.6.6")
SNAPSHOT = ("0.6.7", "0.6.14", "0.6.18")
ARRAYS = ("image as array", "top as array", "upper as array", "int array2", "top array")  # a reader may refuse them
IMAGES = {"f1-kinds": ["fixture/kinds:1"], "f2-layers": ["registry.example.com:5000/fixture/layers:v2"],
          "f3-index": ["127.0.0.1:5050/fixture/index:1"], "f4-names": ["fixture/names:latest"],
          "f5-docker": ["fixture/one:1", "fixture/one:latest", "fixture/two:1"]}


def escaped(name):
    """As the fixtures' lists of trees write names."""
    return "".join(chr(c) if 32 <= c < 127 and c != 92 else f"\\x{c:02x}" for c in name)


class Descriptors(Workspace):
    def outcome(self, case, form):
        folder = self.path(f"case-{len(os.listdir(self.work))}")
        os.mkdir(folder)
        data = base64.b64decode(case["descriptor_b64"]) if "descriptor_b64" in case else case["descriptor"].encode()
        with open(f"{folder}/{form}", "wb") as file:
            file.write(data)
        if case["payload"] is not None:
            with open(f"{folder}/{case.get('payload_file', 'upper.ext4')}", "w", encoding="utf-8") as file:
                file.write(case["payload"])
        try:
            return descriptor.open_artifact(folder).digest
        except Malformed:
            return "error"

    def hold_cases(self, file, form):
        for case in read_json(fixture(f"snapshots/{file}"))["cases"]:
            expected = case["digest"] if case["result"] == "ok" and case["name"] not in ARRAYS else "error"
            with self.subTest(case["name"]):
                self.assertEqual(self.outcome(case, form), expected)

    def test_snapshot_json(self):
        self.hold_cases("descriptor-cases.json", "snapshot.json")

    def test_manifest_json(self):
        self.hold_cases("legacy-descriptor-cases.json", "manifest.json")

    def test_translation(self):
        for case in read_json(fixture("snapshots/legacy-descriptor-cases.json"))["cases"]:
            expected = case["translated_0_6_14"]
            if expected["result"] != "ok" or case["name"] in ARRAYS:
                continue
            with self.subTest(case["name"]):
                new = descriptor.translate(descriptor.read_manifest(case["descriptor"].encode()), {})
                self.assertEqual((new.canonical.decode(), new.digest), (expected["descriptor"], expected["digest"]))

    def test_of_every_release(self):
        for release in MANIFEST + SNAPSHOT:
            folder = fixture(f"snapshots/{release}")
            for path, digest in read_json(f"{folder}/digests.json").items():
                if not path.endswith(".json"):
                    continue  # a note
                with self.subTest(f"{release}: {path}"):
                    data = read_file(os.path.join(folder, "snapshots", path))
                    found = descriptor.read(os.path.basename(path), data)
                    self.assertEqual((found.digest, found.canonical), (digest, data))

    def test_homes_that_moved_on(self):
        folder = fixture("snapshots/migrated-0.6.6-to-0.6.14/snapshots")
        old, new = {}, {}
        for name in os.listdir(folder):
            old[name] = descriptor.read_manifest(read_file(f"{folder}/{name}/.manifest.json.legacy"))
            new[name] = descriptor.read_snapshot(read_file(f"{folder}/{name}/snapshot.json"))
        parents = {old[name].digest: new[name].digest for name in old}
        for name in old:
            with self.subTest(name):
                self.assertEqual(descriptor.translate(old[name], parents).canonical, new[name].canonical)


class Archives(Workspace):
    def load(self, path):
        """What 0.6.14 does with an archive."""
        try:
            found = archive.read(path)
            found.hold_image()
            return found
        except Malformed as error:
            return str(error)

    def test_hand_made(self):
        for case in read_json(fixture("snapshots/archive-cases/cases.json"))["cases"]:
            expected = case["results"]["0.6.14"]
            with self.subTest(case["file"]):
                found = self.load(fixture(f"snapshots/archive-cases/{case['file']}"))
                self.assertEqual(isinstance(found, archive.Archive), expected["result"] == "ok", found)
                if expected["result"] == "ok":
                    head = found.snapshots[found.head]
                    head = head if head.form == "snapshot.json" else descriptor.translate(head, {})
                    self.assertEqual(head.digest, expected["digest"])

    def test_of_every_release(self):
        with open(fixture("snapshots/load-matrix.tsv"), encoding="utf-8") as file:
            head, *rows = [line.rstrip("\n").split("\t") for line in file]
        for row in rows:
            release, name = row[0].split("/")
            with self.subTest(row[0]):
                found = self.load(fixture(f"snapshots/{release}/archives/{name}"))
                self.assertEqual(isinstance(found, archive.Archive), row[head.index("0.6.14")] == "ok", found)
                if isinstance(found, archive.Archive) and row[0] != "0.5.7/sparse30.tar.zst":  # which names its extents
                    found.hold_disks(self.work)


class Integrity(Workspace):
    def test_vectors(self):
        for vector in read_json(fixture("snapshots/integrity-vectors.json"))["vectors"]:
            path = self.path(vector["name"])
            with open(path, "wb") as file:
                file.truncate(vector["size"])
                for index, (offset, length) in enumerate(vector["extents"], 1):
                    file.seek(offset)
                    file.write(self.content(vector["name"], length, index))
            # 4 GiB of zeros take a second to hash, and say nothing that 1 GiB does not.
            plain = vector["size"] <= 1 << 20
            with self.subTest(vector["name"]):
                self.assertEqual(integrity.merkle(path), vector["root"])
                extents = [(offset, offset + length) for offset, length in vector["extents"]]
                self.assertEqual(integrity.sparse_of_extents(path, extents), vector["sparse_legacy"])
                if plain:
                    self.assertEqual(integrity.sparse(path), vector["sparse"])
                    self.assertEqual(integrity.sha256(path), vector["sha256"])

    @staticmethod
    def content(name, length, index):
        if name.startswith("pattern"):
            return bytes((31 * i + 7) & 0xFF for i in range(length))
        if name.startswith("sparse"):
            state, out = index, bytearray(length)
            for i in range(length):
                state = (state * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
                out[i] = state >> 56
            return bytes(out)
        return {"one-byte-5a": b"\x5a", "hello": b"hello"}.get(name, bytes(length))


class Images(Workspace):
    def test_trees(self):
        for name, references in IMAGES.items():
            folder = fixture(f"images/{name}")
            for each in references:
                with self.subTest(each):
                    metadata, root = cached.read(f"{folder}/cache", each, cache_was="@MSB_HOME@/cache")
                    digest = metadata["manifest_digest"][7:19]
                    with open(f"{folder}/tree.{digest}.tsv", encoding="utf-8") as file:
                        rows = [line.rstrip("\n").split("\t") for line in file][2:]  # without head and root
                    found = {escaped(path[1:]): node for path, node in erofs.walk(root)}
                    self.assertEqual(sorted(found), sorted(row[0] for row in rows))
                    for row in rows:
                        node = found[row[0]]
                        # Columns: path, type, mode, uid, gid, nlink, size, mtime, inode and more.
                        told = [f"{node.mode & 0o7777:04o}", *map(str, (node.uid, node.gid, node.mtime, node.nid))]
                        self.assertEqual(told, row[2:5] + row[7:9])

    def test_saved_by_pull(self):
        """A pull writes the manifest down in other bytes than the registry served."""
        name = reference.metadata_name("127.0.0.1:5050/fixture/index:1")
        metadata = fixture(f"images/f3-index/cache-pull/manifests/{name}")
        self.assertEqual(len(cached.read_metadata(read_file(metadata), exact=False)["layers"]), 2)

    def test_writable_disk(self):
        archived = fixture("images/upper-4g/upper.ext4.sparse.tar.zst")
        subprocess.run(["tar", "-xSf", archived, "-C", self.work], check=True)
        [name] = [name for name in os.listdir(self.work) if name.startswith("upper")]
        ext4.hold_fresh(self.path(name))


class ImagesOfOurs(Workspace):
    def test_from_the_same_inputs(self):
        """Layers as the releases make them, byte for byte; what joins them by the profile too."""
        for name, references in IMAGES.items():
            [archived] = [file for file in os.listdir(fixture("images/inputs")) if file.startswith(name)]
            here, folder = self.path(name), fixture(f"images/{name}/cache/layers")
            self.msbctl("image", "load", "-q", "-i", fixture(f"images/inputs/{archived}"), home=here)
            with self.subTest(name):
                self.assertEqual(set(home.Home(here).images), set(references))
                for layer in os.listdir(folder):
                    self.assertEqual(read_file(f"{here}/cache/layers/{layer}"), read_file(f"{folder}/{layer}"))


class Databases(Workspace):
    def hold(self, dump, grouped=False):
        path = self.path(f"db-{len(os.listdir(self.work))}/msb.db")
        run_script(path, read_file(dump).decode())
        return database.Database(path, grouped).hold()

    def test_of_every_release(self):
        for release, migrations in {"0.6.2": 13, "0.6.6": 14, "0.6.7": 18, "0.6.14": 23, "0.6.18": 25}.items():
            with self.subTest(release):
                self.assertEqual(self.hold(fixture(f"snapshots/{release}/msb.db.sql")).migrations, migrations)
        with self.assertRaisesRegex(Malformed, "of 0.7"):
            self.hold(fixture("snapshots/0.7.2/msb.db.sql"))
        self.assertEqual(self.hold(fixture("snapshots/migrated-0.6.6-to-0.6.14/msb.db.sql")).migrations, 23)


if __name__ == "__main__":
    main()
