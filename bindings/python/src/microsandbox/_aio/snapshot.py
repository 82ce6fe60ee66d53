"""Snapshots of sandboxes."""
from types import TracebackType
from typing import Any, Dict, List, NoReturn, Optional, Type

from microsandbox import client as _client
from microsandbox._capi import snapshots as _snapshots
from microsandbox._capi.call import Call
from microsandbox._capi.library import fail
from microsandbox._runner import _run_async
from microsandbox.progress import ProgressCallback
from microsandbox.types import Path


class SnapshotHandle:
    """What the index knows of a snapshot.

    It is given back by :meth:`close`, by the end of a ``with`` block, or when Python forgets it; used after that, it
    raises ``RuntimeError``.
    """

    def __init__(self, client: _client.Client, row: _snapshots.Row) -> None:
        self._client = client
        self._row = row

    @property
    def digest(self) -> str:
        """Identity of the snapshot, ``sha256:…``"""
        return self._row.text("digest")

    @property
    def name(self) -> Optional[str]:
        """Its name; None when it has none."""
        return self._row.optional_text("name")

    @property
    def parent_digest(self) -> Optional[str]:
        """Digest of the snapshot it was derived from; None for a root."""
        return self._row.optional_text("parent")

    @property
    def image_ref(self) -> str:
        """The image it pins."""
        return self._row.text("image_ref")

    @property
    def format(self) -> str:
        """``raw`` or ``qcow2``"""
        return self._row.text("format")

    @property
    def size_bytes(self) -> Optional[int]:
        """Apparent size of the disk."""
        return self._row.size_bytes()

    @property
    def created_at(self) -> float:
        """Milliseconds since the epoch."""
        return self._row.created_at()

    @property
    def path(self) -> str:
        """Its directory."""
        return self._row.path()

    async def open(self) -> "Snapshot":
        """Opens the snapshot and checks its descriptor."""
        return await _run_async(lambda call: Snapshot(
            self._client, _snapshots.open_row(self._client._native, call, self._row)))

    async def remove(self, *, force: bool = False) -> None:
        """Removes this snapshot; a second copy elsewhere survives.

        :param force: although others name it as their parent
        """
        await _run_async(lambda call: _snapshots.remove_row(self._client._native, call, self._row, force))

    def close(self) -> None:
        """Gives the handle back. Closing twice does nothing."""
        self._row.close()

    def __enter__(self) -> "SnapshotHandle":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], value: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot pickle a SnapshotHandle: it belongs to an open home; pickle its digest instead")


class Snapshot:
    """A snapshot that is open: a descriptor and the disk of a stopped sandbox, in a directory.

    It is given back by :meth:`close`, by the end of a ``with`` block, or when Python forgets it; used after that, it
    raises ``RuntimeError``.
    """

    def __init__(self, client: _client.Client, artifact: _snapshots.Artifact) -> None:
        self._client = client
        self._artifact = artifact

    @property
    def path(self) -> str:
        """Its directory."""
        return self._artifact.path()

    @property
    def digest(self) -> str:
        """Identity of the snapshot: the digest of its descriptor."""
        return self._artifact.text("digest")

    @property
    def size_bytes(self) -> int:
        """Apparent size of the disk."""
        return self._artifact.size_bytes()

    @property
    def image_ref(self) -> str:
        """The image it pins."""
        return self._artifact.text("image_ref")

    @property
    def image_manifest_digest(self) -> str:
        """Digest of the manifest it pins."""
        return self._artifact.text("image_digest")

    @property
    def format(self) -> str:
        """``raw`` or ``qcow2``"""
        return self._artifact.text("format")

    @property
    def fstype(self) -> str:
        """``ext4``"""
        return self._artifact.text("fstype")

    @property
    def parent(self) -> Optional[str]:
        """Digest of the snapshot it was derived from; None for a root."""
        return self._artifact.optional_text("parent")

    @property
    def created_at(self) -> str:
        """RFC 3339, as recorded."""
        return self._artifact.text("created_at")

    @property
    def labels(self) -> Dict[str, str]:
        """Labels, sorted by key; a new dict each time."""
        return self._artifact.labels()

    @property
    def source_sandbox(self) -> Optional[str]:
        """The sandbox it was made of; None when not recorded."""
        return self._artifact.optional_text("source_sandbox")

    @staticmethod
    async def create(
        source_sandbox: Optional[str] = None,
        *,
        name: Optional[str] = None,
        path: Optional[Path] = None,
        from_sandbox: Optional[str] = None,
        dest_dir: Optional[Path] = None,
        labels: Optional[Dict[str, str]] = None,
        force: bool = False,
        record_integrity: bool = False,
        resumable: bool = False,
        on_progress: Optional[ProgressCallback] = None,
    ) -> "Snapshot":
        """Captures the disk of a stopped sandbox. The snapshot appears whole or not at all.

        Two forms: ``create(source_sandbox, name=…)`` or ``create(source_sandbox, path=…)``; and, of later releases,
        ``create(name, from_sandbox=…)``.

        :param dest_dir: put the named snapshot there instead of the snapshots directory
        :param force: replace the snapshot that is there, in one step
        :param record_integrity: hash the disk, so that :meth:`verify` has something to hold it against
        :raises ValueError: when not exactly one of ``name`` and ``path`` is given
        :raises SandboxNotFoundError: no sandbox of that name
        :raises SnapshotSandboxRunningError: it is not stopped
        :raises SnapshotAlreadyExistsError: the destination exists and ``force`` is not set
        """
        if from_sandbox is not None:
            if source_sandbox is not None and name is not None:
                raise ValueError("invalid argument: with from_sandbox, the first argument is the name")
            source_sandbox, name = from_sandbox, source_sandbox or name
        if source_sandbox is None or (name is None) == (path is None):
            raise ValueError("invalid argument: a snapshot is created of a sandbox, under exactly one of name and path")
        source = source_sandbox
        if resumable:
            fail("unsupported", "unsupported operation: snapshots of running machines are made by msb")
        new = _snapshots.NewSnapshot(name, path, dest_dir, labels, force, record_integrity)

        def work(call: Call) -> Snapshot:
            client = _client.current()
            return Snapshot(client, _snapshots.create(client._native, call, source, new))
        return await _run_async(work, on_progress)

    @staticmethod
    async def convert(path_or_name: Path, *, form: Optional[str] = None, name: Optional[str] = None,
                      path: Optional[Path] = None, dest_dir: Optional[Path] = None, force: bool = False,
                      record_integrity: bool = False, integrity_algorithm: Optional[str] = None,
                      drop_parent: bool = False, on_progress: Optional[ProgressCallback] = None) -> "Snapshot":
        """Makes a snapshot out of another one, with a descriptor that other releases of microsandbox read. It has a digest
        of its own; what was there stays as it is.

        Its parent is called what that one's own conversion is called: a family can be converted in any order.

        :param form: ``manifest.json``, read up to 0.6.6, or ``snapshot.json``, read from 0.6.7 on; None for that of the home
        :param name: under the snapshots directory; either this or ``path``, the directory to create
        :param dest_dir: put the named snapshot there instead of the snapshots directory
        :param force: replace the snapshot that is there, in one step
        :param record_integrity: hash the disk anew, after holding it against what is recorded
        :param integrity_algorithm: the same with ``merkle``, ``sparse`` or ``sha256``; else what the form asks for
        :param drop_parent: record no parent, where it cannot be found for instance
        :raises ValueError: not exactly one of ``name`` and ``path``, an unknown form, or one that it has already
        :raises SnapshotNotFoundError: nothing there, or its parent is not found
        :raises SnapshotAlreadyExistsError: the destination exists and ``force`` is not set
        :raises SnapshotMigrationError: the other form has no place for what it says
        :raises SnapshotIntegrityError: the disk is not what was recorded
        """
        how = _snapshots.Conversion(form, name, path, dest_dir, force, record_integrity, integrity_algorithm, drop_parent)

        def work(call: Call) -> Snapshot:
            client = _client.current()
            return Snapshot(client, _snapshots.convert(client._native, call, path_or_name, how))
        return await _run_async(work, on_progress)

    @staticmethod
    async def open(path_or_name: Path) -> "Snapshot":
        """Opens a snapshot by name, path or digest, and checks its descriptor; the disk is not read.

        :raises SnapshotNotFoundError: nothing there
        :raises SnapshotIntegrityError: the descriptor or the disk are not what was recorded
        """
        def work(call: Call) -> Snapshot:
            client = _client.current()
            return Snapshot(client, _snapshots.open_snapshot(client._native, call, path_or_name))
        return await _run_async(work)

    @staticmethod
    async def get(name_or_digest: Path) -> SnapshotHandle:
        """Looks a snapshot up in the index.

        :raises SnapshotNotFoundError: it is not indexed
        """
        def work(call: Call) -> SnapshotHandle:
            client = _client.current()
            return SnapshotHandle(client, _snapshots.get_row(client._native, call, name_or_digest))
        return await _run_async(work)

    @staticmethod
    async def list() -> List[SnapshotHandle]:
        """Lists the index, newest first."""
        def work(call: Call) -> List[SnapshotHandle]:
            client = _client.current()
            return [SnapshotHandle(client, row) for row in _snapshots.list_rows(client._native, call)]
        return await _run_async(work)

    @staticmethod
    async def list_dir(dir: Path) -> "List[Snapshot]":
        """Opens the snapshots directly under a directory, sorted by path. The index is not asked."""
        def work(call: Call) -> List[Snapshot]:
            client = _client.current()
            return [Snapshot(client, artifact) for artifact in _snapshots.list_dir(client._native, call, dir)]
        return await _run_async(work)

    @staticmethod
    async def remove(path_or_name: Path, *, force: bool = False) -> None:
        """Removes a snapshot by name, path or digest.

        :param force: although others name it as their parent
        :raises SnapshotNotFoundError: nothing there
        """
        await _run_async(lambda call: _snapshots.remove(_client.current()._native, call, path_or_name, force))

    @staticmethod
    async def reindex(dir: Optional[Path] = None) -> int:
        """Brings the index in line with a directory; the number of snapshots in it."""
        return await _run_async(lambda call: _snapshots.reindex(_client.current()._native, call, dir))

    @staticmethod
    async def save(name_or_path: Path, out: Path, *, with_parents: bool = False, with_image: bool = False,
                   plain_tar: bool = False, on_progress: Optional[ProgressCallback] = None) -> None:
        """Writes a snapshot as one archive. The file appears only when it is whole.

        :param with_parents: the chain of parents too
        :param with_image: the pinned image too
        :param plain_tar: no compression
        :raises SnapshotNotFoundError: no such snapshot, or a parent is missing
        :raises SnapshotImageMissingError: the image is not cached
        """
        await _run_async(lambda call: _snapshots.export(_client.current()._native, call, name_or_path, out,
                                                        with_parents, with_image, plain_tar), on_progress)

    @staticmethod
    async def load(archive: Path, *, dest: Optional[Path] = None,
                   on_progress: Optional[ProgressCallback] = None) -> SnapshotHandle:
        """Takes the snapshots of an archive into the home, and its image into the cache: all of it, or nothing.

        :param dest: directory to put snapshots in; None for the snapshots directory
        :raises SnapshotAlreadyExistsError: another snapshot has the name
        """
        def work(call: Call) -> SnapshotHandle:
            client = _client.current()
            return SnapshotHandle(client, _snapshots.import_archive(client._native, call, archive, dest))
        return await _run_async(work, on_progress)

    export = save
    import_ = load

    async def verify(self, *, on_progress: Optional[ProgressCallback] = None) -> Dict[str, Any]:
        """Reads the disk and holds it against the recorded digest.

        The result is ``{"digest": …, "path": …, "upper": {"kind": "not_recorded"}}``, or with an ``upper`` of
        ``{"kind": "verified", "algorithm": …, "digest": …}``.

        :raises SnapshotIntegrityError: it is not what was recorded
        """
        return await _run_async(lambda call: _snapshots.verify(self._client._native, call, self._artifact), on_progress)

    def close(self) -> None:
        """Gives the snapshot back; nothing on disk changes. Closing twice does nothing."""
        self._artifact.close()

    def __enter__(self) -> "Snapshot":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], value: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot pickle a Snapshot: it belongs to an open home; pickle its path instead")
