"""Runs the session that README.md shows (its block of kind `console`) and compares what it prints. Digests, sizes and times
may differ. Usage: session.py MSBCTL README [--update]"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
MASKS = [(r"(sha256|blake3):[0-9a-f]+", "DIGEST"), (r"\d+(\.\d+)? ([KMG]i)?B\b", "SIZE"), (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME"),
         (r"~?/\S*/\.microsandbox", "HOME"), (r" \(\d+\.\ds\)", ""), (r" +", " ")]


def masked(text: str) -> str:
    for pattern, shown in MASKS:
        text = re.sub(pattern, shown, text)
    return text.strip()


def main() -> int:
    msbctl, readme = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    busybox = shutil.which("busybox")
    if not busybox:
        print("skipped: no busybox to make an image of, install busybox-static")
        return 77
    text = readme.read_text("utf-8")
    block = re.search(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL).group(1)
    with tempfile.TemporaryDirectory() as work:
        subprocess.run([HERE / "../demo/make_image.sh", busybox, f"{work}/image.tar"], check=True)
        environment = {**os.environ, "PATH": f"{msbctl.parent}:{os.environ['PATH']}", "HOME": work, "LC_ALL": "C.UTF-8"}
        environment.pop("MSB_HOME", None)
        shown = ""
        for command in re.findall(r"^\$ (.*)$", block, re.MULTILINE):
            done = subprocess.run(["bash", "-c", command], cwd=work, env=environment, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            shown += f"$ {command}\n{done.stdout.replace(work, '/home/you')}"
            if done.returncode != 0:
                print(f"{shown}exit status {done.returncode}")
                return 1
    if sys.argv[3:] == ["--update"]:
        readme.write_text(text.replace(block, shown), "utf-8")
    elif masked(shown) != masked(block):
        print(f"README.md shows:\n{block}\nand the session prints:\n{shown}")
        return 1
    return 0


sys.exit(main())
