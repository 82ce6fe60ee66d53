"""Which home calls go to."""
import atexit
import contextlib
import contextvars
import os
import threading
from types import TracebackType
from typing import Dict, List, NoReturn, Optional, Set, Tuple, Type

from ._capi import machines
from ._capi.call import Call
from ._capi.client import LogCallback, Native, Options
from ._runner import _run_async
from .errors import MicrosandboxError
from .types import Path

#: Seconds that a machine gets for a clean end.
GRACE = 10.0

_current: "contextvars.ContextVar[Optional[Client]]" = contextvars.ContextVar("microsandbox.client", default=None)


class Client:
    """An open home of microsandbox: images, snapshots and the disks of sandboxes.

    Programs that use one home need none: calls go to ``$MSB_HOME``, else ``~/.microsandbox``. Inside ``with Client(...)``
    or ``async with Client(...)`` they go to this one instead, in this task or thread and those started from it, so that
    a program can use several homes at once. The end of the block closes the client.
    """

    def __init__(
        self,
        home: Optional[Path] = None,
        *,
        cache_dir: Optional[Path] = None,
        snapshots_dir: Optional[Path] = None,
        sandboxes_dir: Optional[Path] = None,
        read_only: bool = False,
        create: bool = True,
        busy_timeout: Optional[float] = None,
        threads: int = 0,
        on_log: Optional[LogCallback] = None,
        log_level: str = "warn",
        new_home_release: Optional[str] = None,
    ) -> None:
        """Opens a home, and creates it where there is none. :meth:`Home.inspect` looks without opening.

        :param home: the directory; None for ``$MSB_HOME``, else ``~/.microsandbox``
        :param read_only: change nothing on disk
        :param create: False makes a home that does not exist an error
        :param busy_timeout: seconds to wait for a lock of another process
        :param threads: most worker threads of one call; 0 for the number of processors
        :param on_log: receives (level, module, message) on the thread that does the work
        :param log_level: ``error``, ``warn``, ``info`` or ``debug``
        :param new_home_release: the release of microsandbox that a home without an index is made for, ``0.6.3`` to
            ``0.6.18``; None for 0.6.3, which later ones upgrade. A home that has an index stays as it is.
        """
        self._native = Native(Options(home, cache_dir, snapshots_dir, sandboxes_dir, read_only, create, busy_timeout,
                                      threads, on_log, log_level, new_home_release))
        self._entered: List["contextvars.Token[Optional[Client]]"] = []

    @property
    def home(self) -> str:
        """Absolute path of the home."""
        return self._native.home

    @property
    def read_only(self) -> bool:
        """Whether nothing in the home can be changed through this client."""
        return self._native.read_only

    def close(self) -> None:
        """Closes the home: sandboxes that were to end with this program are stopped, calls that run are waited for,
        later ones raise ``RuntimeError``. Objects stay readable."""
        _stop_owned(self)
        self._native.close()

    def __enter__(self) -> "Client":
        self._entered.append(_current.set(self))
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], value: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        _current.reset(self._entered.pop())
        self.close()

    async def __aenter__(self) -> "Client":
        return self.__enter__()

    async def __aexit__(self, kind: Optional[Type[BaseException]], value: Optional[BaseException],
                        trace: Optional[TracebackType]) -> None:
        _current.reset(self._entered.pop())
        await _run_async(lambda call: self.close())

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot pickle a Client: it is an open home of this process; pass its path instead")

    def __repr__(self) -> str:
        return f"Client({self.home!r})"


class _Defaults:
    """The clients of calls that name none, one for each value that ``$MSB_HOME`` has had."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clients: Dict[Optional[str], Client] = {}

    def get(self) -> Client:
        key = os.environ.get("MSB_HOME")
        with self._lock:
            if key not in self._clients:
                self._clients[key] = Client()
            return self._clients[key]

    def close(self) -> None:
        with self._lock:
            clients, self._clients = self._clients, {}
        for client in clients.values():
            client.close()

    def forget(self) -> None:
        """After fork(): the parent's connections are not the child's to use, nor to close."""
        _abandoned.append(self._clients)
        self.__init__()  # type: ignore[misc]


#: Sandboxes that this process has started and has to stop; what keeps their clients alive until then.
_owned: Set[Tuple[Client, str]] = set()


def own(client: Client, name: str, owned: bool) -> None:
    """Whether the sandbox ends with its client and this process. One that has ended, or outlives them, is not owned."""
    if owned:
        _owned.add((client, name))
    else:
        _owned.discard((client, name))


def _stop_owned(of: Optional[Client] = None) -> None:
    for client, name in [*_owned]:
        if of is None or client is of:
            own(client, name, False)
            with contextlib.suppress(MicrosandboxError, RuntimeError):  # it has ended, or was removed
                machines.stop(client._native, Call(bounded=False), name, GRACE)


atexit.register(_stop_owned)
os.register_at_fork(after_in_child=_owned.clear)

_abandoned: List[Dict[Optional[str], Client]] = []
_defaults = _Defaults()
os.register_at_fork(after_in_child=_defaults.forget)


def current() -> Client:
    """The client that calls go to. Opens the default home, so it belongs on a worker thread."""
    return _current.get() or _defaults.get()


def close_default_client() -> None:
    """Closes the default home, if it was used; the next call opens it anew."""
    _defaults.close()
