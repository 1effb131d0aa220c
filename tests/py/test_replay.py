# SPDX-License-Identifier: MIT
"""Results that no register holds, and callbacks: replayed, and so split off as compute."""

import ctypes
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Set

import pytest

from conftest import ROOT, Probe, cells

sys.path[:0] = [str(ROOT / "ext" / "probe"), str(ROOT / "workloads" / "bindings")]
import _replay

PATHS = ["ctypes", "cffi-abi", "cffi-api", "capi-fastcall"]

THREE = {
    "type": "struct three",
    "fields": [{"name": n, "type": "double"} for n in ("x", "y", "z")],
}
PAIR = {
    "type": "struct pair",
    "fields": [{"name": "x", "type": "double"}, {"name": "n", "type": "int"}],
}

# Name -> C, Python, the rest of the prototype, arguments.
WORKLOADS: Dict[str, Dict[str, Any]] = {
    "returned": {
        "c": """
            struct three { double x, y, z; };
            struct three returned(double a, int b);
            struct three returned(double a, int b) { return (struct three){a, b, a + b}; }
        """,
        "py": "def returned(a, b):\n    return (a, float(b), a + b)\n",
        "returns": "struct three",
        "structs": [THREE],
        "params": [{"name": "a", "type": "double"}, {"name": "b", "type": "int"}],
        "args": [2.5, 3],
    },
    "written": {
        "c": """
            struct pair { double x; int n; };
            int written(int a, int *b, struct pair *c);
            int written(int a, int *b, struct pair *c)
            {
                *b = a + 1;
                c->x = a / 2.0;
                c->n = -a;
                return 2 * a;
            }
        """,
        "py": "def written(a):\n    return (2 * a, a + 1, (a / 2, -a))\n",
        "returns": "int",
        "structs": [PAIR],
        "params": [
            {"name": "a", "type": "int"},
            {"name": "b", "type": "int *", "role": "out", "item": "int"},
            {"name": "c", "type": "struct pair *", "role": "out", "item": "struct pair"},
        ],
        "args": [7],
    },
    "called": {
        "c": """
            double called(double (*f)(double, int), int n);
            double called(double (*f)(double, int), int n)
            {
                double sum = 0;
                for (int i = 0; i < n; i++)
                    sum += f(sum, i);
                return sum;
            }
        """,
        # A different result each time: replaying one of them would give another sum.
        "py": """
def step(so_far, i):
    return so_far / 2 + i


def called(f, n):
    total = 0.0
    for i in range(n):
        total += f(total, i)
    return total
""",
        "returns": "double",
        "params": [
            {
                "name": "f",
                "type": "double (*)(double, int)",
                "role": "callback",
                "callback": {"returns": "double", "params": ["double", "int"]},
            },
            {"name": "n", "type": "int"},
        ],
        "args": [{"callback": "step"}, 3],
    },
}


def prototype(name: str) -> Dict[str, Any]:
    made = WORKLOADS[name]
    return {"name": name, **{k: made[k] for k in ("returns", "structs", "params") if k in made}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, made in WORKLOADS.items():
        own = tmp_path / "workloads" / name
        own.mkdir(parents=True)
        (own / (name + ".c")).write_text(made["c"])
        (own / (name + ".py")).write_text(made["py"])
        described = {
            "name": name,
            "summary": name,
            "source": name + ".c",
            "python": name + ".py",
            "prototype": prototype(name),
            "args": made["args"],
            "variants": None,
        }
        (own / "workload.json").write_text(json.dumps(described))
    return tmp_path / "workloads"


def parts_of(cell: Dict[str, Any], engine: str) -> List[Set[str]]:
    return [set(p["subphases"]) for p in cell[engine]["parts"]]


def measured(probe: Probe, folder: Path, python: str, name: str, engine: str) -> Dict[str, Any]:
    out = folder / "run.json"
    done = probe(
        "run", name, "-p", ",".join(PATHS), "-i", python, "--engine", engine,
        "--passes", "1", "--rounds", "10", "-q", "-o", out, PROBE_WORKLOADS=str(folder),
    )  # fmt: skip
    assert done.code == 0, done.err
    found = cells(out)
    for path in PATHS:
        cell = found["%s/%s" % (name, path)]
        # A rung that gave another result than the call is left out, so what is split was equal.
        # Ten rounds on a shared machine need not be steady.
        warnings = [w for w in cell["warnings"] or [] if not w.startswith("not steady")]
        assert (cell["status"], warnings) == ("ok", []), cell
    return found


@pytest.mark.parametrize("name", ["returned", "written"])
def test_compute_is_split_off(probe: Probe, folder: Path, python: str, name: str) -> None:
    found = measured(probe, folder, python, name, "ladder")
    for path in PATHS:
        parts = parts_of(found["%s/%s" % (name, path)], "ladder")
        assert {"compute"} in parts, (path, parts)
        # libffi's stub writes what does not fit two registers too.
        assert ({"invoke"} in parts) == (path in ("ctypes", "cffi-abi")), (path, parts)


def test_callbacks_are_split(probe: Probe, folder: Path, python: str) -> None:
    found = measured(probe, folder, python, "called", "ladder")
    for path in PATHS:
        engine = found["called/" + path]["ladder"]
        parts = {"+".join(p["subphases"]): p["value"]["ticks"] for p in engine["parts"]}
        assert {"compute", "callback", "python"} <= set(parts), (path, parts)
        assert abs(sum(parts.values()) - engine["total"]["ticks"]) < 1e-6
        compute = next(f for f in engine["folded"] if f["subphases"] == ["compute"])
        inside = parts["compute"] + parts["callback"] + parts["python"]
        assert abs(compute["value"]["ticks"] - inside) < 1e-6, (path, parts)


def test_the_timeline_has_callbacks_in_compute(probe: Probe, folder: Path, python: str) -> None:
    found = measured(probe, folder, python, "called", "timeline")
    for path in PATHS:
        parts = parts_of(found["called/" + path], "timeline")
        assert {"compute", "callback", "python"} in parts, (path, parts)


# --- the library by itself


class Replay(ctypes.Structure):
    _fields_ = [
        ("copies", ctypes.c_uint64),
        ("real", ctypes.POINTER(ctypes.c_void_p)),
        ("record", ctypes.c_void_p),
        ("target", ctypes.c_void_p * _replay.COPIES),
        ("callback", ctypes.c_void_p * _replay.COPIES),
    ]


def compiled(tmp_path: Path, name: str) -> Replay:
    source, library = tmp_path / "replay.c", tmp_path / "replay.so"
    source.write_text(_replay.source(prototype(name)))
    flags = ["-O2", "-fPIC", "-shared", "-Wall", "-Wextra", "-Werror", *_replay.flags()]
    subprocess.run(["cc", *flags, "-o", str(library), str(source)], check=True)
    return Replay.in_dll(ctypes.CDLL(str(library)), "pb_replay")


def test_it_replays_callbacks_in_order(tmp_path: Path) -> None:
    replay = compiled(tmp_path, "called")
    assert replay.copies == _replay.COPIES
    callback_type = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_int)
    target_type = ctypes.CFUNCTYPE(ctypes.c_double, callback_type, ctypes.c_int)
    seen: List[float] = []
    real_calls: List[int] = []

    @callback_type
    def step(so_far: float, i: int) -> float:
        seen.append(so_far)
        return so_far / 2 + i

    @target_type
    def real(f: Any, n: int) -> float:
        real_calls.append(n)
        total = 0.0
        for i in range(n):
            total += f(total, i)
        return total

    replay.real[0] = ctypes.cast(real, ctypes.c_void_p).value
    expected = target_type(replay.record)(step, 4)
    assert (len(seen), len(real_calls)) == (4, 1)
    for copy in range(_replay.COPIES):
        assert target_type(replay.target[copy])(step, 4) == expected
    assert (len(seen), len(real_calls)) == (4, 1)  # nothing ran
    for copy in range(2 * _replay.COPIES):  # again: each call begins with the first result
        assert target_type(replay.callback[copy % _replay.COPIES])(step, 4) == expected
    assert (len(seen), len(real_calls)) == (4, 1 + 2 * _replay.COPIES)


def test_copies_start_at_different_places(tmp_path: Path) -> None:
    replay = compiled(tmp_path, "written")
    assert len({address % 64 for address in replay.target}) == _replay.COPIES
    assert not any(replay.callback)  # it has none


def test_registers_need_no_library() -> None:
    assert not _replay.needed({"name": "f", "returns": "double _Complex", "params": []})
    for name in WORKLOADS:
        assert _replay.needed(prototype(name))
