"""The version stands in CMakeLists.txt; what is used without CMake states it again, and this holds them together.
Usage: version.py REPOSITORY        each place states the same version
       version.py REPOSITORY X.Y.Z  write it into each place"""

import pathlib
import re
import sys

repository = pathlib.Path(sys.argv[1])
PLACES = {
    "CMakeLists.txt": [r"(?<=project\(microsandbox VERSION )[\d.]+"],
    "include/microsandbox.h": [r"(?<=define MSB_VERSION_MAJOR )\d+", r"(?<=define MSB_VERSION_MINOR )\d+",
                               r"(?<=define MSB_VERSION_PATCH )\d+"],
    "bindings/go/setup.go": [r'(?<=sdkVersion = ")[\d.]+'],
    "bindings/python/pyproject.toml": [r'(?<=^version = ")[\d.]+'],
    "bindings/python/src/microsandbox/__init__.py": [r'(?<=__version__ = ")[\d.]+'],
    "bindings/node/package.json": [r'(?<=^  "version": ")[\d.]+'],
    "bindings/node/package-lock.json": [r'(?<=^  "version": ")[\d.]+', r'(?<="name": "microsandbox",\n      "version": ")[\d.]+'],
}

problems = []
version = sys.argv[2] if len(sys.argv) > 2 else None
for place, patterns in PLACES.items():
    path = repository / place
    text = path.read_text("utf-8")
    found = [match for pattern in patterns for match in re.finditer(pattern, text, re.MULTILINE)]
    if len(found) != len(patterns):
        sys.exit(f"{place}: {len(patterns)} places for the version, {len(found)} found")
    parts = [match.group() for match in found]
    whole = ".".join(parts) if "." not in parts[0] else parts[0]
    if len(sys.argv) > 2:
        wanted = version.split(".") if "." not in parts[0] else [version] * len(parts)
        for match, value in sorted(zip(found, wanted), key=lambda pair: -pair[0].start()):
            text = text[:match.start()] + value + text[match.end():]
        path.write_text(text, "utf-8")
    else:
        version = version or whole
        if any(part != version for part in (parts if "." in parts[0] else [whole])):
            problems.append(f"{place} says {whole}, CMakeLists.txt {version}")
print("\n".join(problems) or f"version {version}")
sys.exit(bool(problems))
