#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# leakcheck_pid.py GORO_LEAKCHECK VICTIM TROUBLE
#
# A process that runs is asked to check itself, and looked at from outside; it
# goes on as if nothing had been.

import json
import os
import signal
import subprocess
import sys
import time

from lib import check, fail, start

tool, path, trouble = sys.argv[1:]


def leakcheck(*args, status):
    done = subprocess.run([tool, "--format", "json", *args],
                          capture_output=True, timeout=120, text=True)
    if done.returncode != status:
        fail("%s: status %d, not %d\n%s%s" % (
            args, done.returncode, status, done.stdout, done.stderr))
    try:
        result = json.loads(done.stdout)
    except ValueError:
        fail("%s: no JSON: %s%s" % (args, done.stdout, done.stderr))
    return result, done.stderr


def suspects(result):
    return [f for f in result["findings"] if f["kind"] == "suspect"]


def eventually(what, find):
    """What @find gives at last; a machine may be too busy to let things
    happen at once."""
    deadline = time.monotonic() + 60
    while True:
        found = find()
        if found:
            return found
        check(time.monotonic() < deadline, "waited in vain: " + what)
        time.sleep(0.1)


# --- Proof, and who is blocked for long ---
victim = start(path, "deadlock", "kept", "timed", "busy")
pid = str(victim.pid)


def all_blocked():
    r, _ = leakcheck("--pid", pid, "--min-wait", "1ms", "--fail-on", "none",
                     status=0)
    return r["summary"]["deadlock"] == 2 and suspects(r)


eventually("all are blocked", all_blocked)
result, _ = leakcheck("--pid", pid, "--min-wait", "1ms", status=1)
check(result["checks"] == 1 and result["summary"]["deadlock"] == 2,
      "the proof: %s" % result)
check(result["summary"]["leftover"] == 0, "nobody is left over yet")
f, = suspects(result)
check(f["longest_wait_ns"] >= 1000000 and "has waited" in f["story"] and
      f["state"] == "chan receive" and f["channel"]["name"] == "kept" and
      any(x["function"].startswith("receive") for x in f["stack"]) and
      f["created_at"] and f["pid"] == victim.pid and
      f["process"] == os.path.basename(path), "the suspect: %s" % f)
result, _ = leakcheck("--pid", pid, "--min-wait", "1h", status=1)
check(not suspects(result), "suspects after so short a time")
leakcheck("--pid", pid, "--min-wait", "1ms", "--fail-on", "leaked", status=0)
leakcheck("--pid", pid, "--min-wait", "1ms", "--fail-on", "suspect", status=1)
for line in open("/proc/%s/status" % pid):
    check(not line.startswith("TracerPid:") or line.split()[1] == "0",
          "it is traced still")

# --- Stopped, it cannot check itself: that is said, and the rest is shown ---
victim.send_signal(signal.SIGSTOP)
result, said = leakcheck("--pid", pid, "--min-wait", "1ms", status=2)
check("nothing is proven" in said and result["problems"], "says " + said)
check(result["checks"] == 0 and len(suspects(result)) == 1, "looked at")
check(result["summary"]["deadlock"] == 2, "a ring is one from outside, too")
for f in result["findings"]:
    if f["kind"] == "deadlock":
        check(f["cycle"][0] == f["goroutines"][0] and len(f["cycle"]) == 2 and
              f["lock"]["owner"] == f["cycle"][1], "the ring")
victim.send_signal(signal.SIGCONT)
leakcheck("--pid", pid, status=1)

# --- Who becomes more ---
victim = start(path, "kept", "grow", "service")


def grown():
    r, _ = leakcheck("--pid", str(victim.pid), "--samples", "3", "--every",
                     "200ms", "--min-wait", "1h", "--fail-on", "none", status=0)
    return suspects(r) and r


result = eventually("growth", grown)
f, = suspects(result)
check(result["summary"]["leaked"] == 0, "a service's main may rest")
check("grew in each of 3 samples, from " in f["story"] and
      f["channel"]["name"] == "crowd", "who has grown: %s" % f)

# --- What docs/diagnosing.md promises ---
victim = start(trouble, "leak")


def diagnosed():
    r, _ = leakcheck("--pid", str(victim.pid), "--fail-on", "none", status=0)
    leaked = [f for f in r["findings"] if f["kind"] == "leaked"]
    return leaked and leaked[0]["stack"][1]["function"] == "look_up"


eventually("the leak", diagnosed)

# --- What is none ---
for args in [["--pid", "2147483647"], ["--pid", str(os.getpid())]]:
    result, said = leakcheck(*args, status=2)
    check(said and not result["checks"], "says " + said)
for wrong in [["--pid", "x"], ["--pid", pid, "true"], ["--samples", "0"],
              ["--pid", pid, "--core", "x"], ["--samples", "2", "true"],
              ["--pid", pid, "--every", "soon"]]:
    done = subprocess.run([tool, *wrong], capture_output=True, timeout=60)
    check(done.returncode == 64, "%s: %d" % (wrong, done.returncode))
