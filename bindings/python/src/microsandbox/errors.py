"""The exceptions of this package.

Every failure of the library is a :class:`MicrosandboxError`, except for those that Python has a class for: ``ValueError``
(an argument that no home could satisfy), ``RuntimeError`` (an object that is closed), ``TimeoutError`` (the deadline
passed), ``MemoryError`` and ``asyncio.CancelledError``.
"""
import asyncio
from typing import ClassVar, Dict, Mapping, Optional, Type


class MicrosandboxError(Exception):
    """Any failure. The text is one line that names the subject: ``image not found: alpine:3.20``."""

    code: ClassVar[str] = "microsandbox-error"

    #: Tag of the library's own, finer kind of failure: ``busy``.
    kind: str = "unknown"
    #: ``errno`` of the system call that failed, or None when none did.
    os_code: Optional[int] = None
    #: Facts about the failure: ``path``, ``reference``, ``expected``, ``actual``, ``sandboxes``, …
    details: Mapping[str, str] = {}


class InvalidConfigError(MicrosandboxError):
    """A name or a configuration that breaks a rule."""

    code = "invalid-config"


class CloudHttpError(MicrosandboxError):
    """A request to a cloud service failed. Named for programs that catch it; nothing here raises it."""

    code = "cloud-http"


class SandboxNotFoundError(MicrosandboxError):
    """No sandbox of that name."""

    code = "sandbox-not-found"


class SandboxNotRunningError(MicrosandboxError):
    """The sandbox does not run."""

    code = "sandbox-not-running"


class SandboxAlreadyExistsError(MicrosandboxError):
    """A sandbox has that name."""

    code = "sandbox-already-exists"


class SandboxStillRunningError(MicrosandboxError):
    """The sandbox has to be stopped first."""

    code = "sandbox-still-running"


class ExecTimeoutError(MicrosandboxError):
    """A command in a sandbox took too long."""

    code = "exec-timeout"


class ExecFailedError(MicrosandboxError):
    """A command in a sandbox could not be run."""

    code = "exec-failed"


class NoDefaultCommandError(MicrosandboxError):
    """The image says no command to run."""

    code = "no-default-command"


class FilesystemError(MicrosandboxError):
    """A file operation in a sandbox failed."""

    code = "filesystem-error"


class PathNotFoundError(MicrosandboxError):
    """No such path in a sandbox."""

    code = "path-not-found"


class VolumeNotFoundError(MicrosandboxError):
    """No volume of that name."""

    code = "volume-not-found"


class ImageNotFoundError(MicrosandboxError):
    """The image is not in the cache."""

    code = "image-not-found"


class ImageInUseError(MicrosandboxError):
    """Sandboxes use the image; ``details["sandboxes"]`` lists them."""

    code = "image-in-use"


class ImagePullFailedError(MicrosandboxError):
    """The image could not be pulled."""

    code = "image-pull-failed"


class SnapshotNotFoundError(MicrosandboxError):
    """No snapshot of that name, path or digest."""

    code = "snapshot-not-found"


class SnapshotAlreadyExistsError(MicrosandboxError):
    """The destination exists; pass ``force=True`` to replace it."""

    code = "snapshot-already-exists"


class SnapshotSandboxRunningError(MicrosandboxError):
    """The sandbox has to be stopped before it can be captured."""

    code = "snapshot-sandbox-running"


class SnapshotImageMissingError(MicrosandboxError):
    """The image that the snapshot pins is not cached; ``details["reference"]`` says what to load."""

    code = "snapshot-image-missing"


class SnapshotIntegrityError(MicrosandboxError):
    """Descriptor or disk are not what was recorded."""

    code = "snapshot-integrity"


class SnapshotMigrationError(MicrosandboxError):
    """A descriptor of another release could not be translated."""

    code = "snapshot-migration"


class SnapshotHasChildrenError(MicrosandboxError):
    """Other snapshots name it as their parent; ``details["children"]`` is their number."""

    code = "snapshot-has-children"


class SnapshotArchiveError(MicrosandboxError):
    """The archive of a snapshot is damaged, or is none."""

    code = "snapshot-archive"


class NetworkPolicyError(MicrosandboxError):
    """A network policy is malformed."""

    code = "network-policy-error"


class SecretViolationError(MicrosandboxError):
    """A secret would have left a sandbox."""

    code = "secret-violation"


class TlsError(MicrosandboxError):
    """TLS interception failed."""

    code = "tls-error"


class IoError(MicrosandboxError):
    """The operating system said no; ``os_code`` is its reason."""

    code = "io-error"


class MetricsDisabledError(MicrosandboxError):
    """Metrics are not collected."""

    code = "metrics-disabled"


class MetricsUnavailableError(MicrosandboxError):
    """No metrics were collected yet."""

    code = "metrics-unavailable"


class UnsupportedOperationError(MicrosandboxError):
    """The older name of :class:`UnsupportedError` in some releases."""

    code = "unsupported-operation"


class UnsupportedError(UnsupportedOperationError):
    """What this home, or this library, cannot do."""

    code = "unsupported"


#: Class of every kind of failure that has one of its own, by its tag. All others are MicrosandboxError.
CLASS_OF: Dict[str, Type[BaseException]] = {
    "invalid_argument": ValueError,
    "invalid_config": InvalidConfigError,
    "invalid_handle": RuntimeError,
    "cancelled": asyncio.CancelledError,
    "deadline_exceeded": TimeoutError,
    "unsupported": UnsupportedError,
    "library_not_loaded": ImportError,
    "io": IoError,
    "no_memory": MemoryError,
    "sandbox_not_found": SandboxNotFoundError,
    "sandbox_not_running": SandboxNotRunningError,
    "sandbox_already_exists": SandboxAlreadyExistsError,
    "sandbox_still_running": SandboxStillRunningError,
    "image_not_found": ImageNotFoundError,
    "image_in_use": ImageInUseError,
    "image_pull_failed": ImagePullFailedError,
    "snapshot_not_found": SnapshotNotFoundError,
    "snapshot_already_exists": SnapshotAlreadyExistsError,
    "snapshot_sandbox_running": SnapshotSandboxRunningError,
    "snapshot_image_missing": SnapshotImageMissingError,
    "snapshot_integrity": SnapshotIntegrityError,
    "snapshot_migration": SnapshotMigrationError,
    "snapshot_has_children": SnapshotHasChildrenError,
    "snapshot_archive": SnapshotArchiveError,
    "volume_not_found": VolumeNotFoundError,
    "exec_timeout": ExecTimeoutError,
    "exec_failed": ExecFailedError,
    "no_default_command": NoDefaultCommandError,
    "filesystem": FilesystemError,
    "path_not_found": PathNotFoundError,
    "network_policy": NetworkPolicyError,
    "secret_violation": SecretViolationError,
    "tls": TlsError,
    "metrics_disabled": MetricsDisabledError,
    "metrics_unavailable": MetricsUnavailableError,
}
