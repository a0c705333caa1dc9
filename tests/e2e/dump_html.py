#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# dump_html.py GORO_DUMP BLOCKED PARKED
#
# The page: complete in itself, its data whole; and, where there is a Chromium,
# what it shows.

import html
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

from lib import check, dump_at_rest, run, skip, start

tool, blocked, parked = sys.argv[1:]

victim = start(blocked)
everyone = dump_at_rest(tool, victim)["goroutines"]
page = run(tool, "--format", "html", str(victim.pid)).decode()
check("@DUMP@" not in page, "the dump is in it")
check(not re.search(r"""(src|href)\s*=|https?://(?!www\.w3\.org/2000/svg)|"""
                    r"""@import|url\((?!#)|fetch\(|XMLHttp""", page),
      "it fetches nothing")
data = re.search(r'<script type="application/json" id="dump">(.*?)</script>',
                 page, re.S).group(1)
check("<" not in data, "nothing ends the script early")
d = json.loads(data)
check(len(d["goroutines"]) == 17 == d["total_shown"], "17 goroutines")
names = {g["id"]: g for g in everyone}
for g in d["goroutines"]:
    group = d["groups"][g["group"]]
    whole = names[g["id"]]
    check(group["stack"] == whole["stack"] and g["name"] == whole["name"] and
          group.get("reason") == whole.get("reason"), "its group is its own")
check(len(d["deadlocks"]) == 1 and len(d["objects"]) >= 10, "waits")
page = run(tool, "--format", "html", "--func", "feeder", str(victim.pid))
check(page.count(b'"group":') == 1, "only what was asked for")

many = start(parked, "150")
page = run(tool, "--format", "html", str(many.pid)).decode()
check(len(page) < 60000, "stacks are there once")

chromium = shutil.which("chromium")
if not chromium:
    skip("there is no chromium to look at the page with")


def browse(url, directory):
    """What becomes of a document; None when there is no browser to speak of."""
    try:
        done = subprocess.run(
            (chromium, "--headless=new", "--no-sandbox", "--disable-gpu",
             "--disable-dev-shm-usage",
             "--user-data-dir=" + os.path.join(directory, "profile"),
             "--dump-dom", url), capture_output=True, timeout=60)
    except subprocess.TimeoutExpired:
        return None
    return done.stdout.decode() if done.returncode == 0 else None


def shown(victim, fragment, *options):
    """The document's text after its script has run."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "dump.html")
        with open(path, "wb") as f:
            f.write(run(tool, "--format", "html", *options, str(victim.pid)))
        dom = browse("file://" + path + fragment, directory)
        if dom is None:
            skip("chromium does not run here")
    body = re.sub(r"<script.*?</script>|<style.*?</style>", "", dom, flags=re.S)
    return html.unescape(re.sub(r"<[^>]*>", "\n", body))


text = shown(victim, "#q=mutex.lock tenant=acme")
check("4 goroutines in 4 groups" in text and "left blocked.c" in text, text)
text = shown(victim, "#tab=waits")
check("Deadlock: 2 goroutines wait for each other" in text and
      'channel 1 "orders"' in text and "3 of 3 elements of 4 bytes" in text and
      "could wake them" in text, text)
text = shown(many, "")
check("151 goroutines in 2 groups" in text, text)
