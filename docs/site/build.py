"""Builds the documentation site: gathers the pages of the repository, makes a reference for each language from its own
source, and runs mkdocs on them. Every link is checked: a broken one fails.

Usage: build.py REPOSITORY BUILD_DIR MSBCTL
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

repository = pathlib.Path(sys.argv[1]).resolve()
build = pathlib.Path(sys.argv[2]).resolve()
msbctl = sys.argv[3]
pages = build / "pages"
source = "https://git.invalid/libmicrosandbox/blob/main"  # replaced by MSB_DOCS_SOURCE where the site is published


def run(*command: str, **options) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def documents() -> list[pathlib.Path]:
    listed = run("git", "-C", str(repository), "ls-files", "--cached", "--others", "--exclude-standard", "--",
                 "*.md", "docs/*.svg")
    names = [pathlib.Path(name) for name in listed.split() if not name.startswith("tests/golden/")]
    return [name for name in names if (repository / name).is_file()]


def gather() -> None:
    """Copies every document to its own place, so that links between them hold; links to code lead to the repository."""
    present = documents()
    for name in present:
        target = pages / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if name.suffix != ".md":
            shutil.copyfile(repository / name, target)
            continue
        text = (repository / name).read_text("utf-8")

        def link(match: re.Match) -> str:
            path = os.path.normpath(name.parent / match.group(2))
            if "://" in match.group(2) or match.group(2).startswith("#") or pathlib.Path(path) in present:
                return match.group(0)
            if os.path.isdir(repository / path) and pathlib.Path(path, "README.md") in present:
                return f"{match.group(1)}({match.group(2).rstrip('/')}/README.md{match.group(3)})"
            return f"{match.group(1)}({os.environ.get('MSB_DOCS_SOURCE', source)}/{path}{match.group(3)})"

        target.write_text(re.sub(r"(\]|src=\")\(([^)#\s]+)(#[^)]*)?\)", lambda m: link(Links(m)), text), "utf-8")


class Links:
    """A match whose missing groups are empty."""

    def __init__(self, match: re.Match):
        self._match = match

    def group(self, number: int) -> str:
        return self._match.group(number) or ""


def write(name: str, title: str, text: str) -> None:
    target = pages / "reference" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(f"# {title}\n\n{text}", "utf-8")


def c_reference() -> None:
    """Doxygen reads the header; its pages are taken over as they are."""
    settings = f"""PROJECT_NAME = libmicrosandbox
INPUT = {repository}/include/microsandbox.h
OUTPUT_DIRECTORY = {build}/doxygen
GENERATE_LATEX = NO
OPTIMIZE_OUTPUT_FOR_C = YES
EXTRACT_ALL = YES
JAVADOC_AUTOBRIEF = YES
QUIET = YES
WARN_AS_ERROR = FAIL_ON_WARNINGS
WARN_IF_UNDOCUMENTED = NO
HAVE_DOT = NO
MACRO_EXPANSION = YES
PREDEFINED = MSB_API=
"""
    shutil.rmtree(build / "doxygen", ignore_errors=True)
    subprocess.run(["doxygen", "-"], input=settings, text=True, check=True)
    shutil.copytree(build / "doxygen/html", pages / "reference/c", dirs_exist_ok=True)
    header = (repository / "include/microsandbox.h").read_text("utf-8")
    rules = header[header.index("/**"):header.index("*/")]
    rules = "\n".join(re.sub(r"^/?\s*\*+ ?", "", line) for line in rules.splitlines())
    names = re.findall(r"^MSB_API [^;(]*?(\w+)\(", header, re.MULTILINE)
    write("c.md", "C", f"The header is the specification; [every function, struct and enumerator](c/microsandbox_8h.html) has its "
          f"comment there. Its first page:\n\n```text\n{rules.strip()}\n```\n\n## Functions\n\n" +
          "".join(f"- `{name}`\n" for name in sorted(set(names))))


def go_reference() -> None:
    listing = run("go", "doc", "-all", ".", cwd=repository / "bindings/go", env={**os.environ, "GOFLAGS": "-mod=mod"})
    write("go.md", "Go", f"What `go doc -all` prints of the package.\n\n```text\n{listing}```\n")


def python_reference() -> None:
    names = re.findall(r'"(\w+)"', re.search(r"__all__ = [\[(](.*?)[\])]", (
        repository / "bindings/python/src/microsandbox/__init__.py").read_text("utf-8"), re.DOTALL).group(1))
    write("python.md", "Python", "".join(f"::: microsandbox.{name}\n\n" for name in names))


def typescript_reference() -> None:
    node = build / "node"
    shutil.rmtree(node, ignore_errors=True)
    shutil.copytree(repository / "bindings/node", node, ignore=shutil.ignore_patterns("node_modules", "build", "dist"))
    subprocess.run(["npm", "ci", "--ignore-scripts", "--silent"], cwd=node, check=True)
    subprocess.run(["npm", "install", "--no-save", "--ignore-scripts", "--silent", "typedoc@0.28", "typedoc-plugin-markdown@4"],
                   cwd=node, check=True)
    shutil.rmtree(pages / "reference/typescript", ignore_errors=True)
    subprocess.run(["npx", "typedoc", "--plugin", "typedoc-plugin-markdown", "--entryPoints", "src/index.ts", "--out",
                    str(pages / "reference/typescript"), "--readme", "none", "--disableSources", "--hidePageHeader",
                    "--hideBreadcrumbs", "--excludePrivate", "--excludeInternal", "--logLevel", "Error"], cwd=node, check=True)
    os.replace(pages / "reference/typescript/README.md", pages / "reference/typescript/index.md")
    write("typescript.md", "TypeScript", "[Classes, interfaces and functions](typescript/index.md), as typedoc reads them.\n")


def command_reference() -> None:
    tree = run(msbctl, "--tree")
    text = ["```text\n" + tree + "```\n\n"]
    for command in commands(msbctl, ()):
        shown = run(msbctl, *command, "--help")
        text.append(f"## {' '.join(('msbctl', *command))}\n\n```text\n{shown.rstrip()}\n```\n\n")
    write("msbctl.md", "msbctl", "".join(text))


def commands(program: str, above: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Every command below `above`, as the tables of commands in its help name them."""
    found = []
    section = ""
    for line in run(program, *above, "--help").splitlines():
        if line and not line.startswith(" "):
            section = line.rstrip(":").lower()
        match = re.match(r"^  ([a-z][a-z-]*)(?:,? |$)", line)
        if match and "command" in section:
            found.append((*above, match.group(1)))
    return [each for one in found for each in (one, *commands(program, one))]


def main() -> None:
    shutil.rmtree(pages, ignore_errors=True)
    gather()
    for part in (c_reference, go_reference, python_reference, typescript_reference, command_reference):
        print(f"docs: {part.__name__.replace('_', ' ')}", flush=True)
        part()
    environment = {**os.environ, "MSB_DOCS_PAGES": str(pages), "MSB_DOCS_SITE": str(build / "site"),
                   "MSB_DOCS_PYTHON": str(repository / "bindings/python/src"), "NO_MKDOCS_2_WARNING": "1"}
    subprocess.run([sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--config-file",
                    str(repository / "docs/site/mkdocs.yml")], check=True, env=environment)
    print(f"docs: {build / 'site' / 'README.html'}")


main()
