# SPDX-License-Identifier: MIT
"""A cell driver for tests: made-up samples, and each way to misbehave, chosen by the workload.

$FAKE_STATE names a folder: each process adds a line to its file "log", and "late" cells crash when
their second pass comes. The bare call of "biased" costs more than the hooked one, that of
"doubtful" in its first three passes.
"""

import json
import os
import random
import signal
import sys
import time

EMPTY, ENTRY, INVOKE, TARGET, REAL, SIDE, PYCALL = range(7)
TICKS = {EMPTY: 20.0, ENTRY: 60.0, INVOKE: 200.0, TARGET: 230.0, REAL: 240.0, PYCALL: 90.0}

with open(sys.argv[1], encoding="utf-8") as f:
    spec = json.load(f)
workload, path, engine = spec["workload_name"], spec["path"]["name"], spec["engine"]
state = os.environ.get("FAKE_STATE")
seen = 0
if state:
    with open(os.path.join(state, "log"), "a+", encoding="utf-8") as log:
        log.seek(0)
        mine = [workload, path, engine]
        seen = sum(1 for line in log if json.loads(line)["cell"] == mine)
        entry = {
            "cell": mine,
            "seed": spec["seed"],
            "rounds": spec["rounds"],
            "variant": spec["variant"],
            "subinterpreters": spec["subinterpreters"],
            "quiet_ratio": spec["quiet_ratio"],
            "hash_seed": os.environ["PYTHONHASHSEED"],
            "pad": len(os.environ["PROBE_PAD"]),
            "pythonpath": os.environ.get("PYTHONPATH"),
            "switches": [os.environ.get("FAKE_SWITCH"), sorted(sys._xoptions)],
        }
        log.write(json.dumps(entry) + "\n")


def answer(result):
    with os.fdopen(3, "w", encoding="utf-8") as out:
        json.dump(result, out)


def misbehave(how):
    if how == "crash" or (how == "late" and seen == 1):
        os.write(4, b"#0 kernel\n#1 \xff\x1b[31mcaller\n")
        os.kill(os.getpid(), signal.SIGSEGV)
    if how == "hang":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(1)
    if how == "wrong":
        answer({"status": "failed", "reason": "wrong result: 6 through %s, 5 expected" % path})
        sys.exit(0)
    if how == "silent":
        print("something went wrong here", file=sys.stderr)
        os._exit(0)
    if how == "garbage":
        os.write(3, b'{"status": "ok", "counter": {')
        os._exit(0)
    if how == "short":
        answer({"status": "ok", "counter": COUNTER, "columns": [0, 4], "rounds": [[1, 2]]})
        sys.exit(0)
    if how == "exits":
        print("ImportError: no module named nothing", file=sys.stderr)
        sys.exit(3)
    if how == "bareless" and engine == "bare":
        answer({"status": "failed", "reason": "no bare library"})
        sys.exit(0)
    if how == "slow":
        time.sleep(1)


COUNTER = {
    "kind": "tsc",
    "unit": "TSC ticks",
    "why": "made up",
    "hz": 2.5e9,
    "granularity_ticks": 2,
    "cycles_per_tick": 1.2,
    "cycles_estimated": True,
}
misbehave(spec["workload"]["name"])
if engine == "bare":
    columns = [EMPTY, REAL]
elif spec["path"].get("pure"):
    columns = [EMPTY, REAL, PYCALL]
else:
    columns = [EMPTY, ENTRY, INVOKE, TARGET, REAL]
if engine == "bare":
    how = spec["workload"]["name"]
    TICKS[REAL] += 60 * (how == "biased" or (how == "doubtful" and seen < 3))
dice = random.Random(spec["seed"])
rounds = []
for _ in range(spec["rounds"]):
    ticks = [TICKS[c] + dice.gauss(0, 0.5) for c in columns]
    rounds.append(ticks + [0] * len(columns) + [0.71, 0.202 + dice.random() * 0.002, 0])
timeline = None
if engine == "timeline":
    # Parts: call+return, everything between, compute; then stamped, plain and empty loop.
    columns = [0, 1, 2, 8, 9, 10]
    rounds = []
    for _ in range(spec["rounds"]):
        ticks = [t + dice.gauss(0, 0.5) for t in (50.0, 180.0, 20.0, 250.0, 220.0, 20.0)]
        rounds.append(ticks + [0] * len(columns) + [0.71, 0.202 + dice.random() * 0.002, 0])
    masks = {129: 50, 110: 180, 16: 20, 255: 250}
    timeline = {
        "parts": [
            {
                "mask": mask,
                "weight": 1.0 if mask == 255 else 1 / 3,
                "histogram": [[bucket if bucket < 128 else 128 + (bucket - 128) // 2, 90]],
            }
            for mask, bucket in masks.items()
        ],
        "calls": 90,
        "calls_discarded": 1,
        "part_of": [0, 1, 2, 1],
        "calibrated_ticks": 30.0,
    }
answer(
    {
        "timeline": timeline,
        "status": "ok",
        "counter": COUNTER,
        "calls": 400,
        "subphases": 255,
        "columns": columns,
        "rounds": rounds,
        "warnings": ["made up"],
    }
)
