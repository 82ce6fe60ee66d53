"""Stopping calls: cancelled tasks, deadlines, Ctrl-C, progress callbacks that fail, and many tasks at once."""
import asyncio
import os
import signal
import threading
import time
import unittest
from typing import List

import microsandbox
from microsandbox import Image, Progress, sync
from support import SOON, HomeTest


class Cancel(HomeTest):
    """The token is triggered, and the caller goes on when the call has ended."""

    async def test_a_cancelled_task_ends_soon(self) -> None:
        task = asyncio.create_task(Image.load(self.input("large.tar")))
        await asyncio.sleep(0.1)
        await self.cancel(task)

    async def test_cancelling_twice_still_waits_for_the_end(self) -> None:
        task = asyncio.create_task(Image.load(self.input("large.tar")))
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        busy = [thread for thread in threading.enumerate() if thread.name.startswith("microsandbox")]
        self.assertTrue(busy)
        self.assertEqual(await Image.list(), [])

    async def test_wait_for(self) -> None:
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(Image.load(self.input("large.tar")), 0.1)

    async def test_deadline(self) -> None:
        with microsandbox.deadline(0.1), self.assertRaises(TimeoutError):
            await Image.load(self.input("large.tar"))
        with microsandbox.deadline(0), self.assertRaises(TimeoutError):
            await Image.list()
        self.assertEqual(await Image.list(), [])

    async def test_an_inner_deadline_is_not_later_than_the_outer_one(self) -> None:
        with microsandbox.deadline(0):
            with microsandbox.deadline(60), self.assertRaises(TimeoutError):
                await Image.list()

    async def test_the_loop_goes_on_while_calls_work(self) -> None:
        loads = [asyncio.create_task(Image.load(self.input("large.tar"))) for _ in range(4)]
        for _ in range(20):
            await asyncio.sleep(0.001)
        self.assertFalse(any(load.done() for load in loads))
        for load in loads:
            load.cancel()
        await asyncio.gather(*loads, return_exceptions=True)

    async def test_more_tasks_than_threads(self) -> None:
        await Image.load(self.input("app.tar"))
        found = await asyncio.gather(*(Image.get("demo/app:1") for _ in range(300)))
        self.assertEqual({image.reference for image in found}, {"demo/app:1"})

    async def test_a_call_that_waits_for_a_thread_is_cancelled_at_once(self) -> None:
        tasks = [asyncio.create_task(Image.load(self.input("large.tar"))) for _ in range(40)]
        await asyncio.sleep(0.05)
        told = time.monotonic()
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        self.assertTrue(all(isinstance(result, asyncio.CancelledError) for result in results))
        self.assertLess(time.monotonic() - told, 4 * SOON)


class WithoutAwait(HomeTest):
    """microsandbox.sync in a thread that may wait."""

    def test_ctrl_c_stops_the_call(self) -> None:
        told: List[float] = []

        def press() -> None:
            time.sleep(0.15)
            told.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)

        thread = threading.Thread(target=press)
        previous = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            thread.start()
            with self.assertRaises(KeyboardInterrupt):
                sync.Image.load(self.input("large.tar"))
            ended = time.monotonic()
        finally:
            thread.join()
            signal.signal(signal.SIGINT, previous)
        self.assertLess(ended - told[0], SOON)
        self.assertEqual(sync.Image.list(), [])

    def test_deadline(self) -> None:
        with microsandbox.deadline(0.1), self.assertRaises(TimeoutError):
            sync.Image.load(self.input("large.tar"))

    def test_progress_arrives_on_the_callers_thread(self) -> None:
        threads = set()
        sync.Image.load(self.input("app.tar"), on_progress=lambda event: threads.add(threading.get_ident()))
        self.assertEqual(threads, {threading.get_ident()})

    def test_threads(self) -> None:
        sync.Image.load(self.input("app.tar"))
        failures: List[BaseException] = []

        def work() -> None:
            try:
                for _ in range(20):
                    assert sync.Image.inspect("demo/app:1").handle.layer_count == 2
            except BaseException as failure:
                failures.append(failure)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])


class ProgressEvents(HomeTest):
    """What callbacks see, and what becomes of those that fail."""

    async def test_events_come_before_the_result(self) -> None:
        events: List[Progress] = []
        await Image.load(self.input("app.tar"), on_progress=events.append)
        self.assertEqual(events[-1].phase, "complete")
        self.assertGreater(len({event.phase for event in events}), 1)

    async def test_a_callback_that_fails_ends_the_call(self) -> None:
        def refuse(event: Progress) -> None:
            raise LookupError(event.phase)

        with self.assertRaises(LookupError):
            await Image.load(self.input("large.tar"), on_progress=refuse)
        self.assertEqual(await Image.list(), [])

    def test_a_callback_that_fails_ends_the_call_without_await(self) -> None:
        def refuse(event: Progress) -> None:
            raise LookupError(event.phase)

        with self.assertRaises(LookupError):
            sync.Image.load(self.input("large.tar"), on_progress=refuse)
        self.assertEqual(sync.Image.list(), [])


if __name__ == "__main__":
    unittest.main()
