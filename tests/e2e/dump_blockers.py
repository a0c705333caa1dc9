#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# dump_blockers.py GORO_DUMP BLOCKED
#
# What blocks whom: objects, holders, who could wake, deadlocks; as text, JSON
# and a graph.

import re
import sys

from lib import check, dump_at_rest, run, start

tool, blocked = sys.argv[1:]

victim = start(blocked)
d = dump_at_rest(tool, victim, "--waits")
ids = {g["name"]: g["id"] for g in d["goroutines"]}
by_address = {o.get("address"): o for o in d["objects"]}


def object_of(name, which=0):
    g = [g for g in d["goroutines"] if g["name"] == name][0]
    return by_address[g["waits_for"][which]["address"]]


def are(got, *names):
    want = sorted(ids[n] for n in names)
    check(sorted(got) == want, "%s instead of %s" % (got, names))


orders = object_of("feeder")
check((orders["kind"], orders["name"], orders["elem_bytes"], orders["len"],
       orders["cap"], orders["closed"]) == ("chan", "orders", 4, 3, 3, False),
      orders)
check(orders["created_by"]["function"] == "program" and
      orders["created_by"]["goroutine"] == 1, "who made it")
are(orders["waiters"], "feeder", "chooser")
check(object_of("chooser", 1)["name"] == "never", "the other case")
are(object_of("thirsty")["waiters"], "thirsty")
check("name" not in object_of("thirsty") and
      object_of("thirsty")["elem_bytes"] == 16, "a channel without a name")

for name, variable, holder in (
        ("left", "second", "right"), ("right", "first", "left"),
        ("hopeful", "lone", "owner"), ("writer", "table", "reader"),
        ("prepared", "once", "preparer")):
    o = object_of(name)
    check(o["variable"] == variable, "%s is %s" % (o, variable))
    are(o["holders"], holder)
    are(o["waiters"], name)
check(object_of("writer")["readers"] == 1, "one reader")

group = object_of("gatherer")
check(group["kind"] == "waitgroup" and group["counter"] == 2, group)
check(ids["worker"] in group["known_to"], "the worker could call done")
check(ids["gatherer"] not in group["known_to"], "the waiter could not")
check(object_of("listener")["kind"] == "cond", "cond")
fd = [o for o in d["objects"] if o["kind"] == "fd"]
check(len(fd) == 1 and fd[0]["what"].startswith("pipe:["), fd)
are(fd[0]["waiters"], "in_out")

check(len(d["deadlocks"]) == 1 and d["deadlocks"][0]["total"] == 2, "one")
are(d["deadlocks"][0]["circle"], "left", "right")

text = run(tool, "--waits", str(victim.pid)).decode()
check(re.match(r"deadlock: 2 goroutines wait for each other\n"
               r'    goroutine \d+ "left" \[sync.Mutex.Lock, \S+\] '
               r"left blocked.c:\d+\n"
               r"        waits for mutex second, held by "
               r'goroutine \d+ "right"\n', text), text)
check(re.search(r'^channel \d+ "orders": open, 3 of 3 elements of 4 bytes; '
                r"made by program blocked.c:\d+ in goroutine 1\n"
                r'    sends       goroutine \d+ "feeder" ', text, re.M), text)
check(re.search(r"^waitgroup \S+: counter 2\n    waits .*\n"
                r'    could wake  goroutine \d+ "worker"', text, re.M), text)
check(re.search(r"^rwmutex table\n    read-locked goroutine .*reader.*\n"
                r"    locks ", text, re.M), text)

# What is asked for decides which objects are shown, the limit how many.
text = run(tool, "--waits", "--reason", "once", str(victim.pid)).decode()
check(re.findall(r"^(\w+) \w+$", text, re.M) == ["once"], text)
text = run(tool, "--channels", "--limit", "2", str(victim.pid)).decode()
check(re.findall(r"^channel (\d+)", text, re.M) == ["1", "2"] and
      "deadlock" not in text, text)

dot = run(tool, "--dot", str(victim.pid)).decode()
nodes = set(re.findall(r"^\t(\w+) \[", dot, re.M))
edges = re.findall(r"^\t(\w+) -> (\w+)( \[[^]]*\])?;$", dot, re.M)
check(dot.startswith("digraph goroutines {\n") and dot.endswith("}\n"), dot)
check(all(a in nodes and b in nodes for a, b, _ in edges), "nodes")
held = [(a, b) for a, b, style in edges if "held by" in style]
left, right = ("g%d" % ids[n] for n in ("left", "right"))
for a, b in ((left, right), (right, left)):
    check(any((a, o, "") in edges and (o, b) in held for o in nodes),
          "there is a circle")
check(len(re.findall("color=red", dot)) == 2, "it is red")
