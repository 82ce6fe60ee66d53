"""The header's MSB_ERR_ values are the rows of the status table. Usage: check_statuses.py HEADER STATUS_DEF"""

import re
import sys

from header import Header

header_path, table_path = sys.argv[1:]
enumerators = Header(header_path).enumerators("MSB_ERR_")
with open(table_path, encoding="utf-8") as file:
    rows = re.findall(r"^MSB_STATUS\((\w+), (\d+),", file.read(), re.MULTILINE)
table = {f"MSB_ERR_{name.upper()}": int(value) for name, value in rows}

problems = [f"{name}: {enumerators.get(name)} in the header, {table.get(name)} in the table"
            for name in sorted(enumerators.keys() | table.keys()) if enumerators.get(name) != table.get(name)]
if len(set(table.values())) != len(rows):
    problems.append("a value stands twice in the table")
print("\n".join(problems) or f"{len(table)} statuses agree")
sys.exit(bool(problems))
