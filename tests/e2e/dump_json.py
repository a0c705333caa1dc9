#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# dump_json.py GORO_DUMP BLOCKED WAITS
#
# Is the JSON what its schema says, and what the victims do?

import sys

from lib import check, dump, dump_at_rest, schema_of, start

tool, blocked, waits = sys.argv[1:]
schema = schema_of("goro-dump.schema.json")

victim = start(blocked)
d = dump_at_rest(tool, victim)
schema.validate(d)
check(d["pid"] == victim.pid and d["command"] == "victim_blocked", "who")
check(d["total"] == 17 and not d["inexact"], "there are 17 goroutines")
for options in (["--waits"], ["--channels"], ["--waits", "--group"]):
    schema.validate(dump(tool, victim, *options))
by_name = {g["name"]: g for g in d["goroutines"]}
check(len(by_name) == 17, "each has its name")
check(all(g["exact"] and g["complete"] for g in d["goroutines"]), "exact")


def waits_for(name):
    """What it waits for, addresses aside; and the addresses."""
    all = by_name[name].get("waits_for", [])
    return ([(w["kind"], w.get("operation")) for w in all],
            [w.get("address") for w in all])


check(by_name["program"]["id"] == 1, "the main goroutine")
check("created_by" not in by_name["program"], "nobody started it")
check("labels" not in by_name["program"], "it has dropped its labels")
labels = {"tenant": 'acme "&" sons', "stage": "1"}
check(all(g.get("labels") == labels for g in d["goroutines"] if g["id"] != 1),
      "all others have inherited them")
check(by_name["worker"]["created_by"]["function"] == "gatherer" and
      by_name["worker"]["created_by"]["goroutine"] ==
      by_name["gatherer"]["id"], "who started whom")
check(by_name["feeder"]["stack"][0]["function"] == "goro_chan_send" and
      by_name["feeder"]["stack"][1]["function"] == "feeder" and
      by_name["feeder"]["stack"][1]["file"].endswith("victims/blocked.c"),
      "the stack")
check(all(g["wait_ns"] > 0 and "since" in g for g in d["goroutines"]), "since")

send, orders = waits_for("feeder")
check(send == [("chan", "send")], "feeder sends")
both, objects = waits_for("chooser")
check(both == [("chan", "send"), ("chan", "receive")], "chooser does both")
check(objects[0] == orders[0], "to the same channel")
for name, kind, operation in (
        ("left", "mutex", "lock"), ("right", "mutex", "lock"),
        ("writer", "rwmutex", "lock"), ("gatherer", "waitgroup", None),
        ("prepared", "once", None), ("listener", "cond", None)):
    check(waits_for(name)[0] == [(kind, operation)], name)
check(waits_for("sleeper") == ([], []), "a sleeper waits for nothing")
io = by_name["in_out"]["waits_for"]
check(len(io) == 1 and io[0]["kind"] == "fd" and io[0]["fd"] > 2, "in_out")

# One that runs: its thread is stopped, and the copy is exact too.
victim = start(waits)
d = dump(tool, victim)
schema.validate(d)
for options in (["--group"], ["--threads"], ["--limit", "1"], ["--channels"]):
    schema.validate(dump(tool, victim, *options))
spinner = [g for g in d["goroutines"] if g["state"] == "running"]
check(len(spinner) == 1 and spinner[0]["exact"], "one runs")
check(spinner[0]["stack"][0]["function"] == "spinner", "it spins")
check(d["longest_stop_ns"] > 0, "that needed a stop")
