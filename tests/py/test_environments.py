# SPDX-License-Identifier: MIT
"""A Python callable is measured in the virtual environment that was asked for, or is active."""

import json
import subprocess
from pathlib import Path
from typing import Any, Dict, List

import pytest

from conftest import Probe

QUICK = ["--passes", "1", "--rounds", "10"]


@pytest.fixture(params=[False, True], ids=["links", "copies"])
def venv(request: Any, python: str, tmp_path: Path) -> Path:
    """An environment with a module of its own."""
    folder = tmp_path / "v"
    kind = ["--copies"] if request.param else []
    command = [python, "-m", "venv", "--without-pip", *kind, str(folder)]
    subprocess.run(command, check=True)
    (site,) = folder.glob("lib/python3*/site-packages")
    (site / "onlyhere.py").write_text("def f(x):\n    return x\n")
    return folder


def rows(file: Path) -> List[Dict[str, Any]]:
    found: List[Dict[str, Any]] = json.loads(file.read_text())["probe"]["cells"]
    return found


def test_the_environment_that_was_named(
    probe: Probe, python: str, venv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    args = ["run", "onlyhere:f", "--args", "1", *QUICK, "-o", "r.json"]
    for name in (venv / "bin" / "python", "v/bin/python"):
        done = probe(*args, "-i", name)
        assert done.code == 0, done.err
        run = json.loads(Path("r.json").read_text())["probe"]
        assert {"key": "function.environment", "value": str(venv)} in run["facts"]
    # The two of one build are told apart, and only one has the module.
    probe(*args, "-i", "%s,v/bin/python" % python)
    status = {cell["interpreter"]: cell["status"] for cell in rows(Path("r.json"))}
    assert sorted(status.values()) == ["failed", "ok"]
    assert sorted(label.partition("#")[2] for label in status) == ["", "2"]


def test_the_environment_that_is_active(probe: Probe, python: str, venv: Path, tmp_path: Path) -> None:
    args = ["run", "onlyhere:f", "--args", "1", *QUICK, "-o", tmp_path / "r.json"]
    listed = json.loads(probe("list", "interpreters", "--json", "-i", python).out)
    label = listed["interpreters"][0]["label"]
    path = "%s:%s" % (venv / "bin", probe.env["PATH"])
    for choice, env in (
        (label, {"VIRTUAL_ENV": str(venv)}),
        (label, {"PATH": path}),
        ("python3", {"PATH": path}),
    ):
        done = probe(*args, "-i", choice, **env)
        assert done.code == 0, (choice, env, done.err)
        assert [cell["status"] for cell in rows(tmp_path / "r.json")] == ["ok"]
    probe(*args, "-i", python).one_error(2, "onlyhere")
