"""Runs the command line and holds what it says against case files.
Usage: run.py [--update] MSBCTL CASE...

A case is a transcript. Every command runs in bash, in a directory and a home of the case's own, where demo.tar is an
image to load and $TESTS the folder of this file:

  $ COMMAND       with pipes for its output
  % COMMAND       on a terminal of 80 columns
  < WHEN: KEYS    typed once the terminal shows WHEN; ^C is Ctrl-C
  > LINE          standard output; `! LINE` standard error; `| LINE` what is on the terminal at the end
  [N]             the exit code, when it is not 0

`needs machines` skips a case where none can run; shell.tar then is an image with a shell.
`mask REGEX => TEXT` rewrites output before it is compared. Lines that begin with # are comments. --update writes what the
commands say into the cases: look at the difference before it is committed."""

import difflib
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

import demo_image

TESTS = os.path.dirname(os.path.abspath(__file__))
PATIENCE = 60  # seconds for one command
NEEDS_MACHINES = "needs machines"
MASKS = [
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00", "TIME"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME"),
    (r" \(\d+\.\ds\)", ""),
    (r", \S+( [KMGT]iB)? free", ", SIZE free"),
]


class Step:
    """A command of a case with what it is expected to say."""

    def __init__(self, line):
        self.command = line
        self.typed = []
        self.expected = []

    def terminal(self):
        return self.command.startswith("%")


def parse(text):
    """The lines before the first command, the masks among them, and the steps."""
    head, steps, masks = [], [], list(MASKS)
    for line in text.splitlines():
        if line.startswith("mask "):
            masks.append(tuple(line[5:].split(" => ", 1)))
        if line[:2] in ("$ ", "% "):
            steps.append(Step(line))
        elif not steps:
            head.append(line)
        elif line.startswith("< "):
            steps[-1].typed.append(line)
        elif line.startswith("#") or not line:
            steps[-1].expected.append(("note", line))
        else:
            steps[-1].expected.append(("output", line))
    return head, masks, steps


def without_redrawn(text):
    """Text without the lines that the program has gone back over."""
    seen = ""
    for piece in re.split(r"(\x1b\[\d+A\r\x1b\[J)", text):
        back = re.fullmatch(r"\x1b\[(\d+)A\r\x1b\[J", piece)
        seen = "\n".join(seen.split("\n")[:-1 - int(back[1])] + [""]) if back else seen + piece
    return seen


def shown(prefix, data, masks):
    """Output as lines of a case: masked, control bytes spelled out."""
    text = without_redrawn(data.decode("utf-8", "backslashreplace").replace("\r\n", "\n"))
    for pattern, replacement in masks:
        text = re.sub(pattern, replacement, text)
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    else:
        lines[-1] += "\\c"  # no newline at the end
    # What redrawn lines showed before is gone from the screen.
    lines = [line.rsplit("\r\x1b[K", 1)[-1] for line in lines]
    return [f"{prefix} {line}".rstrip().replace("\x1b", "\\e").replace("\r", "\\r") for line in lines]


def end_leftovers(process):
    """What a command left running in the background."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def in_pipes(command, env, cwd, masks):
    with subprocess.Popen(["bash", "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=env, cwd=cwd, start_new_session=True) as process:
        out, err = process.communicate(timeout=PATIENCE)
    end_leftovers(process)
    return shown(">", out, masks) + shown("!", err, masks), process.returncode


def on_terminal(command, typed, env, cwd, masks):
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    with subprocess.Popen(["bash", "-c", command], stdin=slave, stdout=slave, stderr=slave, env=env, cwd=cwd,
                          start_new_session=True,
                          preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)) as process:
        os.close(slave)
        output, waiting, deadline = b"", list(typed), time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if waiting:
                when, keys = waiting[0][2:].split(": ", 1)
                if when.encode() in output:
                    waiting.pop(0)
                    os.write(master, b"\x03" if keys == "^C" else keys.encode() + b"\n")
            ready, _, _ = select.select([master], [], [], 0.05)
            try:
                data = os.read(master, 65536) if ready else None
            except OSError:  # EIO: the last program on the terminal has gone
                break
            if data is None and process.poll() is not None:
                break
            output += data or b""
        else:
            process.kill()
            raise TimeoutError(f"not done after {PATIENCE} s: {command}")
        process.wait(PATIENCE)
        os.close(master)
        end_leftovers(process)
    return shown("|", output, masks), process.returncode


def run_case(path, msbctl):
    """The case as it would read if all that was said just now were right."""
    with open(path, encoding="utf-8") as file:
        head, masks, steps = parse(file.read())
    work = tempfile.mkdtemp(prefix="msbctl-")
    masks.insert(0, (re.escape(work), "WORK"))
    env = {"PATH": f"{os.path.dirname(msbctl)}:{os.environ['PATH']}", "HOME": work, "TESTS": TESTS, "MSB_HOME": f"{work}/home",
           "TZ": "UTC", "LANG": "C.UTF-8", "TERM": "xterm-256color"}
    env.update({key: value for key, value in os.environ.items() if key.endswith("SAN_OPTIONS")})
    result = head
    try:
        demo_image.write(f"{work}/demo.tar")
        if NEEDS_MACHINES in head:
            demo_image.write_shell(f"{work}/shell.tar")
        for step in steps:
            if step.terminal():
                said, code = on_terminal(step.command[2:], step.typed, env, work, masks)
            else:
                said, code = in_pipes(step.command[2:], env, work, masks)
            if code != 0:
                said.append(f"[{code if code > 0 else 128 - code}]")
            notes = [line for kind, line in step.expected if kind == "note"]
            result += [step.command] + step.typed + said + notes
    finally:
        shutil.rmtree(work)
    return "\n".join(result) + "\n"


def main():
    arguments = sys.argv[1:]
    update = "--update" in arguments
    if update:
        arguments.remove("--update")
    msbctl, *cases = arguments
    if os.uname().machine != "x86_64":
        print("skipped: the cases name digests of images for amd64")
        return 77
    failed = skipped = 0
    for path in cases:
        with open(path, encoding="utf-8") as file:
            expected = file.read()
        if NEEDS_MACHINES in expected.splitlines() and demo_image.no_machines():
            print(f"skipped: {path}: {demo_image.no_machines()}")
            skipped += 1
            continue
        actual = run_case(path, os.path.abspath(msbctl))
        if actual == expected:
            continue
        if update:
            with open(path, "w", encoding="utf-8") as file:
                file.write(actual)
            print(f"updated {path}")
            continue
        failed += 1
        sys.stdout.writelines(difflib.unified_diff(expected.splitlines(True), actual.splitlines(True), path, "said now"))
    return 1 if failed else 77 if skipped == len(cases) else 0


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())
