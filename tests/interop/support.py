"""What the tests of this folder share: homes of every generation, the program under test, and how they are run."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, f"{HERE}/../cli")
sys.dont_write_bytecode = True

import demo_image  # noqa: E402  (of the command line's own tests)
from strict import Malformed  # noqa: E402

MSBCTL = os.environ.get("MSBCTL", "msbctl")
FIXTURES = f"{HERE}/../golden/upstream"
SKIPPED = 77
PATIENCE = 120  # seconds for one command
OURS = "0.6.3"  # the generation of a new home
LATER = ("0.6.7", "0.6.14", "0.6.18")  # releases whose tables differ from it, and that we write


def fixture(path):
    """A file that another release of microsandbox has written."""
    return os.path.join(FIXTURES, path)


def read_file(path):
    with open(path, "rb") as file:
        return file.read()


def read_json(path):
    return json.loads(read_file(path))


def run_script(database, script):
    """Runs SQL on a database file, which is made if need be, in the mode that microsandbox uses."""
    os.makedirs(os.path.dirname(database), exist_ok=True)
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(script)
    connection.close()


def quick_folder():
    """Memory where there is enough of it: syncing costs nothing there. None: the usual place."""
    memory = "/dev/shm"
    if not os.access(memory, os.W_OK):
        return None
    status = os.statvfs(memory)
    return memory if status.f_bavail * status.f_frsize >= 1 << 30 else None


class Failed(Exception):
    """A command that ended with another code than expected."""


class Workspace(unittest.TestCase):
    """A folder of its own for each test, with a home in it."""

    maxDiff = None

    def setUp(self):
        self.work = tempfile.mkdtemp(prefix="msb-interop-", dir=quick_folder())
        self.addCleanup(shutil.rmtree, self.work)
        self.home = f"{self.work}/home"

    def path(self, name):
        return f"{self.work}/{name}"

    def make_home(self, release, root=None):
        """An empty home as a release leaves it; ours makes itself."""
        if release != OURS:
            script = read_file(f"{HERE}/schemas/{release}.sql").decode()
            run_script(f"{root or self.home}/db/msb.db", script)

    def environment(self, home):
        env = {"PATH": os.environ["PATH"], "HOME": self.work, "MSB_HOME": home, "LANG": "C.UTF-8", "TZ": "UTC"}
        env.update({key: value for key, value in os.environ.items() if key.endswith("SAN_OPTIONS")})
        return env

    def program(self, binary, *arguments, home=None, code=0):
        """Runs a program on a home; returns its output, or that of a failure that was expected."""
        done = subprocess.run([binary, *arguments], env=self.environment(home or self.home), cwd=self.work,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False)
        if (done.returncode != 0) != (code != 0):
            raise Failed(f"{os.path.basename(binary)} {' '.join(arguments)}: exit {done.returncode}\n"
                         f"{done.stdout}{done.stderr}")
        return done.stdout if code == 0 else done.stderr

    def msbctl(self, *arguments, **options):
        return self.program(MSBCTL, *arguments, **options)

    def told(self, *arguments, **options):
        """What msbctl says as JSON."""
        return json.loads(self.msbctl(*arguments, "--format", "json", **options))

    def demo_archive(self):
        path = self.path("demo.tar")
        if not os.path.exists(path):
            demo_image.write(path)
        return path


class KeptHome(Workspace):
    """A home that fill() makes once for all tests of the class. A test that says bring() begins with it as it was then,
    at the same path, which rows and descriptors name."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="msb-interop-", dir=quick_folder())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        maker = cls("fill")
        maker.work, maker.home = cls.folder, f"{cls.folder}/home"
        maker.fill()
        os.rename(maker.home, f"{cls.folder}/kept")

    def fill(self):
        raise NotImplementedError

    def setUp(self):
        self.work, self.home = self.folder, f"{self.folder}/home"
        self.addCleanup(self.clear)

    def bring(self):
        subprocess.run(["cp", "-a", "--reflink=auto", "--sparse=always", f"{self.folder}/kept", self.home], check=True)

    def clear(self):
        for name in os.listdir(self.folder):
            path = self.path(name)
            if name != "kept":
                subprocess.run(["rm", "-rf", path], check=True)


class Result(unittest.TextTestResult):
    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.stream.writeln(f"failed: {subtest}")


def main():
    """Runs the tests of the calling file; arguments name some of them. 77 if every one was skipped."""
    program = unittest.main(module="__main__", exit=False, testRunner=unittest.TextTestRunner(resultclass=Result,
                                                                                              stream=sys.stdout))
    result = program.result
    if not result.wasSuccessful():
        sys.exit(1)
    for reason in sorted({reason for _, reason in result.skipped}):
        print(f"skipped: {os.path.basename(sys.argv[0])}: {reason}")
    # Of a class that is skipped no test runs.
    sys.exit(SKIPPED if result.skipped and result.testsRun <= len(result.skipped) else 0)


__all__ = ["Failed", "HERE", "KeptHome", "LATER", "MSBCTL", "Malformed", "OURS", "PATIENCE", "Workspace", "demo_image",
           "fixture", "main", "read_file", "read_json", "run_script"]
