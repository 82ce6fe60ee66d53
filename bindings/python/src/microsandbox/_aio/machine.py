"""Machines of sandboxes: booted, watched and stopped. What would need an agent in one raises ``UnsupportedError``."""
import contextlib
import dataclasses
from typing import Callable, NoReturn, Optional

from microsandbox import client as _client
from microsandbox._capi import machines as _machines
from microsandbox._capi import sandboxes as _sandboxes
from microsandbox._capi.call import Call, deadline
from microsandbox._capi.library import fail
from microsandbox._runner import _run_async
from microsandbox.errors import SandboxNotRunningError
from microsandbox.progress import OutputCallback
from microsandbox.types import ExecOutput, SandboxStopResult


def unsupported(name: str, what: str) -> NoReturn:
    """There is nobody in the machine to talk to."""
    fail("unsupported", f"unsupported operation: {what} in the running sandbox {name}; boot it with the command instead: "
                        "Sandbox.run, or the command of Sandbox.start")


async def start(client: _client.Client, name: str, boot: _machines.Boot, detached: bool) -> None:
    """Boots it."""
    boot = dataclasses.replace(boot, attached=not detached, grace=_client.GRACE)

    def work(call: Call) -> None:
        _machines.start(client._native, call, name, boot)
        _client.own(client, name, not detached)
    await _run_async(work, patient=True)


async def detach(client: _client.Client, name: str) -> None:
    """Lets it outlive its client and this process."""
    with contextlib.suppress(SandboxNotRunningError):
        _machines.detach(client._native, name)
    _client.own(client, name, False)


async def connect(client: _client.Client, name: str) -> None:
    """Fails when no machine runs."""
    record = await _run_async(lambda call: _sandboxes.get_sandbox(client._native, call, name))
    if record.status not in _sandboxes.LIVE:
        fail("sandbox_not_running", f"sandbox not running: {name}")


async def stop(client: _client.Client, name: str, grace: Optional[float]) -> None:
    """Stops it: well within the grace, then the hard way. One that does not run is stopped."""
    seconds = _client.GRACE if grace is None else grace
    with contextlib.suppress(SandboxNotRunningError):
        await _run_async(lambda call: _machines.stop(client._native, call, name, seconds), patient=True)
    _client.own(client, name, False)


async def kill(client: _client.Client, name: str, timeout: Optional[float]) -> None:
    """Ends it the hard way. ``TimeoutError`` when it has not gone in time."""
    with contextlib.nullcontext() if timeout is None else deadline(timeout):
        await stop(client, name, 0)


async def request_stop(client: _client.Client, name: str, at_once: bool) -> None:
    """Asks it to stop, and does not wait for the end."""
    with contextlib.suppress(SandboxNotRunningError):
        await _run_async(lambda call: _machines.request_stop(client._native, call, name, at_once))


async def wait_until_stopped(client: _client.Client, name: str) -> SandboxStopResult:
    """Waits until no machine runs, whoever runs it."""
    def work(call: Call) -> SandboxStopResult:
        end: Optional[_machines.End] = None
        with contextlib.suppress(SandboxNotRunningError):  # not by this library
            end = _machines.wait(client._native, call, name)
        record = _sandboxes.get_sandbox(client._native, call, name)
        if end is None:
            return SandboxStopResult.seen(name, record.status)
        code = None if end.signal is not None else end.exit_code
        return SandboxStopResult.seen(name, record.status, code, end.signal, end.end)
    result = await _run_async(work, patient=True)
    _client.own(client, name, False)
    return result


async def run(find: Callable[[], _client.Client], name: str, boot: _machines.Boot,
              on_output: Optional[OutputCallback]) -> ExecOutput:
    """Boots it, runs a command to its end, and switches it off."""
    if not boot.command:
        raise ValueError("invalid argument: there is no command to run")
    end = await _run_async(lambda call: _machines.run(find()._native, call, name, boot), None, on_output, patient=True)
    if end.exit_code is None:
        why = end.message or "its machine was stopped"
        fail("exec_failed", f"exec failed: sandbox {name}: {why}")
    return ExecOutput(end.exit_code, end.stdout, end.stderr, end.stdout_total, end.stderr_total, end.signal)


async def logs(client: _client.Client, name: str, source: str, limit: int) -> bytes:
    """What its present or last machine has written."""
    return await _run_async(lambda call: _machines.logs(client._native, call, name, source, limit))
