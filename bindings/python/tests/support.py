"""What several tests need."""
import asyncio
import gc
import logging
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest
from typing import List, Optional

import microsandbox

SOURCE = pathlib.Path(os.environ["MSB_TEST_SOURCE"])
PROJECT = SOURCE.parent.parent
#: Calls are to end within 50 ms of being told to; the rest is for a machine that does other things too.
SOON = 0.25
INPUTS = pathlib.Path(os.environ["MSB_CONFORMANCE_INPUTS"])

logging.getLogger("asyncio").setLevel(logging.ERROR)  # unittest's loops remark on every slow step


def readme_blocks(run: bool) -> List[str]:
    """The code of README.md: what a test can run anywhere, or what boots machines or asks a registry."""
    text = (SOURCE / "README.md").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for block in blocks if run != bool(re.search(r"Sandbox\.run|Image\.pull", block))]


def why_no_machines() -> Optional[str]:
    """What this host lacks to boot the image of the demo."""
    if shutil.which("qemu-system-x86_64") is None:
        return "no QEMU, install qemu-system-x86"
    if not any(pathlib.Path("/lib/modules", kernel.name[len("vmlinuz-"):]).is_dir()
               for kernel in pathlib.Path("/boot").glob("vmlinuz-*")):
        return "no kernel, install linux-image-cloud-amd64"
    if shutil.which("busybox") is None:
        return "no busybox, install busybox-static"
    return None


def make_demo_image(path: pathlib.Path) -> None:
    """An archive with demo/busybox:1, which can be booted."""
    subprocess.run([str(PROJECT / "tests/demo/make_image.sh"), str(shutil.which("busybox")), str(path)], check=True,
                   stdout=subprocess.DEVNULL)


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

    async def cancel(self, task: "asyncio.Task[object]") -> None:
        """Cancels a task that gets an image, amid its work: it ends soon, and leaves nothing."""
        self.assertFalse(task.done())
        told = time.monotonic()
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.assertLess(time.monotonic() - told, SOON)
        self.assertEqual(await microsandbox.Image.list(), [])

    def input(self, name: str) -> pathlib.Path:
        """One of the archives that the conformance cases load."""
        return INPUTS / name
