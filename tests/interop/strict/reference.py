"""References of images and the file names made from them (formats/images.md §1, §2)."""

import hashlib
import re

from . import require

LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
DOMAIN = rf"{LABEL}(?:\.{LABEL})*(?::\d+)?"
COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
REFERENCE = re.compile(rf"((?:{DOMAIN}/)?{COMPONENT}(?:/{COMPONENT})*)(?::(\w[\w.-]{{0,127}}))?"
                       r"(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?")


def normalise(text):
    match = REFERENCE.fullmatch(text)
    require(match, f"{text!r}: not a reference")
    name, tag, digest = match.groups()
    registry, slash, repository = name.partition("/")
    if not slash or not (set(".:") & set(registry) or registry == "localhost"):
        registry, repository = "docker.io", name
    registry = "docker.io" if registry == "index.docker.io" else registry
    if registry == "docker.io" and "/" not in repository:
        repository = f"library/{repository}"
    tag = "latest" if not tag and not digest else tag
    return f"{registry}/{repository}{':' + tag if tag else ''}{'@' + digest if digest else ''}"


def metadata_name(text):
    return hashlib.sha256(normalise(text).encode()).hexdigest() + ".json"


def safe(digest):
    algorithm, _, encoded = digest.partition(":")
    return re.sub(r"[^A-Za-z0-9+.=_-]", "_", f"{algorithm}_{encoded}")
