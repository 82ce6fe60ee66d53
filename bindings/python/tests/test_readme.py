"""The code of README.md runs, block by block, as it stands."""
import ast
import asyncio
import contextlib
import inspect
import io
import os
import shutil
import unittest
from typing import Any, Dict

import microsandbox
from support import HomeTest, readme_blocks

class Readme(HomeTest):
    """All blocks share one home, like the reader's; each begins with the names of the package. What boots machines or
    asks a registry is not run here, but checked by test_typing.py."""

    def run_block(self, text: str, names: Dict[str, Any]) -> None:
        code = compile(text, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = eval(code, names)
        if inspect.iscoroutine(result):
            asyncio.run(result)

    def test_blocks(self) -> None:
        shutil.copy(self.input("untagged.tar"), self.work / "alpine.tar")
        shutil.copy(self.input("app.tar"), self.work / "large.tar")
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.work)
        names: Dict[str, Any] = {**vars(microsandbox), "microsandbox": microsandbox}
        blocks = [text.replace("/srv/sandboxes", str(self.work / "home")) for text in readme_blocks(run=True)]
        self.assertGreater(len(blocks), 6)
        for text in blocks:
            with contextlib.redirect_stdout(io.StringIO()):
                self.run_block(text, dict(names))


if __name__ == "__main__":
    unittest.main()
