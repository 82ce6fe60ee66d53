"""Sandboxes, as images and snapshots meet them: records and writable disks. `msb` boots them."""
import os
from types import TracebackType
from typing import Any, Dict, List, Mapping, NoReturn, Optional, Type, Union

from microsandbox import client as _client
from microsandbox._aio import machine as _machine
from microsandbox._aio.snapshot import Snapshot
from microsandbox._capi import sandboxes as _sandboxes
from microsandbox._capi import snapshots as _snapshots
from microsandbox._capi.call import Call
from microsandbox._capi.library import fail
from microsandbox._runner import _run_async
from microsandbox.progress import ProgressCallback
from microsandbox.types import ImageSource, Path, SandboxStopResult

_POLICIES = {"if_missing": "IfMissing", "if-missing": "IfMissing", "never": "Never"}


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

    async def start(self, *, detached: bool = False) -> "Sandbox":
        """Raises ``UnsupportedError``: `msb start` boots a sandbox."""
        await _machine.start(self._client, self.name)

    async def connect(self, timeout: Optional[float] = None) -> "Sandbox":
        """Raises ``SandboxNotRunningError`` when no machine runs."""
        await _machine.connect(self._client, self.name)

    async def stop(self, timeout: Optional[float] = None) -> None:
        """Returns at once when no machine runs."""
        await _machine.settled(self._client, self.name)

    async def kill(self, timeout: Optional[float] = None) -> None:
        """Returns at once when no machine runs."""
        await _machine.settled(self._client, self.name)

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
    """A sandbox that this program made. Its machine does not run; `msb start` boots it."""

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
        detached: bool = False,
        on_progress: Optional[ProgressCallback] = None,
    ) -> "Sandbox":
        """Registers a stopped sandbox and makes its disk: an empty one, or a private copy of a snapshot's.

        :param image: an image of the cache, or ``Image.oci(…)`` with the size of the disk
        :param snapshot: name, path or digest of a snapshot instead; ``from_snapshot`` is its later name
        :param cpus: processors of the machine
        :param memory: memory of the machine in MiB
        :param env: environment of commands
        :param replace: remove a stopped sandbox of that name first
        :param pull_policy: ``if_missing`` or ``never``: nothing is pulled
        :raises ValueError: both or neither of image and snapshot
        :raises SandboxAlreadyExistsError: and ``replace`` is not set
        :raises ImageNotFoundError: the image is not in the cache
        :raises SnapshotNotFoundError: no such snapshot
        """
        if snapshot is not None and from_snapshot is not None:
            raise ValueError("invalid argument: snapshot and from_snapshot are one argument")
        source = _source(image)
        new = _sandboxes.NewSandbox(
            image=None if source is None else source._reference,
            from_snapshot=snapshot if snapshot is not None else from_snapshot,
            upper_size=0 if source is None else (source._upper_size_mib or 0) << 20,
            labels=labels or {}, config=_config(cpus, memory, env, pull_policy), replace=replace)

        def work(call: Call) -> Sandbox:
            client = _client.current()
            return Sandbox(client, _sandboxes.create(client._native, call, name, new).name, not detached)
        return await _run_async(work, on_progress)

    @staticmethod
    async def start(name: str, *, detached: bool = False) -> "Sandbox":
        """Raises ``UnsupportedError``: `msb start` boots a sandbox."""
        return await (await Sandbox.get(name)).start(detached=detached)

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

    async def stop(self, timeout: Optional[float] = None) -> None:
        """Returns at once when no machine runs."""
        await _machine.settled(self._client, self._name)

    async def kill(self, timeout: Optional[float] = None) -> None:
        """Returns at once when no machine runs."""
        await _machine.settled(self._client, self._name)

    async def request_stop(self) -> None:
        """Returns at once when no machine runs."""
        await _machine.settled(self._client, self._name)

    async def request_kill(self) -> None:
        """Returns at once when no machine runs."""
        await _machine.settled(self._client, self._name)

    async def request_drain(self) -> None:
        """Returns at once when no machine runs."""
        await _machine.settled(self._client, self._name)

    async def wait_until_stopped(self) -> SandboxStopResult:
        """Waits until no machine runs."""
        return await _machine.wait_until_stopped(self._client, self._name)

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


def _source(image: Any) -> Optional[ImageSource]:
    if image is None:
        return None
    source = image if isinstance(image, ImageSource) else ImageSource.oci(os.fspath(image))
    if source._type != "oci":
        fail("unsupported", "unsupported operation: sandboxes are made from OCI images and snapshots")
    return source


def _config(cpus: Optional[int], memory: Optional[int], env: Optional[Mapping[str, str]],
            pull_policy: Optional[str]) -> Dict[str, Any]:
    """Members of the stored configuration that differ from its defaults."""
    config: Dict[str, Any] = {}
    resources = {"cpus": cpus, "max_cpus": cpus, "memory_mib": memory, "max_memory_mib": memory}
    resources = {member: number for member, number in resources.items() if number is not None}
    if resources:
        config["resources"] = resources
    if env is not None:
        config["env"] = [{"key": key, "value": value} for key, value in sorted(env.items())]
    if pull_policy == "always":
        fail("unsupported", "unsupported operation: images are not pulled; load them with Image.load")
    if pull_policy is not None:
        if pull_policy not in _POLICIES:
            raise ValueError(f"invalid argument: unknown pull policy {pull_policy!r}")
        config["pull_policy"] = _POLICIES[pull_policy]
    return config
