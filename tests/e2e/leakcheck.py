#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# leakcheck.py GORO_LEAKCHECK VICTIM exact|live
#
# The victim is told how to leak; this looks whether that is what is found.
# Without the table of heap blocks a leak may be missed that something old in
# the heap points to, so then only what does not depend on that is looked at.

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile

from lib import check, fail

tool, victim, heap = sys.argv[1:]
env = dict(os.environ, GOROMAXPROCS="2", GOROTRACEBACK="none")


def leakcheck(*args, options=(), status=None):
    done = subprocess.run(
        [tool, *options, "--format", "json", "--", victim, *args],
        capture_output=True, timeout=120, env=env, text=True)
    if status is not None and done.returncode != status:
        fail("%s: status %d\n%s%s" % (" ".join(args), done.returncode,
                                      done.stdout, done.stderr))
    try:
        result = json.loads(done.stdout)
    except ValueError:
        fail("%s: no JSON: %s%s" % (args, done.stdout, done.stderr))
    check(result["version"] == 1, "version")
    counts = {k: n for k, n in result["summary"].items() if n}
    by_kind = {}
    for f in result["findings"]:
        n = len(f["goroutines"]) or 1
        by_kind[f["kind"]] = by_kind.get(f["kind"], 0) + n
    check(by_kind == counts, "%s and %s" % (by_kind, counts))
    return counts, result


def expect(args, counts, status=1, options=()):
    found, result = leakcheck(*args, options=options, status=status)
    check(found == counts, "%s: %s, not %s" % (args, found, counts))
    return result


expect(["brief"], {}, status=0)
result = expect(["deadlock"], {"deadlock": 2})
for f in result["findings"]:
    check(sorted(f["cycle"]) == sorted(f["goroutines"] + [f["lock"]["owner"]]),
          "the cycle")
    check(f["lock"]["name"] in ("a", "b"), "the lock's name")
    check(any(x["function"].startswith("lock_") and x["file"].endswith(
        "leaks.c") and x["line"] for x in f["stack"]), "the stack")
expect(["leftover"], {"leftover": 1})
expect(["leftover"], {"leftover": 1}, status=0,
       options=["--fail-on", "leaked,deadlock"])
result = expect(["kept"], {"leftover": 1})
# Why it is alive: the variable points to the channel.
f = result["findings"][0]
way = f["alive_by"]
check([s["kind"] for s in way] == ["data", "channel"] and
      way[0]["variable"] == "kept" and way[1]["id"] == f["channel"]["id"], way)
# One line is one place, however many addresses it has.
result = expect(["same_line"], {"leaked": 2})
f, = result["findings"]
check(f["story"].startswith("2 goroutines wait ") and
      len(f["goroutines"]) == 2, "of one line: %s" % f)
# What may have led to it; that by itself fails nothing, unless told to.
result = expect(["ticker"], {"leftover": 1, "unstopped-timer": 1})
timer = [f for f in result["findings"] if f["kind"] == "unstopped-timer"][0]
left = [f for f in result["findings"] if f["kind"] == "leftover"][0]
check(timer["keeps"] == left["goroutines"], "whom the timer keeps")
result = expect(["context"], {"leftover": 1, "uncancelled-context": 1})
result = expect(["locked"], {"locked-by-ended": 1}, status=0)
lock = result["findings"][0]["lock"]
check(lock["name"] == "a" and lock["owner_ended"], "the lock: %s" % lock)
expect(["locked"], {"locked-by-ended": 1}, options=["--fail-on",
                                                    "locked-by-ended"])
# However many there are.
expect(["many_locked"], {"locked-by-ended": 100}, status=0)
expect(["many_dropped"], {"unclosed-channel": 100})
# Main has returned with it: nobody else unlocks it.
result = expect(["held_by_main"], {"leaked": 1, "locked-by-ended": 1})
lock = result["findings"][0]["lock"]
check(lock["owner"] == 1 and lock["owner_ended"], "main's lock: %s" % lock)
# Others are left over from main; main is not, when another one says exit().
expect(["ended_by_other"], {}, status=0)
# The command's own status, when it fails.
expect(["deadlock", "7"], {"deadlock": 2}, status=7)
# All are stuck: then each is a leak, whatever still points to what.
expect(["kept", "stuck"], {"leaked": 2}, status=2)
# A child of the command is checked too.
result = expect(["child", "deadlock"], {"deadlock": 2}, status=1)
expect(["exit"], {}, status=0)
expect(["fork"], {}, status=0)
expect(["deadlock", "exit"], {"deadlock": 2})

if heap == "exact":
    result = expect(["leaked"], {"leaked": 3})
    # One, or several where the compiler has unrolled the loop.
    f = result["findings"][0]
    check(f["channel"]["name"] == "jobs" and f["created_at"], "the channel")
    # A verdict that was wrong has a status of its own.
    expect(["misled"], {}, status=3)
    result = expect(["chained"], {"leftover": 2})
    for f in result["findings"]:
        # By way of the block, unless something old points there, too.
        way = f["alive_by"]
        check(len(way) >= 2 and way[-1]["kind"] == "channel" and
              way[-1]["id"] == f["channel"]["id"], way)
    expect(["unclosed"], {"leaked": 1, "unclosed-channel": 1})
    expect(["dropped"], {"unclosed-channel": 1})
    expect(["several"], {"leaked": 3, "unclosed-channel": 3})
    text = subprocess.run([tool, "--", victim, "several"], env=env, text=True,
                          capture_output=True, timeout=60).stdout
    check(text.count("UNCLOSED-CHANNEL") == 1 and
          re.search("\n    and others  #\\d+, #\\d+\n", text) and
          re.search("\n    last sender goroutine \\d+, which has ended\n",
                    text), "channels of one place:\n" + text)
    found, _ = leakcheck("leaked", "busy", options=["--timeout", "1"],
                         status=128 + signal.SIGTERM)
    check(found == {"leaked": 3}, "at the timeout: %s" % found)
    # Checked then, and once more as it ends in its own way: still three.
    found, _ = leakcheck("leaked", "graceful", options=["--timeout", "1"])
    check(found == {"leaked": 3}, "ended by itself: %s" % found)
    # Told to end, it looks first.
    child = subprocess.Popen([tool, "--format", "json", "--", victim, "leaked",
                              "busy"], stdout=subprocess.PIPE, env=env,
                             stderr=subprocess.PIPE, text=True)
    check(child.stderr.readline() == "ready\n", "ready")
    child.send_signal(signal.SIGTERM)
    out, _ = child.communicate(timeout=60)
    check(json.loads(out)["summary"]["leaked"] == 3, "at SIGTERM: " + out)

    # Somebody else than we tells the program to end, or all at once, as a
    # terminal does: it looks first, and ends by that signal.
    for sig in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
        for whole_group in False, True:
            end, stdin = pty.openpty()
            tested = subprocess.Popen(
                [tool, "--format", "json", "--", victim, "leaked", "busy"],
                stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env=env, text=True, start_new_session=True)
            check(tested.stderr.readline() == "ready\n", "ready")
            with open("/proc/%d/task/%d/children" % (tested.pid,
                                                     tested.pid)) as f:
                program = int(f.read().split()[0])
            if whole_group:
                os.killpg(tested.pid, sig)
            else:
                os.kill(program, sig)
            out, err = tested.communicate(timeout=60)
            os.close(end)
            os.close(stdin)
            result = json.loads(out)
            check(tested.returncode == 128 + sig and not err and
                  result["summary"]["leaked"] == 3 and
                  "problems" not in result, "%s, %s: %d %s %s" % (
                      sig, whole_group, tested.returncode, out, err))

# Text: the story, the places.
done = subprocess.run([tool, "--", victim, "deadlock"], capture_output=True,
                      timeout=60, env=env, text=True)
check(done.returncode == 1, "status %d" % done.returncode)
for words in ["DEADLOCK: a goroutine waits to lock a mutex", "leaks.c:",
              "started at", "lock        a, held by goroutine ",
              "leak check: 2 deadlock"]:
    check(words in done.stdout, "no '%s' in %s" % (words, done.stdout))
for line in done.stdout.splitlines():
    check(len(line) < 80 or ".c:" in line, "for a terminal too long: " + line)

# Each process under its own name; or only the command's own.
with tempfile.TemporaryDirectory() as tmp:
    other = shutil.copy(victim, os.path.join(tmp, "another_program"))
    done = subprocess.run(
        [tool, "--format", "json", "--", "sh", "-c", "%s kept; %s deadlock" %
         (victim, other)], capture_output=True, timeout=120, env=env, text=True)
    names = {(f["kind"], f["process"]) for f in
             json.loads(done.stdout)["findings"]}
    check(done.returncode == 1 and names == {
        ("leftover", os.path.basename(victim)),
        ("deadlock", "another_program")}, "processes: %s" % names)
expect(["deadlock"], {"deadlock": 2}, options=["--no-children"])
expect(["child", "deadlock"], {"deadlock": 2}, options=["--children"])
expect(["child", "deadlock"], {}, options=["--no-children"], status=2)

# It can tell whether it can tell.
for options in [[], ["--no-heap"]]:
    done = subprocess.run([tool, "--self-test", *options], timeout=60, env=env,
                          capture_output=True, text=True)
    check(done.returncode == 0 and "planted, and found" in done.stdout,
          "the self-test: %s%s" % (done.stdout, done.stderr))
# Here it cannot: the socket has nowhere to be.
done = subprocess.run([tool, "--self-test"], capture_output=True, timeout=60,
                      env=dict(env, TMPDIR="/nonexistent"))
check(done.returncode == 2 and done.stderr, "the self-test without a socket")

done = subprocess.run([tool, "--", victim, "kept"], capture_output=True,
                      timeout=60, env=env, text=True)
check("global variable kept\n" in done.stdout and "-> channel #" in done.stdout,
      "alive by: " + done.stdout)

# Not silently: a command that failed, and whose goroutines nobody saw.
for command, status, why in [("exit 7", 7, "with status 7"),
                             ("kill -KILL $$", 128 + signal.SIGKILL,
                              "killed by signal 9")]:
    done = subprocess.run([tool, "--", "sh", "-c", command], timeout=60,
                          capture_output=True, env=env, text=True)
    check(done.returncode == status and "nothing was checked" in done.stdout and
          "nothing was checked: sh" in done.stderr and why in done.stderr,
          "%s: %d %s" % (command, done.returncode, done.stderr))
done = subprocess.run([tool, "--timeout", "1", "sleep", "60"], timeout=60,
                      capture_output=True, env=env, text=True)
check("nothing was checked: when sleep was told to end" in done.stderr,
      "at the timeout: " + done.stderr)

# Not silently: a command without goroutines, and one that is not there.
for command, status in [(["true"], 2), (["/nonexistent"], 2)]:
    done = subprocess.run([tool, "--", *command], capture_output=True,
                          timeout=60, env=env, text=True)
    check(done.returncode == status and done.stderr,
          "%s: %d" % (command, done.returncode))

# Several outputs, and wrong usage.
with tempfile.TemporaryDirectory() as tmp:
    path = os.path.join(tmp, "report.json")
    done = subprocess.run([tool, "--format", "text", "--format",
                           "json=" + path, victim, "kept"],
                          capture_output=True, timeout=60, env=env, text=True)
    check(done.returncode == 1 and "LEFTOVER" in done.stdout, done.stdout)
    with open(path) as f:
        check(json.load(f)["summary"]["leftover"] == 1, "the file")
for wrong in [[], ["--format", "xml", "true"], ["--fail-on", "x", "true"],
              ["--timeout", "x", "true"], ["--nonsense"]]:
    done = subprocess.run([tool, *wrong], capture_output=True, timeout=60)
    check(done.returncode == 64, "%s: %d" % (wrong, done.returncode))
