"""Runs the conformance cases through the awaitable surface and through microsandbox.sync."""
import asyncio
import json
import os
import pathlib
import time
import unittest
from typing import Any, Dict, List, Optional

import microsandbox
import microsandbox.sync
from conformance import FUNCTIONS, LOCAL, METHODS, SHAPES, Scope, mismatch, settle
from microsandbox.errors import CLASS_OF, MicrosandboxError
from support import INPUTS, HomeTest

CASES = pathlib.Path(os.environ["MSB_CONFORMANCE_CASES"])
#: How long a call may take to end once it is told to: 50 ms, and the machine may be busy.
STOPS_WITHIN = 0.25

#: What only one of the two surfaces can say.
ASYNC_ONLY = "cancel_after_ms"


async def settle_lazily(start: Any) -> Any:
    return await settle(start())


class Conformance(HomeTest):
    """One method for each case and surface, added below."""

    async def awaited(self, case: Dict[str, Any]) -> None:
        await self.run_case(case, microsandbox)

    async def without_await(self, case: Dict[str, Any]) -> None:
        if any(ASYNC_ONLY in step for step in case["steps"]):
            self.skipTest("a call without await is cancelled by Ctrl-C, which test_cancel.py presses")
        await self.run_case(case, microsandbox.sync)

    async def run_case(self, case: Dict[str, Any], api: Any) -> None:
        if not (INPUTS / case.get("needs", "")).exists():
            self.skipTest(f"no {case['needs']} among the inputs")
        microsandbox.Client(self.work / "home", new_home_release=case.get("release")).close()
        (self.work / "work").mkdir()
        scope = Scope(home=str(self.work / "home"), work=str(self.work / "work"), inputs=str(INPUTS))
        for number, step in enumerate(case["steps"], 1):
            try:
                await self.run_step(step, api, scope)
            except Exception as failure:
                raise AssertionError(f"step {number}, {step['op']}: {failure}") from failure

    async def run_step(self, step: Dict[str, Any], api: Any, scope: Scope) -> None:
        operation = step["op"]
        arguments = scope.expand(step.get("args", {}))
        events: List[microsandbox.Progress] = []
        if "progress" in step:
            arguments["on_progress"] = events.append

        def start() -> Any:
            if operation in LOCAL:
                return LOCAL[operation](**arguments)
            if operation in METHODS:
                return METHODS[operation](scope.find(step["on"], objects=True), **arguments)
            return FUNCTIONS[operation](api, **arguments)

        try:
            result = await self.perform(start, step.get("cancel_after_ms"), step.get("timeout_ms"))
        except (Exception, asyncio.CancelledError) as failure:
            if "fails" not in step:
                raise
            self.check_failure(scope.expand(step["fails"]), failure)
            return
        self.assertNotIn("fails", step, f"succeeded with {result!r}")
        shaped = SHAPES[operation](result)
        if "returns" in step:
            self.assertIsNone(mismatch(scope.expand(step["returns"]), shaped))
        if "save" in step:
            scope.save(step["save"], shaped, result)
        if "progress" in step:
            self.check_progress(step["progress"]["phases"], events)

    async def perform(self, start: Any, cancel_after_ms: Optional[int], timeout_ms: Optional[int]) -> Any:
        if timeout_ms is not None:
            with microsandbox.deadline(timeout_ms / 1000):
                return await settle_lazily(start)
        if cancel_after_ms is None:
            return await settle_lazily(start)
        task = asyncio.ensure_future(settle_lazily(start))
        if cancel_after_ms > 0:
            await asyncio.sleep(cancel_after_ms / 1000)
        told = time.monotonic()
        task.cancel()
        try:
            return await task
        finally:
            self.assertLess(time.monotonic() - told, STOPS_WITHIN)

    def check_failure(self, expected: Dict[str, Any], failure: BaseException) -> None:
        kind = expected["kind"]
        self.assertIs(type(failure), CLASS_OF.get(kind, MicrosandboxError), repr(failure))
        if isinstance(failure, MicrosandboxError):
            self.assertEqual(failure.kind, kind)
        self.assertTrue(str(failure).startswith(expected.get("message", "")), str(failure))
        for word in expected.get("contains", []):
            self.assertIn(word, str(failure))

    def check_progress(self, phases: List[str], events: List[microsandbox.Progress]) -> None:
        seen = iter([event.phase for event in events])
        for phase in phases:
            self.assertIn(phase, seen)
        self.assertEqual(events[-1].phase, "complete")
        for event in events:
            self.assertLessEqual(event.done, event.done if event.total is None else event.total)


def add_cases() -> None:
    for path in sorted(CASES.glob("*.json")):
        for case in json.loads(path.read_text("utf-8"))["cases"]:
            for surface in ("awaited", "without_await"):
                async def test(self: Any, case: Dict[str, Any] = case, surface: str = surface) -> None:
                    await getattr(self, surface)(case)
                setattr(Conformance, f"test {path.stem}: {case['name']} ({surface})", test)


add_cases()

if __name__ == "__main__":
    unittest.main()
