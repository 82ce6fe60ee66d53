"""Both directions against the real program: what the library writes msb reads and goes on with, and the other way
round. Installs the packages of each release into $MSB_INTEROP_PACKAGES; is skipped where they cannot be had."""

import concurrent.futures
import json
import os
import shutil
import subprocess
import sys
import unittest

from support import Failed, HERE, KeptHome, MSBCTL, demo_image, main, read_file
from strict import archive, database, home

PACKAGE = "@superradcompany/microsandbox-linux-x64-gnu"
PACKAGES = os.environ.get("MSB_INTEROP_PACKAGES", "")
ALGORITHMS = ("merkle", "sparse", "sha256")


def install(release):
    """The program of a release."""
    folder = f"{PACKAGES}/{release}"
    binary = f"{folder}/node_modules/{PACKAGE}/bin/msb"
    if not PACKAGES:
        raise unittest.SkipTest("./dev interop runs these, with the packages of microsandbox")
    if not os.path.exists(binary):
        if not shutil.which("npm"):
            raise unittest.SkipTest("npm is not here, so neither is msb")
        os.makedirs(folder, exist_ok=True)
        done = subprocess.run(["npm", "install", "--force", "--no-audit", "--no-fund", "--prefix", folder,
                               f"{PACKAGE}@{release}"], capture_output=True, text=True, check=False)
        if done.returncode or not os.path.exists(binary):
            why = done.stderr.strip()[-200:] or "no msb in it"
            raise unittest.SkipTest(f"{PACKAGE}@{release} cannot be had: {why}")
    done = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False)
    if done.stdout.strip() != f"msb {release}":
        raise unittest.SkipTest(f"msb {release} does not run here: {done.stdout}{done.stderr}")
    return binary


class Release(KeptHome):
    """Homes, and a sandbox that msb itself has made: it boots, or tries to, once for each release."""

    release = None

    @classmethod
    def setUpClass(cls):
        cls.binary = install(cls.release)
        super().setUpClass()

    def fill(self):
        self.msb("load", "-q", "-i", self.demo_archive())
        self.run_sandbox("theirs", "demo/app:1")

    def msb(self, *arguments, **options):
        return self.program(self.binary, *arguments, **options)

    def seen(self, *arguments, **options):
        """What msb says as JSON."""
        return json.loads(self.msb(*arguments, "--format", "json", **options))

    def run_sandbox(self, name, image):
        """A sandbox that has run: where no machine can boot it is left stopped too, with a real disk."""
        self.boot(name, "run", "--name", name, "--detach", "--root-disk", "80M", "--pull", "never", image)

    def start(self, name):
        self.boot(name, "start", name)

    def boot(self, name, *command):
        try:
            self.msb(*command)
            self.msb("stop", name)
        except Failed as error:
            # Image and disk were found: it got as far as starting a machine.
            self.assertIn("before agent relay became available", str(error))
        self.assertEqual([each["status"].lower() for each in self.seen("ls") if each["name"] == name], ["stopped"])

    def our_home(self, root=None):
        """With an image, sandboxes and snapshots, a parent and its child among them. Returns the digests."""
        ours = {"home": root or self.home}
        self.msbctl("image", "load", "-q", "-i", self.demo_archive(), **ours)
        self.msbctl("sandbox", "create", "-q", "ours", "--image", "demo/app:1", "--size", "80MiB", **ours)
        base = self.told("snapshot", "create", "base", "--from", "ours", "--label", "a=b", **ours)
        digests = {"base": base["digest"]}
        self.msbctl("sandbox", "create", "-q", "fork", "--from-snapshot", "base", **ours)
        for name in ALGORITHMS:
            digests[name] = self.told("snapshot", "create", name, "--from", "fork", "--integrity", "--algorithm", name,
                                      **ours)["digest"]
        return digests

    def hold(self, **options):
        return home.Home(self.home, exact=False, fresh=False, **options)

    def names(self, *command, **options):
        return sorted(each["name"] for each in self.seen(*command, **options))

    def create_theirs(self, name, *options):
        self.msb("snapshot", "create", name, "--from", "theirs", *options)


class Images:
    """Images, in homes of either."""

    def test_images_of_ours(self):
        """Loaded by us: msb lists, saves and boots them without a pull, and takes them away."""
        self.bring()
        self.msbctl("image", "load", "-q", "-i", self.demo_archive(), "--tag", "demo/ours:1")
        self.assertIn("demo/ours:1", [each["reference"] for each in self.seen("image", "ls")])
        self.assertEqual(self.seen("image", "inspect", "demo/ours:1")["config"]["working_dir"], "/srv")
        self.hold()
        self.msb("save", "-q", "-o", self.path("saved.tar"), "demo/ours:1")
        self.msb("image", "rm", "demo/app:1", "--force")
        self.run_sandbox("booted", "demo/ours:1")
        self.msbctl("image", "load", "-q", "-i", self.path("saved.tar"), "--tag", "demo/back:1")
        self.assertIn("demo/back:1", [each["reference"] for each in self.seen("image", "ls")])
        self.msb("rm", "-q", "booted", "theirs")
        self.msb("image", "prune", "--yes")
        self.assertEqual(self.told("image", "ls"), [])
        self.msbctl("check")

    def test_images_of_theirs(self):
        """Loaded by msb: we list, save and fork from them, keep what its sandboxes need, and take the rest away."""
        self.bring()
        [image] = self.told("image", "ls")
        self.assertEqual((image["reference"], image["layer_count"]), ("demo/app:1", 2))
        self.assertEqual(self.told("image", "inspect", "demo/app:1")["config"]["working_dir"], "/srv")
        self.msbctl("image", "rm", "demo/app:1", code=1)  # a sandbox boots from it
        self.msbctl("image", "save", "-q", "-o", self.path("saved.tar"), "demo/app:1")
        self.msb("load", "-q", "-i", self.path("saved.tar"), "-t", "demo/again:1")
        self.assertIn("demo/again:1", [each["reference"] for each in self.told("image", "ls")])
        self.msbctl("image", "prune", "-q", "--yes")
        self.start("theirs")  # what it boots from is still there
        self.msbctl("sandbox", "rm", "-q", "theirs")
        self.msbctl("image", "prune", "-q", "--yes")
        self.assertEqual(self.seen("image", "ls"), [])
        self.hold()

    def test_pulled_images(self):
        """Pulled by one, the other takes them as they are: from the same registry nothing comes twice."""
        self.bring()
        with Registry(self.path("lab")) as registry:
            ours, theirs = registry.image("demo"), registry.image("multi")
            self.msbctl("image", "pull", "-q", "--insecure", ours)
            self.msb("pull", "-q", "--insecure", theirs)
        # The registry has gone.
        self.run_sandbox("of-ours", ours)
        self.msb("pull", "-q", "--insecure", ours)
        self.msbctl("image", "pull", "-q", "--insecure", theirs)
        self.msbctl("sandbox", "create", "-q", "of-theirs", "--image", theirs, "--size", "80MiB")
        self.assertEqual(self.names("ls"), ["of-ours", "of-theirs", "theirs"])
        self.hold()


class Sandboxes:
    def test_sandboxes_of_ours(self):
        """Made by us: msb lists, inspects, starts, captures and removes them."""
        self.bring()
        self.msbctl("sandbox", "create", "-q", "ours", "--image", "demo/app:1", "--size", "80MiB", "--label", "a=b")
        self.hold()
        self.assertEqual(self.names("ls"), ["ours", "theirs"])
        self.assertEqual(self.seen("inspect", "ours")["status"].lower(), "stopped")
        self.start("ours")
        self.assertEqual(self.told("sandbox", "inspect", "ours")["status"].lower(), "stopped")
        self.msb("snapshot", "create", "of-ours", "--from", "ours", "--integrity")
        self.assertTrue(self.told("snapshot", "verify", "of-ours")["verified"])
        self.msb("rm", "-q", "ours")
        self.assertEqual([each["name"] for each in self.told("sandbox", "ls")], ["theirs"])
        self.assertFalse(os.path.exists(f"{self.home}/sandboxes/ours"))
        self.hold()

    def test_sandboxes_of_theirs(self):
        """Made by msb: we list, inspect, capture, fork, replace and remove them."""
        self.bring()
        self.assertEqual(self.told("sandbox", "inspect", "theirs")["status"].lower(), "stopped")
        self.msbctl("snapshot", "create", "-q", "captured", "--from", "theirs", "--integrity")
        self.msb("snapshot", "verify", "captured")
        self.msbctl("sandbox", "create", "-q", "theirs", "--from-snapshot", "captured", "--replace")
        self.assertEqual(self.names("ls"), ["theirs"])
        self.msbctl("sandbox", "rm", "-q", "theirs")
        self.assertEqual(self.seen("ls"), [])
        self.hold()


class Machines:
    def test_machines_of_theirs(self):
        """A sandbox and a snapshot of msb boot with us, and msb captures what was written there."""
        if demo_image.no_machines():
            self.skipTest(demo_image.no_machines())
        demo_image.write_shell(self.path("shell.tar"))
        self.msb("load", "-q", "-i", self.path("shell.tar"))
        self.run_sandbox("machine", "demo/shell:1")
        said = self.msbctl("run", "--accelerator", "tcg", "--name", "machine", "--", "sh", "-c",
                           "cat /etc/motd; echo kept > /root/kept")
        self.assertEqual(said, "hello\n")
        self.assertEqual([each["status"].lower() for each in self.seen("ls")], ["stopped"])
        self.msb("snapshot", "create", "after", "--from", "machine", "--integrity")
        said = self.msbctl("run", "--accelerator", "tcg", "--from-snapshot", "after", "--", "sh", "-c", "cat /root/kept")
        self.assertEqual(said, "kept\n")
        self.hold()


class Snapshots:
    def test_snapshots_of_ours(self):
        """Created by us: msb lists, inspects, verifies, saves, indexes and removes them, and knows their parents."""
        self.bring()
        parent = self.told("snapshot", "create", "base", "--from", "theirs", "--label", "a=b")["digest"]
        self.msbctl("sandbox", "create", "-q", "fork", "--from-snapshot", "base")
        for name in ALGORITHMS:
            self.msbctl("snapshot", "create", "-q", name, "--from", "fork", "--integrity", "--algorithm", name)
        self.hold()
        self.assertEqual(self.names("snapshot", "ls"), sorted(["base", *ALGORITHMS]))
        self.assertEqual({each["parent_digest"] for each in self.seen("snapshot", "ls")}, {parent, None})
        for name in ALGORITHMS:
            self.assertIn(parent, self.msb("snapshot", "inspect", name))
            self.msb("snapshot", "verify", name)
            self.msb("snapshot", "save", name, self.path(f"{name}.tar.zst"), "--with-parents", "--with-image")
        self.msb("snapshot", "rm", "base", code=1)  # it has children
        self.msb("snapshot", "reindex")
        self.hold()
        self.msb("snapshot", "rm", *ALGORITHMS, "base")
        self.assertEqual(self.told("snapshot", "ls"), [])

    def test_snapshots_of_theirs(self):
        """Created by msb: we list, inspect, verify, fork, index and remove them."""
        self.bring()
        self.create_theirs("plain", "--label", "a=b")
        self.create_theirs("checked", "--integrity")
        self.assertEqual(sorted(each["name"] for each in self.told("snapshot", "ls")), ["checked", "plain"])
        self.assertEqual(self.told("snapshot", "inspect", "plain")["labels"], {"a": "b"})
        self.assertTrue(self.told("snapshot", "verify", "checked")["verified"])
        self.msbctl("sandbox", "create", "-q", "fork", "--from-snapshot", "plain")
        child = self.told("snapshot", "create", "child", "--from", "fork")
        self.assertEqual(child["parent_digest"], self.told("snapshot", "inspect", "plain")["digest"])
        self.msbctl("snapshot", "reindex")
        self.hold()
        self.assertEqual(self.names("snapshot", "ls"), ["checked", "child", "plain"])
        self.msbctl("snapshot", "rm", "child", "plain", "checked")
        self.assertEqual(self.seen("snapshot", "ls"), [])

    def test_snapshots_of_both_in_turn(self):
        """Each replaces and removes what the other has made."""
        self.bring()
        self.create_theirs("one")
        self.msbctl("snapshot", "create", "-q", "one", "--from", "theirs", "--force", "--integrity")
        self.msb("snapshot", "verify", "one")
        self.create_theirs("one", "--force", "--integrity")
        self.assertTrue(self.told("snapshot", "verify", "one")["verified"])
        self.hold()
        shutil.rmtree(f"{self.home}/snapshots/one")
        self.msbctl("snapshot", "reindex")
        self.assertEqual(self.seen("snapshot", "ls"), [])


class Archives:
    def load(self, name):
        """msb loads an archive into a home of its own; returns how many snapshots there are now."""
        there = self.path("there")
        self.msb("snapshot", "load", self.path(name), home=there)
        found = self.seen("snapshot", "ls", home=there)
        shutil.rmtree(there)
        return len(found)

    def test_archives_of_ours(self):
        """Exported by us, in either layout: msb loads them, chains of parents and images too."""
        self.our_home()
        for layout in ("legacy", "current"):
            for kind, options in (("tar", ["--plain-tar"]), ("tar.zst", [])):
                for name in ("base", *ALGORITHMS):
                    with self.subTest(f"{name} {layout} {kind}"):
                        out = f"{name}-{layout}.{kind}"
                        self.msbctl("snapshot", "export", "-q", name, self.path(out), "--layout", layout,
                                    "--with-parents", *options)
                        archive.read(self.path(out))
                        if name == "merkle" and layout == "legacy":
                            # No release knows the root of a tree in the older descriptor.
                            self.msb("snapshot", "load", self.path(out), home=self.path("there"), code=1)
                        else:
                            self.assertEqual(self.load(out), 1 if name == "base" else 2)
        for name, layout in (("base", "legacy"), ("sparse", "current")):
            out = self.path("image.tar.zst")
            self.msbctl("snapshot", "export", "-q", name, out, "--with-image", "--layout", layout)
            self.assertEqual(self.load("image.tar.zst"), 1)

    def test_archives_of_theirs(self):
        """Saved by msb: we import them. An image that comes along stays out, as nothing proves its layers."""
        self.bring()
        self.create_theirs("plain")
        self.create_theirs("checked", "--integrity")
        for name, options in (("plain", []), ("checked", ["--plain-tar"]), ("checked", ["--with-image"])):
            with self.subTest(f"{name} {options}"):
                out, there = self.path("out.tar"), self.path("there")
                self.msb("snapshot", "save", name, out, *options)
                self.msbctl("snapshot", "import", "-q", out, home=there)
                [found] = self.told("snapshot", "ls", home=there)
                # Without a record too: then by what we have computed of what came.
                self.assertTrue(self.told("snapshot", "verify", found["name"], home=there)["verified"])
                self.assertEqual(self.told("image", "ls", home=there), [])
                self.msbctl("image", "load", "-q", "-i", self.demo_archive(), home=there)
                self.msbctl("sandbox", "create", "-q", "fork", "--from-snapshot", found["name"], home=there)
                shutil.rmtree(there)

    def test_disks_stay_the_same(self):
        """From us to msb and back, and from msb to us and back."""
        self.bring()
        self.msbctl("snapshot", "create", "-q", "ours", "--from", "theirs")
        self.create_theirs("msbs")
        disk = read_file(f"{self.home}/snapshots/ours/upper.ext4")
        for name, first, second in (("ours", "export", "save"), ("msbs", "save", "export")):
            there = self.path("there")
            for verb in (first, second):
                program, back = ((self.msbctl, self.msb) if verb == "export" else (self.msb, self.msbctl))
                source = self.home if verb == first else there
                found = self.names("snapshot", "ls", home=source)
                program("snapshot", verb, name if verb == first else found[0], self.path("out.tar.zst"), home=source)
                if verb == second:
                    shutil.rmtree(there)
                back("snapshot", "import" if back == self.msbctl else "load", self.path("out.tar.zst"), home=there)
            [artifact] = os.listdir(f"{there}/snapshots")
            self.assertEqual(read_file(f"{there}/snapshots/{artifact}/upper.ext4"), disk)
            shutil.rmtree(there)


class TakenOver:
    def test_home_of_ours_taken_over(self):
        """A home that began as ours is moved on by msb: both go on with all of it."""
        digests = self.our_home()
        before = {name: read_file(f"{self.home}/snapshots/{name}/upper.ext4") for name in digests}
        self.assertEqual(self.names("ls"), ["fork", "ours"])
        self.assertEqual([each["reference"] for each in self.seen("image", "ls")], ["demo/app:1"])
        self.msbctl("recover")  # translates what msb could not
        found = self.hold()
        self.assertEqual(sorted(found.snapshots), sorted(digests))
        self.assertEqual({each.form for each in found.snapshots.values()}, {"snapshot.json"})
        self.assertEqual({each.parent for name, each in found.snapshots.items() if name != "base"},
                         {found.snapshots["base"].digest})
        self.assertEqual(self.names("snapshot", "ls"), sorted(digests))
        for name in ALGORITHMS:
            self.msb("snapshot", "verify", name)
            self.assertTrue(self.told("snapshot", "verify", name)["verified"])
        self.assertEqual({name: read_file(f"{self.home}/snapshots/{name}/upper.ext4") for name in digests}, before)
        self.msb("snapshot", "create", "next", "--from", "ours")
        self.msbctl("snapshot", "create", "-q", "after", "--from", "fork")
        self.hold()
        self.msbctl("check")

    def test_home_of_theirs_shared(self):
        """A home that began as msb's: whatever we do in it, its schema and its own rows stay."""
        self.bring()
        before = database.dump(f"{self.home}/db/msb.db")
        self.our_home()
        after = database.dump(f"{self.home}/db/msb.db")
        self.assertEqual(after[0], before[0])
        for table in ("sandbox", "run", "maintenance_lease", "seaql_migrations"):
            self.assertEqual(after[1][table][:len(before[1][table])], before[1][table], table)
        self.assertEqual(self.names("ls"), ["fork", "ours", "theirs"])
        self.hold()


    def test_both_at_once(self):
        """Both load, tag, capture, list and remove in one home at once: nothing fails, and it is whole afterwards."""
        self.bring()
        archived, turns = self.demo_archive(), range(4)

        def theirs():
            for turn in turns:
                self.msb("load", "-q", "-i", archived, "-t", f"demo/theirs:{turn}")
                self.create_theirs(f"theirs-{turn}", "--integrity")
                self.names("snapshot", "ls")
                self.msb("image", "rm", f"demo/theirs:{turn}", "--force")  # sandboxes have the image
            self.msb("snapshot", "rm", *(f"theirs-{turn}" for turn in turns[1:]))

        def ours():
            for turn in turns:
                self.msbctl("image", "load", "-q", "-i", archived, "--tag", f"demo/ours:{turn}")
                self.msbctl("sandbox", "create", "-q", f"ours-{turn}", "--image", "demo/app:1", "--size", "80MiB")
                self.msbctl("snapshot", "create", "-q", f"ours-{turn}", "--from", f"ours-{turn}", "--integrity")
                self.msbctl("snapshot", "reindex")
                self.msbctl("image", "rm", "-q", f"demo/ours:{turn}")
                self.msbctl("image", "gc", "-q")
            self.msbctl("snapshot", "rm", *(f"ours-{turn}" for turn in turns[1:]))
            self.msbctl("sandbox", "rm", "-q", *(f"ours-{turn}" for turn in turns))

        with concurrent.futures.ThreadPoolExecutor() as workers:
            for done in [workers.submit(work) for work in (theirs, ours)]:
                done.result()
        self.assertEqual(sorted(self.hold().snapshots), ["ours-0", "theirs-0"])
        self.assertEqual(self.names("ls"), ["theirs"])
        self.assertEqual([each["reference"] for each in self.told("image", "ls")], ["demo/app:1"])
        self.msbctl("check", "--deep")


class Registry:
    """What tests/support has for pulls."""

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        os.makedirs(self.folder)
        self.process = subprocess.Popen([sys.executable, "-B", f"{HERE}/../support/registry_lab.py", self.folder],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.said = {}
        for line in self.process.stdout:
            if line.strip() == "ready":
                return self
            key, _, value = line.strip().partition("=")
            self.said[key] = value
        raise unittest.SkipTest("no registry: docker-registry or skopeo is missing")

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()

    def image(self, name):
        return f"127.0.0.1:{self.said['PLAIN']}/{name}:1"


class Msb_0_6_14(Images, Sandboxes, Machines, Snapshots, Archives, TakenOver, Release):
    release = "0.6.14"


class Msb_0_6_18(Images, Sandboxes, Machines, Snapshots, Archives, TakenOver, Release):
    release = "0.6.18"


class Msb_0_7_2(Release):
    """Its schema is newer than what we write: we read its homes, and change nothing in them; it reads ours."""

    release = "0.7.2"

    def refuse(self, *commands):
        """Each fails with the one error that names both versions, and no row differs afterwards."""
        before = database.dump(f"{self.home}/db/msb.db")
        for command in commands:
            with self.subTest(command):
                self.assertRegex(self.msbctl(*command.split(" "), code=1), r"schema of microsandbox 0\.7.*0\.6\.18")
        self.assertEqual(database.dump(f"{self.home}/db/msb.db"), before)

    def moved_on(self):
        """A home of ours that it has opened."""
        digests = self.our_home()
        self.msb("ls")
        return digests

    def test_images_of_ours(self):
        """It lists, saves and boots what we have loaded, and loads what we have saved."""
        self.moved_on()
        self.assertEqual([each["reference"] for each in self.seen("image", "ls")], ["demo/app:1"])
        self.msb("save", "-q", "-o", self.path("theirs.tar"), "demo/app:1")
        self.run_sandbox("booted", "demo/app:1")
        self.msbctl("image", "save", "-q", "-o", self.path("ours.tar"), "demo/app:1")
        self.msb("load", "-q", "-i", self.path("ours.tar"), home=self.path("there"))
        self.msbctl("image", "load", "-q", "-i", self.path("theirs.tar"), home=self.path("here"))
        self.assertEqual(self.seen("image", "inspect", "demo/app:1")["config"]["working_dir"], "/srv")
        self.msb("load", "-q", "-i", self.path("ours.tar"), "-t", "demo/other:1")
        self.msb("image", "rm", "demo/other:1", "--force")  # another reference has the image too
        pruned = self.path("pruned")
        self.msbctl("image", "load", "-q", "-i", self.path("theirs.tar"), home=pruned)
        self.msb("image", "prune", "--yes", home=pruned)
        self.assertEqual(self.told("image", "ls", home=pruned), [])

    def test_images_of_theirs(self):
        self.bring()
        self.assertEqual([each["reference"] for each in self.told("image", "ls")], ["demo/app:1"])
        self.assertEqual(self.told("image", "inspect", "demo/app:1")["config"]["working_dir"], "/srv")
        self.msbctl("image", "save", "-q", "-o", self.path("saved.tar"), "demo/app:1")
        self.msbctl("image", "load", "-q", "-i", self.path("saved.tar"), home=self.path("there"))
        self.msbctl("check")
        self.refuse(f"image load -q -i {self.path('saved.tar')}")
        self.msb("image", "ls")

    def test_pulled_images(self):
        """Pulled by us before it takes the home over, it needs no registry any more; what it has pulled we read."""
        with Registry(self.path("lab")) as registry:
            ours, theirs = registry.image("demo"), registry.image("multi")
            self.msbctl("image", "pull", "-q", "--insecure", ours)
            self.msb("pull", "-q", "--insecure", theirs)
        self.msb("pull", "-q", "--insecure", ours)
        for name in (ours, theirs):
            self.msbctl("image", "save", "-q", "-o", self.path("saved.tar"), name)
            self.msbctl("image", "load", "-q", "-i", self.path("saved.tar"), home=self.path("there"))

    def test_home_of_ours_taken_over(self):
        """It goes on in it. We list and read all of it still, and leave it alone."""
        digests = self.moved_on()
        before = database.dump(f"{self.home}/db/msb.db")
        self.assertEqual(sorted(each["name"] for each in self.told("snapshot", "ls")), sorted(digests))
        self.assertTrue(self.told("snapshot", "verify", "sparse")["verified"])
        self.assertTrue(self.told("snapshot", "verify", "merkle")["verified"])  # it could not
        self.assertEqual(sorted(each["name"] for each in self.told("sandbox", "ls")), ["fork", "ours"])
        self.msbctl("check")
        self.refuse("snapshot reindex", "sandbox create -q new --image demo/app:1 --size 80MiB", "recover")
        self.assertEqual(database.dump(f"{self.home}/db/msb.db"), before)

    def test_sandboxes_of_ours(self):
        self.moved_on()
        self.assertEqual(self.names("ls"), ["fork", "ours"])
        self.assertEqual(self.seen("inspect", "ours")["status"].lower(), "stopped")
        self.start("ours")
        self.msb("snapshot", "create", "next", "--from-sandbox", "ours")
        self.msb("rm", "-q", "ours")
        self.assertEqual([each["name"] for each in self.told("sandbox", "ls")], ["fork"])

    def test_sandboxes_of_theirs(self):
        self.bring()
        self.assertEqual([each["name"] for each in self.told("sandbox", "ls")], ["theirs"])
        self.assertEqual(self.told("sandbox", "inspect", "theirs")["status"].lower(), "stopped")
        self.refuse("sandbox create -q ours --image demo/app:1 --size 80MiB")
        self.assertEqual(self.names("ls"), ["theirs"])

    def test_snapshots_of_ours(self):
        """It lists those of a home that it has moved on, and reads them where they are, those of later homes too."""
        self.moved_on()
        self.assertEqual(self.names("snapshot", "ls"), sorted(["base", *ALGORITHMS]))
        self.msb("snapshot", "verify", f"{self.home}/snapshots/base")
        later = self.path("later")
        self.make_home("0.6.14", later)
        digests = self.our_home(later)
        for name in digests:
            told = self.msb("snapshot", "verify", f"{later}/snapshots/{name}", home=self.path("there"))
            self.assertEqual("verified" in told, name != "base", told)

    def test_snapshots_of_theirs(self):
        self.bring()
        self.msb("snapshot", "create", "one", "--from-sandbox", "theirs", "--integrity")
        [row] = self.told("snapshot", "ls")
        self.assertEqual(row["name"], "one")
        for name in ("theirs:one", row["digest"], row["artifact_path"], os.path.basename(row["artifact_path"])):
            self.assertEqual(self.told("snapshot", "inspect", name)["digest"], row["digest"])
            self.assertTrue(self.told("snapshot", "verify", name)["verified"])
        self.assertTrue(self.told("snapshot", "verify", row["artifact_path"], home=self.path("there"))["verified"])
        self.assertEqual([each["digest"] for each in self.told("snapshot", "ls", f"{self.home}/snapshots")],
                         [row["digest"]])
        self.msbctl("check", "--deep")
        self.assertEqual(self.told("snapshot", "inspect", "theirs")["digest"], row["digest"])
        self.refuse("snapshot create -q two --from theirs", "snapshot rm theirs:one", "snapshot convert theirs:one two")
        self.msb("snapshot", "verify", "theirs:one")
        # Of another home it is used there, as it is or in a form of its own.
        there = {"home": self.path("there")}
        self.msbctl("image", "load", "-q", "-i", self.demo_archive(), **there)
        self.msbctl("sandbox", "create", "-q", "fork", "--from-snapshot", row["artifact_path"], **there)
        for form in ("manifest", "snapshot"):
            made = self.told("snapshot", "convert", row["artifact_path"], form, "--to", form, **there)
            self.assertTrue(self.told("snapshot", "verify", form, **there)["verified"])
            self.assertEqual(os.path.basename(made["artifact_path"]), form)

    def test_archives_of_ours(self):
        """Exported by us, in either layout and from homes of either generation, with parents and image."""
        self.our_home()
        later = self.path("later")
        self.make_home("0.6.14", later)
        self.our_home(later)
        cases = [(self.home, "base", "legacy"), (self.home, "sparse", "legacy"), (self.home, "merkle", "current"),
                 (later, "merkle", "current")]
        for number, (source, name, layout) in enumerate(cases):
            with self.subTest(f"{name} {layout}"):
                out, there = self.path(f"{number}.tar.zst"), self.path(f"there-{number}")
                self.msbctl("snapshot", "export", "-q", name, out, "--layout", layout, "--with-parents", "--with-image",
                            home=source)
                self.msb("snapshot", "load", out, home=there)
                self.assertEqual(len(self.seen("snapshot", "ls", home=there)), 1 if name == "base" else 2)
                self.assertEqual(len(os.listdir(f"{there}/cache/vmdk")), 1)
                if (source, layout) == (later, "current"):
                    # Exported from there it is what it was.
                    [head] = [each["name"] for each in self.seen("snapshot", "ls", home=there) if each["parent_digest"]]
                    self.msbctl("snapshot", "export", "-q", head, out, "--with-parents", home=there)
                    again = self.path(f"again-{number}")
                    self.make_home("0.6.14", again)
                    self.msbctl("snapshot", "import", "-q", out, home=again)
                    self.assertEqual({each["digest"] for each in self.told("snapshot", "ls", home=again)},
                                     {each["digest"] for each in self.told("snapshot", "ls", home=source)
                                      if each["name"] in ("base", name)})

    def family(self):
        """A parent and its child, whose names it gives."""
        self.bring()
        self.msb("snapshot", "create", "one", "--from-sandbox", "theirs", "--label", "a=b")
        self.msb("snapshot", "create", "two", "--from-sandbox", "theirs", "--integrity")
        return ["one", "two"]

    def test_archives_of_theirs(self):
        """Saved by it: we import them, in the form of the home, which its owner reads."""
        names = self.family()
        self.msb("snapshot", "save", "theirs:two", self.path("two.msb"), "--with-parents", "--with-image")
        self.msb("snapshot", "save", "theirs:one", self.path("one.tar"), "--plain-tar")
        for release in ("0.6.3", "0.6.14"):
            there = {"home": self.path(f"there-{release}")}
            self.make_home(release, there["home"])
            for name in ("two.msb", "one.tar"):
                self.msbctl("snapshot", "import", "-q", self.path(name), **there)
            found = {each["name"]: each for each in self.told("snapshot", "ls", **there)}
            self.assertEqual(sorted(found), names)
            self.assertEqual(found["two"]["parent_digest"], found["one"]["digest"])
            for name in names:
                self.assertTrue(self.told("snapshot", "verify", name, **there)["verified"])
            self.msbctl("image", "load", "-q", "-i", self.demo_archive(), **there)
            self.msbctl("check", "--deep", **there)
            home.Home(there["home"])
            self.msbctl("sandbox", "create", "-q", "fork", "--from-snapshot", "two", **there)

    def test_layers_of_theirs(self):
        """A sandbox that it has restored writes into a layer of its own: with us all are one disk."""
        self.family()
        self.boot("again", "restore", "--name", "again", "theirs:one")
        self.msb("snapshot", "create", "three", "--from-sandbox", "again", "--integrity")
        [path] = [each["artifact_path"] for each in self.told("snapshot", "ls") if each["name"] == "three"]
        layers = sorted(os.listdir(f"{path}/layers"), key=lambda name: name.endswith(".qcow2"))
        self.assertEqual([name.split(".")[1] for name in layers], ["raw", "qcow2"])
        self.assertTrue(self.told("snapshot", "verify", "again:three")["verified"])
        self.msb("snapshot", "save", "again:three", self.path("three.msb"))
        self.msbctl("snapshot", "export", "-q", "again:three", self.path("three.tar.zst"))
        subprocess.run(["qemu-img", "convert", "-O", "raw", f"{path}/layers/{layers[1]}", self.path("flat")], check=True)
        there = {"home": self.path("there")}
        self.make_home("0.6.14", there["home"])
        for name in ("three.msb", "three.tar.zst"):
            self.msbctl("snapshot", "import", "-q", self.path(name), "--name", name, **there)
            self.assertEqual(read_file(f"{there['home']}/snapshots/{name}/upper.ext4"), read_file(self.path("flat")))
        home.Home(there["home"])

    def test_machines_of_theirs(self):
        """A snapshot of its boots with us, once it was brought over."""
        if demo_image.no_machines():
            self.skipTest(demo_image.no_machines())
        self.bring()
        there = {"home": self.path("there")}
        demo_image.write_shell(self.path("shell.tar"))
        self.msbctl("image", "load", "-q", "-i", self.path("shell.tar"), **there)
        self.msb("load", "-q", "-i", self.path("shell.tar"))
        self.run_sandbox("machine", "demo/shell:1")
        self.msb("snapshot", "create", "one", "--from-sandbox", "machine")
        self.msb("snapshot", "save", "machine:one", self.path("machine.msb"))
        self.msbctl("snapshot", "import", "-q", self.path("machine.msb"), "--name", "brought", **there)
        said = self.msbctl("run", "--accelerator", "tcg", "--from-snapshot", "brought", "--", "sh", "-c",
                           "cat /etc/motd", **there)
        self.assertEqual(said, "hello\n")

    def test_disks_stay_the_same(self):
        """From it to us and back."""
        self.family()
        [path] = [each["artifact_path"] for each in self.told("snapshot", "ls") if each["name"] == "two"]
        [layer] = os.listdir(f"{path}/layers")
        here, there = self.path("here"), self.path("there")
        self.msb("snapshot", "save", "theirs:two", self.path("out.msb"))
        self.msbctl("snapshot", "import", "-q", self.path("out.msb"), home=here)
        self.assertEqual(read_file(f"{here}/snapshots/two/upper.ext4"), read_file(f"{path}/layers/{layer}"))
        self.msbctl("snapshot", "export", "-q", "two", self.path("back.tar.zst"), "--layout", "current", home=here)
        self.msb("snapshot", "load", self.path("back.tar.zst"), home=there)
        [row] = self.told("snapshot", "ls", home=there)
        [layer] = os.listdir(f"{row['artifact_path']}/layers")
        self.assertEqual(read_file(f"{here}/snapshots/two/upper.ext4"),
                         read_file(f"{row['artifact_path']}/layers/{layer}"))


if __name__ == "__main__":
    main()
