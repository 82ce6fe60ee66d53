"""The table of docs/compatibility.md and the tests that it speaks of: each cell has a test, and each such test a cell.
Usage: check_table.py DOCUMENT"""

import re
import sys

import msb_test
import releases_test

HEAD = "| with microsandbox |"


def rows_of(path):
    """(releases, rows); a row is what it is about, its cells by release, and its test."""
    with open(path, encoding="utf-8") as file:
        lines = iter(file.read().splitlines())
    head = next((line for line in lines if line.startswith(HEAD)), None)
    if head is None:
        sys.exit(f"{path}: no table that begins with {HEAD!r}")
    releases = [cell.strip() for cell in head.split("|")[2:-2]]
    next(lines)
    rows = []
    for line in lines:
        if not line.startswith("|"):
            return releases, rows
        what, *cells, test = [cell.strip() for cell in line.split("|")[1:-1]]
        rows.append((what, dict(zip(releases, cells)), re.fullmatch(r"`(\w+)`", test)[1]))
    return releases, rows


def tests():
    """(release, test) of every test that is about a release."""
    found = set()
    for module in (msb_test, releases_test):
        for name, group in vars(module).items():
            release = re.fullmatch(r"(?:Msb|Home)_(\d+)_(\d+)_(\d+)", name)
            if release:
                found |= {(".".join(release.groups()), test[5:]) for test in dir(group) if test.startswith("test_")}
    return found


def main():
    _, rows = rows_of(sys.argv[1])
    told = {(release, test) for _, cells, test in rows for release, cell in cells.items() if cell}
    problems = [f"the table names {test} with {release}, and there is no such test" for release, test in told - tests()]
    problems += [f"the table does not name {test} with {release}" for release, test in tests() - told]
    print("\n".join(sorted(problems)) or f"{len(told)} cells, each with its test")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
