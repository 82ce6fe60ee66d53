"""Runs blocking calls of the thin layer on worker threads: awaited, or waited for.

Both ways stop a call the same way: the token is triggered, the end of the call is waited for (some tens of milliseconds
at most), and only then does the caller go on. Nothing works on behind its back.
"""
import asyncio
import contextvars
import os
import queue
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Callable, Optional, TypeVar

from ._capi.call import Call
from .progress import Progress, ProgressCallback

T = TypeVar("T")
Work = Callable[[Call], T]

#: Waiting for something other than a call.
_pause_async = asyncio.sleep
_pause_sync = time.sleep

_THREADS = 32

_lock = threading.Lock()
_pool: Optional[ThreadPoolExecutor] = None


async def _run_async(work: Work[T], on_progress: Optional[ProgressCallback] = None) -> T:
    """Does the work on a thread. Cancelling the task stops it; progress arrives on the event loop, in order."""
    loop = asyncio.get_running_loop()
    call: Call

    def deliver(event: Progress) -> None:
        assert on_progress is not None
        try:
            on_progress(event)
        except BaseException as failure:
            call.fail(failure)

    call = Call((lambda event: _post(loop, deliver, event)) if on_progress else None)
    running = _start(work, call)
    done = asyncio.wrap_future(running)
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:  # of this task; or of the call, because the callback failed
        if call.failure is None or not done.done():
            call.cancel()
            await _ended(running, done)
            raise
        raise call.failure from None


def _run_sync(work: Work[T], on_progress: Optional[ProgressCallback] = None) -> T:
    """Does the work on a thread and waits. Ctrl-C stops it; progress arrives here, on the caller's thread."""
    events: "queue.SimpleQueue[Optional[Progress]]" = queue.SimpleQueue()
    call = Call(events.put if on_progress else None)
    running = _start(work, call)
    running.add_done_callback(lambda _: events.put(None))
    try:
        while (event := events.get()) is not None:
            assert on_progress is not None
            on_progress(event)
    except BaseException:  # what the callback raised, or KeyboardInterrupt
        call.cancel()
        running.cancel()
        while events.get() is not None:
            pass
        raise
    return running.result()


def _start(work: Work[T], call: Call) -> "Future[T]":
    return _workers().submit(contextvars.copy_context().run, work, call)


def _workers() -> ThreadPoolExecutor:
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="microsandbox")
        return _pool


def _post(loop: asyncio.AbstractEventLoop, deliver: Callable[[Progress], None], event: Progress) -> None:
    try:
        loop.call_soon_threadsafe(deliver, event)
    except RuntimeError:  # the loop was closed before its task was waited for; nobody is left to tell
        pass


async def _ended(running: "Future[Any]", done: "asyncio.Future[Any]") -> None:
    """Waits for a call that was told to stop, however often the waiting task is cancelled meanwhile."""
    if running.cancel():
        return
    while not done.done():
        try:
            await asyncio.wait([done])
        except asyncio.CancelledError:
            continue
    if not done.cancelled():
        done.exception()  # looked at, so that asyncio does not report it as lost


def _forget_threads() -> None:
    """After fork() the child has none of its parent's threads."""
    global _lock, _pool
    _lock, _pool = threading.Lock(), None


os.register_at_fork(after_in_child=_forget_threads)
