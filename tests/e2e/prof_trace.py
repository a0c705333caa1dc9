# SPDX-License-Identifier: MIT
#
# prof_trace.py GORO_PROF VICTIM_TRACED
#
# goro-prof trace, and the flight recorder: what they tell of a program that is
# known, and what they do when they cannot.

import os
import re
import signal
import subprocess
import sys
import tempfile
import time

from lib import check, fail, run, start
from trace_files import GOROUTINES, WORKERS, read

prof, victim_path = sys.argv[1:3]
ROUNDS, JOBS, SLEEPS = 1000, 20, 10
tmp = tempfile.TemporaryDirectory()


def path(name):
    return os.path.join(tmp.name, name)


def only_track(t, name):
    tracks = t.named(GOROUTINES, name)
    check(len(tracks) == 1, "%d tracks of %s" % (len(tracks), name))
    return tracks[0]


def waits(t, track, name):
    return sum(s.track == track and s.name == name for s in t.slices)


def wakes(t, waker, woken):
    return sum(a.track == waker and b.track == woken and a.name == "wakes"
               for a, b in t.flows)


def check_all(t, pid):
    """A trace of the victim from its start on."""
    check((t.pid, t.program) == (pid, "victim_traced"),
          "of %s %s" % (t.pid, t.program))
    main = only_track(t, "goroutine 1 ")
    ping, pong = only_track(t, " ping"), only_track(t, " pong [the other one]")
    jobs = t.named(GOROUTINES, " job")
    check(len(jobs) == JOBS, "%d jobs" % len(jobs))
    check(len(t.named(GOROUTINES, ' job [job "1"]')) == 1, "no named job")
    check(len(t.named(GOROUTINES, " job [job ?]")) == 1, "no cleaned name")

    # One wake-up a transfer, and one wait for each.
    between = wakes(t, ping, pong) + wakes(t, pong, ping)
    check(between == 2 * ROUNDS, "%d wake-ups" % between)
    parked = sum(waits(t, track, wait) for track in (ping, pong)
                 for wait in ("chan send", "chan receive"))
    check(parked == 2 * ROUNDS, "%d waits" % parked)

    started = [a.args["goroutine"] for a, _ in t.flows
               if a.name == "starts" and a.track == main]
    for track in jobs + [ping, pong]:
        check(started.count(track[1]) == 1, "%s was not started" % (track,))
    for track in jobs:
        check(waits(t, track, "blocking call") == 1, "%s: no call" % (track,))
        check(waits(t, track, "running") >= 2, "%s: not back" % (track,))
    check(waits(t, main, "sleep") == SLEEPS, "main slept %d times" %
          waits(t, main, "sleep"))
    # What ends is on no track any more; what goes on is there to the end.
    end = t.marks[-1].ns
    for track in [ping, pong] + jobs:
        check(max(s.end for s in t.slices if s.track == track) < end,
              "%s does not end" % (track,))
    check(len(t.named(WORKERS, "worker ")) in (1, 2), "workers")


def take(name, *args, status=0):
    run(prof, "-o", path(name), *args, status=status)
    return read(path(name))


# --- Live ------------------------------------------------------------------------

# Only what happens from now on, and what was there then.
victim = start(victim_path)
pid = str(victim.pid)
t = take("live", "-d", "0.5", "trace", pid)
main, tick = only_track(t, "goroutine 1 "), only_track(t, " tick")
there, back = wakes(t, tick, main), wakes(t, main, tick)
check(there + back > 0, "nothing was seen")
check(abs(waits(t, tick, "sleep") - there - back) <= 2,
      "%d sleeps, %d wake-ups" % (waits(t, tick, "sleep"), there + back))
check(not t.named(GOROUTINES, " job"), "those that have ended are there")
first = [s for s in t.slices if s.begin == t.marks[0].ns]
# One may have been made ready just before: of that nothing is known but that it
# was so when somebody looked. The other one waits or runs.
check({main, tick} & {s.track for s in first}, "how it was at first")
for track in (main, tick):
    begins = min(s.begin for s in t.slices if s.track == track)
    check(begins <= first[0].begin + 100e6, "%s comes late" % (track,))

t = take("live.json", "--chrome", "-d", "0.2", "trace", pid)
check(wakes(t, only_track(t, " tick"), main) +
      wakes(t, main, only_track(t, " tick")) > 0, "nothing was seen")

# Again and again: nothing is left on.
for i in range(5):
    take("again", "-d", "0", "trace", pid)

# Ctrl-C ends it early.
taking = subprocess.Popen([prof, "-d", "600", "-o", path("early"), "trace",
                           pid], preexec_fn=lambda: signal.signal(
                               signal.SIGINT, signal.SIG_DFL))


def sockets(pid):
    try:
        fds = os.scandir("/proc/%d/fd" % pid)
        return sum(os.readlink(fd.path).startswith("socket:") for fd in fds)
    except OSError:
        return 0


def wait_until_asked(taking):
    """It has been called back, twice; so it handles Ctrl-C by now."""
    for _ in range(600):
        if sockets(taking.pid) >= 3:
            return
        time.sleep(0.1)
    fail("it is never called back")


wait_until_asked(taking)
taking.send_signal(signal.SIGINT)
check(taking.wait(60) == 0, "Ctrl-C: %s" % taking.returncode)
read(path("early"))


# --- Refused ------------------------------------------------------------------------


def refused(status, pattern, *args):
    before = set(os.listdir(tmp.name))
    done = subprocess.run([prof, "-o", path("refused"), *args],
                          capture_output=True, text=True, timeout=60)
    check(done.returncode == status, "%s: status %d: %s" % (
        args, done.returncode, done.stderr))
    check(re.search(pattern, done.stderr), "%s: %s" % (args, done.stderr))
    check(set(os.listdir(tmp.name)) == before, "%s leaves a file" % (args,))


with open(path("garbage"), "wb") as f:
    f.write(b"goro-trace 1\n\0\0\0" + b"\xff" * 4096)
with open(path("short"), "wb") as f:
    f.write(b"goro-trace 1\n\0\0\0")
refused(2, "there is no flight recorder", "--flight", "trace", pid)
refused(2, "this is no trace: a block is too long", "--read", path("garbage"),
        "trace")
refused(2, "this is no trace: it has no end", "--read", path("short"), "trace")
refused(2, "does not begin as one", "--read", prof, "trace")
refused(2, "cannot read", "--read", path("none"), "trace")
refused(2, "there is no process", "trace", "999999999")
refused(64, "not for trace", "--top", "trace", pid)
refused(64, "not for cpu", "--chrome", "cpu", pid)
refused(64, "nothing else", "--read", path("short"), "trace", pid)
done = subprocess.run([prof, "-d", "0", "trace", pid],
                      stdout=open("/dev/full", "w"), stderr=subprocess.PIPE)
check(done.returncode == 2, "a full device")

# It dies in the middle.
taking = subprocess.Popen([prof, "-d", "600", "-o", path("dies"), "trace",
                           pid], stderr=subprocess.PIPE, text=True)
wait_until_asked(taking)
victim.kill()
said = taking.communicate(timeout=60)[1]
check(taking.returncode == 2, "a process that ended is no failure")
check("ended" in said or "no process" in said, said)
check(not [f for f in os.listdir(tmp.name) if f.startswith("dies")],
      "half a file is left")


# --- Flight recorder ------------------------------------------------------------------


def recorder(*args, **env):
    log = open(path("stderr"), "w+")
    return subprocess.Popen([victim_path, *args], stdout=subprocess.PIPE,
                            stderr=log, text=True,
                            env=os.environ | {"GOROMAXPROCS": "2",
                                              "TMPDIR": tmp.name} | env), log


def recorded(log):
    """The file that it says it has written; None: not yet."""
    log.seek(0)
    m = re.search("^flight recorder: goro-prof -o FILE --read (.*) trace$",
                  log.read(), re.M)
    return m and m[1]


# For a day: longer than it runs, and than many a machine has been up.
before_ns = time.monotonic_ns()
victim, log = recorder(GORODEBUG="flightrec=86400,sigquit=continue")
check(victim.stdout.readline() == "ready\n", "it is never ready")
t = take("flight", "--flight", "trace", str(victim.pid))
check_all(t, victim.pid)
check(t.marks[0].ns >= before_ns, "it begins before the program does")

# By a signal; and both formats say the same.
victim.send_signal(signal.SIGQUIT)
for _ in range(600):
    if recorded(log):
        break
    time.sleep(0.1)
else:
    fail("SIGQUIT: nothing recorded")
a = take("quit", "--read", recorded(log), "trace")
b = take("quit.json", "--chrome", "--read", recorded(log), "trace")
check_all(a, victim.pid)
check(a.tracks == b.tracks and a.marks == b.marks, "the formats differ")

# Only the last seconds, with how it was when they began: a live trace at the
# same time disturbs nothing.
take("both", "-d", "0.1", "trace", str(victim.pid))
victim.kill()
victim.wait()

victim, log = recorder("panic", GORODEBUG="flightrec=600")
check(victim.wait(60) == 2, "status of a panic: %s" % victim.returncode)
check(recorded(log), "a panic: nothing recorded")
check_all(take("panic", "--read", recorded(log), "trace"), victim.pid)

# A directory that is none: said, and nothing else.
victim, log = recorder("panic", GORODEBUG="flightrec=600",
                       TMPDIR=path("none"))
check(victim.wait(60) == 2, "status of a panic: %s" % victim.returncode)
log.seek(0)
check("no trace could be written in" in log.read(), "a place that is none")
