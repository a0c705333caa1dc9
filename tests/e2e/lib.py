# SPDX-License-Identifier: MIT
#
# lib.py - what the end-to-end tests in Python share
#
# A test that cannot run here says why and exits with 77. Every wait is bounded;
# victims end with the test.

import atexit
import ctypes
import json
import os
import signal
import subprocess
import sys
import time

SKIP = 77


def skip(why):
    print("skipped:", why)
    sys.exit(SKIP)


def fail(why):
    print("FAILED:", why, file=sys.stderr)
    sys.exit(1)


def check(condition, why):
    if not condition:
        fail(why)


def die_with_parent():
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start(*command):
    """A victim that has said "ready"."""
    victim = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True,
        preexec_fn=die_with_parent, env=dict(os.environ, GOROMAXPROCS="2"))

    def end():
        victim.kill()
        victim.wait()

    atexit.register(end)
    for line in victim.stdout:
        if line == "ready\n":
            return victim
    fail("%s ended before it was ready" % command[0])


def run(*command, status=0, **kwargs):
    """The output of a command that must end with @status."""
    done = subprocess.run(command, capture_output=True, timeout=60,
                          **kwargs)
    if done.returncode != status:
        fail("%s: status %d: %s" % (" ".join(command), done.returncode,
                                    done.stderr.decode()))
    return done.stdout


def dump(tool, victim, *options):
    return json.loads(run(tool, "--format", "json", *options,
                          str(victim.pid)))


def dump_at_rest(tool, victim, *options):
    """The dump of a victim whose goroutines all come to rest."""
    for _ in range(600):
        d = dump(tool, victim, *options)
        if all(g["state"] == "waiting" for g in d["goroutines"]):
            return d
        time.sleep(0.1)
    fail("some goroutines never wait")


def schema_of(name):
    try:
        import jsonschema
    except ImportError:
        skip("there is no python3-jsonschema")
    path = os.path.join(os.path.dirname(__file__), "../../docs/schema", name)
    with open(path) as f:
        schema = json.load(f)
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)
