#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# dump_unwinders.py GORO_DUMP STOPS VICTIM...
#
# Three unwinders, and every victim, wherever it is just then: it is stopped as
# by Ctrl-Z, so that all see the same, and on each goroutine's stack each must
# find the same PCs.

import json
import os
import signal
import subprocess
import sys
import time

from lib import check, fail, start

tool, stops = sys.argv[1], int(sys.argv[2])


def is_stopped(pid):
    for tid in os.listdir("/proc/%d/task" % pid):
        try:
            with open("/proc/%d/task/%s/stat" % (pid, tid)) as f:
                if f.read().rsplit(")", 1)[1].split()[0] != "T":
                    return False
        except (FileNotFoundError, ProcessLookupError):
            return False  # it has ended: there may be others
    return True


def stacks(victim, unwinder):
    # 1: a goroutine was caught between two stacks, or its thread gave no answer
    # in time, and it has no stack.
    done = subprocess.run((tool, "--format", "json", "--unwinder", unwinder,
                           str(victim.pid)), capture_output=True, timeout=60)
    check(done.returncode in (0, 1), done.stderr.decode())
    d = json.loads(done.stdout)
    return {g["id"]: [f.get("pc", "inlined") + " " + f["function"]
                      for f in g["stack"]]
            for g in d["goroutines"] if g["stack"]}


compared = frames = 0
for program in sys.argv[3:]:
    victim = start(*program.split())
    for _ in range(stops):
        time.sleep(0.02)
        victim.send_signal(signal.SIGSTOP)
        for _ in range(6000):
            if is_stopped(victim.pid):
                break
            time.sleep(0.01)
        else:
            fail("%s does not stop" % program)
        table = stacks(victim, "table")
        check(table, "%s has no goroutines" % program)
        for unwinder in "libunwind", "dwfl":
            theirs = stacks(victim, unwinder)
            for id in theirs.keys() & table.keys():
                stack = table[id]
                if theirs[id] != stack:
                    fail("%s, goroutine %d: %s\n%s\n%s" % (
                        os.path.basename(program), id, unwinder,
                        "\n".join(theirs[id]), "\n".join(["table"] + stack)))
                compared += 1
                frames += len(stack)
        victim.send_signal(signal.SIGCONT)
    victim.kill()
check(compared > 100, "only %d stacks compared" % compared)
print("%d stacks of %d frames compared" % (compared, frames))
