"""A whole home: every row, every artifact, every sandbox and every image, each held against the others."""

import json
import os

from . import cached, database, descriptor, ext4, require


class Home:
    """What a home has, read strictly. Not `exact`: images that a release pulled may keep a manifest in other bytes."""

    def __init__(self, root, exact=True, fresh=True):
        self.root = root
        self.database = database.Database(f"{root}/db/msb.db").hold()
        self.images = {row["reference"]: cached.read(f"{root}/cache", row["reference"], exact)
                       for row in self.database.rows("image_ref")}
        self.snapshots = dict(self.artifacts())
        self.hold_index()
        for row in self.database.rows("sandbox"):
            self.hold_sandbox(row, fresh)

    def artifacts(self):
        folder = f"{self.root}/snapshots"
        for name in sorted(os.listdir(folder) if os.path.isdir(folder) else []):
            require(not name.startswith("."), f"snapshots/{name}: left behind")
            yield name, descriptor.open_artifact(f"{folder}/{name}", verify=True)

    def hold_index(self):
        form = "snapshot.json" if self.database.migrations >= database.TRANSITION else "manifest.json"
        for row in self.database.rows("snapshot_index"):
            path = row["artifact_path"]
            require(os.path.isabs(path) and row["name"] == os.path.basename(path), f"{path}: row")
            found = descriptor.open_artifact(path)
            if self.database.migrations == database.TRANSITION:
                require((found.upper["integrity"] or {}).get("algorithm") == "msb-sparse-sha256-v1",
                        f"{path}: no digest that its owner opens")
            image = found.image
            told = (row["digest"], row["parent_digest"], row["image_ref"], row["image_manifest_digest"])
            require(told == (found.digest, found.parent, image["ref"], image["manifest_digest"]), f"{path}: row")
            require(found.form == form, f"{path}: {found.form} in a home of the other generation")
            state = found.value.get("state", found.value)
            told = (row["format"], row["fstype"], row["size_bytes"])
            require(told == (state["format"], state["fstype"], found.upper["size_bytes"]), f"{path}: row")
            created = descriptor.normal_time(found.value["created_at"])
            require(descriptor.normal_time(row["created_at"] + "Z") == created, f"{path}: time")
        indexed = {row["artifact_path"] for row in self.database.rows("snapshot_index")}
        for name in self.snapshots:
            require(os.path.realpath(f"{self.root}/snapshots/{name}") in set(map(os.path.realpath, indexed)),
                    f"{name}: not in the index")

    def hold_sandbox(self, row, fresh):
        config, where = json.loads(row["config"]), f"sandbox {row['name']}"
        image = config["image"]["Oci"]
        later = self.database.migrations >= database.ROOT_DISK
        disk = image.get("root_disk", {"kind": "managed"})
        require(disk["kind"] == "managed" and (later or disk.keys() == {"kind"}), f"{where}: root disk")
        require(not (later and "upper_size_mib" in image), f"{where}: a size as older releases have it")
        require(isinstance(config["manifest_digest"], str) and config["name"] == row["name"], where)
        disk = f"{self.root}/sandboxes/{row['name']}/upper.ext4"
        if fresh and not os.path.exists(f"{self.root}/sandboxes/{row['name']}/origin.json"):
            ext4.hold_fresh(disk)
        size = image.get("root_disk", {}).get("size_mib") if later else image.get("upper_size_mib")
        require(size is None or os.path.getsize(disk) == size << 20, f"{where}: size")
