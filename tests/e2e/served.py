# SPDX-License-Identifier: MIT
#
# served.py VICTIM_BURN
#
# What a process serves, read by those that it is meant for: each profile by
# `go tool pprof http://...`, and /metrics by a Prometheus that scrapes it.

import glob
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from lib import SKIP, check, die_with_parent, fail, start

PATIENCE = 60  # seconds
tmp = tempfile.TemporaryDirectory()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def newest_go():
    """Every version in turn would be better; the newest breaks first."""
    found = glob.glob("/usr/lib/go-*/bin/go")
    key = lambda path: [int(n) for n in path.split("/")[3][3:].split(".")]
    return max(found, key=key) if found else shutil.which("go")


def read_by_pprof(go, url):
    env = dict(os.environ, PPROF_TMPDIR=tmp.name, HOME=tmp.name)
    kinds = {
        "goroutine": "waiter", "creation": "waiter", "threadcreate": "",
        "chan": "program", "block": "waiter", "wait": "program", "mutex": "",
        "schedlatency": "program", "goroutineleak": "",
        "profile?seconds=1": "much_work", "wall?seconds=1": "waiter",
        "block?seconds=1": "",
    }
    for kind, function in kinds.items():
        for output in ["-top", "-raw"] + ["-svg"] * bool(shutil.which("dot")):
            done = subprocess.run(
                [go, "tool", "pprof", "-symbolize=none", output,
                 url + "/debug/pprof/" + kind], env=env, text=True, timeout=120,
                capture_output=True)
            check(done.returncode == 0, "pprof %s %s: %s" % (
                output, kind, done.stderr))
            check(function in done.stdout, "pprof %s %s: no %s in %s" % (
                output, kind, function, done.stdout))
    # What it refuses is said by pprof in our words.
    done = subprocess.run(
        [go, "tool", "pprof", "-top", url + "/debug/pprof/nonesuch"], env=env,
        text=True, timeout=120, capture_output=True)
    check(done.returncode != 0 and "Unknown profile" in done.stderr,
          "an unknown profile: " + done.stderr)


def ask(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:
            return json.load(reply)["data"]
    except (urllib.error.URLError, ConnectionError):
        return None


def scraped_by_prometheus(target):
    config = os.path.join(tmp.name, "prometheus.yml")
    with open(config, "w") as f:
        json.dump({"global": {"scrape_interval": "1s"},
                   "scrape_configs": [{"job_name": "goro", "static_configs": [
                       {"targets": [target]}]}]}, f)
    own = "127.0.0.1:%d" % free_port()
    prometheus = subprocess.Popen(
        ["prometheus", "--config.file=" + config, "--log.level=error",
         "--storage.tsdb.path=" + os.path.join(tmp.name, "data"),
         "--web.listen-address=" + own], preexec_fn=die_with_parent,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        query = "http://%s/api/v1/query?query=" % own
        until = time.monotonic() + PATIENCE
        while True:
            up = ask(query + "up")
            seen = ask(query + "goro_goroutines")
            if up and seen and seen["result"] and up["result"][0]["value"][1] == "1":
                break
            if time.monotonic() > until:
                fail("Prometheus sees %s, %s" % (up, seen))
            time.sleep(0.2)
        total = sum(float(r["value"][1]) for r in seen["result"])
        check(total == 9, "Prometheus sees %s goroutines" % total)
    finally:
        prometheus.kill()
        prometheus.wait()


go = newest_go()
prometheus = shutil.which("prometheus")
if not go and not prometheus:
    print("skipped: there is neither Go nor Prometheus")
    sys.exit(SKIP)
address = "127.0.0.1:%d" % free_port()
start(sys.argv[1], address)
if go:
    read_by_pprof(go, "http://" + address)
if prometheus:
    scraped_by_prometheus(address)
