"""The image cache."""
from typing import List, NoReturn, Optional, Sequence, Union

from microsandbox import client as _client
from microsandbox._capi import images as _images
from microsandbox._capi.call import Call
from microsandbox._runner import _run_async
from microsandbox.progress import ProgressCallback
from microsandbox.types import (ImageArchiveFormat, ImageConfigDetail, ImageLayerDetail, ImagePruneReport, ImageSource,
                                Path, RegistryAuth)


class ImageHandle:
    """An image in the cache, as it was when it was looked up."""

    def __init__(self, client: _client.Client, record: _images.ImageRecord) -> None:
        self._client = client
        self._record = record

    @property
    def reference(self) -> str:
        """The reference, as stored."""
        return self._record.reference

    @property
    def size_bytes(self) -> Optional[int]:
        """Sum of the layers as they are distributed, compressed."""
        return self._record.size_bytes

    @property
    def manifest_digest(self) -> Optional[str]:
        """Digest of the platform's manifest."""
        return self._record.manifest_digest

    @property
    def architecture(self) -> Optional[str]:
        """``amd64``, ``arm64``, …"""
        return self._record.architecture

    @property
    def os(self) -> Optional[str]:
        """``linux``"""
        return self._record.os

    @property
    def layer_count(self) -> int:
        """Number of layers."""
        return self._record.layer_count

    @property
    def last_used_at(self) -> Optional[float]:
        """Milliseconds since the epoch."""
        return self._record.last_used_at

    @property
    def created_at(self) -> Optional[float]:
        """When it was first loaded or pulled, in milliseconds since the epoch."""
        return self._record.created_at

    async def inspect(self) -> "ImageDetail":
        """Config and layers of the image."""
        return await _run_async(lambda call: ImageDetail._from(
            self._client, _images.inspect(self._client._native, call, self.reference)))

    async def remove(self, *, force: bool = False) -> None:
        """Takes the reference away, see :meth:`Image.remove`."""
        await _run_async(lambda call: _images.remove(self._client._native, call, self.reference, force))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ImageHandle) and (self._record, self._client) == (other._record, other._client)

    def __hash__(self) -> int:
        return hash(self._record)

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot pickle an ImageHandle: it belongs to an open home; pickle its reference instead")

    def __repr__(self) -> str:
        return f"ImageHandle({self.reference!r}, manifest_digest={self.manifest_digest!r})"


class ImageDetail:
    """An image with its config and its layers, bottom first."""

    def __init__(self, handle: ImageHandle, config: Optional[ImageConfigDetail], layers: List[ImageLayerDetail]) -> None:
        self._handle = handle
        self._config = config
        self._layers = layers

    @staticmethod
    def _from(client: _client.Client, record: _images.DetailRecord) -> "ImageDetail":
        return ImageDetail(ImageHandle(client, record.image), record.config, record.layers)

    @property
    def handle(self) -> ImageHandle:
        """The image."""
        return self._handle

    @property
    def config(self) -> Optional[ImageConfigDetail]:
        """Its runtime defaults; None when no config is recorded."""
        return self._config

    @property
    def layers(self) -> List[ImageLayerDetail]:
        """Its layers, bottom first."""
        return list(self._layers)

    def __repr__(self) -> str:
        return f"ImageDetail({self._handle.reference!r}, layers={len(self._layers)})"


class ImagePullResult:
    """What a pull did."""

    def __init__(self, client: _client.Client, record: _images.PullRecord) -> None:
        self._handle = ImageHandle(client, record.image)
        self._record = record

    @property
    def handle(self) -> ImageHandle:
        """The image, now in the cache."""
        return self._handle

    @property
    def reference(self) -> str:
        """Its reference, as stored."""
        return self._handle.reference

    @property
    def manifest_digest(self) -> Optional[str]:
        """Digest of the platform's manifest."""
        return self._handle.manifest_digest

    @property
    def cached(self) -> bool:
        """All of it was there: nothing was fetched but perhaps its manifest."""
        return self._record.cached

    @property
    def fell_back(self) -> bool:
        """The registry could not be reached, and the cached image was taken."""
        return self._record.fell_back

    @property
    def layers_fetched(self) -> int:
        """Layers that came from the registry."""
        return self._record.layers_fetched

    @property
    def layers_skipped(self) -> int:
        """Layers that were there already."""
        return self._record.layers_present

    @property
    def bytes_fetched(self) -> int:
        """Bytes of layers, as they came."""
        return self._record.bytes_fetched

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot pickle an ImagePullResult: it belongs to an open home; pickle its reference instead")

    def __repr__(self) -> str:
        return (f"ImagePullResult({self.reference!r}, layers_fetched={self.layers_fetched}, "
                f"layers_skipped={self.layers_skipped})")


class Image:
    """The image cache, and the sources a sandbox can be made from."""

    oci = staticmethod(ImageSource.oci)
    bind = staticmethod(ImageSource.bind)
    disk = staticmethod(ImageSource.disk)

    @staticmethod
    async def get(reference: str) -> ImageHandle:
        """Looks an image up, by any spelling of its reference.

        :raises ImageNotFoundError: it is not in the cache
        """
        def work(call: Call) -> ImageHandle:
            client = _client.current()
            return ImageHandle(client, _images.get_image(client._native, call, reference))
        return await _run_async(work)

    @staticmethod
    async def list() -> List[ImageHandle]:
        """Lists the cache, newest first."""
        def work(call: Call) -> List[ImageHandle]:
            client = _client.current()
            return [ImageHandle(client, record) for record in _images.list_images(client._native, call)]
        return await _run_async(work)

    @staticmethod
    async def inspect(reference: str) -> ImageDetail:
        """Config and layers of an image.

        :raises ImageNotFoundError: it is not in the cache
        """
        def work(call: Call) -> ImageDetail:
            client = _client.current()
            return ImageDetail._from(client, _images.inspect(client._native, call, reference))
        return await _run_async(work)

    @staticmethod
    async def remove(reference: str, *, force: bool = False) -> None:
        """Takes a reference away; files go with the last one, except for what a sandbox or a snapshot still needs.

        :param force: although sandboxes use the image
        :raises ImageNotFoundError: it is not in the cache
        :raises ImageInUseError: a sandbox uses it, and ``force`` is not set
        """
        await _run_async(lambda call: _images.remove(_client.current()._native, call, reference, force))

    @staticmethod
    async def prune() -> ImagePruneReport:
        """Removes images that no sandbox and no snapshot uses, and files that nothing refers to."""
        return await _run_async(lambda call: _images.prune(_client.current()._native, call))

    @staticmethod
    async def pull(
        reference: str,
        *,
        policy: str = "if_missing",
        platform: Optional[str] = None,
        auth: Optional[RegistryAuth] = None,
        insecure: bool = False,
        ca_certs: Optional[Path] = None,
        force: bool = False,
        keep_blobs: bool = False,
        fall_back: bool = False,
        max_file_bytes: int = 0,
        max_layer_bytes: int = 0,
        max_layer_entries: int = 0,
        on_progress: Optional[ProgressCallback] = None,
    ) -> ImagePullResult:
        """Gets an image from its registry, unless the cache has it. What breaks is taken up where it stood.

        Registries, mirrors and credentials are those of the home's config.json, proxies those of the environment.

        :param policy: ``if_missing`` asks nobody when the image is cached, ``always`` asks the registry what the
            reference means today, ``never`` takes only what is cached
        :param platform: ``os/architecture[/variant]``; None for this machine's
        :param auth: credentials; None for what is configured, here or for Docker
        :param insecure: the registry speaks plain HTTP
        :param ca_certs: a PEM file of authorities to trust beside those of the system
        :param force: fetch and make everything anew
        :param keep_blobs: keep the compressed layers too, so that a saved image has its original manifest digest
        :param fall_back: take what is cached when the registry cannot be reached
        :param max_file_bytes: most bytes of one file in a layer; 0 for 64 GiB
        :param max_layer_bytes: most bytes of all files in a layer; 0 for 256 GiB
        :param max_layer_entries: most files and directories of a layer; 0 for 1,000,000
        :param on_progress: while ``downloading``, ``index`` of ``count`` tells layers apart, and bytes are counted
        :raises ImageNotFoundError: the registry does not have it; or not cached, and the policy is ``never``
        :raises ImagePullFailedError: a layer could not be had
        :raises MicrosandboxError: of the kind ``http``: the registry cannot be reached, is not trusted, or does not let
            us in; ``details["http_status"]`` says what it answered
        """
        how = _images.Pull(policy, platform, auth, insecure, ca_certs, force, keep_blobs, fall_back,
                           max_file_bytes, max_layer_bytes, max_layer_entries)

        def work(call: Call) -> ImagePullResult:
            client = _client.current()
            return ImagePullResult(client, _images.pull(client._native, call, reference, how))
        return await _run_async(work, on_progress, patient=True)

    @staticmethod
    async def load(input_path: Path, *, tag: Optional[str] = None, max_file_bytes: int = 0,
                   max_layer_bytes: int = 0, max_layer_entries: int = 0,
                   on_progress: Optional[ProgressCallback] = None) -> List[ImageHandle]:
        """Puts the images of an archive into the cache: a ``docker save`` archive or an OCI image layout.

        :param input_path: a tar file, plain or compressed, or a directory
        :param tag: reference to give to the first image, beside those of the archive
        :param max_file_bytes: most bytes of one file in a layer; 0 for 64 GiB
        :param max_layer_bytes: most bytes of all files in a layer; 0 for 256 GiB
        :param max_layer_entries: most files and directories of a layer; 0 for 1,000,000
        """
        def work(call: Call) -> List[ImageHandle]:
            client = _client.current()
            images = _images.load(client._native, call, input_path, tag, max_file_bytes=max_file_bytes,
                                  max_layer_bytes=max_layer_bytes, max_layer_entries=max_layer_entries)
            return [ImageHandle(client, record) for record in images]
        return await _run_async(work, on_progress)

    @staticmethod
    async def save(reference: Union[str, Sequence[str]], *, output_path: Path,
                   format: ImageArchiveFormat = ImageArchiveFormat.DOCKER,
                   on_progress: Optional[ProgressCallback] = None) -> None:
        """Writes images as one tar archive, the same bytes each time.

        :param reference: one reference, or several
        :param output_path: the file to write; it is replaced only when the archive is whole
        :raises ImageNotFoundError: one is not in the cache
        :raises TypeError: ``format`` is no :class:`ImageArchiveFormat`
        """
        if not isinstance(format, ImageArchiveFormat):
            raise TypeError(f"format must be an ImageArchiveFormat, not {type(format).__name__}")
        references = [reference] if isinstance(reference, str) else [*reference]
        await _run_async(lambda call: _images.save(_client.current()._native, call, references, output_path,
                                                   format.value), on_progress)
