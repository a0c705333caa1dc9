#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# dump_pprof.py GORO_DUMP BLOCKED
#
# A profile of a real process: gzip'd, its sums right, its names there. The
# strict reader is tests/unit/test_render_pprof.c; this one only counts.

import gzip
import os
import pty
import shutil
import subprocess
import sys
import tempfile

from lib import check, dump_at_rest, run, start

tool, blocked = sys.argv[1:]


def varint(b, at):
    value = shift = 0
    while True:
        value |= (b[at] & 127) << shift
        shift += 7
        at += 1
        if b[at - 1] < 128:
            return value, at


def fields(b):
    at = 0
    while at < len(b):
        key, at = varint(b, at)
        if key & 7 == 0:
            value, at = varint(b, at)
        else:
            check(key & 7 == 2, "a wire type that is not used")
            n, at = varint(b, at)
            value, at = b[at:at + n], at + n
        yield key >> 3, value


victim = start(blocked)
dump_at_rest(tool, victim)
data = run(tool, "--format", "pprof", str(victim.pid))
profile = list(fields(gzip.decompress(data)))
strings = [v.decode() for k, v in profile if k == 6]
check(strings[0] == "" and len(set(strings)) == len(strings), "strings")
check({"goroutine", "count", "feeder", "goro_chan_send", "chan send",
       "tenant"} <= set(strings), strings)
check(any(s.endswith("victims/blocked.c") for s in strings), "files")
samples = [dict(fields(v)) for k, v in profile if k == 2]
check(sum(s[2] for s in samples) == 17, "17 goroutines")
mappings = [dict(fields(v)) for k, v in profile if k == 3]
check(strings[mappings[0][5]] == os.path.realpath(blocked), "the program")
check(6 in mappings[0], "it has a build id")
for k, v in profile:
    if k == 4:  # locations lie in their mappings
        location = dict(fields(v))
        m = mappings[location[2] - 1]
        check(m[2] <= location[3] < m[3], "an address outside")

# One reason, and one stack only.
some = gzip.decompress(run(tool, "--format", "pprof", "--reason", "mutex.lock",
                           str(victim.pid)))
check(sum(dict(fields(v))[2] for k, v in fields(some) if k == 2) == 4, "four")

go = shutil.which("go")
if go and os.path.exists("/usr/lib/go"):
    with tempfile.NamedTemporaryFile(suffix=".pb.gz") as f:
        f.write(data)
        f.flush()
        top = run(go, "tool", "pprof", "-top", f.name).decode()
        check("17 total" in top and "goro_mutex_lock" in top, top)

ours, theirs = pty.openpty()
done = subprocess.run((tool, "--format", "pprof", str(victim.pid)),
                      stdout=theirs, stderr=subprocess.PIPE)
check(done.returncode == 64 and b"redirect" in done.stderr, "to a terminal")
