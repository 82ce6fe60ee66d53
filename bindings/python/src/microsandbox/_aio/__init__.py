"""The surface, awaitable. The build derives microsandbox.sync from these modules by taking the awaits out."""
from microsandbox._aio.home import Home
from microsandbox._aio.image import Image, ImageDetail, ImageHandle, ImagePullResult
from microsandbox._aio.sandbox import PullSession, Sandbox, SandboxHandle
from microsandbox._aio.snapshot import Snapshot, SnapshotHandle

__all__ = ["Home", "Image", "ImageDetail", "ImageHandle", "ImagePullResult", "PullSession", "Sandbox", "SandboxHandle",
           "Snapshot", "SnapshotHandle"]
