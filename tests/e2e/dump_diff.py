#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# dump_diff.py GORO_DUMP BLOCKED PARKED
#
# Two dumps of a process, and of two, compared.

import os
import re
import subprocess
import sys
import tempfile

from lib import check, dump_at_rest, run, start

tool, blocked, parked = sys.argv[1:]
directory = tempfile.TemporaryDirectory()


def save(name, victim, *options):
    path = os.path.join(directory.name, name)
    with open(path, "wb") as f:
        f.write(run(tool, "--format", "json", *options, str(victim.pid)))
    return path


victim = start(blocked)
dump_at_rest(tool, victim)
a, b = save("a", victim), save("b", victim, "--group")
text = run(tool, "--diff", a, b).decode()
check(re.match(r"17 goroutines at [\d:]{8}, 17 at [\d:]{8}: "
               r"0 came, 0 went, 17 stayed\n\n"
               r"17 goroutines in 17 groups are as many as before\n$", text),
      text)

# Those of a part only: the others have gone, as far as one can see.
part = save("part", victim, "--reason", "mutex.lock")
text = run(tool, "--diff", "--limit", "2", a, part).decode()
check("0 came, 13 went, 4 stayed" in text and text.count("\n-1 [") == 2, text)
text = run(tool, "--diff", part, a).decode()
check("13 came, 0 went" in text and
      re.search(r"^\+1 \[select\]: 0 before, 1 after; 1 came, 0 went\n"
                r"goro_select\(\.\.\.\)\n\t.*select.c:\d+\n"
                r"chooser\(\.\.\.\)\n\t.*victims/blocked.c:\d+\n"
                r"created by program\n\t", text, re.M), text)

other = start(parked, "3")
text = run(tool, "--diff", a, save("other", other)).decode()
check("of another process" in text and " came" not in text, text)

no_json = os.path.join(directory.name, "no_json")
with open(no_json, "w") as f:
    f.write('{"version": 1, "goroutines": [')
for args, status, message in (
        ((a,), 64, "compares two files"),
        ((a, "/nonexistent"), 2, "cannot read '/nonexistent'"),
        ((no_json, a), 2, "this is no JSON, at byte 30"),
        ((a, directory.name), 2, "cannot read")):
    done = subprocess.run((tool, "--diff", *args), capture_output=True)
    check(done.returncode == status and message in done.stderr.decode() and
          not done.stdout, "%s: %s" % (args, done.stderr))
