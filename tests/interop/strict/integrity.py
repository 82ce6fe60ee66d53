"""Digests of disks (formats/snapshots.md §10)."""

import hashlib
import os
import struct

from . import Malformed, require
from .blake3 import blake3

LEAF = 65536
TREE = b"msb-file-merkle-blake3-v1\0"
ALGORITHMS = ("sha256", "msb-sparse-sha256-v1", "msb-file-merkle-blake3-v1")


def segments(file, size):
    """The (offset, end) of what is allocated, by what the file system says."""
    at = 0
    while at < size:
        try:
            start = os.lseek(file.fileno(), at, os.SEEK_DATA)
        except OSError:
            return
        at = min(size, os.lseek(file.fileno(), start, os.SEEK_HOLE))
        yield start, at


def bytes_hash(path, prefix=b""):
    digest = hashlib.sha256(prefix)
    zeros = bytes(1 << 20)
    with open(path, "rb") as file:
        size, at = os.fstat(file.fileno()).st_size, 0
        for start, end in [*segments(file, size), (size, size)]:
            while at < start:
                digest.update(zeros[:min(len(zeros), start - at)])
                at += min(len(zeros), start - at)
            while at < end:
                file.seek(at)
                data = file.read(min(1 << 20, end - at))
                digest.update(data)
                at += len(data)
    return "sha256:" + digest.hexdigest()


def sha256(path):
    return bytes_hash(path)


def sparse(path):
    return bytes_hash(path, b"msb-sparse-sha256-v1\0" + struct.pack("<Q", os.path.getsize(path)))


def sparse_of_extents(path, extents=None):
    """What releases up to 0.5.7 meant by the same name: it depends on the allocation."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        digest = hashlib.sha256(b"msb-sparse-sha256-v1\0" + struct.pack("<Q", size))
        for start, end in extents if extents is not None else segments(file, size):
            file.seek(start)
            digest.update(b"D" + struct.pack("<QQ", start, end - start) + file.read(end - start))
    return "sha256:" + digest.hexdigest()


def merkle(path):
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        level, zero = {}, bytes(LEAF)
        for start, end in segments(file, size):
            for leaf in range(start // LEAF, (end + LEAF - 1) // LEAF):
                file.seek(leaf * LEAF)
                data = file.read(LEAF).ljust(LEAF, b"\0")
                if leaf not in level and data != zero:
                    level[leaf] = blake3(TREE + b"leaf\0" + data)
    empty = blake3(TREE + b"leaf\0" + zero)
    leaves, height = max(1, -(-size // LEAF)), 0
    while 1 << height < leaves:
        parents = {index // 2 for index in level}
        level = {index: blake3(TREE + b"parent\0" + level.get(2 * index, empty) + level.get(2 * index + 1, empty))
                 for index in parents}
        empty = blake3(TREE + b"parent\0" + empty + empty)
        height += 1
    return "blake3:" + blake3(TREE + b"root\0" + struct.pack("<QII", size, LEAF, height) + level.get(0, empty)).hex()


def verify(path, recorded):
    """Holds a disk against the integrity of its descriptor; returns the algorithm, None where none is recorded."""
    if recorded is None:
        return None
    algorithm = recorded["algorithm"]
    if algorithm == "msb-file-merkle-blake3-v1":
        # In a manifest.json it is a digest like the others; only the library writes that.
        require(merkle(path) == recorded.get("root", recorded.get("digest")), f"{path}: Merkle root differs")
    elif algorithm == "msb-sparse-sha256-v1":
        require(recorded["digest"] in (sparse(path), sparse_of_extents(path)), f"{path}: sparse digest differs")
    elif algorithm == "sha256":
        require(recorded["digest"] == sha256(path), f"{path}: digest differs")
    else:
        raise Malformed(f"{path}: unknown algorithm {algorithm}")
    return algorithm
