"""The programs that README.md shows in other languages are programs that the tests of their bindings run.

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
readme = (repository / "README.md").read_text(encoding="utf-8")
problems = []
for language, files in places.items():
    blocks = re.findall(r"^```" + language + r"\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    if not blocks:
        problems.append(f"README.md shows nothing in {language}")
    for block in blocks:
        if not any(block in file.read_text(encoding="utf-8") for file in files):
            problems.append(f"no test runs the {language} of README.md that begins: {block.splitlines()[0]}")
for link in re.findall(r"\]\(([^)#]+)\)", readme):
    if "://" not in link and not (repository / link).exists():
        problems.append(f"README.md points to {link}, which is not there")
print("\n".join(problems) or "what README.md shows is what is tested")
sys.exit(bool(problems))
