# SPDX-License-Identifier: MIT
"""A build driver for tests: builds nothing, answers as the protocol says.

$FAKE_BUILD chooses what goes wrong: "" (nothing), "noext", "nobinding", "noise", "garbage", "die",
"hang".
"""

import json
import os
import sys
import time

with open(sys.argv[1], encoding="utf-8") as f:
    spec = json.load(f)
mode = os.environ.get("FAKE_BUILD", "")
print("step: looking at %s" % spec["interpreter_label"], file=sys.stderr, flush=True)
if mode == "hang":
    time.sleep(600)
if mode == "die":
    print("Traceback: the disk is on fire", file=sys.stderr)
    sys.exit(5)
if mode == "garbage":
    print("{not json")
    sys.exit(0)
if mode == "noise":
    print("Collecting cffi")
for key in ("home", "cache", "library", "include", "cc"):
    assert spec[key], key
workloads = [w["name"] for w in spec["workloads"]]
assert all(os.path.isdir(w["dir"]) for w in spec["workloads"])
assert len(set(workloads)) == len(workloads), workloads
answer = {
    "python": sys.executable,
    "ext": None if mode == "noext" else spec["home"],
    "ext_error": "Python.h is missing: apt-get install python3-dev" if mode == "noext" else None,
    "kernels": {name: {"kernel": "k", "veneer": "v", "bare": "b"} for name in workloads},
    "bindings": {},
    "packages": {"fakepackage": "1.2.3"},
}
for path in spec["paths"]:
    name = path["name"]
    assert os.path.isdir(path["dir"])
    answer["bindings"][name] = {workload: {"dir": None} for workload in workloads}
if mode == "nobinding":
    answer["bindings"]["good"] = {w: {"error": "no network: pip install it"} for w in workloads}
print(json.dumps(answer))
