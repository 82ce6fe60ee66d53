#!/usr/bin/env python3
"""Makes tests/golden/reject/qcow2 (one reason a file) and tests/fuzz/corpus/qcow2 (good ones)."""

import pathlib
import struct

from folders import refill

TESTS = pathlib.Path(__file__).resolve().parent.parent
CLUSTER = 512
SIZE = 8 * CLUSTER
COPIED = 1 << 63


def header(version=3, size=SIZE, bits=9, encryption=0, l1_size=1, l1_offset=CLUSTER, features=0, magic=b"QFI\xfb"):
    block = magic + struct.pack(">IQIIQIIQQIIQ", version, 0, 0, bits, size, encryption, l1_size, l1_offset, 0, 0, 0, 0)
    if version != 2:
        block += struct.pack(">QQQII", features, 0, 0, 4, 104)
    return block


def image(entries=None, first=COPIED | 2 * CLUSTER, data=None, end=None, **more):
    """Header, L1, L2 and data, a cluster each; the data is the second and the last cluster of the disk."""
    entries = {1: COPIED | 3 * CLUSTER, 7: COPIED | 4 * CLUSTER} if entries is None else entries
    table = b"".join(struct.pack(">Q", entries.get(i, 0)) for i in range(CLUSTER // 8))
    data = b"a" * CLUSTER + b"b" * CLUSTER if data is None else data
    whole = header(**more).ljust(CLUSTER, b"\0") + struct.pack(">Q", first).ljust(CLUSTER, b"\0") + table + data
    return whole[:end]


GOOD = {
    "two-clusters.qcow2": image(),
    "version-2.qcow2": image(version=2),
    "nothing-in-it.qcow2": image(first=0),
    "zeros.qcow2": image({0: 1, 3: COPIED | 3 * CLUSTER | 1}),
    "dirty.qcow2": image(features=1),
    "ends-in-a-cluster.qcow2": image(end=-100),
    "size-of-half-a-cluster.qcow2": image(size=SIZE - 256),
}
BAD = {
    "empty.qcow2": b"",
    "another-format.qcow2": image(magic=b"KDMV"),
    "cut-in-the-header.qcow2": image(end=80),
    "version-4.qcow2": image(version=4),
    "clusters-too-small.qcow2": image(bits=8),
    "clusters-too-large.qcow2": image(bits=22),
    "encrypted.qcow2": image(encryption=1),
    "corrupt.qcow2": image(features=2),
    "external-data.qcow2": image(features=4),
    "compression-type.qcow2": image(features=8),
    "extended-l2.qcow2": image(features=16),
    "l1-too-large.qcow2": image(l1_size=1 << 23),
    "l1-too-small.qcow2": image(l1_size=0),
    "l1-at-zero.qcow2": image(l1_offset=0),
    "l1-outside.qcow2": image(l1_offset=1 << 40),
    "l1-at-the-end-of-numbers.qcow2": image(l1_offset=(1 << 64) - 8),
    "l1-entry-with-other-bits.qcow2": image(first=COPIED | 2 * CLUSTER | 1 << 60),
    "l2-outside.qcow2": image(first=1 << 40),
    "l2-cut.qcow2": image(end=2 * CLUSTER + 8),
    "l2-entry-with-other-bits.qcow2": image({1: COPIED | 3 * CLUSTER | 1 << 57}),
    "cluster-compressed.qcow2": image({1: 1 << 62 | 3 * CLUSTER}),
    "cluster-outside.qcow2": image({1: COPIED | 1 << 40}),
    "cluster-twice.qcow2": image({i: 3 * CLUSTER for i in range(8)}),
    "zeros-in-version-2.qcow2": image({1: 1}, version=2),
}

refill(TESTS / "golden/reject/qcow2", BAD)
refill(TESTS / "fuzz/corpus/qcow2", GOOD)
