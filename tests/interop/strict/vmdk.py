"""The descriptor that joins fsmeta and layers into one disk (formats/images.md §7)."""

import re

from . import require

HEAD = """# Disk DescriptorFile
version=1
CID=fffffffe
parentCID=ffffffff
createType="twoGbMaxExtentFlat"

# Extent description
"""
TAIL = """
# The Disk Data Base
#DDB
ddb.virtualHWVersion = "4"
ddb.geometry.cylinders = "{cylinders}"
ddb.geometry.heads = "16"
ddb.geometry.sectors = "63"
ddb.adapterType = "ide"
"""
SECTOR = 512


def read(data):
    """The (path, bytes) of its extents; everything around them has to be as the releases write it."""
    text = data.decode()
    extents = re.findall(r'^RW (\d+) FLAT "([^"\n]+)" 0$', text, re.MULTILINE)
    sectors = sum(int(count) for count, _ in extents)
    lines = "".join(f'RW {count} FLAT "{path}" 0\n' for count, path in extents)
    require(text == HEAD + lines + TAIL.format(cylinders=-(-sectors // 1008)), "vmdk: not as it is written")
    return [(path, int(count) * SECTOR) for count, path in extents]
