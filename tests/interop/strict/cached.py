"""An image in the cache: its metadata, and the files that it names (formats/images.md §1.3, §5 to §7)."""

import hashlib
import json
import os

from . import erofs, reference, require, vmdk


def read_metadata(data, exact=True):
    """`manifests/<K>.json`. Not `exact`: a release wrote down what a registry had served in other bytes."""
    value = json.loads(data)
    for name in ("manifest_digest", "config_digest", "raw_manifest_json", "raw_config_json"):
        require(isinstance(value.get(name), str), f"metadata: {name}")
    config = value["config"]
    for name in ("env", "exposed_ports", "volumes"):
        require(isinstance(config[name], list), f"metadata: config.{name}")
    require(isinstance(config["labels"], dict), "metadata: config.labels")
    for name in ("config",) if not exact else ("config", "manifest"):
        digest = "sha256:" + hashlib.sha256(value[f"raw_{name}_json"].encode()).hexdigest()
        require(value[f"{name}_digest"] == digest, f"metadata: raw_{name}_json is not what {name}_digest says")
    layers = value["layers"]
    blobs = [layer["digest"] for layer in json.loads(value["raw_manifest_json"])["layers"]]
    diff_ids = json.loads(value["raw_config_json"])["rootfs"]["diff_ids"]
    require([layer["digest"] for layer in layers] == blobs, "metadata: layers")
    require([layer["diff_id"] for layer in layers] == diff_ids, "metadata: diff IDs")
    return value


def paths(metadata):
    """The files of an image by kind, layers from the bottom up."""
    manifest = reference.safe(metadata["manifest_digest"])
    return (f"fsmeta/{manifest}.erofs", f"vmdk/{manifest}.vmdk",
            [f"layers/{reference.safe(layer['diff_id'])}.erofs" for layer in metadata["layers"]])


def read_file(path):
    with open(path, "rb") as file:
        return file.read()


def read(cache, name, exact=True, cache_was=None):
    """Reads the image `name` (a reference), and holds each of its files. Returns the metadata and the merged tree."""
    metadata = read_metadata(read_file(f"{cache}/manifests/{reference.metadata_name(name)}"), exact)
    fsmeta, descriptor, layers = paths(metadata)
    data = [read_file(f"{cache}/{path}") for path in layers]
    for path, layer in zip(layers, data):
        try:
            erofs.hold_layer(layer)
        except erofs.Malformed as error:
            raise erofs.Malformed(f"{path}: {error}") from error
    merged = erofs.hold_fsmeta(read_file(f"{cache}/{fsmeta}"), data)
    extents = vmdk.read(read_file(f"{cache}/{descriptor}"))
    wanted = [os.path.realpath(f"{cache}/{path}") for path in [fsmeta, *layers]]
    folder = os.path.dirname(f"{cache}/{descriptor}")
    found = [os.path.realpath(os.path.join(folder, path.replace(cache_was or cache, cache))) for path, _ in extents]
    require(found == wanted, f"{descriptor}: {found} instead of {wanted}")
    require([size for _, size in extents] == [os.path.getsize(path) for path in wanted], f"{descriptor}: sizes")
    return metadata, merged
