# SPDX-License-Identifier: MIT
"""Runs _function.py's run() on many functions in one process: a JSON list of what differs from the
specification on stdin, a list of the answers' errors (null: none) on stdout.

Usage: python check_hints.py HOME CACHE
"""

import json
import os
import sys

home, cache = sys.argv[1:]
sys.path.insert(0, os.path.join(home, "ext", "probe"))

import _function

_function._build.step = lambda text: None
errors = []
for changes in json.load(sys.stdin):
    spec = {
        "home": home,
        "cache": cache,
        "cc": "cc",
        "interpreter_label": "this interpreter",
        "offline": False,
        "import_from": ["."],
        "timeout_s": 10,
    }
    spec.update(changes)
    errors.append(_function.run(spec).get("error"))
json.dump(errors, sys.stdout)
