# SPDX-License-Identifier: MIT
"""`probe list`, and the facts that interpreters tell of themselves."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import pytest

from conftest import ROOT, Probe

FACTS = str(ROOT / "ext" / "probe" / "facts.py")


def facts(python: str, **env: str) -> Dict[str, Any]:
    out = subprocess.run(
        [python, FACTS], stdout=subprocess.PIPE, check=True, env={**os.environ, **env}
    ).stdout
    found: Dict[str, Any] = json.loads(out.splitlines()[-1])
    return found


def test_facts_are_true_here() -> None:
    found = facts(sys.executable)
    assert found["implementation"] == sys.implementation.name
    assert found["version"].startswith("%d.%d.%d" % sys.version_info[:3])
    assert found["label"].startswith("%s-%s" % (found["implementation"], found["version"]))
    assert os.path.samefile(found["executable"], os.path.realpath(sys.executable))
    assert found["debug"] is hasattr(sys, "gettotalrefcount")
    assert found["headers"] is (found["missing"] is None)


@pytest.mark.parametrize("copies", [False, True])
def test_a_virtual_environment_leads_to_its_interpreter(
    python: str, tmp_path: Path, copies: bool
) -> None:
    venv = tmp_path / "v"
    kind = ["--copies"] if copies else []
    subprocess.run([python, "-m", "venv", "--without-pip", *kind, str(venv)], check=True)
    assert facts(str(venv / "bin" / "python"))["executable"] == facts(python)["executable"]


def test_each_interpreter_once(probe: Probe, python: str, tmp_path: Path) -> None:
    """A link, and a virtual environment that is first on PATH."""
    venv = tmp_path / "v"
    subprocess.run([python, "-m", "venv", "--without-pip", str(venv)], check=True)
    (tmp_path / "bin").mkdir()
    os.symlink(python, tmp_path / "bin" / "python3")
    path = os.pathsep.join([str(venv / "bin"), str(tmp_path / "bin"), os.environ["PATH"]])
    done = probe("list", "interpreters", "--json", PATH=path)
    assert done.code == 0, done.err
    found = json.loads(done.out)["interpreters"]
    executables = [p["executable"] for p in found]
    assert len(executables) == len(set(executables))
    assert facts(python)["executable"] in executables
    labels = [p["label"] for p in found]
    assert len(labels) == len(set(labels))
    versions = [tuple(int(n) for n in p["version"].split("rc")[0].split(".")) for p in found]
    assert versions == sorted(versions) and versions[0] >= (3, 8)


def test_chosen_by_version_and_by_path(probe: Probe, python: str) -> None:
    mine = facts(python)
    for choice in (python, mine["label"], "%s,%s" % (python, python)):
        done = probe("list", "interpreters", "--json", "-i", choice)
        assert done.code == 0, done.err
        (found,) = json.loads(done.out)["interpreters"]
        assert found["executable"] == mine["executable"]
        for key in ("version", "free_threaded", "jit", "debug", "headers", "config_args"):
            assert found[key] == (mine[key] or None if key == "config_args" else mine[key])


def test_the_table_names_every_fact(probe: Probe, python: str) -> None:
    done = probe("list", "interpreters", "-i", python)
    assert done.code == 0
    mine = facts(python)
    for word in (mine["label"], mine["optimisation"], mine["compiler"], mine["executable"]):
        assert word in done.out


def test_user_settings_do_not_reach_the_interpreters(
    probe: Probe, python: str, tmp_path: Path
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit(9)\n")
    done = probe("list", "interpreters", "-i", python, PYTHONPATH=str(tmp_path), PYTHONHOME="/no")
    assert done.code == 0, done.err


def test_unknown_interpreter_lists_the_known(probe: Probe, python: str) -> None:
    line = probe("list", "interpreters", "-i", "9.9").one_error(2, "'9.9'", "found:")
    assert line.count("cpython-") >= 1 or "none" in line


@pytest.mark.parametrize("topic", ["workloads", "paths", "interpreters", "counters"])
def test_json_is_one_object(probe: Probe, topic: str) -> None:
    done = probe("list", topic, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)[topic]


def test_text_fits_a_terminal(probe: Probe) -> None:
    for topic in ("workloads", "paths"):
        done = probe("list", topic)
        assert done.code == 0 and done.out
        assert max(len(line) for line in done.out.splitlines()) <= 100


def test_workloads_and_paths_are_described(probe: Probe) -> None:
    listed = json.loads(probe("list", "workloads", "--json").out)["workloads"]
    assert [w["name"] for w in listed] == ["noop", "add", "fib", "sum"]
    assert listed[3]["variants"] == [16, 1024, 65536]
    assert listed[1]["prototype"] == "int add(int a, int b)"
    listed = json.loads(probe("list", "paths", "--json").out)["paths"]
    assert listed[0] == {**listed[0], "name": "python", "needs": ""}
    assert listed[4] == {**listed[4], "name": "cffi-api"} and "C compiler" in listed[4]["needs"]


@pytest.mark.parametrize(
    "arguments, word",
    [
        ([], "list what?"),
        (["snakes"], "can't list 'snakes'"),
        (["paths", "workloads"], "one list at a time"),
        (["paths", "-i", "3.11"], "-i belongs to"),
        (["paths", "--yaml"], "--yaml"),
        (["interpreters", "-i"], "needs a value"),
    ],
)
def test_usage(probe: Probe, arguments: Any, word: str) -> None:
    probe("list", *arguments).one_error(2, word)


def test_broken_installation(probe: Probe, tmp_path: Path) -> None:
    probe("list", "paths", PROBE_HOME=str(tmp_path)).one_error(1, "PROBE_HOME")
