# SPDX-License-Identifier: MIT
"""A measurement is believed when it finds what was put there."""

import math
import re
import statistics
from pathlib import Path
from typing import Any, Dict, List

import pytest

from conftest import (
    BASE,
    PATHS,
    Figures,
    PhaseMap,
    believe,
    delay_ticks,
    difference,
    has_ctypes_built_in,
    measure,
    part_with,
)

MARSHALLING = "marshal_in+marshal_out"
INVOKE = "invoke"
COMPUTE = "compute"
PYTHON = "python"

OWN_TOLERANCE = 0.02  # of the delay, where it was put
ELSEWHERE = 0.01  # of the delay, anywhere else


def lands(delayed: PhaseMap, plain: PhaseMap, where: str, delay: float, what: str) -> None:
    parts, found = difference(delayed, plain)
    assert where in parts, (what, parts)
    for part in parts:
        share = found[part] / delay
        if part == where:
            assert abs(share - 1) <= OWN_TOLERANCE, "%s: found %.4f of it" % (what, share)
        else:
            assert abs(share) <= ELSEWHERE, "%s: %.4f of it in %s" % (what, share, part)


@pytest.mark.parametrize("path", PATHS)
def test_delay_in_the_target_is_compute(
    interpreter: Dict[str, Any], path: str, tmp_path: Path
) -> None:
    def check() -> None:
        run = measure(tmp_path, interpreter, ["truth_plain", "truth_target"], path)
        delay = delay_ticks(interpreter, thunk=True)
        delayed, plain = run.phases("truth_target", path), run.phases("truth_plain", path)
        lands(delayed, plain, COMPUTE, delay, "%s, delay in the target" % path)

    believe(check)


@pytest.mark.parametrize("path", ["ctypes", "cffi-abi"])
def test_delay_around_ffi_call_is_invoke(
    interpreter: Dict[str, Any], path: str, tmp_path: Path
) -> None:
    if path == "ctypes" and has_ctypes_built_in(interpreter):
        pytest.skip("_ctypes is built in: no hook reaches its ffi_call")

    def check() -> None:
        run = measure(tmp_path, interpreter, ["truth_plain", "truth_invoke"], path)
        delay = delay_ticks(interpreter, thunk=True)
        delayed, plain = run.phases("truth_invoke", path), run.phases("truth_plain", path)
        lands(delayed, plain, INVOKE, delay, "%s, delay around ffi_call" % path)

    believe(check)


def test_delay_in_from_param_is_marshalling(interpreter: Dict[str, Any], tmp_path: Path) -> None:
    def check() -> None:
        run = measure(
            tmp_path, interpreter, ["truth_plain"], "ctypes-from-param,ctypes-from-param+delay"
        )
        delay = delay_ticks(interpreter, thunk=False)
        delayed = run.phases("truth_plain", "ctypes-from-param+delay")
        plain = run.phases("truth_plain", "ctypes-from-param")
        where = part_with(interpreter, plain, MARSHALLING)
        lands(delayed, plain, where, delay, "delay in from_param")

    believe(check)


@pytest.mark.parametrize("path", ["ctypes", "cffi-api", "capi-fastcall"])
@pytest.mark.parametrize(
    "delayed_in, where", [("truth_callback_target", COMPUTE), ("truth_callback_python", PYTHON)]
)
def test_delays_on_both_sides_of_a_callback(
    interpreter: Dict[str, Any], path: str, delayed_in: str, where: str, tmp_path: Path
) -> None:
    """Native code's own time is compute, the Python function's own is python: neither is in the
    other, nor in the way there and back."""

    def check() -> None:
        run = measure(tmp_path, interpreter, ["truth_callback", delayed_in], path)
        delay = delay_ticks(interpreter, thunk=where == COMPUTE)
        delayed, plain = run.phases(delayed_in, path), run.phases("truth_callback", path)
        lands(delayed, plain, where, delay, "%s, delay in %s" % (path, where))

    believe(check)


def test_a_spin_of_known_cost_is_recovered(interpreter: Dict[str, Any], tmp_path: Path) -> None:
    """Not a difference of two cells: the compute phase alone must be the spin."""

    def check() -> None:
        run = measure(tmp_path, interpreter, ["truth_target"], "ctypes,capi-fastcall")
        delay = delay_ticks(interpreter, thunk=True)
        for path in ("ctypes", "capi-fastcall"):
            compute = run.phases("truth_target", path)[COMPUTE]
            assert abs(compute / delay - 1) <= OWN_TOLERANCE, (path, compute, delay)

    believe(check)


@pytest.mark.parametrize("path", PATHS)
def test_an_empty_target_computes_nothing(
    interpreter: Dict[str, Any], path: str, tmp_path: Path
) -> None:
    def check() -> None:
        run = measure(tmp_path, interpreter, ["noop"], path)
        engine = run.engine("noop", path)
        compute = next(p["value"] for p in engine["parts"] if p["subphases"] == [COMPUTE])
        bound = max(compute["half"], engine["floor_ticks"])
        assert abs(compute["ticks"]) <= bound, (path, compute, engine["floor_ticks"])

    believe(check)


@pytest.mark.parametrize("path", PATHS)
def test_each_further_argument_is_marshalling(
    interpreter: Dict[str, Any], path: str, tmp_path: Path
) -> None:
    def check() -> None:
        names = ["truth_args%d" % n for n in (1, 2, 3, 4)]
        run = measure(tmp_path, interpreter, names, path)
        phases = [run.phases(name, path) for name in names]
        marshalling = [p[part_with(interpreter, p, MARSHALLING)] for p in phases]
        rises = [b - a for a, b in zip(marshalling, marshalling[1:])]
        assert all(rise > 0 for rise in rises), (path, marshalling)
        total_rise = marshalling[-1] - marshalling[0]
        assert abs(phases[-1][COMPUTE] - phases[0][COMPUTE]) < 0.25 * total_rise + 10, phases

    believe(check)


def beyond_intervals(warning: str) -> float:
    """Ticks by which two figures of a warning differ beyond both their intervals."""
    a, a_half, b, b_half = (float(n) for n in re.findall(r"-?\d+\.\d", warning))
    return abs(a - b) - a_half - b_half


@pytest.mark.parametrize("path", BASE)
def test_ladder_and_timeline_agree(interpreter: Dict[str, Any], path: str, tmp_path: Path) -> None:
    """Each part of the ladder against the same sub-phases of the timeline, intervals joined.

    On a debug build ctypes' call and return were seen to take longer beside the call than without
    it, by 6 % of the call (such a call most likely pushes the interpreter's loop out of the
    first-level cache): the cell warns, and the two may differ by a tenth of the call."""

    def check() -> None:
        run = measure(tmp_path, interpreter, ["add"], path, "--engine", "ladder,timeline")
        assert run.engine("add", path, "timeline")["parts"], path
        warnings = run.cells["add", path].get("warnings") or []
        disagree = [w for w in warnings if "disagree" in w]
        if interpreter["debug"]:
            most = 0.1 * run.engine("add", path)["total"]["ticks"]
            disagree = [w for w in disagree if beyond_intervals(w) > most]
        assert not disagree, disagree

    believe(check)


@pytest.mark.parametrize("path", PATHS)
def test_the_phases_sum_to_the_total(
    interpreter: Dict[str, Any], path: str, tmp_path: Path
) -> None:
    def check() -> None:
        run: Figures = measure(tmp_path, interpreter, ["add"], path)
        engine = run.engine("add", path)
        parts = sum(p["value"]["ticks"] for p in engine["parts"])
        overlap = engine["overlap"]["ticks"] if "overlap" in engine else 0.0
        assert math.isclose(parts - overlap, engine["total"]["ticks"], rel_tol=1e-9)
        closure, total = engine["closure"], engine["total"]["ticks"]
        inside = abs(closure["ticks"]) <= closure["half"]
        assert inside or abs(closure["ticks"]) < 0.02 * total, (closure, total)

    believe(check)


CHAINS = ["truth_chain5", "truth_chain20", "truth_chain100", "truth_chain1000"]


@pytest.mark.parametrize(
    "chains, paths",
    [
        (["truth_chain20"], ["ctypes", "cffi-api", "capi-fastcall"]),
        pytest.param(CHAINS, BASE, marks=pytest.mark.slow),
    ],
    ids=["one", "all"],
)
def test_one_function_has_one_compute(
    interpreter: Dict[str, Any], chains: List[str], paths: List[str], tmp_path: Path
) -> None:
    """Chains of dependent operations, as no call can hide them behind its other work: the same
    through every path, and where C calls the function over and over."""

    def check() -> None:
        run = measure(tmp_path, interpreter, chains, ",".join(paths))
        for chain in chains:
            found = {path: run.part(chain, path, COMPUTE) for path in paths}
            alone = run.engine(chain, "capi-fastcall")["alone"]["ticks"]
            middle = statistics.median(value["ticks"] for value in found.values())
            band = max(0.02 * middle, run.ticks_per_ns)
            assert abs(middle - alone) <= 2 * band, (chain, alone, found)
            for path, value in found.items():
                apart = abs(value["ticks"] - middle)
                assert apart <= band + value["half"], (chain, path, found)

    believe(check)
