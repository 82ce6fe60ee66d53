"""Runs blocking calls of the thin layer on worker threads: awaited, or waited for.

Both ways stop a call the same way: the token is triggered, the end of the call is waited for (some tens of milliseconds
at most), and only then does the caller go on. Nothing works on behind its back.
"""
import asyncio
import contextvars
import os
import queue
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, AsyncIterator, Callable, Dict, Generic, Iterator, Optional, Tuple, TypeVar

from ._capi.call import Call
from .progress import OutputCallback, Progress, ProgressCallback

T = TypeVar("T")
Work = Callable[[Call], T]

_THREADS = 32
#: Of calls that wait for machines. Each has one to itself.
_PATIENT_THREADS = 4096

_lock = threading.Lock()
_pools: Dict[bool, ThreadPoolExecutor] = {}


async def _run_async(work: Work[T], on_progress: Optional[ProgressCallback] = None,
                     on_output: Optional[OutputCallback] = None, *, patient: bool = False) -> T:
    """Does the work on a thread. Cancelling the task stops it; callbacks are called on the event loop, in order.

    What was done by then is done: it is returned, and the task is not cancelled any more.

    :param patient: the work is to wait for a machine, so that its thread must not be one that others need
    """
    loop = asyncio.get_running_loop()
    call: Call

    def deliver(callback: Callable[..., None], *what: object) -> None:
        try:
            callback(*what)
        except BaseException as failure:
            call.fail(failure)

    call = _call(lambda callback, *what: _post(loop, deliver, callback, *what), on_progress, on_output)
    running = _start(work, call, patient)
    done = asyncio.wrap_future(running)
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:  # of this task; or of the call, because a callback failed
        if call.failure is None or not done.done():
            call.cancel()
            if call.failure is None and await _succeeded(running, done):
                return done.result()
            await _ended(running, done)
            raise
        raise call.failure from None


def _run_sync(work: Work[T], on_progress: Optional[ProgressCallback] = None,
              on_output: Optional[OutputCallback] = None, *, patient: bool = False) -> T:
    """Does the work on a thread and waits. Ctrl-C stops it; callbacks are called here, on the caller's thread."""
    events: "queue.SimpleQueue[Optional[Tuple[Any, ...]]]" = queue.SimpleQueue()
    call = _call(lambda *event: events.put(event), on_progress, on_output)
    running = _start(work, call, patient)
    running.add_done_callback(lambda _: events.put(None))
    try:
        while (event := events.get()) is not None:
            callback, *what = event
            callback(*what)
    except BaseException:  # what the callback raised, or KeyboardInterrupt
        call.cancel()
        running.cancel()
        while events.get() is not None:
            pass
        raise
    return running.result()


class _Begun_async(Generic[T]):
    """Work that was begun, with the events that it reports meanwhile."""

    def __init__(self, work: Work[T]) -> None:
        loop = asyncio.get_running_loop()
        events: "asyncio.Queue[Optional[Progress]]" = asyncio.Queue()
        self._events = events
        self._call = Call(lambda event: _post(loop, events.put_nowait, event))
        self._running = _start(work, self._call)
        self._done = asyncio.wrap_future(self._running)
        self._done.add_done_callback(lambda _: events.put_nowait(None))

    async def events(self) -> AsyncIterator[Progress]:
        """Each event, as it comes, until the work has ended."""
        while (event := await self._events.get()) is not None:
            yield event
        self._events.put_nowait(None)

    async def result(self) -> T:
        """What came of it. Cancelling the task that waits stops the work."""
        try:
            return await asyncio.shield(self._done)
        except asyncio.CancelledError:
            self._call.cancel()
            if await _succeeded(self._running, self._done):
                return self._done.result()
            raise

    async def end(self) -> None:
        """Stops the work, unless it has ended, and waits for its end."""
        if not self._done.done():
            self._call.cancel()
        await _ended(self._running, self._done)


class _Begun_sync(Generic[T]):
    """The same for callers that may wait."""

    def __init__(self, work: Work[T]) -> None:
        events: "queue.SimpleQueue[Optional[Progress]]" = queue.SimpleQueue()
        self._events = events
        self._call = Call(events.put)
        self._running = _start(work, self._call)
        self._running.add_done_callback(lambda _: events.put(None))

    def events(self) -> Iterator[Progress]:
        """Each event, as it comes, until the work has ended."""
        while (event := self._events.get()) is not None:
            yield event
        self._events.put(None)

    def result(self) -> T:
        """What came of it. Ctrl-C stops the work."""
        try:
            return self._running.result()
        except KeyboardInterrupt:
            self.end()
            raise

    def end(self) -> None:
        """Stops the work, unless it has ended, and waits for its end."""
        if not self._running.done():
            self._call.cancel()
        if not self._running.cancel():
            wait([self._running])


def _call(post: Callable[..., None], on_progress: Optional[ProgressCallback],
          on_output: Optional[OutputCallback]) -> Call:
    """A call that posts what its callbacks are to be called with."""
    def posting(callback: Optional[Callable[..., None]]) -> Optional[Callable[..., None]]:
        return None if callback is None else lambda *what: post(callback, *what)

    return Call(posting(on_progress), posting(on_output))


def _start(work: Work[T], call: Call, patient: bool = False) -> "Future[T]":
    return _workers(patient).submit(contextvars.copy_context().run, work, call)


def _workers(patient: bool) -> ThreadPoolExecutor:
    with _lock:
        if patient not in _pools:
            _pools[patient] = ThreadPoolExecutor(_PATIENT_THREADS if patient else _THREADS,
                                                 thread_name_prefix="microsandbox")
        return _pools[patient]


def _post(loop: asyncio.AbstractEventLoop, deliver: Callable[..., None], *what: object) -> None:
    try:
        loop.call_soon_threadsafe(deliver, *what)
    except RuntimeError:  # the loop was closed before its task was waited for; nobody is left to tell
        pass


async def _ended(running: "Future[Any]", done: "asyncio.Future[Any]") -> int:
    """Waits for a call that was told to stop, and tells how often the waiting task was cancelled meanwhile."""
    again = 0
    if running.cancel():
        return again
    while not done.done():
        try:
            await asyncio.wait([done])
        except asyncio.CancelledError:
            again += 1
    if not done.cancelled():
        done.exception()  # looked at, so that asyncio does not report it as lost
    return again


async def _succeeded(running: "Future[Any]", done: "asyncio.Future[Any]") -> bool:
    """For a task that was cancelled: whether the call, which was told to stop, had done its work. Then it goes on."""
    cancelled = 1 + await _ended(running, done)
    if not done.done() or done.cancelled() or done.exception() is not None:
        return False
    task: Any = asyncio.current_task()
    for _ in range(cancelled):
        if hasattr(task, "uncancel"):  # Python 3.11 counts
            task.uncancel()
    return True


def _forget_threads() -> None:
    """After fork() the child has none of its parent's threads."""
    global _lock, _pools
    _lock, _pools = threading.Lock(), {}


os.register_at_fork(after_in_child=_forget_threads)
