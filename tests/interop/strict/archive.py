"""Archives of snapshots as 0.6.9 to 0.6.18 load them (formats/snapshots.md §11), both layouts."""

import hashlib
import os
import struct

from . import Malformed, cached, descriptor, erofs, integrity, reference, require, vmdk, zstd
from .blake3 import blake3
from .canonical import canonical, is_integer, members, parse, sorted_keys

BLOCK = 512
PAGE = 4096
END = bytes(BLOCK)
INVENTORY_LIMIT = 4 << 20
TRANSPORT = "msb-archive-member-blake3-v1"
SUFFIXES = {"manifests": ".json", "fsmeta": ".erofs", "vmdk": ".vmdk", "layers": ".erofs"}


class Member:
    def __init__(self, name, stored, size, slots):
        self.name, self.stored, self.size = name, stored, size
        self.slots = slots  # None: dense

    def write(self, path):
        """Lays the file out: truncated to its size, the runs written, but for their pages of zeros."""
        with open(path, "wb") as file:
            file.truncate(self.size)
            at = 0
            for offset, length in self.slots if self.slots is not None else [(0, self.size)]:
                for start in range(0, length, PAGE):
                    page = self.stored[at + start:at + min(start + PAGE, length)]
                    if page.count(0) != len(page):
                        file.seek(offset + start)
                        file.write(page)
                at += length

    def transport(self, kind):
        slots = self.slots or []
        head = b"".join(struct.pack("<Q", len(text.encode())) + text.encode() for text in (kind, self.name))
        sizes = struct.pack("<QQQ", len(self.stored), self.size, len(slots))
        runs = b"".join(struct.pack("<QQ", *slot) for slot in slots)
        return "blake3:" + blake3(TRANSPORT.encode() + b"\0" + head + sizes + runs + self.stored).hex()


def number(field, what):
    if field[0] & 0x80:
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    text = field.split(b"\0", 1)[0].strip()
    require(all(c in b"01234567" for c in text), f"{what}: not octal")
    return int(text or b"0", 8)


def text(field):
    try:
        return field.split(b"\0", 1)[0].decode()
    except UnicodeDecodeError as error:
        raise Malformed("name: not UTF-8") from error


def checksum_fits(header):
    blank = header[:148] + b" " * 8 + header[156:]
    signed = sum(struct.unpack("512b", blank))
    return number(header[148:156], "checksum") in (sum(blank), signed)


def sparse_slots(area, count):
    for at in range(0, count * 24, 24):
        offset, length = area[at:at + 12], area[at + 12:at + 24]
        if offset[0] and length[0]:
            yield number(offset, "sparse offset"), number(length, "sparse length")


def check_slots(slots, stored, size):
    at = kept = 0
    for offset, length in slots:
        require(offset >= at, "sparse: runs overlap or lack order")
        require(kept % BLOCK == 0, "sparse: a run before the last one ends within a block")
        at, kept = offset + length, kept + length
    require(at == size and kept == stored, "sparse: the map does not fit the sizes")


def is_allowed(name):
    if name == "archive.json":
        return True
    parts = name.split("/")
    if not all(0 < len(part.encode()) <= 255 for part in parts):
        return False
    if len(parts) == 3 and parts[0] == "snapshots":
        return parts[2] == "snapshot.json" and is_hex(parts[1])
    if len(parts) == 3 and parts[0] == "files":
        return is_hex(parts[1])
    if len(parts) == 3 and parts[0] in ("images", "cache"):
        return parts[2].endswith(SUFFIXES.get(parts[1], "/"))
    return (len(parts) == 2 and parts[1] in ("manifest.json", "upper.ext4")
            and parts[0] not in ("snapshots", "files", "images", "cache"))


def target(name):
    """Where a loader puts a member."""
    top, _, rest = name.partition("/")
    return {"images": "cache/", "cache": "cache/", "snapshots": "", "files": ""}.get(top, f"{top}/") + rest


def is_hex(name):
    return len(name) == 64 and all(c in "0123456789abcdef" for c in name)


def is_allowed_directory(name):
    parts = name.split("/")
    if parts[0] in ("snapshots", "files"):
        return len(parts) == 1 or len(parts) == 2 and is_hex(parts[1])
    if parts[0] in ("images", "cache"):
        return len(parts) == 1 or len(parts) == 2 and parts[1] in SUFFIXES
    return len(parts) == 1 and name != "archive.json"


def read_tar(data):
    """The members by name, and what stands behind the end mark."""
    found, at = {}, 0
    while True:
        header = data[at:at + BLOCK]
        at += BLOCK
        if not header:
            return found, b""
        require(len(header) == BLOCK, "cut short in a header")
        if header == END:
            rest = data[at:at + BLOCK]
            require(rest == END or not rest, "a lone block of zeros")
            return found, data[at + BLOCK:]
        require(checksum_fits(header), "header: wrong checksum")
        name, kind = text(header[:100]), header[156:157]
        if header[257:263] == b"ustar\0" and header[345]:
            name = f"{text(header[345:500])}/{name}"
        size = number(header[124:136], "size")
        require(kind in b"0\x007S5", f"{name}: type {kind!r}")
        require(name and not name.startswith(("/", "./")) and ".." not in name.split("/"), f"{name!r}: path")
        if kind == b"5":
            require(size == 0 and is_allowed_directory(name.rstrip("/")), f"{name}: directory")
            continue
        require(is_allowed(name), f"{name}: not a file of an archive")
        require(name not in found, f"{name}: twice")
        slots, real = None, size
        if kind == b"S":
            require(header[257:265] == b"ustar  \0", f"{name}: sparse, but not of GNU")
            real, slots, more = number(header[483:495], "realsize"), [*sparse_slots(header[386:482], 4)], header[482]
            while more:
                extension = data[at:at + BLOCK]
                at += BLOCK
                require(len(extension) == BLOCK, f"{name}: cut short in its map")
                slots += sparse_slots(extension, 21)
                more = extension[504]
            check_slots(slots, size, real)
            require(real <= 1 << 43, f"{name}: larger than a file may be")
        stored = data[at:at + size]
        require(len(stored) == size, f"{name}: cut short")
        at += -(-size // BLOCK) * BLOCK
        found[name] = Member(name, stored, real, slots)


class Archive:
    """What one archive brings: descriptors by digest, disks by digest, files of the image by path."""

    def __init__(self, data):
        self.compressed = data[:4] == zstd.MAGIC
        self.members, self.behind = read_tar(zstd.inflate(data) if self.compressed else data)
        self.snapshots, self.disks, self.names, self.image = {}, {}, {}, {}
        self.inventory = None
        targets = {target(name) for name in self.members}
        require(len(targets) == len(self.members), "two members have one target")
        if "archive.json" in self.members:
            self.inventory = read_inventory(self.members.pop("archive.json").stored)
        for name, member in self.members.items():
            self.sort(name, member)
        require(self.snapshots, "no snapshot")
        require(set(self.disks) == set(self.snapshots), "disks and descriptors do not pair")
        for digest, found in self.snapshots.items():
            require(self.disks[digest].size == found.upper["size_bytes"], f"{digest}: size of the disk")
        self.layout = "A" if all(found.form == "manifest.json" for found in self.snapshots.values()) else "B"
        if self.inventory:
            self.hold_inventory()
        parents = {found.parent for found in self.snapshots.values()}
        heads = [digest for digest in self.snapshots if digest not in parents]
        require(self.inventory or len(heads) == 1, "no head, or several")
        self.head = self.inventory["head"] if self.inventory else heads[0]

    def sort(self, name, member):
        parts = name.split("/")
        if parts[0] in ("images", "cache"):
            self.image[f"{parts[1]}/{parts[2]}"] = member
        elif parts[-1] in ("snapshot.json", "manifest.json") and parts[0] != "files":
            found = descriptor.read(parts[-1], member.stored)
            key = parts[1] if parts[0] == "snapshots" else parts[0]
            disk = (f"files/{key}/" if parts[0] == "snapshots" else f"{key}/") + found.upper["file"]
            require(disk in self.members, f"{disk}: missing")
            self.snapshots[found.digest], self.names[found.digest] = found, key
            self.disks[found.digest] = self.members[disk]

    def hold_inventory(self):
        inventory = self.inventory
        require([entry["snapshot_id"] for entry in inventory["snapshots"]] == sorted(self.snapshots), "inventory: ids")
        for digest, found in self.snapshots.items():
            require(self.names[digest] == digest[7:], f"{digest}: lies under another digest")
            stored = self.members[f"snapshots/{digest[7:]}/snapshot.json"].stored
            require(stored == found.canonical, f"{digest}: its bytes are not canonical")
        present = {entry["path"] for entry in inventory["entries"] if entry["included"]}
        require(present == set(self.members), "inventory: does not list what is there")
        for entry in inventory["entries"]:
            if entry["included"]:
                self.hold_entry(entry, self.members[entry["path"]])

    def hold_entry(self, entry, member):
        path, kind, owner = entry["path"], entry["kind"], entry["owner_snapshot"]
        require((entry["encoded_size"], entry["apparent_size"]) == (len(member.stored), member.size), f"{path}: sizes")
        if kind == "file-payload":
            upper = self.snapshots[owner].upper
            require(path == f"files/{owner[7:]}/{upper['file']}" and entry["integrity"] == upper["integrity"], path)
        else:
            require(kind in ("snapshot-descriptor", "image-metadata", "image-object"), f"{path}: kind {kind}")
            require((kind == "snapshot-descriptor") == (owner is not None), f"{path}: owner")
            digest = "sha256:" + hashlib.sha256(member.stored).hexdigest()
            require(entry["integrity"] == {"algorithm": "sha256", "digest": digest}, f"{path}: digest")
            require(kind != "snapshot-descriptor" or owner == digest, f"{path}: not what its owner is called")
        transport = entry.get("transport_integrity")
        require(transport or not self.inventory["requires"], f"{path}: no transport digest")
        if transport:
            expected = {"algorithm": TRANSPORT, "digest": member.transport(kind)}
            require(transport == expected, f"{path}: transport digest")

    def hold_disks(self, folder):
        """Each disk against the integrity that its descriptor records; returns the algorithms by digest."""
        algorithms = {}
        for digest, member in self.disks.items():
            path = os.path.join(folder, digest[7:23])
            member.write(path)
            algorithms[digest] = integrity.verify(path, self.snapshots[digest].upper["integrity"])
            os.unlink(path)
        return algorithms


    def hold_image(self):
        """What a loader asks of the image that comes along (§11.8). It is then installed as it is."""
        if not self.image:
            return
        pinned = self.snapshots[self.head].image
        name = f"manifests/{reference.metadata_name(pinned['ref'])}"
        require(name in self.image, f"{name}: missing")
        metadata = cached.read_metadata(self.image[name].stored)
        require(metadata["manifest_digest"] == pinned["manifest_digest"], "image: not the one that the snapshot pins")
        fsmeta, descriptor_path, layers = cached.paths(metadata)
        require(set(self.image) == {name, fsmeta, descriptor_path, *layers}, "image: files lack, or there are others")
        data = [self.image[path].stored for path in layers]
        for layer in data:
            erofs.hold_layer(layer)
        erofs.hold_fsmeta(self.image[fsmeta].stored, data)
        sizes = [self.image[path].size for path in (fsmeta, *layers)]
        require([size for _, size in vmdk.read(self.image[descriptor_path].stored)] == sizes, "image: extents")


def read_inventory(data):
    require(len(data) <= INVENTORY_LIMIT, "inventory: too large")
    value = members(parse(data), "schema", "artifact", "head", "suggested_name", "completeness", "with_parents",
                    "with_image", "snapshots", "entries", "protection_requirements", "extensions", "requires",
                    where="inventory")
    value["snapshots"] = [members(each, "snapshot_id", "descriptor", where="snapshots") for each in value["snapshots"]]
    entries = []
    for each in value["entries"]:
        names = ["path", "owner_snapshot", "kind", "included", "encoded_size", "apparent_size", "integrity"]
        if "transport_integrity" in each:
            names.append("transport_integrity")
        entry = members(each, *names, where="entry")
        require(all(is_integer(entry[size], (1 << 53) - 1) for size in ("encoded_size", "apparent_size")), "sizes")
        entry["integrity"] = descriptor.read_integrity(entry["integrity"], entry["apparent_size"])
        if "transport_integrity" in entry:
            entry["transport_integrity"] = members(entry["transport_integrity"], "algorithm", "digest", where="entry")
        entries.append(entry)
    value["entries"], value["extensions"] = entries, sorted_keys(value["extensions"])
    require(canonical(value) == data, "inventory: not canonical")
    require(value["schema"] == 1 and value["artifact"] == "snapshot-archive", "inventory: schema")
    require(value["completeness"] == "boot-complete", "inventory: completeness")
    require(value["requires"] in ([], [TRANSPORT]), "inventory: requires what nobody has")
    name = value["suggested_name"]
    require(name is None or 0 < len(name.encode()) <= 255 and not set("/\\") & set(name), "inventory: suggested name")
    ids = [each["snapshot_id"] for each in value["snapshots"]]
    paths = [entry["path"].encode() for entry in entries]
    require(ids == sorted(set(ids)) and paths == sorted(set(paths)), "inventory: lacks order")
    require(value["head"] in ids, "inventory: head")
    for each in value["snapshots"]:
        require(each["descriptor"] == f"snapshots/{each['snapshot_id'][7:]}/snapshot.json", "inventory: descriptor")
    return value


def read(path):
    with open(path, "rb") as file:
        return Archive(file.read())
