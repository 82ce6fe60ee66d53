"""Machines: sandboxes that run."""
from dataclasses import dataclass
from typing import Any, Mapping, Optional, Sequence

from ..types import MachineOptions
from .call import Call
from .client import Native
from .library import check, fail, ffi, info, lib, out, own
from .text import get_optional, put, put_list, put_pairs, put_path

_ACCELERATORS = {"auto": lib.MSB_ACCELERATOR_AUTO, "kvm": lib.MSB_ACCELERATOR_KVM, "tcg": lib.MSB_ACCELERATOR_TCG}
_ENDS = {lib.MSB_END_EXITED: "exited", lib.MSB_END_SIGNALLED: "signalled", lib.MSB_END_FAILED: "failed",
         lib.MSB_END_KILLED: "killed", lib.MSB_END_LOST: "lost"}
_SOURCES = {"stdout": lib.MSB_OUTPUT_STDOUT, "stderr": lib.MSB_OUTPUT_STDERR, "console": lib.MSB_OUTPUT_CONSOLE,
            "machine": lib.MSB_OUTPUT_MACHINE}
_SIGNALLED = 128
_MOST_MILLISECONDS = 0xffffffff


@dataclass(frozen=True)
class Boot:
    """What a machine is to run, and what it is made of. Without a command it runs nothing until it is stopped."""

    command: Optional[Sequence[str]] = None
    env: Optional[Mapping[str, str]] = None
    cwd: Optional[str] = None
    user: Optional[str] = None
    network: bool = False
    memory: Optional[int] = None
    cpus: Optional[int] = None
    accelerator: Optional[str] = None
    machine: MachineOptions = MachineOptions()
    output_limit: Optional[int] = None
    #: Seconds for a clean end when a run is given up, and when whom a machine is attached to has gone.
    grace: float = 0.0
    #: It ends with its client, and with this process, however that ends.
    attached: bool = False


@dataclass(frozen=True)
class End:
    """How a machine has ended."""

    #: ``exited``, ``signalled``, ``failed``, ``killed`` or ``lost``
    end: str
    #: None when the command has none.
    exit_code: Optional[int]
    #: None when no signal has ended the command.
    signal: Optional[int]
    message: Optional[str]
    stdout: bytes
    stderr: bytes
    stdout_total: int
    stderr_total: int


def start(client: Native, call: Call, name: str, boot: Boot) -> None:
    options = _Options(boot)
    check(lib.msb_sandbox_start, client.pointer, put(name), options.native, call.native)


def run(client: Native, call: Call, name: str, boot: Boot) -> End:
    options = _Options(boot)
    if call.wants_output:
        options.native.on_output, options.native.user_data = lib.msb_python_output, call.user
    pointer = out("msb_machine_end *")
    check(lib.msb_sandbox_run, client.pointer, put(name), options.native, call.native, pointer)
    return _read(own(pointer[0]))


def detach(client: Native, name: str) -> None:
    check(lib.msb_sandbox_detach, client.pointer, put(name))


def stop(client: Native, call: Call, name: str, seconds: float) -> None:
    check(lib.msb_sandbox_stop, client.pointer, put(name), _milliseconds(seconds), call.native)


def request_stop(client: Native, call: Call, name: str, at_once: bool) -> None:
    check(lib.msb_sandbox_request_stop, client.pointer, put(name), at_once, call.native)


def wait(client: Native, call: Call, name: str) -> End:
    pointer = out("msb_machine_end *")
    check(lib.msb_sandbox_wait, client.pointer, put(name), call.native, pointer)
    return _read(own(pointer[0]))


def logs(client: Native, call: Call, name: str, source: str, most: int) -> bytes:
    if source not in _SOURCES:
        fail("invalid_argument", f"invalid argument: unknown source of output {source!r}")
    pointer = out("msb_buffer *")
    check(lib.msb_sandbox_logs, client.pointer, put(name), _SOURCES[source], most, call.native, pointer)
    found = own(pointer[0])
    length = ffi.new("size_t *")
    return _bytes(lib.msb_buffer_data(found, length), length[0])


class _Options:
    """msb_sandbox_start_opts, and what it points to."""

    def __init__(self, boot: Boot) -> None:
        if boot.accelerator is not None and boot.accelerator not in _ACCELERATORS:
            fail("invalid_argument", f"invalid argument: unknown accelerator {boot.accelerator!r}")
        if isinstance(boot.command, str):
            raise TypeError("a command is a list of the program and its arguments, not a str")
        self._command = put_list(boot.command or [])
        self._env = put_pairs(boot.env)
        machine = boot.machine
        self._texts = put(boot.cwd), put(boot.user), put(machine.hostname), put_path(machine.kernel)
        self.native = info(
            "msb_sandbox_start_opts", command=self._command.pointer, command_count=len(self._command),
            idle=boot.command is None, env=self._env.pointer, env_count=len(self._env), working_dir=self._texts[0],
            user=self._texts[1], network=boot.network, memory_mib=boot.memory or 0, cpus=boot.cpus or 0,
            accelerator=_ACCELERATORS[boot.accelerator or "auto"], hostname=self._texts[2], kernel=self._texts[3],
            ready_timeout_ms=0 if machine.ready_timeout is None else max(1, _milliseconds(machine.ready_timeout)),
            console=machine.console, output_limit=boot.output_limit or 0, stop_limit_ms=_milliseconds(boot.grace),
            attached=boot.attached)


def _read(end: Any) -> End:
    seen = info("msb_machine_end_info")
    lib.msb_machine_end_read(end, seen)
    signalled = seen.end == lib.MSB_END_SIGNALLED
    return End(
        end=_ENDS.get(seen.end, "lost"), exit_code=seen.exit_code if seen.exit_code >= 0 else None,
        signal=seen.exit_code - _SIGNALLED if signalled else None, message=get_optional(seen.message),
        stdout=_bytes(seen.stdout_bytes, seen.stdout_length), stderr=_bytes(seen.stderr_bytes, seen.stderr_length),
        stdout_total=seen.stdout_total, stderr_total=seen.stderr_total)


def _milliseconds(seconds: float) -> int:
    return max(0, min(int(seconds * 1000), _MOST_MILLISECONDS))


def _bytes(pointer: Any, length: int) -> bytes:
    return b"" if pointer == ffi.NULL else bytes(ffi.buffer(pointer, length))
