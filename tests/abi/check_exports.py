"""Exported, mapped and declared are the same functions. Usage: check_exports.py HEADER MAP LIBRARY NM"""

import re
import subprocess
import sys

from header import Header

header_path, map_path, library, nm = sys.argv[1:]
declared = {function.name for function in Header(header_path).functions}
with open(map_path, encoding="utf-8") as file:
    mapped = set(re.findall(r"^\s*(\w+);$", re.sub(r"/\*.*?\*/", "", file.read(), flags=re.DOTALL), re.MULTILINE))
symbols = subprocess.run([nm, "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout
exported = {line.split()[2].split("@")[0] for line in symbols.splitlines() if " A " not in line}

problems = []
for name in sorted(declared | mapped | exported):
    places = [place for place, names in (("the header", declared), ("the map", mapped), ("the library", exported))
              if name not in names]
    if places:
        problems.append(f"{name} is not in {' and '.join(places)}")
print("\n".join(problems) or f"{len(declared)} functions in header, map and library")
sys.exit(bool(problems))
