"""The manual page has every function of the header, and roff that nothing is wrong with.

Usage: check_manual.py SCRIPT HEADER
"""

import re
import shutil
import subprocess
import sys

from header import Header

script, header_path = sys.argv[1:]
page = subprocess.run([sys.executable, "-B", script, header_path, "0"], check=True, capture_output=True, text=True).stdout
described = set(re.findall(r"^\.SS (\w+)$", page, re.MULTILINE))
problems = [f"{function.name} has no entry" for function in Header(header_path).functions if function.name not in described]
if shutil.which("groff"):
    groff = subprocess.run(["groff", "-man", "-ww", "-z", "-k", "-Tutf8"], input=page, capture_output=True, text=True)
    problems += [line for line in groff.stderr.splitlines() if "can't break line" not in line]
print("\n".join(problems) or f"{len(described)} functions in the manual")
sys.exit(bool(problems))
