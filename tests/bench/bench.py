# SPDX-License-Identifier: MIT
"""How exact and how fast probe is: what `make bench` prints.

  repeat  five runs of `probe run add`: how far each phase strays from its mean
  pyperf  the total of a call beside what pyperf measures for it, interleaved
  stamp   what a timeline stamp costs beside a bare read of the counter
  watch   what probe.watch() adds to a call, beside cProfile and viztracer
  wall    how long `probe run add` takes with all paths, once all is built
  compare whether `probe compare` finds a slow-down of 5 % in marshalling, and nothing else
  fresh   how long `make run` takes in a fresh clone with an empty cache (only with --fresh)

$BENCH_PYTHON chooses the interpreter, as `probe run -i` takes it (default: 3.13, else the newest).
Takes some minutes on a machine that should do nothing else. Figures go to BUILD/bench.json too.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import compare

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
PATHS = ["ctypes", "cffi-abi", "cffi-api", "capi-fastcall"]
PARTS = ["repeat", "pyperf", "stamp", "watch", "wall", "compare"]
REPEATS = 5
INTERLEAVED = 5
# PB_NOISE_SLACK of libprobe/src/engine/noise.h.
QUIET_SLACK = 0.06
ROUND_NS = 1e5
# What the design asks for.
SPREAD_PERCENT, SPREAD_TICKS = 1.0, 3.0
PYPERF_PERCENT = 5.0
WALL_S, FRESH_S = 40.0, 300.0

DISPATCH = {"call", "detach", "invoke", "attach", "return"}
MARSHALLING = {"marshal_in", "marshal_out"}

Json = Dict[str, Any]


def verdict(good: bool) -> str:
    return "within" if good else "OUTSIDE"


def described(folder: Path, file: str) -> Json:
    """A workload or path as the command tells the build driver of it."""
    return {**json.loads((folder / file).read_text(encoding="utf-8")), "dir": str(folder)}


def phase_name(subphases: List[str]) -> str:
    """The name of a folded part; merged phases keep both."""
    members = set(subphases)
    names = [
        name
        for name, whole in (("dispatch", DISPATCH), ("marshalling", MARSHALLING))
        if members & whole
    ]
    return "+".join(names + (["compute"] if "compute" in members else []))


class Bench:
    """One bench: the command that is put to the test, its interpreter, and what came out."""

    def __init__(self, build: Path, scratch: Path) -> None:
        self.build = build
        self.probe = build / "probe"
        self.scratch = scratch
        self.cpu = max(os.sched_getaffinity(0))  # the same for probe and for pyperf
        self.runs = 0
        self.last_file = scratch
        self.found: Json = {}
        self.interpreter = self.choose()

    def choose(self) -> Json:
        asked = os.environ.get("BENCH_PYTHON")
        command = [str(self.probe), "list", "interpreters", "--json"]
        listed = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        usable: List[Json] = [i for i in listed["interpreters"] if not i["missing"]]
        if not usable:
            sys.exit("bench: no interpreter to measure: see %s list interpreters" % self.probe)
        if asked:
            for one in usable:
                real = os.path.realpath(asked) if "/" in asked else ""
                if asked == one["label"] or real == one["executable"]:
                    return one
                if one["version"] == asked or one["version"].startswith(asked + "."):
                    return one
            sys.exit("bench: BENCH_PYTHON=%s is none of probe's interpreters" % asked)
        return next((i for i in usable if i["version"].startswith("3.13.")), usable[-1])

    def run(self, *args: str, env: Optional[Dict[str, str]] = None) -> Tuple[Json, float]:
        """One `probe run add`: its run file's model, and its wall time in seconds."""
        self.runs += 1
        self.last_file = out = self.scratch / ("run-%d.json" % self.runs)
        begun = time.monotonic()
        done = subprocess.run(
            [str(self.probe), "run", "add", "-i", self.interpreter["executable"], "-q"]
            + ["-o", str(out), *args],
            env={**os.environ, **(env or {})},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        took_s = time.monotonic() - begun
        if done.returncode:
            sys.exit("bench: probe run ended with %d: %s" % (done.returncode, done.stderr))
        model: Json = json.loads(out.read_text(encoding="utf-8"))["probe"]
        return model, took_s

    def measure_paths(self) -> Json:
        return self.run("-p", ",".join(PATHS), "--cpu", str(self.cpu))[0]

    # --- the parts

    def repeat(self) -> None:
        """Five runs: the greatest deviation from the mean, for each path and phase."""
        series: Dict[Tuple[str, str], List[float]] = {}
        contended = 0
        for _ in range(REPEATS):
            for cell in self.measure_paths()["cells"]:
                ladder = cell["ladder"]
                contended += bool(ladder["contended"])
                figures = {"total": ladder["total"]}
                figures.update((phase_name(f["subphases"]), f["value"]) for f in ladder["folded"])
                for phase, value in figures.items():
                    series.setdefault((cell["path"], phase), []).append(value["ticks"])
        print("\nFive runs of add: ticks a call, and the greatest deviation from the mean")
        print("aim: within %g %% or %g ticks" % (SPREAD_PERCENT, SPREAD_TICKS))
        print("%-14s %-13s %s %7s %7s" % ("path", "phase", " " * 44, "%", "ticks"))
        rows: List[Json] = []
        for (path, phase), values in series.items():
            mean = statistics.fmean(values)
            off = max(abs(v - mean) for v in values)
            percent = 100 * off / abs(mean) if mean else float("inf")
            good = off <= SPREAD_TICKS or percent <= SPREAD_PERCENT
            shown = " ".join("%8.1f" % v for v in values)
            print(
                "%-14s %-13s %s %7.2f %7.2f  %s" % (path, phase, shown, percent, off, verdict(good))
            )
            rows.append(
                {
                    "path": path,
                    "phase": phase,
                    "ticks": values,
                    "deviation_ticks": off,
                    "deviation_percent": percent,
                    "good": good,
                }
            )
        if contended:
            print("%d of %d cells were contended" % (contended, REPEATS * len(PATHS)))
        self.found["repeat"] = {"rows": rows, "contended": contended}

    def prepared(self, paths: List[Path]) -> Json:
        """Where the interpreter's environment and the built bindings lie: all from the cache."""
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        spec = {
            "home": str(ROOT),
            "cache": os.path.join(base, "probe"),
            "library": str(self.build / "libprobe.a"),
            "include": [str(ROOT / "libprobe" / "include"), str(ROOT / "libprobe" / "src")],
            "cc": os.environ.get("CC", "cc"),
            "interpreter_label": self.interpreter["label"],
            "paths": [described(path, "path.json") for path in paths],
            "workloads": [described(ROOT / "workloads" / "add", "workload.json")],
            "jobs": 1,
            "offline": False,
        }
        file = self.scratch / "prepare.json"
        file.write_text(json.dumps(spec), encoding="utf-8")
        done = subprocess.run(
            [self.interpreter["executable"], str(ROOT / "ext/probe/_build.py"), str(file)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # its steps
            check=True,
        )
        answer: Json = json.loads(done.stdout)
        return answer

    def quiet_limit(self) -> float:
        """The reference ratio up to which a value counts: probe's own memory and slack."""
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        known = json.loads(Path(base, "probe", "quiet.json").read_text(encoding="utf-8"))["cpus"]
        return (1 + QUIET_SLACK) * min(cpu["ratio"] for cpu in known.values())

    def pyperf_once(self, prepared: Json, path: str, call_ns: float) -> Json:
        """pyperf's figures for one call through this path, in ns, less its empty loop.

        "all values" is the mean that pyperf prints. The others are of those values beside which
        probe's noise reference was quiet, as probe sets contended rounds aside too: the lower
        quartile in each process, and the median of the processes. "in turns" are those that took
        turns with rounds of the ladder in the same process, and "ladder" these rounds.
        """
        workload = json.loads((ROOT / "workloads/add/workload.json").read_text(encoding="utf-8"))
        call_file, log = self.scratch / "call.json", self.scratch / "pyperf.log"
        out = self.scratch / "pyperf.json"
        for old in (log, out):
            if old.exists():
                old.unlink()
        what = {
            "binding": str(ROOT / "workloads" / "bindings" / path / "binding.py"),
            "prototype": workload["prototype"],
            "artifact": prepared["bindings"][path]["add"]["dir"],
            "library": prepared["kernels"]["add"]["bare"],
            "ext": prepared["ext"],
            "hooks": str(ROOT / "ext" / "probe"),
            "log": str(log),
        }
        call_file.write_text(json.dumps(what), encoding="utf-8")
        import pyperf  # the tests' own: its folder is lent to the measured interpreter

        lent = str(Path(pyperf.__file__).resolve().parents[1])
        inherited = "--inherit-environ=PYTHONPATH,PROBE_BENCH_CALL"
        # Values as long as a rung of probe's rounds: short enough to fall between a neighbour's.
        loops = max(100, int(ROUND_NS / call_ns))
        few = ["--processes=6", "--values=150", "--warmups=1", "--loops=%d" % loops]
        done = subprocess.run(
            [prepared["python"], str(HERE / "pyperf_call.py"), "--quiet", "-o", str(out)]
            + ["--affinity=%d" % self.cpu, inherited, *few],
            env={**os.environ, "PYTHONPATH": lent, "PROBE_BENCH_CALL": str(call_file)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        if done.returncode:
            sys.exit("bench: pyperf ended with %d: %s" % (done.returncode, done.stderr))
        every: Dict[str, List[float]] = {}
        quiet: Dict[str, Dict[int, List[float]]] = {}
        limit = self.quiet_limit()
        for line in log.read_text(encoding="utf-8").splitlines():
            process, name, seconds, ratio = json.loads(line)
            every.setdefault(name, []).append(seconds * 1e9)
            if ratio <= limit:
                quiet.setdefault(name, {}).setdefault(process, []).append(seconds * 1e9)

        def figure(name: str) -> float:
            enough = [v for v in quiet.get(name, {}).values() if len(v) >= 8]
            if not enough:
                return float("nan")
            return statistics.median(statistics.quantiles(v, n=4)[0] for v in enough)

        mean = {name: statistics.fmean(values) for name, values in every.items()}
        return {
            "all values": mean["call"] - mean["empty"],
            "quiet": figure("call") - figure("empty"),
            "in turns": figure("turns") - figure("turns-empty"),
            "ladder": figure("ladder") - figure("ladder-empty"),
        }

    def pyperf(self) -> None:
        """probe's total over pyperf's, turn about: whole runs, then rounds in one process."""
        prepared = self.prepared([ROOT / "workloads" / "bindings" / p for p in PATHS])
        # What is compared, and whether it is the one that is held to the aim.
        kinds = (
            ("all values", "probe", "all values", False),
            ("quiet", "probe", "quiet", False),
            ("in turns", "ladder", "in turns", True),
        )
        series: Dict[str, List[Json]] = {path: [] for path in PATHS}
        for _ in range(INTERLEAVED):
            for path in PATHS:
                model, _ = self.run("-p", path, "--cpu", str(self.cpu))
                total = model["cells"][0]["ladder"]["total"]["ticks"]
                total_ns = total * 1e9 / model["counter"]["hz"]
                figures = self.pyperf_once(prepared, path, total_ns)
                series[path].append({"probe": total_ns, **figures})
        print(
            "\nTotal beside pyperf (less its empty loop), ns a call: medians of %d turns"
            % INTERLEAVED
        )
        print("all values, quiet: runs of probe beside runs of pyperf, each in processes of its own;")
        print("in turns: rounds of the ladder beside values of pyperf in one process")
        print("aim: in turns within %g %%" % PYPERF_PERCENT)
        print("%-14s %-10s %8s %8s  ratio (of each turn)" % ("path", "", "probe", "pyperf"))
        rows: List[Json] = []
        for path, turns in series.items():
            row: Json = {"path": path, "turns": turns, "ratios": {}, "good": False}
            for kind, our_key, their_key, held in kinds:
                known = [t for t in turns if t[our_key] == t[our_key] and t[their_key] == t[their_key]]
                if not known:
                    print("%-14s %-10s no quiet value" % (path, kind))
                    row["ratios"][kind] = None
                    continue
                ours = statistics.median(t[our_key] for t in known)
                theirs = statistics.median(t[their_key] for t in known)
                ratio = statistics.median(t[our_key] / t[their_key] for t in known)
                each = " ".join("%.3f" % (t[our_key] / t[their_key]) for t in known)
                good = abs(ratio - 1) * 100 <= PYPERF_PERCENT
                row["ratios"][kind] = ratio
                row["good"] = row["good"] or (held and good)
                print(
                    "%-14s %-10s %8.2f %8.2f  %.3f (%s)  %s"
                    % (path, kind, ours, theirs, ratio, each, verdict(good) if held else "")
                )
            rows.append(row)
        self.found["pyperf"] = {"rows": rows}

    def stamp(self) -> None:
        """A stamp beside a bare read."""
        program = self.build / "bench" / "stamp_cost"
        done = subprocess.run([str(program)], stdout=subprocess.PIPE, check=True)
        cost: Json = json.loads(done.stdout)
        print("\nA timeline stamp beside a bare read of the counter")
        read = cost["bare_read_ticks"]
        for name in ("bare_read", "in_in", "in_out", "out_out", "out_in"):
            ticks = cost[name + "_ticks"]
            ns = ticks * 1e9 / cost["hz"]
            print("%-14s %7.1f ticks %7.2f ns %6.2f reads" % (name, ticks, ns, ticks / read))
        self.found["stamp"] = cost

    def watch(self) -> None:
        """Watching a call, in an environment of its own with the package and viztracer."""
        folder = self.build / "venv-watch"
        python = str(folder / "bin" / "python")
        if not (folder / "pyvenv.cfg").exists():
            made = [self.interpreter["executable"], "-m", "venv", str(folder)]
            subprocess.run(made, check=True)
        pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, "setuptools", "wheel", "viztracer"], check=True)
        own = ["--no-deps", "--no-build-isolation", "--force-reinstall", str(ROOT / "ext")]
        subprocess.run([*pip, *own], check=True)
        command = [python, str(HERE / "watch.py")]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
        found: Json = json.loads(done.stdout)
        print("\nWhat is added to a call, ns (median of %d rounds)" % found["rounds"])
        print("aim: watch below the others, with phases below 1.5 times theirs")
        found["good"] = True
        # For a call that they see: through ctypes they see none.
        others = min(found["added_ns"]["C-API"][name] for name in ("cProfile", "viztracer"))
        for kind, added in found["added_ns"].items():
            told = ", ".join("%s %+.0f" % item for item in added.items() if item[0] != "bare")
            good = added["watch"] < others and added["watch, phases"] < 1.5 * others
            found["good"] &= good
            print("%-8s bare %4.0f: %s  %s" % (kind, added["bare"], told, verdict(good)))
        self.found["watch"] = found

    def wall(self) -> None:
        """All paths of add, built before."""
        self.run("--fast")
        _, took_s = self.run()
        print("\nprobe run add, all paths, once built: %.1f s" % took_s, end="")
        print("  (aim: under %g s: %s)" % (WALL_S, verdict(took_s < WALL_S)))
        self.found["wall"] = {"wall_s": took_s, "good": took_s < WALL_S}

    def compare(self) -> None:
        compare.compare(self)

    def fresh(self) -> None:
        """`make run` in a clone of the last commit, with nothing in the cache."""
        clone = self.scratch / "clone"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
        kept.update(XDG_CACHE_HOME=str(self.scratch / "cache"), SKIP_DEPS="1")
        begun = time.monotonic()
        done = subprocess.run(
            ["make", "run"],
            cwd=str(clone),
            env=kept,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        took_s = time.monotonic() - begun
        if done.returncode:
            sys.exit("bench: make run failed in a fresh clone:\n" + done.stdout[-4000:])
        made = json.loads((clone / "run.json").read_text(encoding="utf-8"))["probe"]
        interpreters = len(made["interpreters"])
        print("\nmake run in a fresh clone, %d interpreters:" % interpreters, end=" ")
        print("%.0f s" % took_s, end="")
        print("  (aim: under %g s: %s)" % (FRESH_S, verdict(took_s < FRESH_S)))
        self.found["fresh"] = {
            "wall_s": took_s,
            "interpreters": interpreters,
            "good": took_s < FRESH_S,
        }


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="bench.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--build", default="build", help="build folder (default: build)")
    parser.add_argument("--only", metavar="LIST", help="some of: %s" % ",".join(PARTS))
    parser.add_argument("--fresh", action="store_true", help="time make run in a fresh clone too")
    options = parser.parse_args()
    parts: List[str] = options.only.split(",") if options.only else list(PARTS)
    unknown: Optional[str] = next((p for p in parts if p not in PARTS), None)
    if unknown:
        parser.error("--only: there is no %s" % unknown)
    scratch = Path(tempfile.mkdtemp(prefix="probe-bench-"))
    build = (ROOT / options.build).resolve()
    try:
        bench = Bench(build, scratch)
        print("interpreter: %s   CPU for measuring: %d" % (bench.interpreter["label"], bench.cpu))
        for part in parts + (["fresh"] if options.fresh else []):
            getattr(bench, part)()
            sys.stdout.flush()
        bench.found["interpreter"] = bench.interpreter["label"]
        out = build / "bench.json"
        out.write_text(json.dumps(bench.found, indent=1) + "\n", encoding="utf-8")
        print("\nwrote %s" % os.path.relpath(str(out)))
    finally:
        shutil.rmtree(str(scratch), ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
