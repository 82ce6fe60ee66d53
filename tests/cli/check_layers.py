"""Boots images of many layers, up to more than a bus has places and a disk partitions, and reads a file of each layer.

Usage: check_layers.py MSBCTL
"""

import os
import resource
import subprocess
import sys
import tempfile
import time

import demo_image

COUNTS = (104, 137, 400)
SECONDS = 300


def write_image(path, count):
    """Each layer has a file of its own, and one that all have: the last one's counts."""
    base = demo_image.tar_of([("bin", None), ("bin/busybox", demo_image.busybox(), 0o755), ("l", None),
                              ("dev", None), ("proc", None), ("sys", None), ("tmp", None)])
    layers = [base]
    for number in range(1, count):
        layers.append(demo_image.tar_of([("l", None), (f"l/{number}", b"%d\n" % number), ("last", b"%d\n" % number)]))
    demo_image.save(path, f"demo/layers:{count}", layers, {"Env": ["PATH=/bin"]})


def main():
    msbctl = sys.argv[1]
    reason = demo_image.no_machines()
    if reason:
        print("skipped:", reason)
        return 77
    # As many a shell has it: fewer than QEMU needs for the last image.
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    with tempfile.TemporaryDirectory() as work:
        home = ["--home", os.path.join(work, "home")]

        def run(*arguments):
            return subprocess.run([msbctl, *home, *arguments], check=True, stdout=subprocess.PIPE, text=True,
                                  timeout=SECONDS).stdout

        run("init")
        for count in COUNTS:
            archive = os.path.join(work, "image.tar")
            write_image(archive, count)
            run("image", "load", "-i", archive)
            os.unlink(archive)
            start = time.monotonic()
            said = run("run", "--accelerator", "tcg", f"demo/layers:{count}", "--", "/bin/busybox", "sh", "-c",
                       "cd /l; busybox cat $(busybox ls | busybox sort -n) /last")
            wanted = "".join(f"{number}\n" for number in [*range(1, count), count - 1])
            assert said == wanted, f"{count} layers: {said}"
            print(f"{count} layers: {time.monotonic() - start:.1f} s")
    return 0


sys.exit(main())
