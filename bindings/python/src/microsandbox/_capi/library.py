"""The loaded library: its ABI is checked before anything else is called, and failures become exceptions here."""
from typing import Any, Callable, Dict, NoReturn, TypeVar, cast

from .. import errors
from .._native import ffi, lib

__all__ = ["ffi", "lib", "called_by_library", "check", "fail", "info", "live_handles", "own",
           "out", "share", "version"]

F = TypeVar("F", bound=Callable[..., None])

_FACTS = ("path", "name", "reference", "digest", "expected", "actual", "member", "offset", "children", "sandboxes",
          "package", "http_status", "exit_code")

if lib.msb_abi_version() // 1000 != lib.MSB_ABI_VERSION // 1000:
    raise ImportError(f"microsandbox was built for ABI {lib.MSB_ABI_VERSION} of libmicrosandbox, "
                      f"and found {lib.msb_abi_version()}")


def version() -> str:
    """Version of the C library."""
    return _text(lib.msb_version())


def live_handles() -> int:
    """Number of native objects alive in the process; for tests that look for leaks."""
    return int(lib.msb_live_handles())


def own(handle: Any) -> Any:
    """A handle that is given back when Python forgets it."""
    return ffi.gc(handle, lib.msb_handle_free)


def share(borrowed: Any) -> Any:
    """A reference of one's own to an element of a list."""
    return ffi.gc(ffi.cast(ffi.typeof(borrowed), lib.msb_handle_retain(borrowed)), lib.msb_handle_free)


def info(kind: str, **members: Any) -> Any:
    """A struct of the library that knows its own size."""
    return ffi.new(kind + " *", {"struct_size": ffi.sizeof(kind), **members})


def out(kind: str) -> Any:
    """Where a function of the library puts an object: ``out("msb_image *")``."""
    return ffi.new(kind + " *")


def called_by_library(function: F) -> F:
    """Makes a function what the library calls under its name."""
    return cast(F, ffi.def_extern()(function))


def check(function: Any, *arguments: Any) -> None:
    """Calls a function of the library, whose last parameter is the error, and raises when it fails."""
    error = ffi.new("msb_error **")
    if function(*arguments, error) != lib.MSB_OK:
        owned = own(error[0])
        try:
            raise _exception(owned)
        finally:
            ffi.release(owned)


def fail(kind: str, message: str) -> NoReturn:
    """Raises what the library would raise for this kind of failure."""
    exception = errors.CLASS_OF.get(kind, errors.MicrosandboxError)(message)
    if isinstance(exception, errors.MicrosandboxError):
        exception.kind = kind
    raise exception


def _text(pointer: Any) -> str:
    return str(ffi.string(pointer).decode("utf-8", "surrogateescape"))


def _exception(error: Any) -> BaseException:
    kind = _text(lib.msb_status_tag(lib.msb_error_status(error)))
    exception = errors.CLASS_OF.get(kind, errors.MicrosandboxError)(_text(lib.msb_error_message(error)))
    if isinstance(exception, errors.MicrosandboxError):
        exception.kind = kind
        exception.os_code = int(lib.msb_error_os_code(error)) or None
        exception.details = _details(error)
    cause = lib.msb_error_cause(error)
    if cause != ffi.NULL:
        exception.__cause__ = _exception(cause)
    return exception


def _details(error: Any) -> Dict[str, str]:
    found = ((fact, lib.msb_error_detail(error, fact.encode())) for fact in _FACTS)
    return {fact: _text(value) for fact, value in found if value != ffi.NULL}
