"""Sandboxes: records, writable disks, and the machines that run them."""
import os
from types import TracebackType
from typing import Any, AsyncIterator, Dict, List, Mapping, NoReturn, Optional, Sequence, Type, Union

from microsandbox import client as _client
from microsandbox._aio import machine as _machine
from microsandbox._aio.snapshot import Snapshot
from microsandbox._capi import machines as _machines
from microsandbox._capi import sandboxes as _sandboxes
from microsandbox._capi import snapshots as _snapshots
from microsandbox._capi.call import Call
from microsandbox._creation import Creation
from microsandbox._runner import _Begun_async, _run_async
from microsandbox.progress import OutputCallback, Progress, ProgressCallback
from microsandbox.types import ExecOutput, ImageSource, MachineOptions, Path, RegistryAuth, SandboxStopResult


class SandboxHandle:
    """What the registry knows of a sandbox, as it was when it was looked up."""

    def __init__(self, client: _client.Client, record: _sandboxes.SandboxRecord) -> None:
        self._client = client
        self._record = record

    @property
    def name(self) -> str:
        """Its name."""
        return self._record.name

    @property
    def status(self) -> str:
        """``created``, ``starting``, ``running``, ``draining``, ``paused``, ``stopped`` or ``crashed``"""
        return self._record.status

    @property
    def config_json(self) -> str:
        """The stored configuration, as text."""
        return self._record.config_json

    @property
    def created_at(self) -> Optional[float]:
        """Milliseconds since the epoch."""
        return self._record.created_at

    @property
    def updated_at(self) -> Optional[float]:
        """Milliseconds since the epoch."""
        return self._record.updated_at

    def config(self) -> Dict[str, Any]:
        """The stored configuration."""
        return _sandboxes.stored_config(self._record)

    async def refresh(self) -> "SandboxHandle":
        """The sandbox as it is now."""
        return await _run_async(lambda call: SandboxHandle(
            self._client, _sandboxes.get_sandbox(self._client._native, call, self.name)))

    async def remove(self) -> None:
        """Removes the sandbox: its record, its disk and its logs. Snapshots of it stay."""
        await _run_async(lambda call: _sandboxes.remove(self._client._native, call, self.name))

    async def snapshot(self, name: str, *, on_progress: Optional[ProgressCallback] = None) -> Snapshot:
        """Captures the disk as a snapshot of this name."""
        return await self._capture(name, None, on_progress)

    async def snapshot_to(self, path: Path, *, on_progress: Optional[ProgressCallback] = None) -> Snapshot:
        """Captures the disk as a snapshot in a directory to create."""
        return await self._capture(None, path, on_progress)

    async def start(
        self,
        *,
        detached: bool = False,
        command: Optional[Sequence[str]] = None,
        env: Optional[Mapping[str, str]] = None,
        cwd: Optional[str] = None,
        user: Optional[str] = None,
        network: bool = False,
        accelerator: Optional[str] = None,
        machine: MachineOptions = MachineOptions(),
    ) -> "Sandbox":
        """Boots it, see :meth:`Sandbox.start`."""
        boot = _machines.Boot(command, env, cwd, user, network, accelerator=accelerator, machine=machine)
        await _machine.start(self._client, self.name, boot, detached)
        return Sandbox(self._client, self.name, not detached)

    async def run(
        self,
        command: Sequence[str],
        *,
        env: Optional[Mapping[str, str]] = None,
        cwd: Optional[str] = None,
        user: Optional[str] = None,
        network: bool = False,
        memory: Optional[int] = None,
        cpus: Optional[int] = None,
        accelerator: Optional[str] = None,
        machine: MachineOptions = MachineOptions(),
        output_limit: Optional[int] = None,
        grace: float = 0.0,
        on_output: Optional[OutputCallback] = None,
    ) -> ExecOutput:
        """Boots it, runs a command, and switches it off, see :meth:`Sandbox.run`."""
        boot = _machines.Boot(command, env, cwd, user, network, memory, cpus, accelerator, machine, output_limit, grace)
        return await _machine.run(lambda: self._client, self.name, boot, on_output)

    async def connect(self, timeout: Optional[float] = None) -> "Sandbox":
        """The sandbox that runs; it goes on when this program ends.

        :raises SandboxNotRunningError: no machine runs
        """
        await _machine.connect(self._client, self.name)
        return Sandbox(self._client, self.name, False)

    async def stop(self, timeout: Optional[float] = None) -> None:
        """Stops it, see :meth:`Sandbox.stop`."""
        await _machine.stop(self._client, self.name, timeout)

    async def kill(self, timeout: Optional[float] = None) -> None:
        """Ends it the hard way, see :meth:`Sandbox.kill`."""
        await _machine.kill(self._client, self.name, timeout)

    async def request_stop(self) -> None:
        """Asks it to stop, and does not wait for the end."""
        await _machine.request_stop(self._client, self.name, False)

    async def request_kill(self) -> None:
        """Ends it the hard way, and does not wait for the end."""
        await _machine.request_stop(self._client, self.name, True)

    async def request_drain(self) -> None:
        """Asks it to end what it does and to stop, and does not wait for the end."""
        await _machine.request_stop(self._client, self.name, False)

    async def wait_until_stopped(self) -> SandboxStopResult:
        """Waits until no machine runs."""
        return await _machine.wait_until_stopped(self._client, self.name)

    async def logs(self, *, source: str = "stdout", limit: int = 1 << 20) -> bytes:
        """What its machine has written, see :meth:`Sandbox.logs`."""
        return await _machine.logs(self._client, self.name, source, limit)

    async def _capture(self, name: Optional[str], path: Optional[Path],
                       on_progress: Optional[ProgressCallback]) -> Snapshot:
        new = _snapshots.NewSnapshot(name, path, None, None, False, False)
        return await _run_async(lambda call: Snapshot(
            self._client, _snapshots.create(self._client._native, call, self.name, new)), on_progress)

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot pickle a SandboxHandle: it belongs to an open home; pickle its name instead")

    def __repr__(self) -> str:
        return f"SandboxHandle({self.name!r}, status={self.status!r})"


class Sandbox:
    """A sandbox. One that was not detached ends with ``async with``, with its client, or with this program."""

    def __init__(self, client: _client.Client, name: str, owned: bool) -> None:
        self._client = client
        self._name = name
        self._owned = owned

    @staticmethod
    async def create(
        name: str,
        *,
        image: Union[str, "os.PathLike[str]", ImageSource, None] = None,
        snapshot: Optional[Path] = None,
        from_snapshot: Optional[Path] = None,
        cpus: Optional[int] = None,
        memory: Optional[int] = None,
        labels: Optional[Mapping[str, str]] = None,
        env: Optional[Mapping[str, str]] = None,
        replace: bool = False,
        pull_policy: Optional[str] = None,
        registry_auth: Optional[RegistryAuth] = None,
        registry_insecure: bool = False,
        registry_ca_certs: Optional[Path] = None,
        detached: bool = False,
        boot: bool = True,
        command: Optional[Sequence[str]] = None,
        network: bool = False,
        accelerator: Optional[str] = None,
        machine: MachineOptions = MachineOptions(),
        on_progress: Optional[ProgressCallback] = None,
    ) -> "Sandbox":
        """Makes a sandbox and boots it. Its disk is an empty one, or a private copy of a snapshot's.

        When it cannot be booted, nothing is left of it.

        :param image: a reference, or ``Image.oci(…)`` with the size of the disk
        :param snapshot: name, path or digest of a snapshot instead; ``from_snapshot`` is its later name
        :param cpus: processors of the machine
        :param memory: memory of the machine in MiB
        :param env: environment of commands
        :param replace: remove a sandbox of that name first; one that runs is stopped, and has ten seconds for that
        :param pull_policy: ``if_missing`` (the default), ``always`` or ``never``, see :meth:`Image.pull`; the image that a
            snapshot lacks is pulled by its digest
        :param registry_auth: credentials for the registry; ``registry_insecure`` and ``registry_ca_certs`` likewise
        :param detached: it goes on when this program ends
        :param boot: False makes record and disk only
        :param command: what to run; None runs nothing, and the machine stays until it is stopped
        :param network: let it reach the network
        :param accelerator: ``auto``, ``kvm`` or ``tcg``; ``machine`` says more
        :raises ValueError: both or neither of image and snapshot
        :raises SandboxAlreadyExistsError: and ``replace`` is not set
        :raises ImageNotFoundError: nobody has the image; or it is not cached, and the policy is ``never``
        :raises SnapshotNotFoundError: no such snapshot
        :raises SnapshotImageMissingError: its image is not cached, and the policy is ``never``
        :raises UnsupportedError: no QEMU or no kernel; ``details["package"]`` says what to install
        """
        creation = Creation(name, image, snapshot, from_snapshot, cpus, memory, labels, env, replace, pull_policy,
                            registry_auth, registry_insecure, registry_ca_certs, detached, boot, command, network,
                            accelerator, machine)
        client = await _run_async(creation.perform, on_progress, patient=True)
        return Sandbox(client, name, not detached)

    @staticmethod
    def create_with_progress(name: str, **options: Any) -> "PullSession":
        """The same with the same options, as something to watch: see :class:`PullSession`."""
        return PullSession(Creation(name, **options))

    @staticmethod
    async def start(
        name: str,
        *,
        detached: bool = False,
        command: Optional[Sequence[str]] = None,
        env: Optional[Mapping[str, str]] = None,
        cwd: Optional[str] = None,
        user: Optional[str] = None,
        network: bool = False,
        accelerator: Optional[str] = None,
        machine: MachineOptions = MachineOptions(),
    ) -> "Sandbox":
        """Boots a sandbox that is stopped. Returns when it runs.

        :param detached: it goes on when this program ends
        :param command: what to run; None runs nothing, and the machine stays until it is stopped
        :param env: added to the sandbox's environment; ``cwd`` and ``user`` as for :meth:`run`
        :param network: let it reach the network
        :param accelerator: ``auto``, ``kvm`` or ``tcg``; ``machine`` says more
        :raises SandboxNotFoundError: no sandbox of that name
        :raises SandboxStillRunningError: it runs already
        :raises ExecFailedError: the command cannot be run there
        :raises UnsupportedError: no QEMU or no kernel; ``details["package"]`` says what to install
        """
        handle = await Sandbox.get(name)
        return await handle.start(detached=detached, command=command, env=env, cwd=cwd, user=user, network=network,
                                  accelerator=accelerator, machine=machine)

    @staticmethod
    async def run(
        name: str,
        command: Sequence[str],
        *,
        env: Optional[Mapping[str, str]] = None,
        cwd: Optional[str] = None,
        user: Optional[str] = None,
        network: bool = False,
        memory: Optional[int] = None,
        cpus: Optional[int] = None,
        accelerator: Optional[str] = None,
        machine: MachineOptions = MachineOptions(),
        output_limit: Optional[int] = None,
        grace: float = 0.0,
        on_output: Optional[OutputCallback] = None,
    ) -> ExecOutput:
        """Boots a sandbox that is stopped, runs one command in it to its end, and switches it off.

        Cancelled, it is stopped: the hard way, unless it is granted some grace.

        :param command: program and arguments; no shell sees them
        :param env: added to the sandbox's environment
        :param cwd: where to run; None for what the image says, like ``user``
        :param user: ``NAME``, ``UID``, ``NAME:GROUP`` or ``UID:GID``
        :param network: let it reach the network
        :param memory: MiB, and ``cpus``: for this run; None for what the sandbox has
        :param accelerator: ``auto``, ``kvm`` or ``tcg``; ``machine`` says more
        :param output_limit: bytes of each output to keep; None for 8 MiB
        :param grace: seconds for a clean end when it is cancelled
        :param on_output: receives ``stdout`` or ``stderr`` and bytes, as they come; the result then holds none
        :raises SandboxStillRunningError: it runs already
        :raises ExecFailedError: the command cannot be run there, and ``details["exit_code"]`` is what a shell would
            give; or the machine has died
        :raises UnsupportedError: no QEMU or no kernel; ``details["package"]`` says what to install
        """
        boot = _machines.Boot(command, env, cwd, user, network, memory, cpus, accelerator, machine, output_limit, grace)
        return await _machine.run(_client.current, name, boot, on_output)

    @staticmethod
    async def get(name: str) -> SandboxHandle:
        """Looks a sandbox up.

        :raises SandboxNotFoundError: no sandbox of that name
        """
        def work(call: Call) -> SandboxHandle:
            client = _client.current()
            return SandboxHandle(client, _sandboxes.get_sandbox(client._native, call, name))
        return await _run_async(work)

    @staticmethod
    async def list() -> List[SandboxHandle]:
        """Lists sandboxes, newest first."""
        return await Sandbox.list_with()

    @staticmethod
    async def list_with(*, labels: Optional[Mapping[str, str]] = None) -> List[SandboxHandle]:
        """Lists the sandboxes that have all these labels, newest first."""
        def work(call: Call) -> List[SandboxHandle]:
            client = _client.current()
            return [SandboxHandle(client, record)
                    for record in _sandboxes.list_sandboxes(client._native, call, labels)]
        return await _run_async(work)

    @staticmethod
    async def remove(name: str) -> None:
        """Removes a sandbox: its record, its disk and its logs. Snapshots of it stay.

        :raises SandboxNotFoundError: no sandbox of that name
        :raises SandboxStillRunningError: stop it first
        """
        await _run_async(lambda call: _sandboxes.remove(_client.current()._native, call, name))

    @property
    async def name(self) -> str:
        """Its name."""
        return self._name

    @property
    async def owns_lifecycle(self) -> bool:
        """Whether the sandbox was made to end with its maker."""
        return self._owned

    async def detach(self) -> None:
        """Makes the sandbox outlive its maker."""
        self._owned = False
        await _machine.detach(self._client, self._name)

    async def stop(self, timeout: Optional[float] = None) -> None:
        """Stops it: its command gets the image's stop signal, and its disk is unmounted. One that is stopped stays so.

        :param timeout: seconds until it is ended the hard way; None for ten
        """
        await _machine.stop(self._client, self._name, timeout)

    async def kill(self, timeout: Optional[float] = None) -> None:
        """Ends it the hard way; its disk then is as after a power failure, which its journal mends.

        :param timeout: seconds until ``TimeoutError``; None for as long as it takes
        """
        await _machine.kill(self._client, self._name, timeout)

    async def request_stop(self) -> None:
        """Asks it to stop, and does not wait for the end."""
        await _machine.request_stop(self._client, self._name, False)

    async def request_kill(self) -> None:
        """Ends it the hard way, and does not wait for the end."""
        await _machine.request_stop(self._client, self._name, True)

    async def request_drain(self) -> None:
        """Asks it to end what it does and to stop, and does not wait for the end."""
        await _machine.request_stop(self._client, self._name, False)

    async def wait_until_stopped(self) -> SandboxStopResult:
        """Waits until no machine runs."""
        return await _machine.wait_until_stopped(self._client, self._name)

    async def logs(self, *, source: str = "stdout", limit: int = 1 << 20) -> bytes:
        """What its present or last machine has written: the end of it.

        :param source: ``stdout``, ``stderr``, ``console`` (the guest's kernel) or ``machine`` (QEMU)
        :param limit: most bytes
        """
        return await _machine.logs(self._client, self._name, source, limit)

    async def exec(self, *command: object, **options: object) -> NoReturn:
        """Raises ``UnsupportedError``: there is no agent in the machine. :meth:`run` boots a sandbox with a command."""
        _machine.unsupported(self._name, "exec")

    async def exec_stream(self, *command: object, **options: object) -> NoReturn:
        """Raises ``UnsupportedError``, like :meth:`exec`."""
        _machine.unsupported(self._name, "exec_stream")

    async def shell(self, *command: object, **options: object) -> NoReturn:
        """Raises ``UnsupportedError``, like :meth:`exec`."""
        _machine.unsupported(self._name, "shell")

    async def shell_stream(self, *command: object, **options: object) -> NoReturn:
        """Raises ``UnsupportedError``, like :meth:`exec`."""
        _machine.unsupported(self._name, "shell_stream")

    async def attach(self, *command: object, **options: object) -> NoReturn:
        """Raises ``UnsupportedError``, like :meth:`exec`."""
        _machine.unsupported(self._name, "attach")

    async def attach_shell(self) -> NoReturn:
        """Raises ``UnsupportedError``, like :meth:`exec`."""
        _machine.unsupported(self._name, "attach_shell")

    async def __aenter__(self) -> "Sandbox":
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]], value: Optional[BaseException],
                        trace: Optional[TracebackType]) -> None:
        if self._owned:
            await self.stop()

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot pickle a Sandbox: it belongs to an open home; pickle its name instead")

    def __repr__(self) -> str:
        return f"Sandbox({self._name!r})"


class PullSession:
    """A sandbox being made, from the begin of ``async with`` on. What has not ended when the block does is given up.

    ::

        async with Sandbox.create_with_progress("base", image="alpine:3.20") as session:
            async for event in session.progress:
                print(event.phase, event.done, event.total)
            sandbox = await session.result()
    """

    def __init__(self, creation: Creation) -> None:
        self._creation = creation
        self._begun: Optional[_Begun_async[_client.Client]] = None
        self._given = False

    @property
    def progress(self) -> AsyncIterator[Progress]:
        """What is reported until it is done, or has failed; :meth:`result` tells which."""
        return self._work().events()

    async def result(self) -> Sandbox:
        """The sandbox, or the failure. To be asked for once."""
        work = self._work()
        if self._given:
            raise RuntimeError("the result of this session was already consumed")
        self._given = True
        client = await work.result()
        return Sandbox(client, self._creation.name, not self._creation.detached)

    def _work(self) -> "_Begun_async[_client.Client]":
        if self._begun is None:
            raise RuntimeError("a session is begun by `async with`")
        return self._begun

    async def __aenter__(self) -> "PullSession":
        self._begun = _Begun_async(self._creation.perform)
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]], value: Optional[BaseException],
                        trace: Optional[TracebackType]) -> None:
        await self._work().end()
