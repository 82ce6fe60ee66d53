"""Loads an image archive, shows what is in it, saves it again, and takes it away.

Usage: python images.py ARCHIVE OUT
"""
import asyncio
import sys

from microsandbox import Image, ImageArchiveFormat, ImageNotFoundError, Progress


def show(event: Progress) -> None:
    if event.total:
        print(f"{event.phase}: {100 * event.done // event.total} %", file=sys.stderr)


async def main(archive: str, out: str) -> None:
    for image in await Image.load(archive, on_progress=show):
        print(f"loaded {image.reference}: {image.layer_count} layers, {image.size_bytes} bytes")
        detail = await image.inspect()
        if detail.config is not None and detail.config.cmd is not None:
            print("  runs", " ".join(detail.config.cmd))
        await Image.save(image.reference, output_path=out, format=ImageArchiveFormat.OCI)
        await image.remove()
        try:
            await Image.get(image.reference)
        except ImageNotFoundError as error:
            print(error)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
