#!/usr/bin/env python3
"""Makes tests/golden/reject/snapshot_archive (one reason a file) and tests/fuzz/corpus/snapshot_archive (good ones)."""

import hashlib
import json
import pathlib

from folders import refill

TESTS = pathlib.Path(__file__).resolve().parent.parent
IMAGE = "sha256:" + "a" * 64
DISK = b"0123456789abcdef" * 32
GNU = b"ustar  \0"


def dump(value):
    return json.dumps(value, separators=(",", ":")).encode()


def number(value, width):
    return b"%0*o\0" % (width - 1, value)


def header(name, size, kind=b"0", magic=GNU, link=b"", pairs=(), real=0):
    block = bytearray(512)
    block[0 : len(name)] = name.encode()
    block[100:108], block[108:116], block[116:124] = number(0o644, 8), number(0, 8), number(0, 8)
    block[124:136], block[136:148] = number(size, 12), number(0, 12)
    block[156:157] = kind
    block[157 : 157 + len(link)] = link
    block[257:265] = magic
    if kind == b"S":
        for i, (offset, length) in enumerate(pairs):
            block[386 + 24 * i : 398 + 24 * i] = number(offset, 12)
            block[398 + 24 * i : 410 + 24 * i] = number(length, 12)
        block[483:495] = number(real, 12)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def member(name, body=b"", **more):
    return header(name, len(body), **more) + body + b"\0" * (-len(body) % 512)


END = b"\0" * 1024


def descriptor(size, **more):
    value = {
        "schema": 1, "artifact": "snapshot", "scope": "disk", "created_at": "2026-05-01T12:00:00Z", "parent": None,
        "image": {"ref": "alpine:3.20", "manifest_digest": IMAGE}, "source_sandbox": None,
        "state": {"kind": "file", "format": "raw", "fstype": "ext4",
                  "upper": {"file": "upper.ext4", "size_bytes": size, "integrity": None}},
        "labels": {}, "extensions": {}, "requires": [],
    }
    value.update(more)
    return dump(value)


def manifest(size=512, parent=None, label="a"):
    return dump({
        "schema": 1, "format": "raw", "fstype": "ext4", "image": {"ref": "alpine:3.20", "manifest_digest": IMAGE},
        "parent": parent, "created_at": "2026-05-01T12:00:00+00:00", "labels": {"label": label},
        "upper": {"file": "upper.ext4", "size_bytes": size, "integrity": None}, "source_sandbox": None,
    })


def sha(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def inventory(text, stored, size, disk="upper.ext4", **more):
    digest = sha(text)
    folder = digest[7:]
    value = {
        "schema": 1, "artifact": "snapshot-archive", "head": digest, "suggested_name": "name",
        "completeness": "boot-complete", "with_parents": False, "with_image": False,
        "snapshots": [{"snapshot_id": digest, "descriptor": f"snapshots/{folder}/snapshot.json"}],
        "entries": [
            {"path": f"files/{folder}/{disk}", "owner_snapshot": digest, "kind": "file-payload", "included": True,
             "encoded_size": stored, "apparent_size": size, "integrity": None},
            {"path": f"snapshots/{folder}/snapshot.json", "owner_snapshot": digest, "kind": "snapshot-descriptor",
             "included": True, "encoded_size": len(text), "apparent_size": len(text),
             "integrity": {"algorithm": "sha256", "digest": digest}},
        ],
        "protection_requirements": [], "extensions": {}, "requires": [],
    }
    value.update(more)
    return value


def current(change=lambda value: None, text=None, disk=None, listing=True, extra=b"", end=END):
    """A good archive of the current layout, but for what the arguments make of it."""
    text = descriptor(512) if text is None else text
    folder = sha(text)[7:]
    listed = inventory(text, 512, 512)
    change(listed)
    disk = member(f"files/{folder}/upper.ext4", DISK) if disk is None else disk(f"files/{folder}/upper.ext4")
    tail = member("archive.json", dump(listed)) if listing else b""
    return member(f"snapshots/{folder}/snapshot.json", text) + disk + extra + tail + end


def sparse(pairs, stored, real=4096):
    text = descriptor(real)
    body = DISK * (stored // len(DISK)) + DISK[: stored % len(DISK)]
    def disk(path):
        return (header(path, stored, kind=b"S", pairs=pairs, real=real) + body + b"\0" * (-stored % 512))
    def change(value):
        value["entries"][0].update(encoded_size=stored, apparent_size=real)
    return current(change, text, disk)


def legacy(prefix="name", text=None, extra=b"", disk=True):
    text = manifest() if text is None else text
    body = member(f"{prefix}/upper.ext4", DISK) if disk else b""
    return member(f"{prefix}/manifest.json", text) + body + extra + END


ID, PARENT_ID = "snap_" + "1" * 32, "snap_" + "2" * 32


def layer_of(snapshot, number=0):
    name = snapshot.replace("snap_", "layer_")
    return name[:-1] + "abc"[number - 1] if number else name


def group_member(snapshot=ID, parent=None, layer=None, size=512, formats=("raw",), **more):
    layer = layer or layer_of(snapshot)
    layers, backing = [], None
    for number, form in enumerate(formats):
        name = layer_of(snapshot, number) if number else layer
        layers.append({"backing": backing, "format": form, "layer_id": name,
                       "payload": {"file_kind": "regular", "integrity": None}, "virtual_size": size})
        backing = name
    value = {
        "capture": {"consistency": "crash-consistent", "created_at": "2026-05-01T12:00:00.000000000Z",
                    "source_checkpoint": None, "source_lineage": "base"},
        "extensions": {}, "image": {"manifest_digest": IMAGE, "reference": "alpine:3.20"}, "parent": parent,
        "requires": [], "root_disk": {"layout": "managed"}, "schema": "microsandbox.snapshot/1", "scope": "file",
        "snapshot_id": snapshot,
        "state": {"disk_format": formats[-1], "filesystem": "ext4", "head": backing, "kind": "file", "layers": layers,
                  "virtual_size": size},
    }
    value.update(more)
    return dump(value)


def groups(change=lambda value: None, snapshots=None, labels=b"", disk=DISK, extra=b"", listing=True, disks=None):
    """A good archive of members of groups, the last of them its head, but for what the arguments make of it."""
    snapshots = snapshots or {ID: group_member()}
    entries, out = [], b""

    def add(path, owner, kind, body, integrity):
        nonlocal out
        out += member(path, body)
        entries.append({"path": path, "owner_snapshot": owner, "kind": kind, "included": True,
                        "encoded_size": len(body), "apparent_size": len(body), "sparse_ranges": [],
                        "integrity": integrity})

    for snapshot, text in snapshots.items():
        add(f"snapshots/{snapshot}/snapshot.json", snapshot, "snapshot-descriptor", text,
            {"algorithm": "sha256", "digest": sha(text)})
        if labels:
            add(f"snapshots/{snapshot}/metadata.json", snapshot, "snapshot-metadata", labels,
                {"algorithm": "sha256", "digest": sha(labels)})
        for path, body in (disks or {f"layers/{layer_of(snapshot)}.raw": disk}).items():
            add(path, snapshot, "file-payload", body, None)
    entries.sort(key=lambda entry: entry["path"])
    total = sum(entry["encoded_size"] for entry in entries)
    listed = {
        "schema": "microsandbox.snapshot-archive/1", "head": list(snapshots)[-1], "suggested_name": "name",
        "completeness": "boot-complete",
        "members": [{"snapshot_id": each, "descriptor_path": f"snapshots/{each}/snapshot.json",
                     "descriptor_digest": sha(snapshots[each])} for each in sorted(snapshots)],
        "entries": entries,
        "limits": {"entry_count": len(entries), "encoded_bytes": total, "apparent_bytes": total},
        "extensions": {"msb-snapshot-member-names": {each: "name-" + each[-1] for each in snapshots}}, "requires": [],
    }
    change(listed)
    return out + extra + (member("archive.json", dump(listed)) if listing else b"") + END


OF_GROUPS = []
groups(OF_GROUPS.append)
QCOW2 = (TESTS / "fuzz/corpus/qcow2/two-clusters.qcow2").read_bytes()  # make_qcow2_rejects.py


def layered(*layers):
    """One whose disk of 4096 bytes is made of layers, of which each is a suffix and its bytes."""
    formats = [suffix for suffix, _ in layers]
    return groups(snapshots={ID: group_member(size=4096, formats=formats)},
                  disks={f"layers/{layer_of(ID, number)}.{suffix}": body
                         for number, (suffix, body) in enumerate(layers)})


LABELS = dump({"schema": "microsandbox.snapshot-metadata/1", "labels": {"owner": "alice"}})


def setter(*path, value):
    def change(target):
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = value
    return change


FOLDER = sha(descriptor(512))[7:]
GOOD = {
    "current.tar": current(),
    "sparse.tar": sparse([(0, 512), (2048, 512), (4096, 0)], 1024),
    "all-hole.tar": sparse([(4096, 0)], 0),
    "legacy.tar": legacy(),
    "legacy-chain.tar": legacy("a", manifest(label="parent"))[:-1024] + legacy("b", manifest(parent=sha(manifest(label="parent")))),
    "behind-the-end.tar": legacy() + member("name/.integrity.json", b"{}") + END,
    "garbage-behind-the-end.tar": current() + b"garbage" * 100,
    "no-end.tar": current(end=b""),
    "groups.tar": groups(labels=LABELS),
    "groups-chain.tar": groups(snapshots={PARENT_ID: group_member(PARENT_ID), ID: group_member(parent=PARENT_ID)}),
    "groups-layers.tar": layered(("raw", DISK * 8), ("qcow2", QCOW2)),
    "groups-layers-over-nothing.tar": layered(("qcow2", QCOW2), ("qcow2", QCOW2)),
    "groups-without-parent.tar": groups(snapshots={ID: group_member(parent=PARENT_ID)}),
}
BAD = {
    "absolute-path.tar": current(extra=member("/etc/passwd", b"x")),
    "dot-dot.tar": current(extra=member("files/../x", b"x")),
    "dot-slash.tar": legacy("./name"),
    "symlink.tar": current(extra=member("files", kind=b"2", link=b"/etc")),
    "hard-link.tar": current(extra=member(f"files/{FOLDER}/other", kind=b"1", link=b"archive.json")),
    "fifo.tar": current(extra=member(f"files/{FOLDER}/other", kind=b"6")),
    "unknown-folder.tar": current(extra=member("images/other/x", b"x")),
    "upper-case-digest.tar": current(extra=member("files/" + "A" * 64 + "/upper.ext4", b"x")),
    "path-with-nul-digest.tar": current(extra=member("files/", b"")),
    "file-with-slash.tar": current(extra=member(f"files/{FOLDER}/upper.ext4/", b"x")),
    "two-layouts.tar": current(extra=legacy()[:-1024]),
    "images-of-two-layouts.tar": current(extra=member("cache/layers/sha256_" + "b" * 64 + ".erofs", b"x")),
    "member-twice.tar": current(extra=member(f"files/{FOLDER}/upper.ext4", DISK)),
    "disk-called-like-a-descriptor.tar": current(extra=member(f"files/{FOLDER}/snapshot.json", b"{}")),
    "two-disks.tar": current(extra=member(f"files/{FOLDER}/other", DISK)),
    "recipe-before-the-end.tar": current(extra=member("images/layers/sha256_" + "b" * 64 + ".recipe", b"x")),
    "no-inventory.tar": current(listing=False),
    "inventory-not-canonical.tar": current(listing=False)[:-1024]
    + member("archive.json", json.dumps(inventory(descriptor(512), 512, 512)).encode()) + END,
    "inventory-of-schema-2.tar": current(setter("schema", value=2)),
    "inventory-of-something-else.tar": current(setter("artifact", value="snapshot")),
    "inventory-with-unknown-member.tar": current(setter("more", value=1)),
    "inventory-with-unknown-requirement.tar": current(setter("requires", value=["encryption"])),
    "inventory-with-protection.tar": current(setter("protection_requirements", value=["key"])),
    "inventory-of-a-part.tar": current(setter("completeness", value="metadata")),
    "inventory-without-required-digests.tar": current(setter("requires", value=["msb-archive-member-blake3-v1"])),
    "inventory-with-path-as-name.tar": current(setter("suggested_name", value="a/b")),
    "inventory-with-empty-name.tar": current(setter("suggested_name", value="")),
    "inventory-with-another-head.tar": current(setter("head", value="sha256:" + "c" * 64)),
    "inventory-with-another-kind.tar": current(setter("entries", 0, "kind", value="image-object")),
    "inventory-with-another-owner.tar": current(setter("entries", 0, "owner_snapshot", value=None)),
    "inventory-with-another-size.tar": current(setter("entries", 0, "encoded_size", value=511)),
    "inventory-with-another-apparent-size.tar": current(setter("entries", 0, "apparent_size", value=513)),
    "inventory-with-another-record.tar": current(
        setter("entries", 0, "integrity", value={"algorithm": "sha256", "digest": "sha256:" + "d" * 64})),
    "inventory-without-digest.tar": current(setter("entries", 1, "integrity", value=None)),
    "inventory-says-it-is-left-out.tar": current(setter("entries", 0, "included", value=False)),
    "inventory-out-of-order.tar": current(lambda value: value["entries"].reverse()),
    "inventory-misses-a-member.tar": current(lambda value: value["entries"].pop(0)),
    "inventory-lists-too-much.tar": current(
        lambda value: value["entries"].append(dict(value["entries"][1], path="snapshots/z"))),
    "inventory-lists-other-snapshots.tar": current(setter("snapshots", value=[])),
    "descriptor-of-another-digest.tar": current(text=descriptor(512)).replace(b"alpine:3.20", b"alpine:3.21", 1),
    "descriptor-malformed.tar": current(text=b"{}"),
    "descriptor-of-a-checkpoint.tar": current(text=descriptor(
        512, state={"kind": "checkpoint", "checkpoint_id": "c", "manifest": IMAGE})),
    "disk-missing.tar": current(lambda value: value["entries"].pop(0), disk=lambda path: b""),
    "disk-of-another-size.tar": current(setter("entries", 0, "encoded_size", value=511),
                                        disk=lambda path: member(path, DISK[:511])),
    "sparse-without-end.tar": sparse([(0, 512), (2048, 512)], 1024),
    "sparse-without-map.tar": sparse([], 0),
    "sparse-overlapping.tar": sparse([(0, 1024), (512, 512), (4096, 0)], 1536),
    "sparse-out-of-order.tar": sparse([(2048, 512), (0, 512), (4096, 0)], 1024),
    "sparse-unaligned.tar": sparse([(0, 100), (2048, 512), (4096, 0)], 612),
    "sparse-past-the-end.tar": sparse([(0, 512), (4000, 512)], 1024),
    "sparse-of-another-sum.tar": sparse([(0, 512), (4096, 0)], 1024),
    "sparse-beyond-any-disk.tar": sparse([(0, 512), ((1 << 33) - 1, 0)], 512, (1 << 33) - 1).replace(
        number((1 << 33) - 1, 12), b"\x80\0\0\0" + (1 << 45).to_bytes(8, "big")),
    "bad-checksum.tar": current().replace(b"snapshot.json\0", b"snapshot.jsom\0", 1),
    "cut-in-a-header.tar": current()[:700 + 512],
    "cut-in-a-body.tar": current(end=b"")[:-600],
    "cut-after-a-member.tar": current(listing=False, end=b""),
    "single-zero-block.tar": current(end=b"\0" * 512 + b"x" * 512),
    "empty.tar": END,
    "nothing.tar": b"",
    "text.tar": b"this is no archive\n" * 60,
    "cut.tar.zst": b"\x28\xb5\x2f\xfd\x04\x00",
    "groups-descriptor-malformed.tar": groups(snapshots={ID: b"{}"}),
    "groups-descriptor-of-another-id.tar": groups(snapshots={ID: group_member(PARENT_ID, layer=layer_of(ID))}),
    "groups-descriptor-of-a-checkpoint.tar": groups(snapshots={ID: group_member(scope="checkpoint")}),
    "groups-one-layer-twice.tar": groups(snapshots={
        PARENT_ID: group_member(PARENT_ID), ID: group_member(layer=layer_of(PARENT_ID))}),
    "groups-labels-malformed.tar": groups(labels=b"{}"),
    "groups-labels-of-nobody.tar": groups(extra=member(f"snapshots/{PARENT_ID}/metadata.json", LABELS)),
    "groups-layer-missing.tar": groups(snapshots={ID: group_member(formats=("raw", "qcow2"))}),
    "groups-layer-of-another-format.tar": groups(snapshots={ID: group_member(formats=("qcow2",))}),
    "groups-layer-of-an-unknown-format.tar": layered(("vmdk", QCOW2)),
    "groups-layer-below-a-raw-one.tar": layered(("qcow2", QCOW2), ("raw", DISK * 8)),
    "groups-layer-of-nobody.tar": groups(extra=member(f"layers/{layer_of(PARENT_ID)}.raw", DISK)),
    "groups-layer-of-another-size.tar": groups(disk=DISK[:511]),
    "groups-bad-id.tar": groups(extra=member("snapshots/snap_1/snapshot.json", b"{}")),
    "groups-bad-layer-id.tar": groups(extra=member("layers/layer_1.raw", DISK)),
    "groups-layer-without-suffix.tar": groups(extra=member(f"layers/{layer_of(ID)}", DISK)),
    "groups-unknown-file.tar": groups(extra=member(f"snapshots/{ID}/group-member.json", b"{}")),
    "groups-and-others.tar": groups(extra=current()[:-1024], listing=False),
    "groups-no-inventory.tar": groups(listing=False),
    "groups-inventory-of-a-part.tar": groups(setter("completeness", value="dependent")),
    "groups-inventory-of-other-limits.tar": groups(setter("limits", "encoded_bytes", value=1)),
    "groups-inventory-of-others.tar": current(extra=member("archive.json", dump(OF_GROUPS[0])), listing=False),
    "groups-inventory-with-another-digest.tar": groups(setter("members", 0, "descriptor_digest", value=IMAGE)),
    "groups-inventory-with-another-owner.tar": groups(setter("entries", 0, "owner_snapshot", value=PARENT_ID)),
    "groups-inventory-with-bad-ranges.tar": groups(setter("entries", 0, "sparse_ranges", value=[[0]])),
    "groups-inventory-with-unknown-member.tar": groups(setter("artifact", value="snapshot-archive")),
    "groups-inventory-with-unknown-requirement.tar": groups(setter("requires", value=["encryption"])),
    "groups-inventory-lists-one-twice.tar": groups(lambda value: value["entries"].append(value["entries"][0])),
    "groups-inventory-misses-labels.tar": groups(lambda value: value["entries"].pop(1), labels=LABELS),
    "legacy-hidden-name.tar": legacy(".hidden"),
    "legacy-with-both-descriptors.tar": legacy(extra=member("name/snapshot.json", descriptor(512))),
    "legacy-without-descriptor.tar": member("name/upper.ext4", DISK) + END,
    "legacy-without-disk.tar": legacy(disk=False),
    "legacy-with-a-file-of-nobody.tar": legacy(extra=member("other/upper.ext4", DISK)),
    "legacy-with-two-heads.tar": legacy("a")[:-1024] + legacy("b", manifest(label="b")),
    "legacy-with-two-copies.tar": legacy("a")[:-1024] + legacy("b"),
    "legacy-in-a-folder.tar": legacy("a/b"),
    "legacy-with-unknown-cache.tar": legacy(extra=member("cache/tmp/x", b"x")),
}

refill(TESTS / "golden/reject/snapshot_archive", BAD)
refill(TESTS / "fuzz/corpus/snapshot_archive", GOOD)
