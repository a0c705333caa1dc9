#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# dump_select.py GORO_DUMP BLOCKED PARKED
#
# Selecting, sorting, grouping, threads; and what a terminal changes.

import json
import os
import pty
import re
import subprocess
import sys

from lib import check, dump_at_rest, fail, run, start

tool, blocked, parked = sys.argv[1:]

victim = start(blocked)
everyone = dump_at_rest(tool, victim)["goroutines"]
names = {g["id"]: g["name"] for g in everyone}


def shown(*options):
    """The names of those that are shown, in order."""
    text = run(tool, *options, str(victim.pid)).decode()
    return [names[int(i)]
            for i in re.findall(r"^goroutine (\d+) \[", text, re.M)]


def same(got, *want):
    check(got == list(want), "%s instead of %s" % (got, want))


same(shown("--reason", "mutex.lock"), "left", "right", "hopeful", "writer")
same(shown("--func", "^(owner|prepare)$"), "owner", "preparer")
same(shown("--created-by", "^gatherer$"), "worker")
same(shown("--label", "stage=1", "--label", "tenant", "--reason", "IO"),
     "in_out")
same(shown("--label", "stage=2"))
same(shown("--state", "running,syscall"))
same(shown("--id", "1,4", "--id", "2"), *[names[i] for i in (1, 2, 4)])
same(shown("--min-wait", "1h"))
check(len(shown("--min-wait", "1ns")) == 17, "all wait")
same(shown("--limit", "2"), names[1], names[2])

longest = shown("--sort", "wait")
check(sorted(longest) == sorted(names.values()), "sorting loses none")
by_wait = sorted(dump_at_rest(tool, victim)["goroutines"],
                 key=lambda g: -g["wait_ns"])
same(longest, *[g["name"] for g in by_wait])

d = json.loads(run(tool, "--format", "json", "--threads", str(victim.pid)))
check(any(t["tid"] == victim.pid and not t["worker"] for t in d["threads"]),
      "the main thread is no worker")
check(sum(t["worker"] for t in d["threads"]) >= 2, "there are two workers")
text = run(tool, "--threads", str(victim.pid)).decode()
check(len(re.findall(r'^thread \d+ "[^"]+" \[\w.*, \S+\]: '
                     r'(no goroutine|no worker)$', text, re.M)) ==
      len(d["threads"]), "each thread is a line")

for options, message in (
        (("--func", "("), "is no regular expression"),
        (("--min-wait", "5"), "is no time"),
        (("--min-wait", "-5s"), "is no time"),
        (("--state", "asleep"), "there is no state"),
        (("--id", "0"), "is no goroutine's number"),
        (("--id", "1,"), "is no goroutine's number"),
        (("--limit", "0"), "is no number"),
        (("--sort", "age"), "are not sorted by"),
        (("--sort", "count", "--no-group"), "is for groups"),
        (("--format", "go", "--group"), "has no groups")):
    done = subprocess.run((tool, *options, "1"), capture_output=True)
    check(done.returncode == 64 and message in done.stderr.decode() and
          not done.stdout, "%s: %s" % (options, done.stderr))

# It fits a screen, with the prompt below.
lines = run(tool, "--help").decode().splitlines()
check(len(lines) <= 23 and max(map(len, lines)) <= 79, "--help is too large")

# Many that do the same.
victim = start(parked, "150")
for _ in range(600):
    d = json.loads(run(tool, "--format", "json", "--group", str(victim.pid)))
    if d["groups"][0]["count"] == 150:
        break
else:
    fail("150 goroutines never park")
check("goroutines" not in d and d["total"] == 151, "groups instead")
group = d["groups"][0]
check(len(group["ids"]) == 150 and group["ids"] == sorted(group["ids"]),
      "the group's members")
check(0 < group["min_wait_ns"] <= group["max_wait_ns"], "their waits")
text = run(tool, "--group", "--limit", "1", str(victim.pid)).decode()
check(re.match(r"150 goroutines \[chan receive, \S+ to \S+\]: 2 3 ", text) and
      text.count("goroutines [") == 1, "its text")


def on_terminal(*options, **environment):
    env = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    ours, theirs = pty.openpty()
    process = subprocess.Popen((tool, *options, str(victim.pid)),
                               stdout=theirs, env=dict(env, **environment))
    os.close(theirs)
    text = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # its last writer has gone
            break
        if not piece:
            break
        text += piece
    os.close(ours)
    check(process.wait(60) == 0, "the status on a terminal")
    return text.decode().replace("\r", "")


text = on_terminal()
check(text.startswith("\033[1m150 goroutines ["), "grouped and coloured")
check("\033" not in on_terminal(NO_COLOR="1"), "NO_COLOR")
check(len(re.findall(r"^\033\[1mgoroutine \d", on_terminal("--no-group"),
                     re.M)) == 151, "--no-group")
check(on_terminal("--format", "go").count("\ngoroutine ") == 150,
      "--format go is for programs")
check(len(re.findall(r"^goroutine \d",
                     run(tool, str(victim.pid)).decode(), re.M)) == 151,
      "not on a terminal")
