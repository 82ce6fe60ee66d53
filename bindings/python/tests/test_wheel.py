"""The wheel: what it holds, what it links, and that it needs nothing of the machine but the C library's own."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import zipfile

import microsandbox

WHEEL = pathlib.Path(os.environ["MSB_TEST_WHEEL"])
INSTALLED = pathlib.Path(microsandbox.__file__).parent
#: Libraries that every Linux of the wheel's platform tag has (PEP 600).
SYSTEM = {"libc.so.6", "libm.so.6", "libpthread.so.0", "libresolv.so.2", "libdl.so.2", "librt.so.1",
          "libgcc_s.so.1", "libstdc++.so.6", "libz.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}


def dynamic(library: pathlib.Path, tag: str) -> "set[str]":
    text = subprocess.run(["readelf", "-dW", str(library)], check=True, stdout=subprocess.PIPE, text=True).stdout
    return set(re.findall(rf"\({tag}\).*\[(.*)\]", text))


class Wheel(unittest.TestCase):
    """What people install."""

    def test_tag(self) -> None:
        self.assertRegex(WHEEL.name, r"^microsandbox-0\.1\.0-cp39-abi3-manylinux_\d+_\d+_\w+\.whl$")

    def test_members(self) -> None:
        names = set(zipfile.ZipFile(WHEEL).namelist())
        for name in ("microsandbox/py.typed", "microsandbox/_native.pyi", "microsandbox/_native.abi3.so",
                     "microsandbox/sync/__init__.py"):
            self.assertIn(name, names)
        self.assertEqual([name for name in names if name.startswith("tests")], [])

    def test_it_links_only_what_it_brings(self) -> None:
        folder = INSTALLED.parent / "microsandbox.libs"
        files = [file for file in folder.rglob("*") if file.is_file()]
        brought = {file.name for file in files}
        self.assertTrue(any(name.startswith("libmicrosandbox") for name in brought))
        self.assertEqual([name for name in brought if re.match("lib(curl|archive)", name)], [])  # loaded late, if at all
        for library in (INSTALLED / "_native.abi3.so", *files):
            with self.subTest(library=library.name):
                self.assertLessEqual(dynamic(library, "NEEDED"), SYSTEM | brought)
                for path in dynamic(library, "RPATH") | dynamic(library, "RUNPATH"):
                    self.assertTrue(path.startswith("$ORIGIN"), path)
        loaded = pathlib.Path("/proc/self/maps").read_text("utf-8")
        [line] = {line.split()[-1] for line in loaded.splitlines() if "libmicrosandbox" in line}
        self.assertEqual(pathlib.Path(line).parent, folder.resolve())

    def test_the_programs_of_machines_lie_beside_the_library(self) -> None:
        for program in ("msb-monitor", "guest-init"):
            path = INSTALLED.parent / "microsandbox.libs/microsandbox" / program
            self.assertTrue(os.access(path, os.X_OK), path)

    def test_it_carries_the_licenses_of_what_it_brings(self) -> None:
        licenses = INSTALLED / "licenses"
        self.assertIn("Apache License", (licenses / "microsandbox").read_text("utf-8"))
        packages = {"libcrypto": "libssl3", "libsqlite3": "libsqlite3-0", "libjansson": "libjansson4", "libzstd": "libzstd1",
                    "libext2fs": "libext2fs2", "libc": "libc6"}
        brought = {file.name.split("-")[0].split(".")[0] for file in (INSTALLED.parent / "microsandbox.libs").iterdir()}
        for library in brought & set(packages) | {"libc"}:  # that is in guest-init
            self.assertTrue((licenses / packages[library]).stat().st_size > 0, library)
        self.assertGreaterEqual(len(brought & set(packages)), 4)

    def test_it_uses_the_stable_abi(self) -> None:
        text = subprocess.run(["nm", "-D", "--undefined-only", str(INSTALLED / "_native.abi3.so")], check=True,
                              stdout=subprocess.PIPE, text=True).stdout
        private = [name for name in re.findall(r"\b_Py\w+", text) if name not in {"_Py_NoneStruct", "_Py_Dealloc"}]
        self.assertEqual(private, [])

    def test_libraries_of_the_system_that_are_missing_are_named(self) -> None:
        program = """
import microsandbox
from microsandbox.sync import Image
try:
    Image.pull("127.0.0.1:1/demo:1", insecure=True)
except microsandbox.UnsupportedError as error:
    print(error.details["package"])
"""
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "libcurl.so.4").touch()  # found first, and no library
            done = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True,
                                  env={**os.environ, "LD_LIBRARY_PATH": folder, "MSB_HOME": f"{folder}/home"})
        self.assertEqual(done.stdout, "libcurl4\n")

    def test_version(self) -> None:
        self.assertEqual(microsandbox.version(), microsandbox.__version__)


if __name__ == "__main__":
    unittest.main()
