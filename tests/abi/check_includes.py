"""Every #include of src goes down: to the module itself or to one that it names under USES, directly or through others.
Usage: check_includes.py SRC MODULES_FILE   with one line per module, 'name: uses...'"""

import os
import re
import sys

src, modules_file = sys.argv[1:]
with open(modules_file, encoding="utf-8") as file:
    uses = {name: used.split() for name, used in (line.strip().split(":") for line in file)}


def reachable(module, path=()):
    """All that a module may include; fails on a circle."""
    if module in path:
        sys.exit(f"modules use each other in a circle: {' -> '.join((*path, module))}")
    return {module}.union(*(reachable(used, (*path, module)) for used in uses[module]))


problems = []
count = 0
for module in uses:
    allowed = reachable(module)
    for folder, _, files in os.walk(os.path.join(src, module)):
        for name in sorted(f for f in files if f.endswith((".h", ".cpp", ".c", ".def"))):
            path = os.path.join(folder, name)
            with open(path, encoding="utf-8") as file:
                includes = re.findall(r'^#include "([^"]+)"', file.read(), re.MULTILINE)
            for include in includes:
                count += 1
                if include == "microsandbox.h" and module in ("capi", "cli"):
                    continue
                target = include.split("/")[0]
                if not os.path.exists(os.path.join(src, include)) or target not in allowed:
                    problems.append(f"{os.path.relpath(path, src)}: \"{include}\" is not below {module} "
                                    f"(uses {' '.join(uses[module]) or 'nothing'})")
print("\n".join(problems) or f"{count} includes in {len(uses)} modules, all downwards")
sys.exit(bool(problems))
