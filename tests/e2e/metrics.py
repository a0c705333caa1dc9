#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
metrics.py VICTIM: is /metrics what Prometheus wants, and does it count?

A checker of the text format (exposition_formats.md), as strict as promtool,
which is asked as well where there is one: each family in one piece with HELP
and TYPE before its series, no series twice, counters that end in _total and
never fall, histograms that add up.
"""
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

PATIENCE = 60
SERIES = re.compile(
    r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[^{}]*\})? (-?[0-9]+(?:\.[0-9]+)?)$')
LABELS = re.compile(r'\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*\}$')


def fail(what):
    sys.exit("FAILED: " + what)


def get(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(PATIENCE)
        s.connect(path)
        s.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n"
                  b"Connection: close\r\n\r\n")
        answer = b""
        while piece := s.recv(65536):
            answer += piece
    head, body = answer.split(b"\r\n\r\n", 1)
    if b" 200 " not in head.split(b"\r\n")[0]:
        fail(f"answer {head!r}")
    if b"Content-Type: text/plain; version=0.0.4" not in head:
        fail(f"no type of the format in {head!r}")
    return body.decode("ascii")


def family_of(name, kinds):
    """The family that a series belongs to."""
    if name in kinds:
        return name
    base = re.sub(r"_(bucket|sum|count)$", "", name)
    return base if kinds.get(base) in ("histogram", "summary") else None


def parse(text):
    """What each series says; fails where the format is broken."""
    if not text.endswith("\n"):
        fail("the last line has no end")
    kinds, helped, values, done, now = {}, set(), {}, set(), None
    for line in text[:-1].split("\n"):
        if line.startswith("# "):
            _, what, name, rest = line.split(" ", 3)
            if name != now:
                done.add(now)
                now = name
            if name in done or not rest:
                fail(f"{name} is in two pieces, or says nothing")
            if what == "HELP" and name not in helped:
                helped.add(name)
            elif what == "TYPE" and name in helped and name not in kinds:
                kinds[name] = rest
            else:
                fail(f"out of place: {line}")
            continue
        match = SERIES.match(line)
        if not match or (match[2] and not LABELS.match(match[2])):
            fail(f"no series: {line}")
        if family_of(match[1], kinds) != now:
            fail(f"not within its family: {line}")
        if kinds[now] == "counter" and not match[1].endswith("_total"):
            fail(f"a counter that is not called one: {line}")
        if kinds[now] != "gauge" and match[3].startswith("-"):
            fail(f"less than nothing: {line}")
        key = match[1] + (match[2] or "")
        if key in values:
            fail(f"twice: {line}")
        values[key] = float(match[3])
    check_histograms(kinds, values)
    return kinds, values


def check_histograms(kinds, values):
    for name in (n for n, kind in kinds.items() if kind == "histogram"):
        buckets = [(re.search(r'le="([^"]*)"', k)[1], v)
                   for k, v in values.items() if k.startswith(name + "_bucket")]
        bounds = [float(b) for b, _ in buckets]
        counts = [v for _, v in buckets]
        if bounds != sorted(set(bounds)) or counts != sorted(counts):
            fail(f"{name} does not rise: {buckets}")
        if bounds[-1] != float("inf") or counts[-1] != values[name + "_count"]:
            fail(f"{name} has not all in its last class: {buckets}")
        if name + "_sum" not in values:
            fail(f"{name} has no sum")


def promtool(text):
    if not shutil.which("promtool"):
        return
    done = subprocess.run(["promtool", "check", "metrics"], input=text,
                          capture_output=True, text=True, check=False)
    if done.returncode:
        fail("promtool: " + done.stdout + done.stderr)


def counters(kinds, values):
    return {k: v for k, v in values.items()
            if kinds.get(k.split("{")[0]) == "counter" or "_bucket" in k}


def main():
    with tempfile.TemporaryDirectory() as tmp:
        path = tmp + "/socket"
        victim = subprocess.Popen([sys.argv[1], "unix:" + path],
                                  stdout=subprocess.PIPE)
        try:
            if victim.stdout.readline() != b"ready\n":
                fail("the victim is not ready")
            text = get(path)
            kinds, first = parse(text)
            promtool(text)
            for name, kind in (("goro_steals_total", "counter"),
                               ("goro_preemptions_total", "counter"),
                               ("goro_sched_latency_seconds", "histogram")):
                if kinds.get(name) != kind:
                    fail(f"{name} is no {kind}")
            # It sleeps again and again, and seven wait on a channel.
            receives = 'goro_waits_total{reason="chan receive"}'
            until = time.monotonic() + PATIENCE
            grows = ("goro_switches_total", 'goro_waits_total{reason="sleep"}',
                     "goro_sched_latency_seconds_count")
            while True:
                kinds, last = parse(get(path))
                for key, value in counters(kinds, first).items():
                    if last.get(key, 0) < value:
                        fail(f"{key} has fallen from {value}")
                if (all(last[k] > first[k] for k in grows)
                        and last[receives] == 7):
                    break
                if time.monotonic() > until:
                    fail(f"does not count: {last}")
                time.sleep(0.1)
        finally:
            victim.send_signal(signal.SIGKILL)
            victim.wait()


main()
