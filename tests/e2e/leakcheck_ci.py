#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# leakcheck_ci.py GORO_LEAKCHECK VICTIM MOVED
#
# MOVED is the same program, its lines elsewhere.
#
# What CI systems read, and what they are told not to be told.

import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

from lib import check

tool, victim, moved = sys.argv[1:]
env = dict(os.environ, GOROMAXPROCS="2", GOROTRACEBACK="none")
tmp = tempfile.TemporaryDirectory()


def path(name):
    return os.path.join(tmp.name, name)


def write(name, text):
    with open(path(name), "w") as f:
        f.write(text)
    return path(name)


def read(name):
    with open(path(name)) as f:
        return f.read()


def leakcheck(*args, status):
    done = subprocess.run([tool, *args], capture_output=True, timeout=120,
                          env=env, text=True)
    check(done.returncode == status, "%s: status %d\n%s%s" % (
        args, done.returncode, done.stdout, done.stderr))
    return done


formats = []
for name in ["junit", "sarif", "tap", "github", "json"]:
    formats += ["--format", "%s=%s" % (name, path(name))]

# --- Two findings ---
leakcheck(*formats, victim, "deadlock", status=1)
found = json.loads(read("json"))["findings"]
prints = {f["fingerprint"] for f in found}
check(len(found) == 2 and len(prints) == 2, "fingerprints %s" % prints)

suite = ET.fromstring(read("junit")).find("testsuite")
cases = suite.findall("testcase")
check(suite.get("tests") == "2" and suite.get("failures") == "2" and
      len(cases) == 2, "JUnit's numbers")
check(len({c.get("name") for c in cases}) == 2 and all(
    c.get("classname") and c.find("failure").get("message") and
    "leaks.c:" in c.find("failure").text for c in cases), "JUnit's cases")

sarif = json.loads(read("sarif"))
check(sarif["version"] == "2.1.0" and "$schema" in sarif, "SARIF's version")
run, = sarif["runs"]
rules = [r["id"] for r in run["tool"]["driver"]["rules"]]
check(len(run["results"]) == 2, "SARIF's results")
for r in run["results"]:
    check(rules[r["ruleIndex"]] == r["ruleId"] == "deadlock", "SARIF's rule")
    place = r["locations"][0]["physicalLocation"]
    check(place["artifactLocation"]["uri"].endswith("leaks.c") and
          place["region"]["startLine"] > 0 and r["message"]["text"] and
          r["partialFingerprints"]["goroLeak/v1"], "SARIF's result")

tap = read("tap").splitlines()
check(tap[0] == "TAP version 13" and tap[-1] == "1..2" and
      len([x for x in tap if re.match(r"not ok \d - deadlock: ", x)]) == 2,
      "TAP: %s" % tap)
github = read("github").splitlines()
check(len(github) == 2 and all(re.match(
    r"::error file=[^:,]*leaks\.c,line=\d+,title=deadlock::", x)
    for x in github), "GitHub: %s" % github)

# --- None ---
leakcheck(*formats, victim, "brief", status=0)
suite = ET.fromstring(read("junit")).find("testsuite")
check(suite.get("tests") == "1" and suite.get("failures") == "0", "JUnit, none")
check(json.loads(read("sarif"))["runs"][0]["results"] == [], "SARIF, none")
check(read("tap").splitlines()[1] == "ok 1 - no leaks", "TAP, none")
check(read("github") == "", "GitHub, none")

# --- Nothing was checked: no format passes for that ---
leakcheck(*formats, "true", status=2)
suite = ET.fromstring(read("junit")).find("testsuite")
check(suite.get("errors") == "1" and "nothing was checked" in
      suite.find("testcase/error").get("message"), "JUnit, nothing")
invocation, = json.loads(read("sarif"))["runs"][0]["invocations"]
check(not invocation["executionSuccessful"] and "nothing was checked" in
      invocation["toolExecutionNotifications"][0]["message"]["text"],
      "SARIF, nothing")
check("not ok 1 - the check itself: nothing" in read("tap"), "TAP, nothing")
check(read("github").startswith("::error title=leak check::nothing"),
      "GitHub, nothing")
check("nothing was checked" in json.loads(read("json"))["problems"][0],
      "JSON, nothing")

# --- Suppressions ---
rules = write("rules", "# ours\nfunction:^lock_a\ncreator:nobody\n")
done = leakcheck("--suppressions", rules, victim, "deadlock", status=1)
check("leak check: 1 deadlock" in done.stdout, done.stdout)
check("suppressed 1: function:^lock_a" in done.stderr and
      "stale" in done.stderr and "creator:nobody" in done.stderr, done.stderr)
for text in ["leak:lock_*_a$\nleak:a_b", "file:leaks.c", "kind:deadlock",
             "creator:leak", "function:^lock_\n"]:
    leakcheck("--suppressions", write("rules", text), victim, "deadlock",
              status=0)
for text in ["function:^ock_", "function:lock_a$", "file:^leaks.c$"]:
    leakcheck("--suppressions", write("rules", text), victim, "deadlock",
              status=1)
for text in ["nonsense\n", "what:ever\n", "function:\n"]:
    leakcheck("--suppressions", write("rules", text), victim, status=2)
leakcheck("--generate-suppressions", path("made"), victim, "deadlock",
          status=1)
leakcheck("--suppressions", path("made"), victim, "deadlock", status=0)

# --- Baseline ---
leakcheck("--baseline", path("none"), "--write-baseline", path("base"),
          victim, "deadlock", status=1)
leakcheck("--baseline", path("base"), victim, "deadlock", status=0)
done = leakcheck("--baseline", path("base"), victim, "deadlock", "leftover",
                 status=1)
check("leak check: 1 leftover" in done.stdout, done.stdout)
# What has only moved is no news; what is new is.
leaks = ["deadlock", "kept", "nil", "dropped"]
leakcheck("--write-baseline", path("base"), "--format", "json=" + path("was"),
          victim, *leaks, status=1)
leakcheck("--baseline", path("base"), "--format", "json=" + path("is"), moved,
          *leaks, status=0)
leakcheck("--format", "json=" + path("is"), moved, *leaks, status=1)


def places(name):
    return {(x["function"], x["line"]) for f in json.loads(read(name))[
        "findings"] for x in f.get("stack", []) + f.get("created_at", [])
        if x.get("file", "").endswith("leaks.c")}


check(places("was") and not places("was") & places("is"), "it has not moved")
done = leakcheck("--baseline", path("base"), moved, *leaks, "leftover",
                 status=1)
check("leak check: 1 leftover" in done.stdout, done.stdout)
