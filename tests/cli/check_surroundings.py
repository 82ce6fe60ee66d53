"""What msbctl makes of the signals and descriptors that it is started with.
Usage: check_surroundings.py MSBCTL"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import demo_image

MSBCTL = sys.argv[1]
STREAMS = (0, 1, 2)
ENDINGS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


def ignore(signals):
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN if number in signals else signal.SIG_DFL)


def ignored_by(process):
    """Once it has its handlers: it waits for an archive then."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with open(f"/proc/{process.pid}/status") as status:
            masks = dict(line.split(":\t") for line in status.read().splitlines() if line.startswith("Sig"))
        ignored, caught = int(masks["SigIgn"], 16), int(masks["SigCgt"], 16)
        known = [number for number in ENDINGS if (ignored | caught) >> (number - 1) & 1]
        if len(known) == len(ENDINGS):
            return [number for number in ENDINGS if ignored >> (number - 1) & 1]
        time.sleep(0.01)
    sys.exit("it has no handlers")


def check_ignored(signals, environment):
    """What was ignored stays so, also when another signal has come."""
    with subprocess.Popen([MSBCTL, "image", "load", "-q"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
                          preexec_fn=lambda: ignore(signals)) as process:
        found = ignored_by(process)
        if found != list(signals):
            sys.exit(f"started with {signals} ignored, it ignores {found}")
        for number in signals:
            process.send_signal(number)
        if signals:
            try:
                process.wait(0.3)
                sys.exit(f"it ended by a signal that was ignored: {process.returncode}")
            except subprocess.TimeoutExpired:
                pass
        other = [number for number in ENDINGS if number not in signals]
        process.send_signal(other[0] if other else signal.SIGKILL)
        process.communicate(timeout=30)
        expected = 128 + other[0] if other else -signal.SIGKILL
        if process.returncode != expected:
            sys.exit(f"{signals}: it ended with {process.returncode}, not {expected}")


def run_without(streams, arguments, environment):
    """The exit code and standard output of a run that has these descriptors closed; standard output through a file."""
    def close():
        for stream in streams:
            os.close(stream)

    with tempfile.TemporaryFile() as output:
        code = subprocess.run([MSBCTL, *arguments], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.DEVNULL,
                              env=environment, preexec_fn=close).returncode
        output.seek(0)
        return code, output.read()


def contents(folder):
    found = {}
    for path, _, names in os.walk(folder):
        for name in names:
            full = os.path.join(path, name)
            if os.path.isfile(full) and not full.endswith(("-shm", "-wal", "msb.db")):
                with open(full, "rb") as file:
                    found[os.path.relpath(full, folder)] = file.read()
    return found


def check_closed(work, environment):
    home = environment["MSB_HOME"]
    archive = os.path.join(work, "demo.tar")
    demo_image.write(archive)
    subprocess.run([MSBCTL, "image", "load", "-q", "-i", archive], env=environment, check=True, stdout=subprocess.DEVNULL)
    before = contents(home)
    whole = run_without((), ("image", "save", "demo/app:1"), environment)
    if whole[0] != 0 or not whole[1]:
        sys.exit(f"saving fails: {whole[0]}")
    for streams in ((0,), (2,), (0, 2)):
        if run_without(streams, ("image", "save", "demo/app:1"), environment) != whole:
            sys.exit(f"without {streams} it writes something else")
    for streams in ((1,), (0, 1), (1, 2), STREAMS):
        code, output = run_without(streams, ("image", "save", "demo/app:1"), environment)
        if code != 1 or output:
            sys.exit(f"without {streams} saving ends with {code}")
        code, output = run_without(streams, ("image", "ls"), environment)
        if code != 1 or output:
            sys.exit(f"without {streams} listing ends with {code}")
    for streams in ((0,), (0, 1), STREAMS):
        if run_without(streams, ("image", "load", "-q"), environment)[0] != 1:
            sys.exit(f"without {streams} nothing is loaded, and that is no success")
        target = os.path.join(work, "out.tar")
        code, _ = run_without(streams, ("image", "save", "-q", "-o", target, "demo/app:1"), environment)
        with open(target, "rb") as file:
            if code != 0 or file.read() != whole[1]:
                sys.exit(f"without {streams} saving to a file ends with {code}")
    after = contents(home)
    if after != before:
        sys.exit(f"the home is not what it was: {sorted(name for name in after if after[name] != before.get(name))}")


work = tempfile.mkdtemp()
try:
    environment = {**os.environ, "HOME": work, "MSB_HOME": os.path.join(work, "home")}
    check_closed(work, environment)
    for signals in ((), (signal.SIGHUP,), (signal.SIGINT,), (signal.SIGINT, signal.SIGTERM), ENDINGS):
        check_ignored(signals, environment)
finally:
    shutil.rmtree(work)
