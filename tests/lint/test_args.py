# SPDX-License-Identifier: MIT
"""The workload "args" is as regular as a loop would make it, in JSON, in C and in Python."""

import importlib.util
import inspect
import json
import os
import subprocess
import sys
from types import ModuleType
from typing import Any, Dict, List

import pytest

from conftest import ROOT

ARGS = ROOT / "workloads" / "args"
COUNTS = (0, 1, 2, 4, 6)
TYPES: Dict[str, Dict[str, Any]] = {
    "int": {"type": "int"},
    "double": {"type": "double"},
    "bool": {"type": "bool"},
    "str": {"type": "const char *", "role": "string", "accepts": "str"},
    "bytes": {"type": "const char *", "role": "string", "accepts": "bytes"},
    "buffer": {"type": "const double *", "role": "buffer", "item": "double"},
    "struct": {"type": "struct pair"},
}
FIELDS = [{"name": "x", "type": "double"}, {"name": "y", "type": "double"}]


def argument(kind: str, i: int) -> Any:
    """What the i-th parameter is given."""
    given: Dict[str, Any] = {
        "int": i + 1,
        "double": i + 1.5,
        "bool": i % 2 == 0,
        "str": {"text": 16},
        "bytes": {"bytes": 16},
        "buffer": {"buffer": "float64", "length": 16, "of": "array"},
        "struct": {"struct": [i + 1.0, 0.5]},
    }
    return given[kind]


def member(kind: str, count: int) -> Dict[str, Any]:
    prototype: Dict[str, Any] = {
        "name": "args_%s_%d" % (kind, count),
        "returns": "int",
        "params": [dict(name="abcdef"[i], **TYPES[kind]) for i in range(count)],
    }
    if kind == "struct" and count:
        prototype["structs"] = [{"type": "struct pair", "fields": FIELDS}]
    return {
        "name": "%s:%d" % (kind, count),
        "sweep": {"type": kind, "count": count},
        "prototype": prototype,
        "args": [argument(kind, i) for i in range(count)],
    }


def members() -> List[Dict[str, Any]]:
    return [member(kind, count) for kind in TYPES for count in COUNTS]


def load(path: str, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_the_members_are_what_a_loop_makes() -> None:
    with open(str(ARGS / "workload.json")) as f:
        assert json.load(f)["members"] == members()


def test_the_c_functions_have_these_prototypes() -> None:
    model = load(str(ROOT / "workloads" / "bindings" / "_model.py"), "_args_model")
    declarations = "".join(model.function(m["prototype"]) + "\n" for m in members())
    done = subprocess.run(
        [*os.environ.get("CC", "cc").split(), "-fsyntax-only", "-Wall", "-Werror", "-x", "c", "-"],
        input='#include "%s"\n%s' % (ARGS / "args.c", declarations),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("kind", TYPES)
def test_the_python_functions_have_as_many_parameters(kind: str) -> None:
    module = load(str(ARGS / "args.py"), "_args_twin")
    for count in COUNTS:
        function = getattr(module, "args_%s_%d" % (kind, count))
        parameters = inspect.signature(function).parameters.values()
        assert [p.kind for p in parameters] == [inspect.Parameter.POSITIONAL_OR_KEYWORD] * count
