#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# dump_watch.py GORO_DUMP BLOCKED
#
# The live view, with a terminal that is ours. curses writes only what changes,
# so what is on the screen is seen best in what is saved from there.

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time

from lib import check, dump_at_rest, fail, start

tool, blocked = sys.argv[1:]
tool = os.path.abspath(tool)
directory = tempfile.TemporaryDirectory()


class Terminal:
    def __init__(self, *command):
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(directory.name)
            os.environ["TERM"] = "xterm"
            os.execv(command[0], command)
        size = struct.pack("HHHH", 24, 80, 0, 0)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, size)

    def read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            piece = os.read(self.fd, 65536)
        except OSError:
            return False
        self.text += piece.decode(errors="replace")
        return piece != b""

    def expect(self, pattern):
        until = time.monotonic() + 60
        while not re.search(pattern, self.text, re.S):
            if time.monotonic() > until or not self.read(1):
                fail("no %s in %r" % (pattern, self.text[-2000:]))

    def type(self, keys):
        self.text = ""
        os.write(self.fd, keys.encode())

    def end(self):
        while self.read(60):
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def saved(n):
    """The n-th file that was written; the tool has ended, so it is whole."""
    with open(os.path.join(directory.name, "goro-dump-%d-%d.txt" %
                           (victim.pid, n))) as f:
        return f.read()


victim = start(blocked)
dump_at_rest(tool, victim)
t = Terminal(tool, "--watch", "100ms", str(victim.pid))
t.expect(r"17 goroutines.*17 groups.*COUNT.*WHERE.*program blocked\.c:\d+")
t.type("\r")
t.expect(r"goro_chan_recv\(\.\.\.\)")
t.type("?")
t.expect(r"change since --watch began")
t.type("x/MUTEX.lock\rw/\x1bwssjkp")
time.sleep(0.5)  # some looks more
t.type("pq")
check(t.end() == 0, "its status")
text = saved(1)
check(len(re.findall(r"^1 goroutines \(\+0\) \[", text, re.M)) == 4 and
      text.count("[sync.Mutex.Lock]") == 3 and
      re.search(r"^left\(\.\.\.\)\n\t.*blocked.c:\d+ ", text, re.M), text)
check(len(re.findall(r"^1 goroutines", saved(2), re.M)) == 17,
      "the filter ends")

# A process that ends is said to have ended; what was seen stays.
t = Terminal(tool, "--watch", "100ms", "--func", "feeder", str(victim.pid))
t.expect(r"1 goroutines.*feeder blocked")
victim.kill()
victim.wait()
t.expect(r"ended")
t.type("wq")
check(t.end() == 0, "its status")
check("feeder(...)" in saved(3), "what was seen")

t = Terminal(tool, "--watch", "1s", "999999999")
t.expect("there is no process")
check(t.end() == 2, "no process")
t = Terminal(tool, "--watch", "0", "1")
t.expect("is no time")
check(t.end() == 64, "no time")
done = subprocess.run((tool, "--watch", "1s", "1"), capture_output=True)
check(done.returncode == 64 and b"needs a terminal" in done.stderr, done)
