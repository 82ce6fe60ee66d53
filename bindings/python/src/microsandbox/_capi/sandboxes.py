"""The registry of sandboxes."""
import json
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional

from ..types import Path
from .call import Call
from .client import Native
from .library import check, ffi, info, lib, out, own
from .text import get, milliseconds, put, put_pairs, put_path

#: States in which a machine has the disk.
LIVE = {"starting", "running", "draining", "paused"}


@dataclass(frozen=True)
class SandboxRecord:
    """What the registry knows of a sandbox."""

    name: str
    status: str
    config_json: str
    created_at: Optional[float]
    updated_at: Optional[float]


@dataclass(frozen=True)
class NewSandbox:
    """Where a sandbox comes from, and what it is to be."""

    image: Optional[str]
    from_snapshot: Optional[Path]
    upper_size: int
    labels: Mapping[str, str]
    config: Mapping[str, Any]
    replace: bool


def create(client: Native, call: Call, name: str, new: NewSandbox) -> SandboxRecord:
    pairs = put_pairs(new.labels)
    strings = put(new.image), put_path(new.from_snapshot), put(json.dumps(new.config) if new.config else None)
    options = info("msb_sandbox_create_opts", image=strings[0], from_snapshot=strings[1], config_json=strings[2],
                   upper_size=new.upper_size, labels=pairs.pointer, label_count=len(pairs), replace=new.replace)
    pointer = out("msb_sandbox *")
    check(lib.msb_sandbox_create, client.pointer, put(name), options, call.native, pointer)
    return _read(own(pointer[0]))


def get_sandbox(client: Native, call: Call, name: str) -> SandboxRecord:
    pointer = out("msb_sandbox *")
    check(lib.msb_sandbox_get, client.pointer, put(name), call.native, pointer)
    return _read(own(pointer[0]))


def list_sandboxes(client: Native, call: Call, labels: Optional[Mapping[str, str]]) -> List[SandboxRecord]:
    pairs = put_pairs(labels)
    pointer = out("msb_sandbox_list *")
    check(lib.msb_sandbox_index_list, client.pointer, pairs.pointer, len(pairs), call.native, pointer)
    found = own(pointer[0])
    return [_read(lib.msb_sandbox_list_at(found, index)) for index in range(lib.msb_sandbox_list_count(found))]


def remove(client: Native, call: Call, name: str) -> None:
    check(lib.msb_sandbox_remove, client.pointer, put(name), call.native)


def stored_config(record: SandboxRecord) -> Dict[str, Any]:
    """The stored configuration, as it is."""
    config: Dict[str, Any] = json.loads(record.config_json)
    return config


def _read(sandbox: Any) -> SandboxRecord:
    seen = info("msb_sandbox_info")
    lib.msb_sandbox_read(sandbox, seen)
    return SandboxRecord(get(seen.name), get(lib.msb_sandbox_status_name(seen.status)), get(seen.config_json),
                         milliseconds(seen.created_at_ns), milliseconds(seen.updated_at_ns))
