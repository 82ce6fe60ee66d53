"""Builds microsandbox._native with cffi in API mode: the declarations are the installed header's own."""
import re
import shlex
import subprocess
from pathlib import Path
from typing import List

from cffi import FFI

CALLBACKS = """
extern "Python" void msb_python_progress(const msb_progress *, void *);
extern "Python" void msb_python_output(uint32_t, const void *, size_t, void *);
extern "Python" void msb_python_log(uint32_t, const char *, const char *, void *);
"""


def pkg_config(*flags: str) -> List[str]:
    out = subprocess.run(["pkg-config", *flags, "microsandbox"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return shlex.split(out)


def declarations(header: str) -> str:
    """The header as cffi reads it: no comments, no preprocessor; the ABI number is filled in by the compiler."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    text = re.sub(r"#ifdef __cplusplus\n.*?#endif\n", "", text, flags=re.DOTALL)
    text = re.sub(r"^#(.*\\\n)*.*\n", "", text, flags=re.MULTILINE)
    return text.replace("MSB_API ", "") + "\n#define MSB_ABI_VERSION ...\n" + CALLBACKS


def build() -> FFI:
    include = next(flag[2:] for flag in pkg_config("--cflags-only-I", "--keep-system-cflags") if flag.startswith("-I"))
    builder = FFI()
    builder.cdef(declarations((Path(include) / "microsandbox.h").read_text("utf-8")))
    builder.set_source(
        "microsandbox._native", "#include <microsandbox.h>",
        include_dirs=[include],
        library_dirs=[flag[2:] for flag in pkg_config("--libs-only-L") if flag.startswith("-L")],
        libraries=["microsandbox"],
        py_limited_api=True,
    )
    return builder


ffi = build()
