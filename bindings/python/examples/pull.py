"""Pulls an image, and tells how far it is.

Usage: python pull.py REFERENCE [--insecure]
"""
import asyncio
import sys

from microsandbox import Image, Progress


def show(event: Progress) -> None:
    if event.phase == "downloading" and event.total and event.done == event.total:
        print(f"layer {event.index + 1} of {event.count}: {event.total} bytes", file=sys.stderr)


async def main(reference: str, *options: str) -> None:
    result = await Image.pull(reference, insecure="--insecure" in options, on_progress=show)
    print(f"{result.reference}: {result.layers_fetched} layers fetched, {result.layers_skipped} there already")
    print(result.manifest_digest)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
