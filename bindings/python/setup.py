"""What pyproject.toml cannot say: the native module and its ABI, the programs of machines, the surface without await."""
import re
import shutil
import subprocess
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

# How the awaitable modules become those of microsandbox.sync, in order.
SYNC = [
    (r"\basync (def|with|for)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\b__aenter__\b", "__enter__"),
    (r"\b__aexit__\b", "__exit__"),
    (r"\b_(run|Begun)_async\b", r"_\1_sync"),
    (r"\bAsyncIterator\b", "Iterator"),
    (r"\bCoroutine\[Any, Any, (\w+)\]", r"\1"),
    (r"\bmicrosandbox\._aio\b", "microsandbox.sync"),
]

#: Programs that the library starts, or that run in machines.
HELPERS = ["msb-monitor", "guest-init"]


def without_await(source: str) -> str:
    for pattern, replacement in SYNC:
        source = re.sub(pattern, replacement, source)
    return source


class Build(build_py):
    """Adds what is not in the source."""

    def run(self) -> None:
        super().run()
        self.derive_sync(Path(self.build_lib) / "microsandbox")
        self.add_helpers(Path(self.build_lib) / "microsandbox.libs" / "microsandbox")

    @staticmethod
    def derive_sync(built: Path) -> None:
        """microsandbox.sync comes of microsandbox._aio, so that the two surfaces cannot differ."""
        (built / "sync").mkdir(exist_ok=True)
        for module in sorted((built / "_aio").glob("*.py")):
            (built / "sync" / module.name).write_text(without_await(module.read_text("utf-8")), "utf-8")

    @staticmethod
    def add_helpers(folder: Path) -> None:
        """The programs that machines need, beside where auditwheel puts the library, which looks for them there."""
        library = subprocess.run(["pkg-config", "--variable=libdir", "microsandbox"], check=True,
                                 stdout=subprocess.PIPE, text=True).stdout.strip()
        folder.mkdir(parents=True, exist_ok=True)
        for helper in HELPERS:
            shutil.copy(Path(library) / "microsandbox" / helper, folder)


setup(
    cffi_modules=["build_native.py:ffi"],
    cmdclass={"build_py": Build},
    options={"bdist_wheel": {"py_limited_api": "cp39"}},
)
