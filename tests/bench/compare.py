# SPDX-License-Identifier: MIT
"""Whether `probe compare` finds what is there and nothing else: the part "compare" of bench.py.

Each try is three fresh runs of one call: A, B and A again. B's from_param hook takes longer, by what
slows marshalling down by 5 %. A against A must show nothing, B against A marshalling, both at the
default band. How many steps of delay that is, is measured without probe's engines (hooked_cost.py).
A try whose cell was contended in some run shows nothing either way: it is told, and made again.
The runs of a try that erred are kept in BUILD/bench-compare.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Tuple

HERE = Path(__file__).resolve().parent
PATH = "ctypes-hooked"
# What resolves 5 % of marshalling on a busy machine, where a neighbour slows every seventh pass.
SETTINGS = ["--fast", "--passes", "15"]
TRIES = 20
MOST_AGAIN = 20
SLOWER_PERCENT = 5.0
SILENT, FOUND = "not significant", "slower: marshalling"
STEPS = [16 * n for n in range(2, 33)]

Json = Dict[str, Any]


def measured(bench: Any, steps: int) -> Path:
    """One run with a hook of so many steps: its file."""
    model, _ = bench.run(
        *("-p", PATH, "--cpu", str(bench.cpu), *SETTINGS),
        env={"PROBE_BENCH_STEPS": str(steps)},
    )
    assert model["cells"][0]["status"] == "ok", model["cells"][0]["reason"]
    file: Path = bench.last_file
    return file


def marshalling_ns(file: Path) -> float:
    model = json.loads(file.read_text(encoding="utf-8"))["probe"]
    for part in model["cells"][0]["ladder"]["folded"]:
        if set(part["subphases"]) == {"marshal_in", "marshal_out"}:
            return float(part["value"]["ticks"]) * 1e9 / float(model["counter"]["hz"])
    raise AssertionError("no marshalling of its own in %s" % file)


def choose_steps(bench: Any, wanted_ns: float) -> Tuple[int, float]:
    """The delay that comes closest, and what it adds."""
    prepared = bench.prepared([HERE / "bindings" / PATH])
    workload = json.loads((HERE.parents[1] / "workloads/add/workload.json").read_text())
    what = {
        "binding": str(HERE / "bindings" / PATH / "binding.py"),
        "prototype": workload["prototype"],
        "library": prepared["kernels"]["add"]["bare"],
        "ext": prepared["ext"],
        "steps": STEPS,
    }
    spec = bench.scratch / "hooked.json"
    spec.write_text(json.dumps(what), encoding="utf-8")
    done = subprocess.run(
        ["taskset", "-c", str(bench.cpu), prepared["python"], str(HERE / "hooked_cost.py"), spec],
        stdout=subprocess.PIPE,
        check=True,
    )
    costs: List[Tuple[int, float]] = json.loads(done.stdout)
    steps, added_ns = min(costs, key=lambda cost: abs(cost[1] - wanted_ns))
    return steps, added_ns


def said(bench: Any, a: Path, b: Path) -> str:
    """The last column of the one row that compare prints."""
    done = subprocess.run(
        [str(bench.probe), "compare", str(a), str(b), "--color", "never"],
        stdout=subprocess.PIPE,
        universal_newlines=True,
        check=True,
    )
    rows = [line for line in done.stdout.splitlines() if line.split()[:1] == [PATH]]
    assert len(rows) == 1, done.stdout
    return rows[0].split("%", 1)[1].strip()


def compare(bench: Any) -> None:
    """Twenty tries of either kind."""
    os.environ["PROBE_BINDINGS"] = str(HERE / "bindings")
    base_ns = marshalling_ns(measured(bench, 0))
    steps, added_ns = choose_steps(bench, base_ns * SLOWER_PERCENT / 100)
    percent = 100 * added_ns / base_ns
    print("\nprobe compare, default band, runs with %s" % " ".join(SETTINGS))
    print("marshalling %.1f ns; slowed down by %.1f ns, %.1f %%" % (base_ns, added_ns, percent))
    rows: List[Json] = []
    again = 0
    while len(rows) < TRIES and again <= MOST_AGAIN:
        files = [measured(bench, n) for n in (0, steps, 0)]
        same, slower = said(bench, files[0], files[2]), said(bench, files[0], files[1])
        erred = same != SILENT or FOUND not in slower
        for file in files:
            if erred:
                kept = bench.build / "bench-compare" / ("%d-%s" % (len(rows) + 1, file.name))
                kept.parent.mkdir(exist_ok=True)
                shutil.copy(str(file), str(kept))
            file.unlink()
        if "contended" in same + slower:
            again += 1
            print("a contended try: made again")
            continue
        rows.append({"same": same, "slower": slower})
        print("%2d  same: %-28s slower: %s" % (len(rows), same, slower))
        sys.stdout.flush()
    silent = sum(row["same"] == SILENT for row in rows)
    found = sum(FOUND in row["slower"] for row in rows)
    good = silent == found == TRIES
    print("nothing found where nothing changed: %d of %d" % (silent, len(rows)))
    print("marshalling named where it got slower: %d of %d" % (found, len(rows)))
    print("aim: %d of %d each: %s" % (TRIES, TRIES, "within" if good else "OUTSIDE"))
    bench.found["compare"] = {
        "settings": SETTINGS,
        "marshalling_ns": base_ns,
        "added_ns": added_ns,
        "tries": rows,
        "contended_tries": again,
        "silent": silent,
        "found": found,
        "good": good,
    }
