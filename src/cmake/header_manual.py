#!/usr/bin/env python3
"""Makes the manual page microsandbox(3) of the public header, which is its only source.

usage: header_manual.py HEADER VERSION > microsandbox.3
"""
import re
import sys


def roff(text):
    """Text as roff takes it: backslashes and hyphens escaped, `code` in bold, no line that begins a request."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = re.sub(r"`([^`]+)`", r"\\fB\1\\fR", text)
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in text.split("\n"))


def literal(text):
    return ".EX\n" + roff(text).replace("\\fB", "`").replace("\\fR", "`") + "\n.EE"


def uncomment(comment):
    lines = re.sub(r"\s*\*/$", "", comment.strip()).split("\n")
    lines = [re.sub(r"^(/\*\*?| \*) ?", "", line) for line in lines]
    return "\n".join(lines).strip("\n")


def overview(header):
    """The rules in the comment that the header begins with, a paragraph each."""
    text = uncomment(header[: header.index("*/") + 2])
    out = []
    for paragraph in re.split(r"\n\n|\n(?=  [A-Z])", text)[1:]:
        rule = re.match(r"  (\w+)  +(.*)", paragraph, re.S)
        if rule:
            out.append(".TP\n.B " + rule[1] + "\n" + roff(re.sub(r"\n +", "\n", rule[2])))
        else:
            out.append(".PP\n" + roff(re.sub(r"\n +", "\n", paragraph.strip())))
    return "\n".join(out)


def function(comment, prototype):
    """One documented function: what it does, its parameters, and how it fails."""
    name = re.search(r"(\w+)\(", prototype)[1]
    out = [".SS " + name, literal(prototype.replace("MSB_API ", "", 1))]
    for part in re.split(r"\n(?=@)", uncomment(comment)):
        tag = re.match(r"@(\w+) +(.*)", part, re.S)
        if not tag:
            out.append(".PP\n" + roff(part.strip()))
            continue
        kind, text = tag[1], re.sub(r"\n +", "\n", tag[2].strip())
        if kind == "since":
            continue
        if kind == "return":
            out.append(".TP\n.I returns\n" + roff(text))
            continue
        what, _, meaning = text.partition("  ")
        out.append(".TP\n" + (".I " if kind == "param" else ".B ") + roff(what) + "\n" + roff(meaning.strip() or "\\&"))
    return "\n".join(out)


def main():
    header = open(sys.argv[1], encoding="utf-8").read()
    print('.TH MICROSANDBOX 3 "" "libmicrosandbox ' + sys.argv[2] + '" "Library Functions"')
    print(".SH NAME\nmicrosandbox \\- disk snapshots and the OCI image cache of microsandbox")
    print(".SH SYNOPSIS\n.B #include <microsandbox.h>\n.PP\nLink with\n.I \\-lmicrosandbox\n"
          "(pkg\\-config module\n.IR microsandbox ).")
    print(".SH DESCRIPTION\n" + overview(header))
    for section in re.split(r"\n/\* \-\-\-\- ", header)[1:]:
        title = section[: section.index(" --")]
        entries = [function(*entry) for entry in re.findall(r"(/\*\*\n.*?\*/)\n(MSB_API [^;]+;)", section, re.S)]
        types = re.findall(r"((?:enum|typedef struct \w+) \{.*?\n\}[^;]*;)", section, re.S)
        if not entries and not types:
            continue
        print(".SH " + title.upper())
        for declaration in types:
            print(literal(declaration))
        print("\n".join(entries))
    print(".SH SEE ALSO\n.BR msbctl (1)")


main()
