"""Snapshots: artifacts that are open, and rows of the index."""
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional

from ..types import Path
from .call import Call
from .client import Native
from .library import check, fail, ffi, info, lib, out, own, share
from .text import get, get_optional, get_pairs, get_path, milliseconds, put, put_pairs, put_path


FORMS = {None: lib.MSB_GENERATION_NONE, "manifest.json": lib.MSB_GENERATION_MANIFEST,
         "snapshot.json": lib.MSB_GENERATION_DESCRIPTOR}
ALGORITHMS = {None: lib.MSB_INTEGRITY_DEFAULT, "merkle": lib.MSB_INTEGRITY_MERKLE, "sparse": lib.MSB_INTEGRITY_SPARSE,
              "sha256": lib.MSB_INTEGRITY_SHA256}


class Handle:
    """An object of the library that is given back by close(), or when Python forgets it."""

    _kind = "object"

    def __init__(self, pointer: Any) -> None:
        self._pointer = pointer

    @property
    def pointer(self) -> Any:
        """The object, or the failure of using one that is closed."""
        if self._pointer is None:
            fail("invalid_handle", f"invalid handle: {self._kind} is closed")
        return self._pointer

    def close(self) -> None:
        """Gives it back. Closing twice does nothing."""
        self._pointer = None  # a call of another thread that uses it has a reference of its own


class Described(Handle):
    """What it says is read when it is asked for."""

    def read(self) -> Any:
        """Its info struct; strings are borrowed from the object."""
        raise NotImplementedError

    def text(self, member: str) -> str:
        return get(getattr(self.read(), member))

    def optional_text(self, member: str) -> Optional[str]:
        return get_optional(getattr(self.read(), member))

    def path(self) -> str:
        return get_path(self.read().path)


class Artifact(Described):
    """A snapshot that is open."""

    _kind = "snapshot"

    def read(self) -> Any:
        seen = info("msb_snapshot_info")
        lib.msb_snapshot_read(self.pointer, seen)
        return seen

    def size_bytes(self) -> int:
        return int(self.read().size_bytes)

    def labels(self) -> Dict[str, str]:
        seen = self.read()
        return get_pairs(seen.labels, seen.label_count)


class Row(Described):
    """A row of the index."""

    _kind = "snapshot handle"

    def read(self) -> Any:
        seen = info("msb_snapshot_handle_info")
        lib.msb_snapshot_handle_read(self.pointer, seen)
        return seen

    def size_bytes(self) -> Optional[int]:
        seen = self.read()
        return int(seen.size_bytes) if seen.has_size_bytes else None

    def created_at(self) -> float:
        return milliseconds(self.read().created_at_ns) or 0.0


@dataclass(frozen=True)
class NewSnapshot:
    """Where a snapshot goes, and what is recorded with it."""

    name: Optional[str]
    path: Optional[Path]
    dest_dir: Optional[Path]
    labels: Optional[Mapping[str, str]]
    force: bool
    record_integrity: bool


def create(client: Native, call: Call, source_sandbox: str, new: NewSnapshot) -> Artifact:
    pairs = put_pairs(new.labels)
    strings = put(new.name), put_path(new.path), put_path(new.dest_dir)
    options = info("msb_snapshot_create_opts", name=strings[0], path=strings[1], dest_dir=strings[2],
                   labels=pairs.pointer, label_count=len(pairs), force=new.force,
                   record_integrity=new.record_integrity)
    pointer = out("msb_snapshot *")
    check(lib.msb_snapshot_create, client.pointer, put(source_sandbox), options, call.native, pointer)
    return Artifact(own(pointer[0]))


@dataclass(frozen=True)
class Conversion:
    """Where a converted snapshot goes, and what of it differs."""

    form: Optional[str]
    name: Optional[str]
    path: Optional[Path]
    dest_dir: Optional[Path]
    force: bool
    record_integrity: bool
    integrity_algorithm: Optional[str]
    drop_parent: bool


def choices(table: Mapping[Optional[str], int]) -> str:
    return "it is one of " + ", ".join(repr(word) for word in table if word)


def convert(client: Native, call: Call, ref: Path, how: Conversion) -> Artifact:
    if how.form not in FORMS:
        fail("invalid_argument", f"invalid argument: unknown form of snapshots {how.form!r}; {choices(FORMS)}")
    if how.integrity_algorithm not in ALGORITHMS:
        fail("invalid_argument", f"invalid argument: unknown algorithm {how.integrity_algorithm!r}; {choices(ALGORITHMS)}")
    strings = put(how.name), put_path(how.path), put_path(how.dest_dir)
    options = info("msb_snapshot_convert_opts", form=FORMS[how.form], name=strings[0], path=strings[1],
                   dest_dir=strings[2], force=how.force,
                   record_integrity=how.record_integrity or how.integrity_algorithm is not None,
                   integrity_algorithm=ALGORITHMS[how.integrity_algorithm], drop_parent=how.drop_parent)
    pointer = out("msb_snapshot *")
    check(lib.msb_snapshot_convert, client.pointer, put_path(ref), options, call.native, pointer)
    return Artifact(own(pointer[0]))


def open_snapshot(client: Native, call: Call, ref: Path) -> Artifact:
    pointer = out("msb_snapshot *")
    check(lib.msb_snapshot_open, client.pointer, put_path(ref), call.native, pointer)
    return Artifact(own(pointer[0]))


def open_row(client: Native, call: Call, row: Row) -> Artifact:
    pointer = out("msb_snapshot *")
    check(lib.msb_snapshot_handle_open, client.pointer, row.pointer, call.native, pointer)
    return Artifact(own(pointer[0]))


def get_row(client: Native, call: Call, ref: Path) -> Row:
    pointer = out("msb_snapshot_handle *")
    check(lib.msb_snapshot_get, client.pointer, put_path(ref), call.native, pointer)
    return Row(own(pointer[0]))


def list_rows(client: Native, call: Call) -> List[Row]:
    pointer = out("msb_snapshot_handle_list *")
    check(lib.msb_snapshot_index_list, client.pointer, ffi.NULL, call.native, pointer)
    found = own(pointer[0])
    return [Row(share(lib.msb_snapshot_handle_list_at(found, index)))
            for index in range(lib.msb_snapshot_handle_list_count(found))]


def list_dir(client: Native, call: Call, directory: Path) -> List[Artifact]:
    pointer = out("msb_snapshot_list *")
    check(lib.msb_snapshot_dir_list, client.pointer, put_path(directory), call.native, pointer)
    found = own(pointer[0])
    return [Artifact(share(lib.msb_snapshot_list_at(found, index)))
            for index in range(lib.msb_snapshot_list_count(found))]


def remove(client: Native, call: Call, ref: Path, force: bool) -> None:
    check(lib.msb_snapshot_remove, client.pointer, put_path(ref), force, call.native)


def remove_row(client: Native, call: Call, row: Row, force: bool) -> None:
    check(lib.msb_snapshot_handle_remove, client.pointer, row.pointer, force, call.native)


def reindex(client: Native, call: Call, directory: Optional[Path]) -> int:
    count = ffi.new("uint32_t *")
    check(lib.msb_snapshot_reindex, client.pointer, put_path(directory), call.native, count)
    return int(count[0])


def verify(client: Native, call: Call, artifact: Artifact) -> Dict[str, Any]:
    pointer = out("msb_verify_report *")
    check(lib.msb_snapshot_verify, client.pointer, artifact.pointer, call.native, pointer)
    report = own(pointer[0])
    seen = info("msb_verify_report_info")
    lib.msb_verify_report_read(report, seen)
    upper = {"kind": "not_recorded"}
    if seen.upper_kind == lib.MSB_UPPER_VERIFIED:
        upper = {"kind": "verified", "algorithm": get(seen.upper_algorithm), "digest": get(seen.upper_digest)}
    return {"digest": get(seen.digest), "path": get_path(seen.path), "upper": upper}


def export(client: Native, call: Call, ref: Path, archive: Path, with_parents: bool, with_image: bool,
           plain_tar: bool) -> None:
    options = info("msb_snapshot_export_opts", with_parents=with_parents, with_image=with_image, plain_tar=plain_tar)
    check(lib.msb_snapshot_export, client.pointer, put_path(ref), put_path(archive), options, call.native)


def import_archive(client: Native, call: Call, archive: Path, dest: Optional[Path]) -> Row:
    directory = put_path(dest)
    options = info("msb_snapshot_import_opts", dest=directory)
    pointer = out("msb_snapshot_handle *")
    check(lib.msb_snapshot_import, client.pointer, put_path(archive), options, call.native, pointer)
    return Row(own(pointer[0]))
