"""Writes a small image the way `docker save` does, the same bytes each time. Usage: demo_image.py OUT.tar"""

import glob
import hashlib
import io
import json
import shutil
import sys
import tarfile


def tar_of(members):
    """Members are (name, content) and perhaps a mode, content being bytes of a file, None for a directory."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content, *mode in members:
            info = tarfile.TarInfo(name)
            info.mtime = 1_760_000_000
            if content is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(info)
            else:
                info.size, info.mode = len(content), mode[0] if mode else 0o644
                tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def busybox():
    """The bytes of a program that needs no libraries and is a shell; None where there is none."""
    for path in ("/bin/busybox", "/usr/bin/busybox"):
        try:
            with open(path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            continue
    return None


def no_machines():
    """Why none can run here; None when they can."""
    if not shutil.which("qemu-system-x86_64"):
        return "no QEMU, install qemu-system-x86"
    if not glob.glob("/boot/vmlinuz-*"):
        return "no kernel, install linux-image-amd64"
    return None if busybox() else "no program for an image, install busybox-static"


def write_shell(path, tag="demo/shell:1"):
    """An image that machines can run something of."""
    layer = tar_of([("bin", None), ("bin/sh", busybox(), 0o755), ("bin/nothing", b"no program", 0o755), ("etc", None),
                    ("etc/motd", b"hello\n"), ("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n"), ("root", None),
                    ("proc", None), ("sys", None), ("dev", None), ("tmp", None)])
    save(path, tag, [layer], {"Cmd": ["/bin/sh", "-c", "cat /etc/motd"], "Env": ["PATH=/bin"], "WorkingDir": "/root"})


def write(path, tag="demo/app:1"):
    layers = [
        tar_of([("etc", None), ("etc/motd", b"hello\n"), ("bin", None), ("bin/data", bytes(range(256)) * 400)]),
        tar_of([("etc", None), ("etc/motd", b"hello again\n"), ("etc/.wh.old", b"")]),
    ]
    save(path, tag, layers, {"Cmd": ["/bin/sh", "-c", "cat /etc/motd"], "Env": ["PATH=/bin", "LANG=C"],
                             "WorkingDir": "/srv", "User": "1000", "StopSignal": "SIGINT",
                             "Labels": {"stage": "test", "team": "core"}})


def save(path, tag, layers, settings):
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "config": settings,
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest() for layer in layers]},
    }).encode()
    manifest = [{"Config": "config.json", "RepoTags": [tag],
                 "Layers": [f"{index}/layer.tar" for index in range(len(layers))]}]
    members = [(f"{index}/layer.tar", layer) for index, layer in enumerate(layers)]
    members += [("config.json", config), ("manifest.json", json.dumps(manifest).encode())]
    with open(path, "wb") as file:
        file.write(tar_of(members))


if __name__ == "__main__":
    write(*sys.argv[1:])
