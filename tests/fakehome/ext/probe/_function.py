# SPDX-License-Identifier: MIT
"""Stands in for the real one: $FAKE_FUNCTION chooses what goes wrong: "die", "crash", "garbage",
"refuse" (and by default: makes the workload add)."""

import json
import os
import sys

with open(sys.argv[1], encoding="utf-8") as f:
    spec = json.load(f)
mode = os.environ.get("FAKE_FUNCTION", "")
print("step: looking", file=sys.stderr, flush=True)
if mode == "die":
    print("Traceback: no such thing", file=sys.stderr)
    sys.exit(5)
if mode == "crash":
    os.abort()
if mode == "garbage":
    print("{not json")
    sys.exit(0)
if mode == "refuse":
    print(json.dumps({"error": "it is\x1b[31m not\nright"}))
    sys.exit(0)
facts = {key: spec[key] for key in ("library", "prototype", "callable", "args", "target")}
folder = os.path.join(spec["home"], "workloads", "add")
print(json.dumps({"folder": folder, "facts": {k: v for k, v in facts.items() if v}}))
