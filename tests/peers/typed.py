"""Runs a program at a terminal of its own, answers each prompt with the next line, and prints what the terminal showed."""

import os
import pty
import select
import sys
import time

lines, command = sys.argv[1].split("|"), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(command[0], command)
shown, deadline = b"", time.monotonic() + 30
while time.monotonic() < deadline:
    if not select.select([terminal], [], [], 0.1)[0]:
        continue
    try:
        chunk = os.read(terminal, 4096)
    except OSError:  # Linux says EIO when the other side is closed.
        break
    if not chunk:
        break
    shown += chunk
    if shown.endswith(b": ") and lines:
        # Echo is off by the time a prompt can be answered; a moment more, as a person would take.
        time.sleep(0.2)
        os.write(terminal, lines.pop(0).encode() + b"\r")
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
