"""The superblock of a fresh writable disk (formats/images.md §9.1)."""

import struct

from . import require
from .erofs import crc32c

SUPER = 1024
GROUP = 32768
JOURNAL = 16384


def hold_fresh(path):
    """A disk as 0.6.9 and later make it; they grow no other."""
    with open(path, "rb") as file:
        file.seek(SUPER)
        data = file.read(1024)
        file.seek(0, 2)
        size = file.tell()
    inodes, blocks, reserved, _, _, first, log_block, log_cluster, per_group = struct.unpack_from("<IIIIIIIII", data, 0)
    groups = -(-blocks // GROUP)
    require(struct.unpack_from("<H", data, 0x38)[0] == 0xEF53, f"{path}: not ext4")
    require((size, size % 4096) == (blocks * 4096, 0), f"{path}: size")
    require((inodes, reserved, first) == (groups * 8192, 0, 0), f"{path}: counts")
    require((log_block, log_cluster, per_group) == (2, 2, GROUP), f"{path}: geometry")
    require(struct.unpack_from("<HHH", data, 0x36)[0] == 0xFFFF and struct.unpack_from("<HH", data, 0x3A) == (1, 1),
            f"{path}: state")
    require(struct.unpack_from("<III", data, 0x5C) == (0x3C, 0xC2, 0x46B), f"{path}: features")
    require(struct.unpack_from("<IHH", data, 0x54)[:2] == (11, 256), f"{path}: inodes")
    uuid = data[0x68:0x78]
    require(uuid[6] >> 4 == 4 and uuid[7] >> 6 == 2, f"{path}: UUID")
    require(data[0xEC:0xFC] == uuid and data[0xFC] == 1, f"{path}: hash seed")
    require(struct.unpack_from("<I", data, 0xE0)[0] == 8, f"{path}: journal")
    require(struct.unpack_from("<H", data, 0xFE)[0] == 64, f"{path}: descriptors")
    require(struct.unpack_from("<HH", data, 0x15C) == (32, 32) and data[0x175] == 1, f"{path}: inode size, checksums")
    require(struct.unpack_from("<H", data, 0xCE)[0] == 256, f"{path}: room to grow")
    require(struct.unpack_from("<I", data, 0x3FC)[0] == crc32c(data[:0x3FC]), f"{path}: checksum")
