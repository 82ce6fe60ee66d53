#!/usr/bin/env python3
"""Makes the image archives that the conformance cases load, the same bytes each time.

Usage: make_inputs.py DIRECTORY

  app.tar      one image, demo/app:1: one layer, config with every member set, labels and environment with Unicode
  bare.tar     one image, demo/bare:1: a config that has none of the optional members
  hollow.tar   one image, demo/hollow:1: optional lists present and empty
  pair.tar     two images, demo/one:1 and demo/two:1, that share their bottom layer
  untagged.tar one image without a reference
  lying.tar    an OCI layout whose layer is not what its digest says
  cut.tar      app.tar without its last half
  large.tar    demo/large:1, one layer of 512 MiB (a sparse file), for work that is stopped
  home-0.7.2/  a home with the empty index of microsandbox 0.7.2
  upstream/    snapshots that microsandbox 0.6.6 has written; from tests/golden/upstream
"""
import hashlib
import io
import json
import os
import pathlib
import platform
import shutil
import sqlite3
import sys
import tarfile
from typing import Any, BinaryIO, Dict, List, Optional, Tuple

LARGE = 512 << 20
BLOCK = 512
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def member(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o644, 1767225600  # 2026-01-01T00:00:00Z
    return info


def tar(files: Dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in files.items():
            archive.addfile(member(name, len(data)), io.BytesIO(data))
    return out.getvalue()


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def docker_archive(images: List[Tuple[Optional[str], Dict[str, Any], List[bytes]]]) -> Dict[str, bytes]:
    """What `docker save` writes, for images of (reference, members of config, layers as tar)."""
    files: Dict[str, bytes] = {}
    manifest = []
    for reference, runtime, layers in images:
        names = [f"{digest(layer)}/layer.tar" for layer in layers]
        config = compact({
            "architecture": ARCHITECTURE, "os": "linux", "config": runtime,
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest(layer)}" for layer in layers]},
        })
        files.update(zip(names, layers))
        files[f"{digest(config)}.json"] = config
        manifest.append({"Config": f"{digest(config)}.json", "RepoTags": [reference] if reference else None,
                         "Layers": names})
    files["manifest.json"] = compact(manifest)
    return files


def lying_layout() -> Dict[str, bytes]:
    layer = tar({"etc/motd": b"hello\n"})
    config = compact({"architecture": ARCHITECTURE, "os": "linux", "config": {},
                      "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest(layer)}"]}})
    descriptor = "application/vnd.oci.image.{}.v1"
    manifest = compact({
        "schemaVersion": 2, "mediaType": descriptor.format("manifest") + "+json",
        "config": {"mediaType": descriptor.format("config") + "+json", "digest": f"sha256:{digest(config)}",
                   "size": len(config)},
        "layers": [{"mediaType": descriptor.format("layer") + ".tar", "digest": f"sha256:{digest(layer)}",
                    "size": len(layer)}],
    })
    index = compact({"schemaVersion": 2, "manifests": [{
        "mediaType": descriptor.format("manifest") + "+json", "digest": f"sha256:{digest(manifest)}",
        "size": len(manifest), "annotations": {"io.containerd.image.name": "demo/lying:1"}}]})
    blob = "blobs/sha256/"
    return {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": index,
            blob + digest(manifest): manifest, blob + digest(config): config,
            blob + digest(layer): layer.replace(b"hello", b"jello")}


def zeros(out: BinaryIO, size: int) -> None:
    out.seek(size - 1, io.SEEK_CUR)
    out.write(b"\0")


def write_large(path: pathlib.Path) -> None:
    """Like docker_archive(), but without ever holding the layer: its zeros are a hole in the file."""
    head = member("data", LARGE).tobuf(tarfile.PAX_FORMAT)
    tail = 2 * BLOCK
    sha = hashlib.sha256(head)
    chunk = bytes(1 << 20)
    for _ in range(LARGE // len(chunk)):
        sha.update(chunk)
    sha.update(bytes(tail))
    diff_id = sha.hexdigest()
    config = compact({"architecture": ARCHITECTURE, "os": "linux", "config": {},
                      "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff_id}"]}})
    manifest = compact([{"Config": f"{digest(config)}.json", "RepoTags": ["demo/large:1"],
                         "Layers": [f"{diff_id}/layer.tar"]}])
    with path.open("wb") as out:
        for name, data in ((f"{digest(config)}.json", config), ("manifest.json", manifest)):
            out.write(member(name, len(data)).tobuf(tarfile.PAX_FORMAT) + data + bytes(-len(data) % BLOCK))
        size = len(head) + LARGE + tail
        out.write(member(f"{diff_id}/layer.tar", size).tobuf(tarfile.PAX_FORMAT) + head)
        zeros(out, LARGE + tail + -size % BLOCK + 2 * BLOCK)


def write_home(home: pathlib.Path, release: str) -> None:
    shutil.rmtree(home, ignore_errors=True)
    (home / "db").mkdir(parents=True)
    schema = pathlib.Path(__file__).resolve().parent.parent / f"interop/schemas/{release}.sql"
    index = sqlite3.connect(home / "db/msb.db")
    index.executescript(schema.read_text("utf-8"))
    index.close()


def copy_upstream(directory: pathlib.Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    golden = pathlib.Path(__file__).resolve().parent.parent / "golden/upstream"
    for name in ("dense4k", "child1"):
        target = directory / name
        target.mkdir(parents=True)
        shutil.copyfile(golden / f"snapshots/0.6.6/snapshots/{name}/manifest.json",
                        target / "manifest.json")
        (target / "upper.ext4").write_bytes(b"0123456789abcdef" * 256)  # as the README there has it


def main(directory: pathlib.Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    base = tar({"bin/greet": b"#!/bin/sh\n", "etc/motd": b"hello\n"})
    top = tar({"etc/motd": "grüße\n".encode()})
    full = {
        "Env": ["PATH=/bin", "GREETING=grüße 世界", "EMPTY="], "Cmd": ["/bin/greet", "--name", "日本"],
        "Entrypoint": ["/bin/sh", "-c"], "WorkingDir": "/root", "User": "1000:1000", "StopSignal": "SIGTERM",
        "Labels": {"org.example.title": "Grüße, 世界 🎉", "org.example.empty": "", "a.first": "1"},
    }
    app = tar(docker_archive([("demo/app:1", full, [base, top])]))
    archives = {
        "app.tar": app,
        "bare.tar": tar(docker_archive([("demo/bare:1", {}, [base])])),
        "hollow.tar": tar(docker_archive([("demo/hollow:1",
                                           {"Env": [], "Cmd": [], "Entrypoint": [], "Labels": {}}, [base])])),
        "pair.tar": tar(docker_archive([("demo/one:1", {}, [base]), ("demo/two:1", {}, [base, top])])),
        "untagged.tar": tar(docker_archive([(None, {}, [base])])),
        "lying.tar": tar(lying_layout()),
        "cut.tar": app[:len(app) // 2],
    }
    for name, data in archives.items():
        (directory / name).write_bytes(data)
    write_large(directory / "large.tar")
    write_home(directory / "home-0.7.2", "0.7.2")
    copy_upstream(directory / "upstream")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
