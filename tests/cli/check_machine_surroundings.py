"""What a machine that stays takes along from the shell that started it: neither descriptors, nor the working directory,
nor variables; and it can be started from a directory that its relative paths count from.

Usage: check_machine_surroundings.py MSBCTL
"""

import fcntl
import os
import subprocess
import sys
import tempfile

import demo_image

SECONDS = 300
SECRET = "MSB_TEST_SECRET"


def processes_of(name):
    """The monitor of a sandbox and its children."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"/msb-monitor") and words[1:2] == [name.encode()]:
            with open(f"/proc/{entry}/task/{entry}/children") as file:
                found = [entry, *file.read().split()]
    return found


def main():
    msbctl = sys.argv[1]
    reason = demo_image.no_machines()
    if reason:
        print("skipped:", reason)
        return 77
    with tempfile.TemporaryDirectory() as work:
        name = os.path.basename(work).replace("_", "x").lower()
        demo_image.write_shell(os.path.join(work, "shell.tar"))
        environment = {**os.environ, "MSB_HOME": "home", "HOME": work, SECRET: "secret"}
        lock = os.open(os.path.join(work, "lock"), os.O_RDWR | os.O_CREAT)
        leak = fcntl.fcntl(lock, fcntl.F_DUPFD, 100)
        os.close(lock)
        fcntl.flock(leak, fcntl.LOCK_EX)

        def run(*arguments):
            subprocess.run([msbctl, *arguments], check=True, stdout=subprocess.DEVNULL, timeout=SECONDS, cwd=work,
                           env=environment, pass_fds=(leak,))

        run("image", "load", "-qi", "shell.tar")
        run("run", "-d", "--accelerator", "tcg", "--name", name, "demo/shell:1", "--", "sh", "-c", "sleep 1000")
        try:
            os.close(leak)
            processes = processes_of(name)
            assert len(processes) == 2, f"not a monitor and its QEMU: {processes}"
            for process in processes:
                assert os.readlink(f"/proc/{process}/cwd") == "/", "it holds the directory where it was started"
                for fd in os.listdir(f"/proc/{process}/fd"):
                    target = os.readlink(f"/proc/{process}/fd/{fd}")
                    assert not target.startswith(os.path.join(work, "lock")), f"it holds descriptor {fd} of the shell"
                with open(f"/proc/{process}/environ", "rb") as file:
                    names = {variable.split(b"=")[0].decode() for variable in file.read().split(b"\0")}
                assert SECRET not in names and "PATH" in names, names
            lock = os.open(os.path.join(work, "lock"), os.O_RDWR)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody has it any more
        finally:
            leak = os.open(os.path.join(work, "lock"), os.O_RDWR)
            run("stop", "-t", "5", name)
    return 0


sys.exit(main())
