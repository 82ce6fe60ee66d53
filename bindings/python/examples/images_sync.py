"""Without await, for scripts: two homes, a deadline, and what a prune gives back.

Usage: python images_sync.py ARCHIVE HOME
"""
import sys

from microsandbox import Client, deadline
from microsandbox.sync import Image


def main(archive: str, home: str) -> None:
    with Client(home), deadline(60):
        Image.load(archive)
        for image in Image.list():
            print(image.reference, image.manifest_digest)
        report = Image.prune()
        print(f"pruned {report.image_refs_removed} images, {report.bytes_reclaimed} bytes")
    print(f"{len(Image.list())} images in the default home")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
