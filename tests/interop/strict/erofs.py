"""Layers and merged metadata as EROFS (formats/images.md §5, §6). An image is read into a tree; laid out again from
that tree it has to be the same bytes."""

import struct

from . import Malformed, require

BLOCK = 4096
SUPER = 1024
SLOT = 128
DEVICES = SUPER + 128
MAGIC = 0xE0F5E1E2
NONE = 0xFFFFFFFF
PLAIN, INLINE, CHUNKED = 0, 2, 4
KINDS = {0o100000: 1, 0o040000: 2, 0o020000: 3, 0o060000: 4, 0o010000: 5, 0o140000: 6, 0o120000: 7}
PREFIXES = {1: b"user.", 4: b"trusted.", 6: b"security."}
FILE, DIRECTORY, LINK = 1, 2, 7


def crc32c_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


TABLE = crc32c_table()


def crc32c(data):
    """Without the inversion at the end."""
    value = 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ TABLE[(value ^ byte) & 0xFF]
    return value


def align(value, to):
    return -(-value // to) * to


class Node:
    """An inode. `data` is the content of a file in a layer, or the target of a symlink; `extents` say where an fsmeta
    finds the content."""

    def __init__(self, mode, uid, gid, mtime, nsec):
        self.mode, self.uid, self.gid, self.mtime, self.nsec = mode, uid, gid, mtime, nsec
        self.kind = KINDS[mode & 0o170000]
        self.xattrs, self.children, self.extents = {}, {}, []
        self.data, self.device, self.size, self.nlink, self.nid = b"", 0, 0, 1, None

    def facts(self):
        """What a tree says about it."""
        return (self.mode, self.uid, self.gid, self.mtime, tuple(sorted(self.xattrs.items())), self.device,
                self.data if self.kind == LINK else None, self.size if self.kind == FILE else None)


class Reader:
    def __init__(self, data):
        self.data = data
        require(len(data) >= BLOCK and len(data) % BLOCK == 0, "erofs: length")
        fields = struct.unpack_from("<IIIBBHQQIIII", data, SUPER)
        (magic, checksum, compat, bits, slots, self.root, self.inodes, epoch, nsec, self.blocks, self.meta,
         shared) = fields
        self.incompat, self.extra, self.slot = (*struct.unpack_from("<I", data, SUPER + 0x50),
                                               *struct.unpack_from("<HH", data, SUPER + 0x56))
        require(magic == MAGIC and compat == 1 and bits == 12 and slots == 0, "erofs: superblock")
        require((self.root, epoch, nsec, shared) == (0, 0, 0, 0), "erofs: superblock")
        require(data[SUPER + 0x30:SUPER + 0x50] == bytes(32), "erofs: it has a name")
        require(checksum == crc32c(data[SUPER:SUPER + 4] + bytes(4) + data[SUPER + 8:BLOCK]), "erofs: checksum")
        self.nodes, self.lists = {}, set()

    def tree(self):
        root = self.node(0)
        require(root.kind == DIRECTORY, "erofs: the root is no directory")
        require(len(self.nodes) == self.inodes, "erofs: number of inodes")
        return root

    def node(self, nid):
        if nid in self.nodes:
            require(self.nodes[nid].kind != DIRECTORY, "erofs: a directory has two names")
            return self.nodes[nid]
        at = self.meta * BLOCK + nid * 32
        (form, icount, mode, pad, size, start, number, uid, gid, mtime, nsec,
         nlink) = struct.unpack_from("<HHHHQIIIIQII", self.data, at)
        require(form & 1 and pad == 0 and number == nid and mode & 0o170000 in KINDS, f"erofs: inode {nid}")
        require(self.data[at + 48:at + 64] == bytes(16), f"erofs: inode {nid}")
        node = self.nodes[nid] = Node(mode, uid, gid, mtime, nsec)
        node.nid, node.nlink, layout = nid, nlink, form >> 1
        xsize = (icount - 1) * 4 + 12 if icount else 0
        node.xattrs = self.xattrs(at + 64, xsize)
        if node.kind in (3, 4):
            node.device = start
        elif node.kind == FILE and layout == CHUNKED:
            node.size = size
            node.extents = self.chunks(align(at + 64 + xsize, 8), size)
        else:
            require(layout in (PLAIN, INLINE), f"erofs: inode {nid}: layout {layout}")
            data = self.content(at + 64 + xsize, layout, start, size)
            if node.kind == DIRECTORY:
                self.directory(node, data)
            else:
                node.data, node.size = data, len(data)
        return node

    def content(self, tail, layout, start, size):
        if layout == PLAIN:
            require(size == 0 or (start != NONE and start * BLOCK + size <= len(self.data)), "erofs: data")
            return self.data[start * BLOCK:start * BLOCK + size] if size else b""
        whole = size // BLOCK * BLOCK
        require(tail // BLOCK == (tail + size - whole - 1) // BLOCK, "erofs: a tail crosses blocks")
        head = self.data[start * BLOCK:start * BLOCK + whole] if whole else b""
        return head + self.data[tail:tail + size - whole]

    def chunks(self, at, size):
        found = []
        for index in range(-(-size // BLOCK)):
            zero, device, block = struct.unpack_from("<HHI", self.data, at + 8 * index)
            require(zero == 0 and 1 <= device <= self.extra, "erofs: chunk")
            found.append((device, block))
        return found

    def xattrs(self, at, size):
        if not size:
            return {}
        require(self.data[at:at + 12] == bytes(12), "erofs: shared xattrs")
        end, at, found = at + size, at + 12, {}
        while at < end:
            length, index, amount = struct.unpack_from("<BBH", self.data, at)
            require(index in PREFIXES, f"erofs: xattr of prefix {index}")
            name = PREFIXES[index] + self.data[at + 4:at + 4 + length]
            found[name] = self.data[at + 4 + length:at + 4 + length + amount]
            at += align(4 + length + amount, 4)
        require(at == end, "erofs: xattrs")
        return found

    def directory(self, node, data):
        names = []
        for start in range(0, len(data), BLOCK):
            block = data[start:start + BLOCK]
            count = struct.unpack_from("<H", block, 8)[0] // 12
            entries = [struct.unpack_from("<QHBB", block, 12 * index) for index in range(count)]
            ends = [entry[1] for entry in entries[1:]] + [len(block)]
            for (nid, offset, kind, _), end in zip(entries, ends):
                name = block[offset:end].rstrip(b"\0")
                require(name and b"/" not in name and b"\0" not in name, "erofs: name")
                names.append(name)
                if name in (b".", b".."):
                    continue
                child = node.children[name] = self.node(nid)
                require(child.kind == kind, f"erofs: {name}: kind of the entry")
        require(names == sorted(set(names)) and {b".", b".."} <= set(names), "erofs: order of names")


class Writer:
    """Lays a tree out as §5.2 says; with `devices`, the lengths of the layers in blocks, as §6 says."""

    def __init__(self, root, devices=None):
        self.root, self.devices = root, devices
        self.meta = 1 if devices is None else -(-(DEVICES + SLOT * len(devices)) // BLOCK)
        self.order, self.places, self.parents = [], {}, {}

    def image(self):
        self.visit(self.root, self.root)
        at = blocks = 0
        for node in self.order:
            at, blocks = self.place(node, at, blocks)
        first = -(-(self.meta * BLOCK + at) // BLOCK)
        out = bytearray((first + blocks) * BLOCK)
        for node in self.order:
            self.write(out, node, first)
        self.super(out, first + blocks)
        return bytes(out)

    def visit(self, node, parent):
        if id(node) in self.places:
            return
        self.order.append(node)
        self.places[id(node)] = None
        self.parents[id(node)] = parent
        for name in sorted(node.children):
            self.visit(node.children[name], node)

    def payload(self, node):
        """How many bytes a node has besides its inode."""
        if node.kind == DIRECTORY:
            return sum(map(len, self.directory(node, lambda _: 0)))
        return len(node.data) if node.kind in (FILE, LINK) else 0

    def place(self, node, at, blocks):
        xsize = self.xsize(node)
        at = align(at, 32)
        base, tail, layout, start = 64 + xsize, 0, PLAIN, None
        if node.kind == FILE and self.devices is not None:
            base, layout = align(base, 8) + 8 * len(node.extents), CHUNKED
        else:
            size = self.payload(node)
            rest = size % BLOCK
            if size:
                start = blocks
                inline = rest and node.kind in (DIRECTORY, LINK)
                if inline and base + rest <= BLOCK - (self.meta * BLOCK + at) % BLOCK:
                    layout, tail, blocks = INLINE, rest, blocks + size // BLOCK
                    start = start if size >= BLOCK else None
                else:
                    blocks += -(-size // BLOCK)
        self.places[id(node)] = (at, layout, start)
        return at + align(base + tail, 32), blocks

    def directory(self, node, nid):
        """Its blocks; `nid` tells the number of a node."""
        entries = {**node.children, b".": node, b"..": self.parents[id(node)]}
        blocks, batch, used = [], [], 0
        for name in sorted(entries):
            if used + 12 + len(name) > BLOCK:
                blocks.append(self.pack(batch, nid).ljust(BLOCK, b"\0"))
                batch, used = [], 0
            batch.append((name, entries[name]))
            used += 12 + len(name)
        return [*blocks, self.pack(batch, nid)]

    @staticmethod
    def pack(batch, nid):
        offset, head = 12 * len(batch), b""
        for name, node in batch:
            head += struct.pack("<QHBB", nid(node), offset, node.kind, 0)
            offset += len(name)
        return head + b"".join(name for name, _ in batch)

    @staticmethod
    def xsize(node):
        if not node.xattrs:
            return 0
        return 12 + sum(align(4 + len(name.split(b".", 1)[1]) + len(value), 4) for name, value in node.xattrs.items())

    def write(self, out, node, first):
        place, layout, start = self.places[id(node)]
        at, xsize = self.meta * BLOCK + place, self.xsize(node)
        size = node.size if layout == CHUNKED else self.payload(node)
        where = NONE if size and start is None else first + start if size else 0
        if layout == CHUNKED:
            where = 0x20
        elif node.kind in (3, 4):
            where = node.device
        elif not size and node.kind not in (5, 6):
            where = NONE
        struct.pack_into("<HHHHQIIIIQII", out, at, 1 | layout << 1, (xsize - 12) // 4 + 1 if xsize else 0, node.mode, 0,
                         size, where, place // 32, node.uid, node.gid, node.mtime, node.nsec, self.nlink(node))
        body = at + 64
        if xsize:
            out[body:body + xsize] = bytes(12) + b"".join(self.xattr(*pair) for pair in node.xattrs.items())
            body += xsize
        if layout == CHUNKED:
            for index, (device, block) in enumerate(node.extents):
                struct.pack_into("<HHI", out, align(body, 8) + 8 * index, 0, device, block)
            return
        data = node.data
        if node.kind == DIRECTORY:
            data = b"".join(self.directory(node, lambda child: self.places[id(child)][0] // 32))
        whole = len(data) if layout == PLAIN else len(data) // BLOCK * BLOCK
        if whole:
            out[where * BLOCK:where * BLOCK + whole] = data[:whole]
        out[body:body + len(data) - whole] = data[whole:]

    @staticmethod
    def xattr(name, value):
        index = next(index for index, prefix in PREFIXES.items() if name.startswith(prefix))
        suffix = name[len(PREFIXES[index]):]
        return (struct.pack("<BBH", len(suffix), index, len(value)) + suffix + value).ljust(
            align(4 + len(suffix) + len(value), 4), b"\0")

    def nlink(self, node):
        if node is self.root:
            return 2 if self.devices is None else node.nlink  # of an fsmeta it may be right
        if node.kind == DIRECTORY:
            return 2 + sum(child.kind == DIRECTORY for child in node.children.values())
        return node.nlink  # hold() counts the names

    def super(self, out, blocks):
        struct.pack_into("<IIIBBHQQIIII", out, SUPER, MAGIC, 0, 1, 12, 0, 0, len(self.order), 0, 0, blocks, self.meta,
                         0)
        if self.devices is not None:
            struct.pack_into("<I", out, SUPER + 0x50, 0x0C)
            struct.pack_into("<HH", out, SUPER + 0x56, len(self.devices), 9)
            mapped = blocks
            for index, length in enumerate(self.devices):
                struct.pack_into("<II", out, DEVICES + SLOT * index + 0x40, length, mapped)
                mapped += length
        struct.pack_into("<I", out, SUPER + 4, crc32c(out[SUPER:BLOCK]))


def walk(root):
    """(path, node) of each name below the root, in the order of the layout."""
    stack = [(b"", root)]
    while stack:
        path, node = stack.pop()
        for name, child in sorted(node.children.items(), reverse=True):
            stack.append((path + b"/" + name, child))
        if path:
            yield path, node


def hold_links(root):
    names = {}
    for _, node in walk(root):
        names[id(node)] = names.get(id(node), 0) + 1
    for path, node in walk(root):
        require(node.kind != FILE or node.nlink == names[id(node)], f"erofs: {path}: number of names")
        require(node.kind in (FILE, DIRECTORY) or node.nlink == names[id(node)] == 1, f"erofs: {path}: number of names")


def same(image, again, what):
    if image == again:
        return
    at = next((i for i, (a, b) in enumerate(zip(image, again)) if a != b), min(len(image), len(again)))
    raise Malformed(f"{what}: from byte {at} on not as it is laid out; {len(image)} bytes, {len(again)} by the profile")


def hold_layer(image):
    reader = Reader(image)
    require((reader.incompat, reader.extra, reader.slot, reader.meta) == (0, 0, 0, 1), "erofs: not a layer")
    root = reader.tree()
    hold_links(root)
    same(image, Writer(root).image(), "layer")
    return root


def hold_fsmeta(image, layers):
    """Returns the merged tree, its files with their content."""
    reader = Reader(image)
    require((reader.incompat, reader.extra, reader.slot) == (0x0C, len(layers), 9), "erofs: not an fsmeta")
    root = reader.tree()
    hold_links(root)
    folders = sum(child.kind == DIRECTORY for child in root.children.values())
    require(root.nlink in (2, 2 + folders), "erofs: number of names of the root")
    same(image, Writer(root, [len(layer) // BLOCK for layer in layers]).image(), "fsmeta")
    for path, node in walk(root):
        if node.kind == FILE:
            for device, block in node.extents:
                require((block + 1) * BLOCK <= len(layers[device - 1]), f"erofs: {path}: beyond its layer")
            node.data = b"".join(layers[device - 1][block * BLOCK:(block + 1) * BLOCK]
                                 for device, block in node.extents)[:node.size]
    return root
