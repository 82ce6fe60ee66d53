"""Disk snapshots of sandboxes, and the local OCI image cache, of microsandbox.

The functions here are awaitable. :mod:`microsandbox.sync` has the same names without await, for scripts.
"""
from ._aio import (Home, Image, ImageDetail, ImageHandle, ImagePullResult, PullSession, Sandbox, SandboxHandle,
                   Snapshot, SnapshotHandle)
from ._capi.call import deadline
from ._capi.library import live_handles, version
from .client import Client, close_default_client
from .errors import (CloudHttpError, ExecFailedError, ExecTimeoutError, FilesystemError, ImageInUseError,
                     ImageNotFoundError, ImagePullFailedError, InvalidConfigError, IoError, MetricsDisabledError,
                     MetricsUnavailableError, MicrosandboxError, NetworkPolicyError, NoDefaultCommandError,
                     PathNotFoundError, SandboxAlreadyExistsError, SandboxNotFoundError, SandboxNotRunningError,
                     SandboxStillRunningError, SecretViolationError, SnapshotAlreadyExistsError, SnapshotArchiveError,
                     SnapshotHasChildrenError, SnapshotImageMissingError, SnapshotIntegrityError, SnapshotMigrationError, SnapshotNotFoundError,
                     SnapshotSandboxRunningError, TlsError, UnsupportedError, UnsupportedOperationError,
                     VolumeNotFoundError)
from .progress import OutputCallback, Progress, ProgressCallback
from .types import (DiskImageFormat, ExecOutput, HomeProblem, HomeReport, ImageArchiveFormat, ImageConfigDetail, ImageLayerDetail,
                    ImagePruneReport, ImageSource, MachineOptions, RegistryAuth, SandboxStopResult)

__version__ = "0.1.0"

__all__ = [
    "Client", "CloudHttpError", "DiskImageFormat", "ExecFailedError", "ExecOutput", "ExecTimeoutError", "FilesystemError", "Home",
    "HomeProblem", "HomeReport", "Image", "ImageArchiveFormat", "ImageConfigDetail", "ImageDetail", "ImageHandle",
    "ImageInUseError", "ImageLayerDetail", "ImageNotFoundError", "ImagePruneReport", "ImagePullFailedError",
    "ImagePullResult", "ImageSource", "InvalidConfigError", "IoError", "MachineOptions", "MetricsDisabledError",
    "MetricsUnavailableError", "MicrosandboxError", "NetworkPolicyError", "NoDefaultCommandError", "OutputCallback",
    "PathNotFoundError", "Progress", "ProgressCallback", "PullSession", "RegistryAuth", "Sandbox",
    "SandboxAlreadyExistsError", "SandboxHandle", "SandboxNotFoundError", "SandboxNotRunningError",
    "SandboxStillRunningError", "SandboxStopResult", "SecretViolationError", "Snapshot",
    "SnapshotAlreadyExistsError", "SnapshotArchiveError", "SnapshotHandle", "SnapshotHasChildrenError", "SnapshotImageMissingError", "SnapshotIntegrityError",
    "SnapshotMigrationError", "SnapshotNotFoundError", "SnapshotSandboxRunningError", "TlsError",
    "UnsupportedError", "UnsupportedOperationError", "VolumeNotFoundError", "close_default_client", "deadline",
    "live_handles", "version",
]
