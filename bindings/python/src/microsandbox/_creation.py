"""How a sandbox comes to be: its image is pulled, its record and disk are made, its machine is booted."""
import contextlib
import os
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Sequence, Union

from . import client as _client
from ._capi import images, machines, sandboxes
from ._capi.call import Call
from ._capi.library import fail
from .errors import ImageNotFoundError, MicrosandboxError, SandboxStillRunningError, SnapshotImageMissingError
from .types import ImageSource, MachineOptions, Path, RegistryAuth

#: Pull policies as they are stored.
_STORED_POLICIES = {"if_missing": "IfMissing", "if-missing": "IfMissing", "always": "Always", "never": "Never"}


@dataclass(frozen=True)
class Creation:
    """The arguments of ``Sandbox.create``; see there."""

    name: str
    image: Union[str, "os.PathLike[str]", ImageSource, None] = None
    snapshot: Optional[Path] = None
    from_snapshot: Optional[Path] = None
    cpus: Optional[int] = None
    memory: Optional[int] = None
    labels: Optional[Mapping[str, str]] = None
    env: Optional[Mapping[str, str]] = None
    replace: bool = False
    pull_policy: Optional[str] = None
    registry_auth: Optional[RegistryAuth] = None
    registry_insecure: bool = False
    registry_ca_certs: Optional[Path] = None
    detached: bool = False
    boot: bool = True
    command: Optional[Sequence[str]] = None
    network: bool = False
    accelerator: Optional[str] = None
    machine: MachineOptions = MachineOptions()

    def __post_init__(self) -> None:
        if self.snapshot is not None and self.from_snapshot is not None:
            raise ValueError("invalid argument: snapshot and from_snapshot are one argument")
        if not self.boot and self.command is not None:
            raise ValueError("invalid argument: a command is for a sandbox that is booted")

    def perform(self, call: Call) -> _client.Client:
        """Does it. What fails leaves no sandbox behind."""
        client = _client.current()
        new, how = self._new_sandbox(), self._pull()
        if new.image is not None and how.policy == "always":
            self._get_image(client, call, new.image, how)
        self._register(client, call, new, how)
        if self.boot:
            self._boot(client, call)
        return client

    def _register(self, client: _client.Client, call: Call, new: sandboxes.NewSandbox, how: images.Pull) -> None:
        """Makes record and disk. What is in the way and may be put out of it, is, each once."""
        may_pull, may_stop = how.policy != "never", self.replace
        while True:
            call.last_part = not self.boot
            try:
                sandboxes.create(client._native, call, self.name, new)
                return
            except (ImageNotFoundError, SnapshotImageMissingError) as missing:
                if not may_pull:
                    raise
                may_pull = False
                self._get_image(client, call, new.image or _pinned(missing), how)
            except SandboxStillRunningError:
                if not may_stop:
                    raise
                may_stop = False
                if new.image is not None:  # or there would be nothing to replace it with
                    self._get_image(client, call, new.image, how)
                machines.stop(client._native, call, self.name, _client.GRACE)

    @staticmethod
    def _get_image(client: _client.Client, call: Call, reference: str, how: images.Pull) -> None:
        call.last_part = False
        images.pull(client._native, call, reference, how)

    def _boot(self, client: _client.Client, call: Call) -> None:
        call.last_part = True
        boot = machines.Boot(command=self.command, network=self.network, accelerator=self.accelerator,
                             machine=self.machine, attached=not self.detached, grace=_client.GRACE)
        try:
            machines.start(client._native, call, self.name, boot)
        except BaseException:
            with contextlib.suppress(MicrosandboxError):  # the first failure is the one to tell
                sandboxes.remove(client._native, Call(bounded=False), self.name)
            raise
        _client.own(client, self.name, not self.detached)

    def _pull(self) -> images.Pull:
        return images.Pull(policy=images.checked_policy(self.pull_policy or "if_missing"), auth=self.registry_auth,
                           insecure=self.registry_insecure, ca_certs=self.registry_ca_certs)

    def _new_sandbox(self) -> sandboxes.NewSandbox:
        source = _source(self.image)
        return sandboxes.NewSandbox(
            image=None if source is None else source._reference,
            from_snapshot=self.snapshot if self.snapshot is not None else self.from_snapshot,
            upper_size=0 if source is None else (source._upper_size_mib or 0) << 20,
            labels=self.labels or {}, config=self._config(), replace=self.replace)

    def _config(self) -> Dict[str, Any]:
        """Members of the stored configuration that differ from its defaults."""
        config: Dict[str, Any] = {}
        resources = {"cpus": self.cpus, "max_cpus": self.cpus, "memory_mib": self.memory, "max_memory_mib": self.memory}
        resources = {member: number for member, number in resources.items() if number is not None}
        if resources:
            config["resources"] = resources
        if self.env is not None:
            config["env"] = [{"key": key, "value": value} for key, value in sorted(self.env.items())]
        if self.pull_policy is not None:
            config["pull_policy"] = _STORED_POLICIES[images.checked_policy(self.pull_policy)]
        return config


#: How paths begin, and no reference does; and how files end that ``msb`` takes for disks.
_PATHS = ("/", "./", "../", "~")
_DISKS = (".qcow2", ".raw", ".vmdk")


def _pinned(missing: MicrosandboxError) -> str:
    """The reference of the very image that a snapshot lacks, whatever its tag means today."""
    return f"{missing.details['reference']}@{missing.details['digest']}"


def _source(image: Any) -> Optional[ImageSource]:
    if image is None:
        return None
    source = image if isinstance(image, ImageSource) else ImageSource.oci(os.fspath(image))
    if source._type != "oci" or source._to_image_str().startswith(_PATHS) \
            or source._to_image_str().endswith(_DISKS):
        fail("unsupported", "unsupported operation: sandboxes are made from OCI images and snapshots, not from "
                            f"directories and disk images: {source._to_image_str()}")
    return source
