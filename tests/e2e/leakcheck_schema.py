#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# leakcheck_schema.py GORO_LEAKCHECK VICTIM SOURCE
#
# JSON, SARIF and JUnit by their schemas: with findings and without, and where
# nothing could be checked. SOURCE is in a directory with odd characters.

import copy
import json
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

from lib import check, schema_of, skip

tool, victim, source = sys.argv[1:]
here = os.path.dirname(os.path.abspath(__file__))
own = schema_of("goro-leakcheck.schema.json")
sarif = schema_of(os.path.join(here, "schema/sarif.schema.json"))
if not shutil.which("xmllint"):
    skip("there is no xmllint (libxml2-utils)")
env = dict(os.environ, GOROMAXPROCS="2", GOROTRACEBACK="none")
tmp = tempfile.TemporaryDirectory()


def path(name):
    return os.path.join(tmp.name, name)


def is_junit(name):
    return not subprocess.run(
        ["xmllint", "--noout", "--nonet", "--schema",
         os.path.join(here, "schema/junit.xsd"), path(name)],
        capture_output=True, timeout=60).returncode


def reports(*command):
    subprocess.run([tool, "--format", "json=" + path("json"), "--format",
                    "sarif=" + path("sarif"), "--format",
                    "junit=" + path("junit"), "--", *command],
                   capture_output=True, timeout=120, env=env)
    with open(path("json")) as f:
        j = json.load(f)
    with open(path("sarif")) as f:
        s = json.load(f)
    own.validate(j)
    sarif.validate(s)
    check(is_junit("junit"), "JUnit of %s" % (command,))
    return j, s


# Their own numbers are right, too.
def sums_up(s):
    run, = s["runs"]
    rules = run["tool"]["driver"]["rules"]
    for r in run["results"]:
        check(rules[r["ruleIndex"]]["id"] == r["ruleId"], "SARIF's rules")
    for x in [ET.parse(path("junit")).getroot(),
              ET.parse(path("junit")).getroot()[0]]:
        for what, n in [("tests", "testcase"), ("failures", "failure"),
                        ("errors", "error")]:
            check(int(x.get(what)) == len(list(x.iter(n))), "JUnit's " + what)


for command in [[victim, "deadlock", "kept", "dropped", "leftover", "nil"],
                [victim, "ticker", "context", "locked"], [victim, "brief"], [victim, "leftover", "3"], ["true"],
                ["sh", "-c", "kill -KILL $$"]]:
    j, s = reports(*command)
    sums_up(s)
    if command[-1] == "nil":
        full = s
        check(len(s["runs"][0]["results"]) >= 5, "few findings: %s" % j)
        check(any(os.path.basename(source) in x["file"]
                  for f in j["findings"] for x in f.get("stack", [])
                  if "file" in x), "the files")

# And the schemas see what is wrong.
result = full["runs"][0]["results"][0]
check(result["locations"], "no location")


def broken(change):
    s = copy.deepcopy(full)
    change(s["runs"][0]["results"][0])
    return not sarif.is_valid(s)


def at(r):
    return r["locations"][0]["physicalLocation"]


check(not broken(lambda r: None), "what is right")
check(broken(lambda r: r.pop("message")) and
      broken(lambda r: r.update(level="fatal")) and
      broken(lambda r: r.update(colour="red")) and
      broken(lambda r: at(r)["region"].update(startLine=0)) and
      broken(lambda r: at(r)["artifactLocation"].update(uri="a b")),
      "SARIF that is wrong")
with open(path("junit")) as f:
    text = f.read()
for old, new in [("<testsuites tests", "<testsuites colour"),
                 ("<error", "<mistake"), ('classname="', 'class="')]:
    check(old in text, "no %s in JUnit" % old)
    with open(path("wrong"), "w") as f:
        f.write(text.replace(old, new))
    check(not is_junit("wrong"), "JUnit that is wrong: " + new)
