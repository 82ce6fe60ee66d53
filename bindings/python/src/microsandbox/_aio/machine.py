"""What can be said of machines that this package does not run: `msb` boots and stops them.

A sandbox whose machine does not run is stopped already; whatever would need a machine raises ``UnsupportedError``.
"""
from typing import NoReturn

from microsandbox import client as _client
from microsandbox._capi import sandboxes as _sandboxes
from microsandbox._capi.call import Call
from microsandbox._capi.library import fail
from microsandbox._runner import _pause_async, _run_async
from microsandbox.types import SandboxStopResult

_POLL = 0.05


async def _look_up(client: _client.Client, name: str) -> _sandboxes.SandboxRecord:
    def work(call: Call) -> _sandboxes.SandboxRecord:
        return _sandboxes.get_sandbox(client._native, call, name)
    return await _run_async(work)


def _unsupported(name: str) -> NoReturn:
    fail("unsupported", f"unsupported operation: microsandbox runs the machine of sandbox {name}; use msb")


async def settled(client: _client.Client, name: str) -> None:
    """Returns when no machine of the sandbox runs."""
    if (await _look_up(client, name)).status in _sandboxes.LIVE:
        _unsupported(name)


async def start(client: _client.Client, name: str) -> NoReturn:
    """Refuses to boot a sandbox that exists."""
    await _look_up(client, name)
    _unsupported(name)


async def connect(client: _client.Client, name: str) -> NoReturn:
    """Refuses to talk to a machine."""
    if (await _look_up(client, name)).status not in _sandboxes.LIVE:
        fail("sandbox_not_running", f"sandbox not running: {name}")
    _unsupported(name)


async def wait_until_stopped(client: _client.Client, name: str) -> SandboxStopResult:
    """Watches the registry: another program runs the machine."""
    while (record := await _look_up(client, name)).status in _sandboxes.LIVE:
        await _pause_async(_POLL)
    return SandboxStopResult.seen(record.name, record.status)
