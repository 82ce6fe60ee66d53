#!/usr/bin/env python3
"""Writes golden/reject/erofs: layer files that are right but for one thing each, and the right one as a fuzz corpus."""
import pathlib
import struct

BLOCK, SUPER, META = 4096, 1024, 4096
HERE = pathlib.Path(__file__).resolve().parent


def crc32c(data, crc=0xFFFFFFFF):
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc


def inode(nid, mode, *, layout=0, size=0, u=0xFFFFFFFF, nlink=1, icount=0, nsec=0, fmt=None):
    fmt = (1 | layout << 1) if fmt is None else fmt
    return struct.pack("<HHHHQIIIIQII16x", fmt, icount, mode, 0, size, u, nid, 0, 0, 17, nsec, nlink)


def directory(entries):
    head, names, at = b"", b"", 12 * len(entries)
    for nid, kind, name in entries:
        head += struct.pack("<QHBB", nid, at, kind, 0)
        names += name
        at += len(name)
    return head + names


DIR, REG, CHR, LNK = 0o040755, 0o100644, 0o020644, 0o120777
OPAQUE = bytes(12) + struct.pack("<BBH", 14, 4, 1) + b"overlay.opaquey" + b"\0"


class Layer:
    """Root with d/ (opaque, holding f), f (hard link to d/f), s (symlink) and w (whiteout)."""

    def __init__(self):
        self.root = [(0, 2, b"."), (0, 2, b".."), (32, 2, b"d"), (40, 1, b"f"), (44, 7, b"s"), (48, 3, b"w")]
        self.d = [(32, 2, b"."), (0, 2, b".."), (40, 1, b"f")]
        self.inos = 5
        self.blocks = 3
        self.super = {}
        self.args = {"root": {}, "d": {}, "f": {}, "s": {}, "w": {}}
        self.xattr = OPAQUE
        self.root_data = self.d_data = None
        self.target = b"d/f"
        self.cut = 0

    def bytes(self):
        out = bytearray(self.blocks * BLOCK)

        def put(nid, data):
            out[META + nid * 32:META + nid * 32 + len(data)] = data

        root = self.root_data or directory(self.root)
        d = self.d_data or directory(self.d)
        icount = (len(self.xattr) - 12) // 4 + 1 if self.xattr else 0
        put(0, inode(0, **{"mode": DIR, "layout": 2, "size": len(root), "nlink": 2} | self.args["root"]) + root)
        put(32, inode(32, **{"mode": DIR, "layout": 2, "size": len(d), "nlink": 2, "icount": icount} | self.args["d"])
            + self.xattr + d)
        put(40, inode(40, **{"mode": REG, "size": 5, "u": 2, "nlink": 2} | self.args["f"]))
        put(44, inode(44, **{"mode": LNK, "layout": 2, "size": len(self.target)} | self.args["s"]) + self.target)
        put(48, inode(48, **{"mode": CHR, "u": 0} | self.args["w"]))
        out[2 * BLOCK:2 * BLOCK + 5] = b"hello"
        fields = {"magic": 0xE0F5E1E2, "compat": 1, "bits": 12, "root": 0, "inos": self.inos, "blocks": self.blocks,
                  "meta": 1, "incompat": 0} | self.super
        struct.pack_into("<IIIBBHQ12xIII", out, SUPER, fields["magic"], 0, fields["compat"], fields["bits"], 0,
                         fields["root"], fields["inos"], fields["blocks"], fields["meta"], 0)
        struct.pack_into("<IHHH", out, SUPER + 0x50, fields["incompat"], 0, 0, 9 if fields["incompat"] else 0)
        crc = crc32c(out[SUPER:BLOCK]) ^ fields.get("crc", 0)
        struct.pack_into("<I", out, SUPER + 4, crc)
        return bytes(out[:len(out) - self.cut])


def rejects():
    def case(name, **changes):
        layer = Layer()
        for key, value in changes.items():
            if key in layer.args:
                layer.args[key] = value
            else:
                setattr(layer, key, value)
        return name, layer.bytes()

    right = Layer()
    root = right.root
    yield case("wrong-magic", super={"magic": 0xE0F5E1E3})
    yield case("wrong-checksum", super={"crc": 1})
    yield case("no-checksum-feature", super={"compat": 0})
    yield case("unknown-features", super={"incompat": 1})
    yield case("is-an-fsmeta", super={"incompat": 12})
    yield case("blocks-of-512", super={"bits": 9})
    yield case("size-differs", super={"blocks": 4})
    yield case("cut-short", cut=1)
    yield case("metadata-outside", super={"meta": 3})
    yield case("root-outside", super={"root": 300})
    yield case("root-is-a-file", root={"mode": REG})
    yield case("more-inodes-than-said", inos=4)
    yield case("fewer-inodes-than-said", inos=6)
    yield case("compact-inode", f={"fmt": 0})
    yield case("compressed-inode", f={"layout": 1})
    yield case("chunked-file", f={"layout": 4})
    yield case("inline-file", f={"layout": 2})
    yield case("unknown-file-type", f={"mode": 0o170644})
    yield case("kind-differs-from-entry", f={"mode": CHR, "size": 0})
    yield case("file-beyond-the-end", f={"size": 4097})
    yield case("file-in-the-superblock", f={"u": 0})
    yield case("file-without-a-block", f={"u": 0xFFFFFFFF})
    yield case("huge-file", f={"size": 1 << 63})
    yield case("device-with-data", w={"size": 1})
    yield case("malformed-time", f={"nsec": 1000000000})
    yield case("more-names-than-said", f={"nlink": 1}, inos=5)
    yield case("fewer-names-than-said", f={"nlink": 3})
    yield case("empty-symlink", s={"size": 0, "layout": 0})
    yield case("long-symlink", s={"size": 4097, "layout": 0, "u": 1})
    yield case("nul-in-a-symlink", target=b"d\0f")
    yield case("inline-data-over-a-block-end", s={"size": 3500})
    yield case("huge-directory", d={"size": 1 << 40, "layout": 0, "u": 2})
    yield case("empty-directory", d={"size": 0, "layout": 0})
    yield case("directory-of-garbage", d_data=b"\xff" * 40)
    yield case("directory-without-dots", d_data=directory([(40, 1, b"f")]))
    yield case("dot-leads-elsewhere", d_data=directory([(0, 2, b"."), (0, 2, b".."), (40, 1, b"f")]))
    yield case("dot-dot-leads-elsewhere", d_data=directory([(32, 2, b"."), (32, 2, b".."), (40, 1, b"f")]))
    yield case("directory-in-itself", d_data=directory([(32, 2, b"."), (0, 2, b".."), (32, 2, b"loop"), (40, 1, b"f")]))
    yield case("root-below-itself", d_data=directory([(32, 2, b"."), (0, 2, b".."), (40, 1, b"f"), (0, 2, b"root")]))
    yield case("directory-with-two-names", root_data=directory(root[:3] + [(32, 2, b"e")] + root[3:]))
    yield case("names-out-of-order", root_data=directory(root[:4] + [root[5], root[4]]))
    yield case("name-twice", root_data=directory(root + [root[5]]))
    yield case("empty-name", root_data=directory([(48, 3, b"")] + root))
    yield case("slash-in-a-name", root_data=directory(root[:5] + [(48, 3, b"w/x")]))
    yield case("nul-in-a-name", root_data=directory(root[:4] + [(44, 7, b"s\0s"), root[5]]))
    yield case("long-name", root_data=directory(root[:5] + [(48, 3, b"w" * 256)]))
    yield case("inode-outside", root_data=directory(root[:5] + [(1 << 20, 3, b"w")]))
    yield case("inode-number-of-64-bits", root_data=directory(root[:5] + [(1 << 40, 3, b"w")]))
    yield case("names-begin-inside-entries", root_data=bytes(8) + struct.pack("<H", 13) + directory(root)[10:])
    yield case("names-end-beyond-the-block", root_data=bytes(8) + struct.pack("<H", 4092) + directory(root)[10:])
    yield case("attributes-outside", d={"icount": 0xFFFF})
    yield case("attribute-cut-short", xattr=OPAQUE[:12] + struct.pack("<BBH", 200, 4, 1) + OPAQUE[16:])
    yield case("attribute-prefix-unknown", xattr=OPAQUE[:12] + struct.pack("<BBH", 14, 9, 1) + OPAQUE[16:])
    yield case("attribute-without-a-name", xattr=OPAQUE[:12] + struct.pack("<BBH", 0, 4, 15) + OPAQUE[16:])
    yield case("attribute-twice", xattr=OPAQUE + OPAQUE[12:])
    yield case("attributes-shared", xattr=bytes(4) + b"\1" + OPAQUE[5:])


def main():
    target = HERE / "reject" / "erofs"
    target.mkdir(parents=True, exist_ok=True)
    for name, content in rejects():
        (target / f"{name}.erofs").write_bytes(content)
    corpus = HERE.parent / "fuzz" / "corpus" / "erofs"
    corpus.mkdir(parents=True, exist_ok=True)
    (corpus / "layer.erofs").write_bytes(Layer().bytes())


main()
