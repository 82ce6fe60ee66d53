"""Tab in bash, zsh and fish: what a snapshot is called becomes one word of the line, and nothing of it is run or expanded.
Each shell is a real one in a terminal. It completes a name, and the command then removes exactly that snapshot.
Usage: check_completion.py SHELL MSBCTL"""

import os
import pathlib
import pty
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

WAIT = 10  # seconds, for a command that removes a small snapshot
HOSTILE = [
    "$(touch pwned)", "`touch pwned`", "$HOME", "a b", "it's", 'say "hi"', "c;touch pwned", "d&touch pwned", "e|touch pwned",
    ">pwned", "<(touch pwned)", "star*", "?ne", "[ab]", "{a,b}", "!!", "#no comment", "=ls", "^x^y", "%1", "(f)", "schnappschuß",
    "both'\"$(touch pwned)",
]  # fmt: skip
SETUP = {
    "bash": ("bash", "--norc", "--noprofile", "-i"),
    "zsh": ("zsh", "-f", "-i"),
    "fish": ("fish", "--no-config", "-i"),
}
READY = {
    "bash": "PS1=; source <(msbctl completion bash); echo re''ady",
    "zsh": "PS1=; autoload -Uz compinit; compinit -u -D; source <(msbctl completion zsh); echo re''ady",
    "fish": "function fish_prompt; end; msbctl completion fish | source; echo re''ady",
}


class Terminal:
    def __init__(self, command, env, cwd):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execvpe(command[0], command, env)
        self.seen = ""

    def type(self, text):
        os.write(self.fd, text.encode())

    def read_until(self, wanted, seconds=60):
        """Whether it came within that time, given as a text or as a test."""
        there = wanted if callable(wanted) else lambda: wanted in self.seen
        deadline = time.monotonic() + seconds
        while not there():
            if time.monotonic() > deadline:
                return False
            if select.select([self.fd], [], [], 0.05)[0]:
                try:
                    self.seen += os.read(self.fd, 65536).decode(errors="replace")
                except OSError:
                    return there()
        return True

    def end(self):
        os.kill(self.pid, signal.SIGKILL)
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def main(shell, msbctl):
    if shutil.which(shell) is None:
        print(f"skipped: needs {shell}")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name in ("bin", "home", "work"):
            (root / name).mkdir()
        (root / "bin/msbctl").symlink_to(os.path.abspath(msbctl))
        env = {"HOME": str(root / "home"), "MSB_HOME": str(root / "home/msb"), "TERM": "dumb", "LC_ALL": "C.UTF-8",
               "PATH": f"{root}/bin:{os.environ['PATH']}"}  # fmt: skip

        def run(*arguments):
            return subprocess.run(["msbctl", *arguments], env=env, cwd=root / "work", check=True, capture_output=True, text=True).stdout

        demo = os.path.join(os.path.dirname(os.path.abspath(__file__)), "demo_image.py")
        subprocess.run([sys.executable, "-B", demo, root / "demo.tar"], check=True)
        run("image", "load", "-q", "-i", str(root / "demo.tar"))
        run("sandbox", "create", "box", "--image", "demo/app:1")
        store = root / "home/msb/snapshots"

        terminal = Terminal(SETUP[shell], env, root / "work")
        problems = []
        try:
            terminal.type(READY[shell] + "\n")
            if not terminal.read_until("ready"):
                sys.exit(f"{shell} does not get ready:\n{terminal.seen}")
            for number, hostile in enumerate(HOSTILE):
                # Completed from nothing, from its beginning, and inside of quotes that the user has opened.
                for start in ("", f"{number:02}", f"'{number:02}", f'"{number:02}'):
                    if start[:1] in ("'", '"') and shell == "fish" and "'" in hostile and '"' in hostile:
                        continue
                    name = hostile if start == "" else f"{number:02}{hostile}"
                    if name[0] in "~-.":
                        continue
                    run("snapshot", "create", name, "--from", "box")
                    terminal.seen = ""
                    terminal.type(f"msbctl snapshot rm {start}\t\n")
                    if not terminal.read_until(lambda name=name: not (store / name).exists(), WAIT):
                        problems.append(f"{start}<Tab> does not become {name!r}: {terminal.seen!r}")
                        terminal.type("\x03")
                        shutil.rmtree(store / name, ignore_errors=True)
                        run("snapshot", "reindex")
                    if sorted(os.listdir(root / "work")):
                        problems.append(f"{start}<Tab> ran what {name!r} says")
                        shutil.rmtree(root / "work")
                        (root / "work").mkdir()
        finally:
            terminal.end()
        print("\n".join(problems))
        return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
