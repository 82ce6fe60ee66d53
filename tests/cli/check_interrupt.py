"""The second interrupt ends msbctl at once, even where the first cannot: while nobody reads what it writes.
Usage: check_interrupt.py MSBCTL"""

import array
import fcntl
import os
import signal
import subprocess
import sys
import termios
import time

PIPE = 4096  # bytes, less than the program has to say


def waiting_in(pipe):
    count = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0]


reader, writer = os.pipe()
fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE)
with subprocess.Popen([sys.argv[1], "completion", "bash"], stdout=writer) as process:
    deadline = time.monotonic() + 30
    while waiting_in(reader) < PIPE and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    time.sleep(0.1)
    if process.poll() is not None:
        sys.exit(f"the first interrupt ended it: {process.returncode}")
    process.send_signal(signal.SIGTERM)
    if process.wait(30) != -signal.SIGTERM:
        sys.exit(f"the second did not end it at once: {process.returncode}")
