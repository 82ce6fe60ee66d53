# The compiled module: cffi's objects have no static types, and nothing outside _capi touches them.
from typing import Any

ffi: Any
lib: Any
