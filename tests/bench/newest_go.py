# SPDX-License-Identifier: MIT
"""The newest Go that is installed, for the programs to compare with

Debian puts each version into a directory of its own and links one of them into
the PATH: its default, which is not the newest where backports are installed.
"""
import glob
import os
import re
import shutil
import subprocess


def version_of(compiler):
    """What it calls itself, as numbers; () when it does not run."""
    try:
        out = subprocess.run([compiler, "version"], text=True, check=True,
                             stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL).stdout
    except (OSError, subprocess.CalledProcessError):
        return (), ""
    name = out.split()[2]
    return tuple(int(n) for n in re.findall(r"\d+", name)), name


def find():
    """Its path and its name, go1.23.4 or the like; $GO says which. Or None."""
    if os.environ.get("GO"):
        candidates = [os.environ["GO"]]
    else:
        candidates = glob.glob("/usr/lib/go-*/bin/go")
        candidates += ["/usr/local/go/bin/go", shutil.which("go")]
    known = [(*version_of(c), c) for c in candidates if c]
    _, name, compiler = max(known, default=((), "", None))
    return (compiler, name) if name else (None, None)


def build(compiler, source, program):
    # With its own standard library, whatever else is in the environment.
    env = {k: v for k, v in os.environ.items() if k != "GOROOT"}
    subprocess.run([compiler, "build", "-o", program, source], check=True,
                   env=dict(env, GO111MODULE="off", GOTOOLCHAIN="local",
                            GOCACHE=str(program) + ".cache"))
