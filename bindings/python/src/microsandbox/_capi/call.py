"""Controls of one call: a token that stops it, a deadline, and what it reports."""
import contextlib
import contextvars
import time
from typing import Any, Iterator, Optional

from ..progress import OutputCallback, Progress, ProgressCallback
from .library import called_by_library, check, ffi, lib, out, own
from .text import get, get_optional

_deadline: "contextvars.ContextVar[Optional[float]]" = contextvars.ContextVar("microsandbox.deadline", default=None)


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Bounds everything that is called inside: what is not done in time is undone and raises ``TimeoutError``.

    An inner deadline can only be earlier than an outer one. With asyncio, ``asyncio.wait_for`` does as well.
    """
    if not seconds >= 0:
        raise ValueError(f"invalid argument: not a time to wait: {seconds!r}")
    outer = _deadline.get()
    inner = time.monotonic() + seconds
    reset = _deadline.set(inner if outer is None else min(inner, outer))
    try:
        yield
    finally:
        _deadline.reset(reset)


class Call:
    """One call's ``msb_call``. Made where the call is asked for, used on the thread that makes it."""

    def __init__(self, on_progress: Optional[ProgressCallback] = None, on_output: Optional[OutputCallback] = None, *,
                 bounded: bool = True) -> None:
        """
        :param bounded: the deadline of this context holds; False for tidying up after a call that has missed it
        """
        token = out("msb_cancel *")
        check(lib.msb_cancel_new, token)
        self._token = own(token[0])
        self._on_progress = on_progress
        self._on_output = on_output
        #: Whether what is called now is the last part of the call, so that its end is the end.
        self.last_part = True
        self._failure: Optional[BaseException] = None
        #: What the library hands to callbacks, which find this call by it.
        self.user = ffi.new_handle(self)
        self.native = ffi.new("msb_call *", {
            "struct_size": ffi.sizeof("msb_call"), "cancel": self._token,
            "deadline_ns": _deadline_ns() if bounded else 0,
            "on_progress": lib.msb_python_progress if on_progress else ffi.NULL, "user": self.user,
        })

    def cancel(self) -> None:
        """Asks the call to stop; it then ends within about 50 ms. Any thread may do so, at any time."""
        lib.msb_cancel_trigger(self._token)

    def fail(self, failure: BaseException) -> None:
        """Ends the call with this exception, which came out of a callback."""
        if self._failure is None:
            self._failure = failure
        self.cancel()

    @property
    def failure(self) -> Optional[BaseException]:
        """What a callback raised."""
        return self._failure

    @property
    def wants_output(self) -> bool:
        """Whether output is to be handed on as it comes."""
        return self._on_output is not None

    def report(self, event: Any) -> None:
        """Hands an event of the library on."""
        if self._on_progress is None or self._failure is not None:
            return
        if event.phase == lib.MSB_PHASE_COMPLETE and not self.last_part:
            return
        self._on_progress(Progress(
            phase=get(lib.msb_progress_phase_name(event.phase)), item=get_optional(event.item), index=event.index,
            count=event.count, done=event.done, total=event.total if event.total_known else None))

    def hear(self, source: int, data: bytes) -> None:
        """Hands output of a machine on."""
        if self._on_output is not None and self._failure is None:
            self._on_output("stderr" if source == lib.MSB_OUTPUT_STDERR else "stdout", data)


def _deadline_ns() -> int:
    """The deadline of this context as msb_call wants it; time.monotonic() reads the same clock."""
    at = _deadline.get()
    return 0 if at is None else max(1, int(at * 1e9))


@called_by_library
def msb_python_progress(event: Any, user: Any) -> None:
    call = ffi.from_handle(user)
    try:
        call.report(event)
    except BaseException as failure:  # nothing may pass through C; the caller raises it
        call.fail(failure)


@called_by_library
def msb_python_output(source: int, data: Any, length: int, user: Any) -> None:
    call = ffi.from_handle(user)
    try:
        call.hear(source, bytes(ffi.buffer(data, length)))
    except BaseException as failure:  # as above
        call.fail(failure)
