"""Help, man pages and completion say the same: every command and option of a help text is in all of them, and no help text
is wider than 80 columns. Usage: check_table.py MSBCTL"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

msbctl = os.path.abspath(sys.argv[1])
problems = []


def run(*arguments):
    return subprocess.run([msbctl, *arguments], check=True, capture_output=True, text=True).stdout


def section(text, title):
    """Lines of a section of a help text that begin an entry."""
    found = re.search(rf"^{title}:\n((?:  .*\n)*)", text, re.MULTILINE)
    return re.findall(r"^  {1,6}(\S.*)", found.group(1), re.MULTILINE) if found else []


def walk(path):
    """Every command with its options."""
    text = run(*path, "--help")
    for line in text.splitlines():
        if len(line) > 80:
            problems.append(f"help of {' '.join(path) or 'msbctl'} is too wide: {line}")
    entries = [line for line in section(text, "Options") if line.startswith("-")]
    yield path, [option for line in entries for option in re.findall(r"(?<![a-z])--?[a-z][a-z-]*", line.split("  ")[0])]
    for line in section(text, "Commands"):
        if re.match(r"[a-z]", line):
            yield from walk(path + [re.match(r"[a-z]+", line).group()])


shells = {shell: run("completion", shell) for shell in ("bash", "zsh", "fish")}
for shell, script in shells.items():
    if shutil.which(shell):
        subprocess.run([shell, "-n", "/dev/stdin"], input=script, text=True, check=True)

with tempfile.TemporaryDirectory() as folder:
    run("__manual", folder)
    pages = {}
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            pages[name] = file.read().replace("\\-", "-")

count = 0
for path, options in walk([]):
    full = " ".join(["msbctl", *path])
    page = pages["-".join(["msbctl", *path[:1]]) + ".1"]
    if len(path) == 2:
        page = re.search(rf"^\.SS {path[1]}\b.*?(?=^\.S[SH])", page, re.MULTILINE | re.DOTALL).group()
    for option in options:
        count += 1
        if option not in page:
            problems.append(f"{full} {option} is not in the man page")
        fish = rf"-{'l' if option.startswith('--') else 's'} {option.lstrip('-')}\b"
        at = re.escape(f"'__msbctl_at {full}'") if path else r"complete -c msbctl "
        if not re.search(rf"{at}.*{fish}", shells["fish"]):
            problems.append(f"{full} {option} is not in the completion of fish")
        for shell in ("bash", "zsh"):
            arm = re.search(rf"^    '{full}'\)\n(.*?);;$", shells[shell], re.MULTILINE | re.DOTALL)
            if not arm or (path and not re.search(rf"{option}\b", arm.group(1))):
                problems.append(f"{full} {option} is not in the completion of {shell}")

print("\n".join(problems) or f"{count} options are the same everywhere")
sys.exit(bool(problems) or count == 0)
