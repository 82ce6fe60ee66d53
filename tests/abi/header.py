"""Reads include/microsandbox.h as far as its tests need: functions with their comments, macros, enumerators."""

import re
from collections import namedtuple

Function = namedtuple("Function", "name result parameters comment")

FUNCTION = re.compile(
    r"(?P<comment>/\*\*(?:(?!\*/).)*\*/)?\s*"
    r"^MSB_API\s+(?P<result>[\w\s*]*?)(?P<name>msb_\w+)\((?P<parameters>[^()]*)\);",
    re.DOTALL | re.MULTILINE)


class Header:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.text = file.read()
        self.functions = [
            Function(m["name"], m["result"].strip(), split_parameters(m["parameters"]), m["comment"] or "")
            for m in FUNCTION.finditer(self.text)
        ]
        self.macros = re.findall(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", self.text, re.MULTILINE)
        # Structs whose first member tells how much of them the caller knows: they may grow at their end.
        self.growing = re.findall(r"^typedef struct (\w+) \{\s*size_t struct_size;", self.text, re.MULTILINE)
        self.initialisers = re.findall(r"#define (MSB_\w+_INIT) \{ sizeof\((\w+)\)", self.text)

    def enumerators(self, prefix):
        return {name: int(value) for name, value in re.findall(rf"\b({prefix}\w*) = (\d+)", self.text)}


def split_parameters(text):
    """['const char *name', ...]; none for (void)."""
    parameters = [" ".join(p.split()) for p in text.split(",")]
    return [] if parameters == ["void"] else parameters


def parameter_name(parameter):
    return re.search(r"(\w+)$", parameter)[1]
