# SPDX-License-Identifier: MIT
"""Rows whose arguments were made before timing carry a mark everywhere and win no verdict."""

import ctypes
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT, Probe, cells

sys.path.insert(0, str(ROOT / "workloads" / "bindings"))
import _ctypes_model
import _model

BUFFER = {"name": "p", "type": "const double *", "role": "buffer", "item": "double"}
STRUCT = {"type": "struct point", "fields": [{"name": "x", "type": "double"}]}


@pytest.mark.parametrize(
    "params, given, typed, said",
    [
        ([{"name": "x", "type": "double"}], (2.0,), True, ""),
        ([{"name": "x", "type": "double"}], (2.0,), False, "numbers"),
        ([BUFFER], (bytearray(16),), True, "buffers"),
        ([dict(BUFFER, type="const void *", item="void")], (b"as it is",), True, ""),
        ([{"name": "p", "type": "void *", "role": "null"}], (None,), True, ""),
        (
            [BUFFER, {"name": "s", "type": "struct point"}],
            (bytearray(16), (1.0,)),
            True,
            "buffers and structs",
        ),
        (
            [{"name": "out", "type": "int *", "role": "out", "item": "int"}],
            (),
            True,
            "out-parameters",
        ),
    ],
)
def test_what_a_binding_makes_is_what_is_prepared(
    params: Any, given: Any, typed: bool, said: str
) -> None:
    prototype = {"name": "f", "returns": "int", "params": params, "structs": [STRUCT]}
    made = _ctypes_model.arguments(prototype, given, typed)
    assert _model.prepared(prototype, given, made) == said


def test_compiled_bindings_take_no_out_parameter() -> None:
    out = {"name": "out", "type": "int *", "role": "out", "item": "int"}
    prototype = {"name": "f", "returns": "int", "params": [out, {"name": "x", "type": "int"}]}
    assert _model.prepared(prototype, (7,), (7,)) == ""
    assert _model.prepared(prototype, (7,), (ctypes.byref(ctypes.c_int()), 7)) == "out-parameters"


def test_every_output_marks_them(probe: Probe, python: str, tmp_path: Path) -> None:
    run = tmp_path / "run.json"
    paths = "python,ctypes,capi-fastcall"
    done = probe("run", "sum:1024", "-p", paths, "-i", python, "--fast", "-o", run)
    assert done.code == 0, done.err
    found = cells(run)
    assert found["sum:1024/ctypes"]["prepared"] == "buffers"
    assert found["sum:1024/capi-fastcall"]["prepared"] is None
    assert "\n  ctypes p" in done.out and "\np        arguments (buffers" in done.out
    words = " ".join(done.out.split())
    assert "capi-fastcall is the only binding measured that converts its arguments" in words
    assert "Not ranked with these: ctypes (" in words and "whose buffers were made" in words
    assert "less than ctypes" not in words and "that of ctypes" not in words
    for option, name in (("--export-csv", "run.csv"), ("--export-markdown", "run.md")):
        assert probe("show", run, option, tmp_path / name).code == 0
    lines = (tmp_path / "run.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].endswith(",prepared")
    assert {line.rsplit(",", 1)[1] for line in lines if ",ctypes," in line} == {"buffers"}
    assert {line.rsplit(",", 1)[1] for line in lines if ",capi-fastcall," in line} == {""}
    for name in ("run.html", "report.md", "run.tex"):
        assert probe("report", run, "-o", tmp_path / name, "--no-figures").code == 0
    for name in ("run.md", "run.html", "report.md", "run.tex"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert "ctypes (prepared)" in text, name
        assert "made before timing" in text, name


def test_a_python_function_is_python(probe: Probe, python: str, tmp_path: Path) -> None:
    run = tmp_path / "run.json"
    done = probe(
        "run", "posixpath:basename", "--args", "'a/b'", "-i", python, "--fast", "-o", run
    )
    assert done.code == 0, done.err
    assert list(cells(run)) == ["posixpath:basename/python"]
    assert "empty function" in done.out and "only binding" not in done.out
    # No boundary, so nothing to stamp: the same as of the path python.
    options = ["-i", python, "--fast", "--engine", "timeline", "--threads", "1", "-o", run]
    done = probe("run", "posixpath:basename", "--args", "'a/b'", *options)
    assert done.code == 0, done.err
    cell = cells(run)["posixpath:basename/python"]
    assert cell["ladder"] and not cell["timeline"]
    threaded = json.loads(run.read_text(encoding="utf-8"))["probe"]["threaded"]
    assert {row["path"] for row in threaded} == {"python"}
