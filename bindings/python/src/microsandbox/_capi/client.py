"""A home that is open."""
from dataclasses import dataclass
from typing import Any, Callable, Optional

from ..types import Path
from .library import called_by_library, check, ffi, info, lib, out, own
from .text import get, get_path, put, put_path

LogCallback = Callable[[str, str, str], None]

_LEVELS = {"error": lib.MSB_LOG_ERROR, "warn": lib.MSB_LOG_WARN, "info": lib.MSB_LOG_INFO, "debug": lib.MSB_LOG_DEBUG}
_NAMES = {value: name for name, value in _LEVELS.items()}


@dataclass(frozen=True)
class Options:
    """How to open a home; every default is the library's."""

    home: Optional[Path] = None
    cache_dir: Optional[Path] = None
    snapshots_dir: Optional[Path] = None
    sandboxes_dir: Optional[Path] = None
    read_only: bool = False
    create: bool = True
    busy_timeout: Optional[float] = None
    threads: int = 0
    on_log: Optional[LogCallback] = None
    log_level: str = "warn"
    new_home_release: Optional[str] = None


class Opts:
    """msb_client_opts, and what it points to."""

    def __init__(self, options: Options, log_user: Any = ffi.NULL) -> None:
        self._strings = (put_path(options.home), put_path(options.cache_dir), put_path(options.snapshots_dir),
                         put_path(options.sandboxes_dir), put(options.new_home_release))
        home, cache_dir, snapshots_dir, sandboxes_dir, release = self._strings
        self.native = info(
            "msb_client_opts", home=home, cache_dir=cache_dir, snapshots_dir=snapshots_dir, sandboxes_dir=sandboxes_dir,
            flags=(lib.MSB_CLIENT_READ_ONLY if options.read_only else 0)
                  | (0 if options.create else lib.MSB_CLIENT_NO_CREATE),
            busy_timeout_ms=0 if options.busy_timeout is None else max(1, int(options.busy_timeout * 1000)),
            threads=options.threads, log_level=_LEVELS[options.log_level],
            on_log=lib.msb_python_log if options.on_log else ffi.NULL, log_user=log_user, new_home_release=release)


class Native:
    """The library's client, with what it calls back."""

    def __init__(self, options: Options) -> None:
        self._on_log = options.on_log
        self._self = ffi.new_handle(self)
        opts = Opts(options, self._self)
        pointer = out("msb_client *")
        check(lib.msb_client_open, opts.native, pointer)
        self.pointer = own(pointer[0])

    def close(self) -> None:
        """Closes it for everyone; calls that run are waited for."""
        check(lib.msb_client_close, self.pointer)

    @property
    def home(self) -> str:
        """Absolute path of the home."""
        return get_path(lib.msb_client_dir(self.pointer, lib.MSB_DIR_HOME))

    @property
    def read_only(self) -> bool:
        """Whether nothing can be changed through it."""
        return bool(lib.msb_client_read_only(self.pointer))

    def log(self, level: int, target: Any, message: Any) -> None:
        """Hands a line of log on."""
        if self._on_log is not None:
            self._on_log(_NAMES.get(level, "debug"), get(target), get(message))


@called_by_library
def msb_python_log(level: int, target: Any, message: Any, user: Any) -> None:
    ffi.from_handle(user).log(level, target, message)
