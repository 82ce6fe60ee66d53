"""What the ABI baseline is made of, from the header alone.

stub.py code HEADER          a source file, C and C++ alike, that defines every function and uses every INIT
stub.py suppressions HEADER  for abidiff: structs that may grow at their end
"""

import sys

from header import Header, parameter_name


def print_code(header):
    print('#include "microsandbox.h"\n')
    for function in header.functions:
        print(f"{function.result} {function.name}({', '.join(function.parameters) or 'void'}) {{")
        for parameter in function.parameters:
            print(f"    (void){parameter_name(parameter)};")
        print("    __builtin_trap();\n}")
    for macro, struct in header.initialisers:
        print(f"{struct} stub_{struct} = {macro};")


def print_suppressions(header):
    for struct in header.growing:
        print(f"[suppress_type]\n  type_kind = struct\n  name = {struct}\n  has_data_member_inserted_at = end\n")


{"code": print_code, "suppressions": print_suppressions}[sys.argv[1]](Header(sys.argv[2]))
