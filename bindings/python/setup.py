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
        self.add_licenses(Path(self.build_lib) / "microsandbox" / "licenses")

    @staticmethod
    def derive_sync(built: Path) -> None:
        """microsandbox.sync comes of microsandbox._aio, so that the two surfaces cannot differ."""
        (built / "sync").mkdir(exist_ok=True)
        for module in sorted((built / "_aio").glob("*.py")):
            (built / "sync" / module.name).write_text(without_await(module.read_text("utf-8")), "utf-8")

    @staticmethod
    def add_licenses(folder: Path) -> None:
        """Ours, and those of what auditwheel bundles and of the C library in guest-init."""
        folder.mkdir(parents=True, exist_ok=True)
        for own in (Path("LICENSE"), Path("../../LICENSE")):
            if own.exists():
                shutil.copy(own, folder / "microsandbox")
                break
        library = Path(subprocess.run(["pkg-config", "--variable=libdir", "microsandbox"], check=True,
                                      stdout=subprocess.PIPE, text=True).stdout.strip())
        bundled = needed_by(library / "libmicrosandbox.so") | needed_by(library / "microsandbox" / "msb-monitor")
        for file in sorted(bundled - {(library / "libmicrosandbox.so").resolve()}):
            package = package_of(file)
            notice = Path("/usr/share/doc", package or "", "copyright")
            if package is None or not notice.exists():
                print(f"no license is known of {file}: add it before you pass the wheel on")
            else:
                shutil.copy(notice, folder / package)

    @staticmethod
    def add_helpers(folder: Path) -> None:
        """The programs that machines need, beside where auditwheel puts the library, which looks for them there."""
        library = subprocess.run(["pkg-config", "--variable=libdir", "microsandbox"], check=True,
                                 stdout=subprocess.PIPE, text=True).stdout.strip()
        folder.mkdir(parents=True, exist_ok=True)
        for helper in HELPERS:
            shutil.copy(Path(library) / "microsandbox" / helper, folder)


def needed_by(program: Path) -> "set[Path]":
    """The libraries that the loader would take for it."""
    listed = subprocess.run(["ldd", str(program)], check=True, stdout=subprocess.PIPE, text=True).stdout
    return {Path(path).resolve() for path in re.findall(r"=> (/\S+)", listed)}


def package_of(file: Path) -> "str | None":
    """The Debian package that a file came with."""
    for path in (file, Path("/", *file.parts[2:])):  # /usr/lib is what /lib was, and is listed under either
        try:
            found = subprocess.run(["dpkg-query", "-S", str(path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        except FileNotFoundError:
            return None
        if found.returncode == 0:
            return found.stdout.split(":")[0]
    return None


setup(
    cffi_modules=["build_native.py:ffi"],
    cmdclass={"build_py": Build},
    options={"bdist_wheel": {"py_limited_api": "cp39"}},
)
