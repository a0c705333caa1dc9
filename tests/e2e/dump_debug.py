#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# dump_debug.py GORO_DUMP BLOCKED
#
# Separate debug information: by build id, by .gnu_debuglink, and from a server,
# which hears nothing from a tool that was not told to ask.

import http.server
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading

from lib import check, dump_at_rest, run, skip, start

tool, blocked = sys.argv[1:]
for needed in ("objcopy", "strip", "readelf"):
    if not shutil.which(needed):
        skip("no " + needed)

top = tempfile.TemporaryDirectory()
# What is kept of servers' answers is of this test only.
os.environ["DEBUGINFOD_CACHE_PATH"] = os.path.join(top.name, "cache")
os.environ.pop("DEBUGINFOD_URLS", None)
bare = os.path.join(top.name, "bin", "server")
debug = os.path.join(top.name, "made", "server.debug")
os.mkdir(os.path.dirname(bare))
os.mkdir(os.path.dirname(debug))
shutil.copy(blocked, bare)
subprocess.check_call(("objcopy", "--only-keep-debug", bare, debug))
subprocess.check_call(("strip", bare))
build_id = re.search(r"Build ID: ([0-9a-f]+)", subprocess.check_output(
    ("readelf", "-n", bare), text=True)).group(1)


def has_lines(*options, status=0):
    """Does a dump say in which line of the program they wait?"""
    text = run(tool, *options, str(victim.pid), status=status).decode()
    check("goroutine 1 [" in text, "there is a dump")
    named = "\nfeeder(...)\n" in text
    check(named == ("/blocked.c:" in text), "names and lines come together")
    return named


victim = start(bare)
dump_at_rest(tool, victim)
check(not has_lines(), "there are no lines without debug information")

# By build id.
by_id = os.path.join(top.name, "by_id")
os.makedirs(os.path.join(by_id, ".build-id", build_id[:2]))
shutil.copy(debug, os.path.join(by_id, ".build-id", build_id[:2],
                                build_id[2:] + ".debug"))
check(has_lines("--debug-dir", by_id), "--debug-dir by build id")
check(has_lines("--debug-dir", os.path.relpath(by_id)), "a relative one")
check(not has_lines("--debug-dir", top.name), "another directory has none")
done = subprocess.run((tool, "--debug-dir", "/nowhere", "1"),
                      capture_output=True)
check(done.returncode == 64 and b"there is no directory" in done.stderr,
      "no directory: %s" % done.stderr)

# By a server.
requests = []


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        requests.append(self.path)
        if self.path != "/buildid/%s/debuginfo" % build_id:
            self.send_error(404)
            return
        with open(debug, "rb") as file:
            body = file.read()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["DEBUGINFOD_URLS"] = "http://127.0.0.1:%d" % server.server_port
for options in ((), ("--waits",), ("--format", "json"), ("--format", "pprof")):
    run(tool, *options, str(victim.pid))
check(not has_lines() and not requests, "it asked unasked: %s" % requests)
if has_lines("--debuginfod"):
    check("/buildid/%s/debuginfo" % build_id in requests, "who told it?")
    before = len(requests)
    check(has_lines("--debug-dir", by_id, "--debuginfod"), "both")
else:
    # libdwfl loads the client when it is installed.
    check(not requests, "what the server said was lost: %s" % requests)
    print("no libdebuginfod: no server was asked")
done = subprocess.run((tool, "--debuginfod", "1"), capture_output=True,
                      env={"PATH": os.environ["PATH"]})
check(done.returncode == 64 and b"DEBUGINFOD_URLS" in done.stderr, "no URLs")
server.shutdown()
victim.kill()

# By name: beside the program, in .debug, and below the other directory. With a
# build id that would be found first, so it goes.
subprocess.check_call(("objcopy", "--remove-section=.note.gnu.build-id",
                       "--add-gnu-debuglink=" + debug, bare, bare + ".linked"))
os.replace(bare + ".linked", bare)
victim = start(bare)
dump_at_rest(tool, victim)
check(not has_lines(), "it is not where it was made")
beside = os.path.dirname(bare)
below = os.path.join(top.name, "below")
for place, options in (
        (beside, ()),
        (os.path.join(beside, ".debug"), ()),
        (below + beside, ("--debug-dir", below))):
    os.makedirs(place, exist_ok=True)
    copy = os.path.join(place, "server.debug")
    shutil.copy(debug, copy)
    check(has_lines(*options), "by name in " + place)
    # One of another build has another checksum.
    with open(copy, "ab") as file:
        file.write(b"!")
    check(not has_lines(*options), "a wrong one in " + place)
    os.remove(copy)
