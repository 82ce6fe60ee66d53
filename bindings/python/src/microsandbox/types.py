"""Plain values: what things are described by, whichever way they were asked for."""
import os
import time
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Dict, List, Optional, Union

Path = Union[str, "os.PathLike[str]"]


class ImageArchiveFormat(str, Enum):
    """What :meth:`Image.save` writes."""

    DOCKER = "docker"
    OCI = "oci"

    __str__ = str.__str__


class DiskImageFormat(str, Enum):
    """Of disk images, which this package makes no sandbox from."""

    QCOW2 = "qcow2"
    RAW = "raw"
    VMDK = "vmdk"

    __str__ = str.__str__


@dataclass(frozen=True)
class ImageSource:
    """Where a sandbox's root file system comes from. Made by :meth:`Image.oci`, ``bind`` and ``disk``."""

    _type: str
    _reference: Optional[str] = None
    _path: Optional[str] = None
    _fstype: Optional[str] = None
    _upper_size_mib: Optional[int] = None

    def _to_image_str(self) -> str:
        """The reference or path alone."""
        return self._reference or self._path or ""

    @staticmethod
    def oci(reference: str, *, upper_size_mib: Optional[int] = None) -> "ImageSource":
        """An image, by its reference; with the size of the writable disk in MiB."""
        return ImageSource("oci", _reference=reference, _upper_size_mib=upper_size_mib)

    @staticmethod
    def bind(path: Path) -> "ImageSource":
        """A directory of the host."""
        return ImageSource("bind", _path=os.fspath(path))

    @staticmethod
    def disk(path: Path, *, fstype: Optional[str] = None) -> "ImageSource":
        """A disk image of the host."""
        return ImageSource("disk", _path=os.fspath(path), _fstype=fstype)


@dataclass(frozen=True)
class RegistryAuth:
    """A name and a password, or token, for a registry. Shown to no other host."""

    username: str
    password: str = field(repr=False)

    @staticmethod
    def basic(username: str, password: str) -> "RegistryAuth":
        """The same, by its documented name."""
        return RegistryAuth(username, password)


@dataclass(frozen=True)
class ImageConfigDetail:
    """Runtime defaults of an image. A list that is None is absent from its config; an empty one is there, and empty."""

    digest: str
    #: ``KEY=VALUE``
    env: List[str]
    cmd: Optional[List[str]]
    entrypoint: Optional[List[str]]
    working_dir: Optional[str]
    user: Optional[str]
    #: Sorted by key.
    labels: Optional[Dict[str, Any]]
    stop_signal: Optional[str]


@dataclass(frozen=True)
class ImageLayerDetail:
    """A layer of an image."""

    #: Digest of the uncompressed tar.
    diff_id: str
    #: Digest of the layer as it is distributed.
    blob_digest: str
    media_type: Optional[str]
    #: Size as it is distributed.
    compressed_size_bytes: Optional[int]
    #: Size of the file in the cache.
    erofs_size_bytes: Optional[int]
    #: 0 is the bottom.
    position: int


@dataclass(frozen=True)
class ImagePruneReport:
    """What a prune removed."""

    image_refs_removed: int
    manifests_removed: int
    layers_removed: int
    fsmeta_removed: int
    vmdk_removed: int
    #: Bytes given back on disk; None when nothing was removed.
    bytes_reclaimed: Optional[int]


@dataclass(frozen=True)
class HomeProblem:
    """Something wrong with a home. ``msbctl check --repair`` puts many right."""

    #: ``index_damaged``, ``home_reserved``, ``not_translated``, ``status_stale``, ``index_stale``, ``snapshot_damaged``,
    #: ``layer_missing``, ``leftover``, … as ``msbctl doctor`` calls them; ``other`` for one that is not known here.
    kind: str
    #: Reference, digest or file it is about.
    subject: str
    #: The file; None when it is a row.
    path: Optional[str]
    #: One line that says what is wrong and what to do.
    message: str


@dataclass(frozen=True)
class HomeReport:
    """What a home is, who can use it, what of it can be written, and what is wrong with it."""

    home: str
    #: The index, be it there or not.
    database: str
    #: ``missing``; ``empty``, without an index; ``ready``; ``foreign``, its index can be read and must not be written;
    #: ``unreadable``
    state: str
    #: How it describes snapshots: ``manifest.json`` up to 0.6.6, ``snapshot.json`` from 0.6.7 to 0.6.18, ``groups`` of
    #: 0.7, ``none`` without an index, ``unknown``.
    generation: str
    #: What can be written: ``everything``; ``files``, no row of the index; ``nothing``.
    writes: str
    #: Why not everything can be written; None when it can.
    obstacle: Optional[str]
    #: ``microsandbox 0.6.14 (23 migrations)``; None without an index that can be read, like the next.
    schema: Optional[str]
    #: Its id; of a later release the one that is not known.
    last_migration: Optional[str]
    #: Number of those that the index has been through.
    migrations: int
    #: First release that opens it: older ones refuse. Without an index, what would be made. None: not known, like the next.
    oldest_release: Optional[str]
    #: Last release that leaves it as it is: later ones upgrade it.
    newest_release: Optional[str]
    #: References in the index.
    images: int
    sandboxes: int
    #: Sandboxes whose machine lives.
    running: int
    #: In the index.
    indexed_snapshots: int
    #: In the snapshots directory, and readable.
    snapshots: int
    problems: List[HomeProblem]


@dataclass(frozen=True)
class SandboxStopResult:
    """How a sandbox came to stop. What nobody recorded is None."""

    name: str
    status: str
    exit_code: Optional[int]
    signal: Optional[int]
    #: Milliseconds since the epoch.
    observed_at: float
    #: ``exited``, ``signalled``, ``failed``, ``killed`` or ``lost``
    source: Optional[str]

    @staticmethod
    def seen(name: str, status: str, exit_code: Optional[int] = None, signal: Optional[int] = None,
             source: Optional[str] = None) -> "SandboxStopResult":
        """What is known of it now."""
        return SandboxStopResult(name, status, exit_code, signal, time.time() * 1000, source)


@dataclass(frozen=True)
class MachineOptions:
    """What a machine is made of, where the defaults will not do."""

    #: Path of its kernel (bzImage); None for the newest in /boot that has modules.
    kernel: Optional[Path] = None
    #: None for the name of the sandbox.
    hostname: Optional[str] = None
    #: Most seconds from the start to the command; None for sixty.
    ready_timeout: Optional[float] = None
    #: Let the kernel say everything on the console: see the logs.
    console: bool = False


@dataclass(frozen=True)
class ExecOutput:
    """How a command ended, and what it wrote."""

    #: 128 and the number of the signal for a command that was ended by one.
    exit_code: int
    #: As written: up to 8 MiB. Empty where it was handed to a callback.
    stdout_bytes: bytes
    stderr_bytes: bytes
    #: Bytes that the command wrote.
    stdout_total: int
    stderr_total: int
    #: The signal that has ended the command.
    signal: Optional[int] = None

    @property
    def success(self) -> bool:
        """Whether the exit code is 0."""
        return self.exit_code == 0

    @property
    def stdout_text(self) -> str:
        """Standard output as UTF-8; what is none is replaced."""
        return self.stdout_bytes.decode("utf-8", "replace")

    @property
    def stderr_text(self) -> str:
        """Standard error, likewise."""
        return self.stderr_bytes.decode("utf-8", "replace")
