"""Install once, snapshot, fork many times.

Usage: python fork.py IMAGE [ACCELERATOR]

IMAGE is a reference, or an archive that `docker save` wrote. Needs QEMU and a kernel: qemu-system-x86,
linux-image-cloud-amd64.
"""
import asyncio
import os
import sys

from microsandbox import Image, Sandbox, Snapshot


async def main(image: str, accelerator: str = "auto") -> None:
    if os.path.exists(image):
        [loaded, *_] = await Image.load(image)
        image = loaded.reference

    # A sandbox, in which one command installs what is needed.
    await Sandbox.create("base", image=image, boot=False)
    done = await Sandbox.run("base", ["/bin/sh", "-c", "mkdir -p /opt && echo ready made > /opt/tool"],
                             accelerator=accelerator)
    print("installed:", done.success)
    ready = await Snapshot.create("base", name="ready", labels={"stage": "installed"}, record_integrity=True)
    print("snapshot is", (await ready.verify())["upper"]["kind"])

    # Forks begin where it stood. They share its blocks, and not what they write.
    await asyncio.gather(*(Sandbox.create(name, from_snapshot="ready", boot=False) for name in ("left", "right")))
    left = await Sandbox.get("left")
    found = await left.run(["/bin/cat", "/opt/tool"], accelerator=accelerator)
    print("left sees:", found.stdout_text.strip())
    child = await left.snapshot("left-done")
    print("derived from it:", child.parent == ready.digest)

    await Snapshot.export("left-done", "left-done.tar.zst", with_parents=True, with_image=True)
    for handle in await Snapshot.list():
        print(handle.name, handle.size_bytes)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
