"""What pyproject.toml cannot say: the native module, its stable ABI, and the surface without await."""
import re
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

# How the awaitable modules become those of microsandbox.sync, in order.
SYNC = [
    (r"\basync (def|with)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\b__aenter__\b", "__enter__"),
    (r"\b__aexit__\b", "__exit__"),
    (r"\b_(run|pause)_async\b", r"_\1_sync"),
    (r"\bCoroutine\[Any, Any, (\w+)\]", r"\1"),
    (r"\bmicrosandbox\._aio\b", "microsandbox.sync"),
]


def without_await(source: str) -> str:
    for pattern, replacement in SYNC:
        source = re.sub(pattern, replacement, source)
    return source


class BuildSync(build_py):
    """Derives microsandbox.sync from microsandbox._aio, so that the two surfaces cannot differ."""

    def run(self) -> None:
        super().run()
        built = Path(self.build_lib) / "microsandbox"
        (built / "sync").mkdir(exist_ok=True)
        for module in sorted((built / "_aio").glob("*.py")):
            (built / "sync" / module.name).write_text(without_await(module.read_text("utf-8")), "utf-8")


setup(
    cffi_modules=["build_native.py:ffi"],
    cmdclass={"build_py": BuildSync},
    options={"bdist_wheel": {"py_limited_api": "cp39"}},
)
