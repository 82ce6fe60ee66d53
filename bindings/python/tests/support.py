"""What several tests need."""
import gc
import logging
import os
import pathlib
import tempfile
import unittest

import microsandbox

SOURCE = pathlib.Path(os.environ["MSB_TEST_SOURCE"])
INPUTS = pathlib.Path(os.environ["MSB_CONFORMANCE_INPUTS"])

logging.getLogger("asyncio").setLevel(logging.ERROR)  # unittest's loops remark on every slow step


class HomeTest(unittest.IsolatedAsyncioTestCase):
    """A test with a home and a work folder of its own, that leaves no native object behind."""

    def setUp(self) -> None:
        gc.collect()
        before = microsandbox.live_handles()
        folder = tempfile.TemporaryDirectory()
        self.work = pathlib.Path(os.path.realpath(folder.name))
        previous = os.environ.get("MSB_HOME")
        os.environ["MSB_HOME"] = str(self.work / "home")

        def leave() -> None:
            microsandbox.close_default_client()
            if previous is None:
                del os.environ["MSB_HOME"]
            else:
                os.environ["MSB_HOME"] = previous
            folder.cleanup()
            gc.collect()
            self.assertEqual(microsandbox.live_handles(), before, "native objects leaked")

        self.addCleanup(leave)

    def input(self, name: str) -> pathlib.Path:
        """One of the archives that the conformance cases load."""
        return INPUTS / name


