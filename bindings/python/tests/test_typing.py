"""mypy --strict has nothing to say: about the package as installed, its tests and examples, nor about typing/."""
import os
import pathlib
import subprocess
import sys
import textwrap
import unittest

import microsandbox
from support import SOURCE, readme_blocks

MYPY = os.environ["MSB_TEST_MYPY"]


class Typing(unittest.TestCase):
    """What type checkers of users will see."""

    def check(self, *what: str) -> None:
        done = subprocess.run(
            [MYPY, "--strict", "--warn-unused-ignores", "--python-executable", sys.executable, "--cache-dir", "cache",
             *what], stdout=subprocess.PIPE, text=True, env={**os.environ, "MYPYPATH": str(SOURCE / "tests")})
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_the_package(self) -> None:
        self.check(str(pathlib.Path(microsandbox.__file__).parent))

    def test_what_users_write(self) -> None:
        written = [*(SOURCE / "tests/typing").glob("*.py"), *(SOURCE / "examples").glob("*.py"), SOURCE / "bench.py"]
        self.check(*map(str, written))

    def test_what_the_readme_does_not_run(self) -> None:
        written = []
        for number, text in enumerate(readme_blocks(run=False)):
            written.append(pathlib.Path(f"readme_{number}.py"))
            written[-1].write_text("async def block() -> None:\n" + textwrap.indent(text, "    "), "utf-8")
        self.assertTrue(written)
        self.check(*map(str, written))


if __name__ == "__main__":
    unittest.main()
