"""The header holds to its own rules: documented functions, no inline code, no macros but the ones every language can
do without. Usage: check_header.py HEADER"""

import re
import sys

from header import Header, parameter_name

ALLOWED_MACRO = re.compile(r"MICROSANDBOX_H|MSB_API|MSB_VERSION_(MAJOR|MINOR|PATCH)|MSB_ABI_VERSION|MSB_\w+_INIT")

header = Header(sys.argv[1])
problems = [f"macro {name}: only versions, visibility and INITs" for name in header.macros
            if not ALLOWED_MACRO.fullmatch(name)]
if re.search(r"\binline\b", re.sub(r"/\*.*?\*/", "", header.text, flags=re.DOTALL)):
    problems.append("inline code: bindings cannot see it")
if len(header.functions) != len(re.findall(r"^MSB_API ", header.text, re.MULTILINE)):
    problems.append("a line with MSB_API is no declaration as the others are")
for function in header.functions:
    if not re.search(r"@since \d+\.\d+", function.comment):
        problems.append(f"{function.name}: no comment with @since right before it")
    for parameter in map(parameter_name, function.parameters):
        if not re.search(rf"@param {parameter}\b", function.comment):
            problems.append(f"{function.name}: parameter {parameter} has no @param")

print("\n".join(problems) or f"{len(header.functions)} functions, all in order")
sys.exit(bool(problems))
