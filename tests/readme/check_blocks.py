"""The programs that the guide shows in other languages are programs that the tests of their bindings run.

Usage: check_blocks.py REPOSITORY
"""

import pathlib
import re
import sys

repository = pathlib.Path(sys.argv[1])
places = {
    "python": list(repository.glob("bindings/python/examples/*.py")),
    "go": [repository / "bindings/go/README.md"],
    "js": [repository / "bindings/node/README.md"],
}
page = "docs/guide/from-a-program.md"
shown = (repository / page).read_text(encoding="utf-8")
problems = []
for language, files in places.items():
    blocks = re.findall(r"^```" + language + r"\n(.*?)^```$", shown, re.MULTILINE | re.DOTALL)
    if not blocks:
        problems.append(f"{page} shows nothing in {language}")
    for block in blocks:
        if not any(block in file.read_text(encoding="utf-8") for file in files):
            problems.append(f"no test runs the {language} of {page} that begins: {block.splitlines()[0]}")
print("\n".join(problems) or "what the guide shows is what is tested")
sys.exit(bool(problems))
