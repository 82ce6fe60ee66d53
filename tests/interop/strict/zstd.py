"""Inflates as the releases do: one zstd frame, and nothing behind it is looked at."""

import ctypes

from . import require

MAGIC = b"\x28\xb5\x2f\xfd"
WINDOW_LOG = 21  # what the releases write


class Buffer(ctypes.Structure):
    _fields_ = [("at", ctypes.c_void_p), ("size", ctypes.c_size_t), ("pos", ctypes.c_size_t)]


def library():
    lib = ctypes.CDLL("libzstd.so.1")
    lib.ZSTD_createDStream.restype = ctypes.c_void_p
    lib.ZSTD_decompressStream.argtypes = [ctypes.c_void_p, ctypes.POINTER(Buffer), ctypes.POINTER(Buffer)]
    lib.ZSTD_decompressStream.restype = ctypes.c_size_t
    lib.ZSTD_freeDStream.argtypes = [ctypes.c_void_p]
    return lib


def inflate(data):
    """The content of the first frame; it must be the only one."""
    lib = library()
    stream = lib.ZSTD_createDStream()
    source, space = ctypes.create_string_buffer(data, len(data)), ctypes.create_string_buffer(1 << 20)
    taken = Buffer(ctypes.addressof(source), len(data), 0)
    result = bytearray()
    try:
        left = 1
        while left:
            given = Buffer(ctypes.addressof(space), len(space), 0)
            before = taken.pos
            left = lib.ZSTD_decompressStream(stream, ctypes.byref(given), ctypes.byref(taken))
            require(not lib.ZSTD_isError(ctypes.c_size_t(left)), "zstd: broken")
            require(given.pos or taken.pos != before, "zstd: cut short")
            result += space.raw[:given.pos]
    finally:
        lib.ZSTD_freeDStream(stream)
    require(taken.pos == len(data), "zstd: more than one frame, of which the releases read the first")
    return bytes(result)
