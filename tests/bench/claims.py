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
from typing import Any, Dict, List, Optional

HERE = Path(__file__).resolve().parent
TABLE = HERE / "claims.json"
PAGES = ("claims.md", "claims.html")
SOME_FAILED = 3  # of `probe run`: the cells that failed are in the run file, with their reasons

Json = Dict[str, Any]


def chosen(run: Json, found: List[Json]) -> List[Json]:
    """The interpreters that a run wants, of those found: each fact is one of a list of values."""
    wanted = dict(run["interpreters"])
    minors: Optional[List[str]] = wanted.pop("one_of_each", None)
    fit = [i for i in found if all(i[fact] in values for fact, values in wanted.items())]
    if minors is None:
        return fit
    of_minor = [[i for i in fit if (i["version"] + ".").startswith(m + ".")] for m in minors]
    return [interpreters[0] for interpreters in of_minor if interpreters]


def measure(probe: Path, table: Json, folder: Path) -> None:
    listed = subprocess.run(
        [str(probe), "list", "interpreters", "--json"], stdout=subprocess.PIPE, check=True
    )
    found = [i for i in json.loads(listed.stdout)["interpreters"] if not i["missing"]]
    began = time.monotonic()
    for number, run in enumerate(table["runs"], 1):
        file = folder / (run["name"] + ".json")
        if file.exists():
            file.unlink()
        interpreters = chosen(run, found)
        head = "claims: run %d of %d, %s" % (number, len(table["runs"]), run["name"])
        if not interpreters:
            print("%s: left out, as no interpreter for it is here" % head, flush=True)
            continue
        cells = len(interpreters) * len(run["workloads"]) * len(run["paths"])
        print("%s: %d interpreters, %d cells" % (head, len(interpreters), cells), flush=True)
        done = subprocess.run(
            [str(probe), "run", *run["workloads"], "-p", ",".join(run["paths"])]
            + ["-i", ",".join(i["label"] for i in interpreters), *run["options"]]
            + ["-o", os.path.relpath(str(file))],
            stdout=subprocess.DEVNULL,
        )
        if done.returncode not in (0, SOME_FAILED):
            sys.exit("claims: probe run ended with %d" % done.returncode)
        print("claims: %.0f s so far" % (time.monotonic() - began), flush=True)


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
    parser.add_argument("--redraw", metavar="DIR", help="judge the run files in DIR again")
    options = parser.parse_args()
    build = Path(options.build).resolve()
    folder = Path(options.redraw) if options.redraw else build / "claims"
    folder.mkdir(parents=True, exist_ok=True)
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    if not options.redraw:
        measure(build / "probe", table, folder)
    write(build / "probe", table, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
