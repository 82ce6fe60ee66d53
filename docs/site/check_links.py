"""Every link of every document leads somewhere: to a file of the repository, and to a heading in it.

Usage: check_links.py REPOSITORY
"""

import os
import pathlib
import re
import subprocess
import sys

repository = pathlib.Path(sys.argv[1]).resolve()


def prose(text: str) -> str:
    """The text without code, in which brackets mean other things."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))


def anchors(text: str) -> set[str]:
    """The fragments that headings get, as hosting sites and mkdocs make them."""
    found = set()
    for heading in re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        found.add(re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-"))
    return found


listed = subprocess.run(["git", "-C", str(repository), "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
                        check=True, stdout=subprocess.PIPE, text=True).stdout.split()
problems = []
count = 0
for name in listed:
    page = repository / name
    if name.startswith("tests/golden/") or not page.is_file():
        continue
    text = page.read_text("utf-8")
    for target, fragment in re.findall(r"\]\(([^)#\s]*)(#[^)\s]*)?\)", prose(text)):
        if "://" in target or target.startswith("mailto:"):
            continue
        count += 1
        goal = page if not target else page.parent / target
        if not os.path.exists(goal):
            problems.append(f"{name}: {target} is not there")
        elif fragment and goal.suffix == ".md" and fragment[1:] not in anchors(goal.read_text("utf-8")):
            problems.append(f"{name}: {target or name} has no heading for {fragment}")
print("\n".join(problems) or f"{count} links in {len(listed)} documents lead somewhere")
sys.exit(bool(problems))
