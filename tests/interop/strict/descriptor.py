"""Descriptors of snapshots (formats/snapshots.md §7 and §8) and the translation of one into the other (§9)."""

import calendar
import datetime
import hashlib
import os
import re
import stat

from . import integrity, require
from .canonical import canonical, is_integer, members, parse, sorted_keys

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
ROOT = re.compile(r"blake3:[0-9a-f]{64}")
RESERVED = ("snapshot.json", "manifest.json", ".manifest.json.legacy", ".snapshot-migration.lock")
TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+\-\u2212])(\d\d):(\d\d))")


class Descriptor:
    """What a descriptor says, whichever form it has."""

    def __init__(self, form, value, upper):
        self.form = form  # the file's name
        self.value = value
        self.upper = upper  # None: a checkpoint
        self.canonical = canonical(value)
        self.digest = "sha256:" + hashlib.sha256(self.canonical).hexdigest()

    parent = property(lambda self: self.value["parent"])
    labels = property(lambda self: self.value["labels"])
    image = property(lambda self: self.value["image"])


def normal_time(text):
    match = TIME.fullmatch(text)
    require(match and text.isprintable(), f"created_at: {text!r}")
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    fraction, sign, hours, minutes = match.groups()[6:]
    require(1 <= month <= 12 and 1 <= day <= (29 if month == 2 and calendar.isleap(year) else
                                              28 if month == 2 else calendar.mdays[month]), f"created_at: {text}")
    require(hour <= 23 and minute <= 59 and second <= 60, f"created_at: {text}")
    shift = 0
    if sign:
        require(int(hours) <= 23 and int(minutes) <= 59, f"created_at: {text}")
        shift = (int(hours) * 60 + int(minutes)) * (1 if sign == "+" else -1)
    # Python knows no year 0: 400 years later the calendar is the same.
    base = datetime.datetime(year + 400, month, day, hour, minute) - datetime.timedelta(minutes=shift) \
        if year < 9600 else datetime.datetime(year - 400, month, day, hour, minute) - datetime.timedelta(minutes=shift)
    year = base.year + (-400 if year < 9600 else 400)
    require(0 <= year <= 9999, f"created_at: {text}")
    fraction = (fraction or "")[:9].rstrip("0")
    return f"{year:04}-{base:%m-%dT%H:%M}:{second:02}{'.' + fraction if fraction else ''}Z"


def is_component(name):
    return isinstance(name, str) and name not in ("", ".", "..") and "/" not in name and "\0" not in name


def strict_digest(value, where):
    require(isinstance(value, str) and DIGEST.fullmatch(value), f"{where}: not a digest: {value!r}")


def loose_digest(value, where):
    require(isinstance(value, str) and re.fullmatch(r".+?:.+", value, re.DOTALL), f"{where}: not a digest: {value!r}")


def string_or_null(value, where):
    require(value is None or isinstance(value, str), f"{where}: not a string")


def labels_of(value):
    require(isinstance(value, dict) and all(isinstance(text, str) for text in value.values()), "labels: not strings")
    return sorted_keys(value)


def read_manifest(data):
    value = members(parse(data, duplicates=True), "schema", "format", "fstype", "image", "parent", "created_at",
                    "labels", "upper", "source_sandbox", where="manifest.json")
    require(value["schema"] == 1 and is_integer(value["schema"], 1), "schema")
    require(value["format"] in ("raw", "qcow2"), "format")
    require(isinstance(value["fstype"], str) and value["fstype"], "fstype")
    image = value["image"] = members(value["image"], "ref", "manifest_digest", where="image")
    require(isinstance(image["ref"], str) and image["ref"], "image.ref")
    loose_digest(image["manifest_digest"], "image.manifest_digest")
    if value["parent"] is not None:
        loose_digest(value["parent"], "parent")
    require(isinstance(value["created_at"], str), "created_at")
    value["labels"] = labels_of(value["labels"])  # of a label twice the last counts
    upper = value["upper"] = members(value["upper"], "file", "size_bytes", "integrity", where="upper")
    require(is_component(upper["file"]) and is_integer(upper["size_bytes"], (1 << 64) - 1), "upper")
    if upper["integrity"] is not None:
        upper["integrity"] = members(upper["integrity"], "algorithm", "digest", where="integrity")
        require(isinstance(upper["integrity"]["algorithm"], str) and upper["integrity"]["algorithm"], "algorithm")
        loose_digest(upper["integrity"]["digest"], "integrity.digest")
    string_or_null(value["source_sandbox"], "source_sandbox")
    return Descriptor("manifest.json", value, upper)


def read_integrity(value, size):
    if value is None:
        return None
    require(isinstance(value, dict), "integrity: not an object")
    algorithm = value.get("algorithm")
    if algorithm == "msb-file-merkle-blake3-v1":
        value = members(value, "algorithm", "root", "logical_size", "leaf_size", where="integrity")
        require(isinstance(value["root"], str) and ROOT.fullmatch(value["root"]), "integrity.root")
        require(value["logical_size"] == size and value["leaf_size"] == 65536, "integrity: sizes")
        return value
    require(algorithm in ("sha256", "msb-sparse-sha256-v1"), f"integrity: {algorithm}")
    value = members(value, "algorithm", "digest", where="integrity")
    strict_digest(value["digest"], "integrity.digest")
    return value


def read_snapshot(data):
    value = members(parse(data), "schema", "artifact", "scope", "created_at", "parent", "image", "source_sandbox",
                    "state", "labels", "extensions", "requires", where="snapshot.json")
    require(value["schema"] == 1 and is_integer(value["schema"], 1), "schema")
    require(value["artifact"] == "snapshot", "artifact")
    require(value["scope"] in ("disk", "resumable"), "scope")
    require(isinstance(value["created_at"], str), "created_at")
    value["created_at"] = normal_time(value["created_at"])
    if value["parent"] is not None:
        strict_digest(value["parent"], "parent")
    image = value["image"] = members(value["image"], "ref", "manifest_digest", where="image")
    require(isinstance(image["ref"], str) and image["ref"], "image.ref")
    strict_digest(image["manifest_digest"], "image.manifest_digest")
    string_or_null(value["source_sandbox"], "source_sandbox")
    state, upper = value["state"], None
    require(isinstance(state, dict), "state: not an object")
    if state.get("kind") == "checkpoint":
        value["state"] = members(state, "kind", "checkpoint_id", "manifest", where="state")
        require(isinstance(state["checkpoint_id"], str) and state["checkpoint_id"], "checkpoint_id")
        strict_digest(state["manifest"], "state.manifest")
    else:
        require(state.get("kind") == "file" and value["scope"] == "disk", "state.kind")
        state = value["state"] = members(state, "kind", "format", "fstype", "upper", where="state")
        require(state["format"] in ("raw", "qcow2") and isinstance(state["fstype"], str) and state["fstype"], "state")
        upper = state["upper"] = members(state["upper"], "file", "size_bytes", "integrity", where="upper")
        require(is_component(upper["file"]) and upper["file"] not in RESERVED, f"upper.file: {upper['file']!r}")
        require(is_integer(upper["size_bytes"], (1 << 53) - 1), "upper.size_bytes")
        upper["integrity"] = read_integrity(upper["integrity"], upper["size_bytes"])
    value["labels"] = labels_of(value["labels"])
    require(isinstance(value["extensions"], dict), "extensions")
    value["extensions"] = sorted_keys(value["extensions"])
    requires = value["requires"]
    require(isinstance(requires, list) and all(isinstance(name, str) and name for name in requires), "requires")
    require(requires == sorted(set(requires), key=str.encode) and set(requires) <= set(value["extensions"]), "requires")
    return Descriptor("snapshot.json", value, upper)


def read(name, data):
    return {"manifest.json": read_manifest, "snapshot.json": read_snapshot}[name](data)


def translate(old, parents):
    """The snapshot.json that 0.6.9 to 0.6.18 make of a manifest.json; `parents` maps old digests to new ones."""
    value = old.value
    require(value["format"] == "raw" and value["fstype"] == "ext4", "unsupported_legacy_layout")
    if value["parent"] is not None:
        strict_digest(value["parent"], "parent")
        require(value["parent"] in parents, "legacy_parent_missing")
    return read_snapshot(canonical({
        "schema": 1, "artifact": "snapshot", "scope": "disk", "created_at": normal_time(value["created_at"]),
        "parent": parents.get(value["parent"]), "image": value["image"], "source_sandbox": value["source_sandbox"],
        "state": {"kind": "file", "format": value["format"], "fstype": value["fstype"], "upper": value["upper"]},
        "labels": value["labels"], "extensions": {}, "requires": []}))


def open_artifact(path, verify=False):
    """The descriptor of the artifact in a directory, held against the disk beside it."""
    form = "snapshot.json" if os.path.exists(f"{path}/snapshot.json") else "manifest.json"
    with open(f"{path}/{form}", "rb") as file:
        data = file.read()
    found = read(form, data)
    if found.upper is None:
        return found
    disk = f"{path}/{found.upper['file']}"
    require(os.path.lexists(disk), f"{disk}: missing")
    status = os.lstat(disk)
    require(stat.S_ISREG(status.st_mode), f"{disk}: not a regular file")
    require(status.st_size == found.upper["size_bytes"], f"{disk}: size differs from the descriptor's")
    if verify:
        integrity.verify(disk, found.upper["integrity"])
    return found
