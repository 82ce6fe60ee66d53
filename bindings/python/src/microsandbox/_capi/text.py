"""Strings over the boundary: text is UTF-8, paths are the bytes that the file system has, NULL is None."""
import os
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ..types import Path
from .library import fail, ffi

#: The library's mark for "no time".
_NO_TIME = -(1 << 63)


def put(value: Optional[str]) -> Any:
    """Text for the library. What C cannot hold is refused rather than cut."""
    if value is None:
        return ffi.NULL
    if not isinstance(value, str):
        raise TypeError(f"expected str, not {type(value).__name__}")
    try:
        return _terminated(value.encode())
    except UnicodeEncodeError:
        fail("invalid_argument", f"invalid argument: not Unicode text: {value!a}")


def put_path(value: Optional[Path]) -> Any:
    """A path for the library."""
    return ffi.NULL if value is None else _terminated(os.fsencode(value))


def put_list(values: Sequence[str]) -> "_Array":
    """An array of strings that owns them."""
    return _Array("const char *[]", [put(value) for value in values])


def put_pairs(pairs: Optional[Mapping[str, Optional[str]]]) -> "_Array":
    """An array of msb_kv that owns its strings."""
    return _Array("msb_kv[]", [(put(key), put(value)) for key, value in (pairs or {}).items()])


def get(pointer: Any) -> str:
    """Text that is always there."""
    return str(ffi.string(pointer).decode("utf-8", "replace"))


def get_optional(pointer: Any) -> Optional[str]:
    """Text that may be absent."""
    return None if pointer == ffi.NULL else get(pointer)


def get_path(pointer: Any) -> str:
    """A path, in the spelling that os.fsencode() takes back."""
    return os.fsdecode(ffi.string(pointer))


def get_optional_path(pointer: Any) -> Optional[str]:
    """A path that may be absent."""
    return None if pointer == ffi.NULL else get_path(pointer)


def get_list(pointer: Any, count: int) -> Optional[List[str]]:
    """A list that is absent when NULL, however many elements it has."""
    return None if pointer == ffi.NULL else [get(pointer[i]) for i in range(count)]


def get_pairs(pointer: Any, count: int) -> Dict[str, str]:
    """Pairs in the library's order, which is by the bytes of the key."""
    return {get(pointer[i].key): get(pointer[i].value) for i in range(count)}



def milliseconds(nanoseconds: int) -> Optional[float]:
    """A time of the library as this package shows times."""
    return None if nanoseconds == _NO_TIME else nanoseconds / 1e6


def _terminated(data: bytes) -> Any:
    if b"\0" in data:
        fail("invalid_argument", f"invalid argument: contains a NUL byte: {data!r}")
    return ffi.new("char[]", data)


class _Array:
    """A C array, and what its elements point to."""

    def __init__(self, kind: str, elements: Sequence[Any]) -> None:
        self._elements = elements
        self.pointer = ffi.new(kind, elements)

    def __len__(self) -> int:
        return len(self._elements)
