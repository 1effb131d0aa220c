# SPDX-License-Identifier: MIT
"""Puts published claims to the test: what `make claims` runs.

Measures what claims.json lists on the interpreters that are found, keeps the run files in
BUILD/claims, and lets `probe report --claims` judge them into claims.md and claims.html beside
them. With --redraw the run files that are there are judged again, and nothing is measured.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

HERE = Path(__file__).resolve().parent
TABLE = HERE / "claims.json"
PAGES = ("claims.md", "claims.html")
# Of `probe run`: the cells that failed, or that an interrupt left out, are told in the run file.
SOME_FAILED, INTERRUPTED = 3, 130
BUDGET_S = 690.0  # for measuring: a run that takes more than its share ends after fewer passes
BUILD_S = 900.0  # for the bindings of one run, once
END_S = 60.0  # for a run to end once it is asked to

Json = Dict[str, Any]


def fitting(wanted: Json, found: List[Json]) -> List[Json]:
    """Those whose facts are each one of a list of values; "one_of_each" takes one a minor version."""
    facts = {fact: values for fact, values in wanted.items() if fact != "one_of_each"}
    fit = [i for i in found if all(i[fact] in values for fact, values in facts.items())]
    if "one_of_each" not in wanted:
        return fit
    minors = wanted["one_of_each"]
    of_minor = [[i for i in fit if (i["version"] + ".").startswith(m + ".")] for m in minors]
    return [interpreters[0] for interpreters in of_minor if interpreters]


def chosen(run: Json, found: List[Json]) -> List[Json]:
    """The interpreters that a run wants, of those found."""
    return [i for i in found if any(i in fitting(w, found) for w in run["interpreters"])]


def run_for(command: List[str], file: Path, share_s: float) -> Tuple[int, float]:
    """Runs, and ends what measures longer than its share: `probe run` keeps what it has by then.
    Returns its exit code and for how long it measured. The run file appears once all is built."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    started = begun = time.monotonic()
    try:
        while process.poll() is None:
            now = time.monotonic()
            if not file.exists():
                begun = now
            if now - begun > share_s or begun - started > BUILD_S:
                print("claims: that was its share of the time: judged is what it has", flush=True)
                process.terminate()
                break
            time.sleep(0.2)
        return process.wait(END_S), time.monotonic() - begun
    except subprocess.TimeoutExpired:
        return INTERRUPTED, time.monotonic() - begun
    finally:
        process.kill()


def measure(probe: Path, table: Json, folder: Path, budget_s: float) -> None:
    listed = subprocess.run(
        [str(probe), "list", "interpreters", "--json"], stdout=subprocess.PIPE, check=True
    )
    found = [i for i in json.loads(listed.stdout)["interpreters"] if not i["missing"]]
    runs = [(run, chosen(run, found)) for run in table["runs"]]
    cells = [len(i) * len(run["workloads"]) * len(run["paths"]) for run, i in runs]
    left_s = budget_s
    for number, (run, interpreters) in enumerate(runs):
        file = folder / (run["name"] + ".json")
        if file.exists():
            file.unlink()
        head = "claims: run %d of %d, %s" % (number + 1, len(runs), run["name"])
        if not interpreters:
            print("%s: left out, as no interpreter for it is here" % head, flush=True)
            continue
        share_s = left_s * cells[number] / sum(cells[number:])
        counts = (len(interpreters), cells[number], share_s)
        print("%s: %d interpreters, %d cells, %.0f s at most" % (head, *counts), flush=True)
        code, took_s = run_for(
            [str(probe), "run", *run["workloads"], "-p", ",".join(run["paths"])]
            + ["-i", ",".join(i["label"] for i in interpreters), *run["options"]]
            + ["-o", os.path.relpath(str(file))],
            file,
            share_s,
        )
        left_s = max(left_s - took_s, 1.0)
        if code not in (0, SOME_FAILED, INTERRUPTED):
            sys.exit("claims: probe run ended with %d" % code)


def write(probe: Path, table: Json, folder: Path) -> None:
    files = [folder / (run["name"] + ".json") for run in table["runs"]]
    runs = [os.path.relpath(str(file)) for file in files if file.exists()]
    if not runs:
        sys.exit("claims: no run file in %s: run `make claims` without RUNS first" % folder)
    for page in PAGES:
        out = os.path.relpath(str(folder / page))
        claims = os.path.relpath(str(TABLE))
        subprocess.run([str(probe), "report", *runs, "--claims", claims, "-o", out], check=True)
        print("wrote %s" % out)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="claims.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--build", default="build", help="build folder (default: build)")
    parser.add_argument(
        "--budget", type=float, default=BUDGET_S, metavar="S", help="time to measure"
    )
    parser.add_argument("--redraw", metavar="DIR", help="judge the run files in DIR again")
    options = parser.parse_args()
    build = Path(options.build).resolve()
    folder = Path(options.redraw) if options.redraw else build / "claims"
    folder.mkdir(parents=True, exist_ok=True)
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    if not options.redraw:
        measure(build / "probe", table, folder, options.budget)
    write(build / "probe", table, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
