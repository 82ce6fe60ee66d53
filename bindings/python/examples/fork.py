"""Install once, snapshot, fork many times: a sandbox, a snapshot of it, and two sandboxes made from that.

Usage: python fork.py IMAGE_ARCHIVE
"""
import asyncio
import sys

from microsandbox import Image, Sandbox, Snapshot


async def main(archive: str) -> None:
    [image] = await Image.load(archive)
    await Sandbox.create("base", image=image.reference)
    # … `msb start base`, install what is needed, `msb stop base` …
    ready = await Snapshot.create("base", name="ready", labels={"stage": "installed"}, record_integrity=True)
    report = await ready.verify()
    print("snapshot is", report["upper"]["kind"])

    await asyncio.gather(*(Sandbox.create(name, from_snapshot="ready", replace=True) for name in ("left", "right")))
    child = await (await Sandbox.get("left")).snapshot("left-done")
    print("derived from it:", child.parent == ready.digest)

    await Snapshot.export("left-done", "left-done.tar.zst", with_parents=True, with_image=True)
    for handle in await Snapshot.list():
        print(handle.name, handle.size_bytes)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
