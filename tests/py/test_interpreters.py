# SPDX-License-Identifier: MIT
"""`probe list`, the facts that interpreters tell of themselves, and interpreters that are trouble."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import pytest

from conftest import ROOT, Done, Probe

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
    done = probe("list", "interpreters", "--json", PATH=path, XDG_DATA_HOME=str(tmp_path))
    assert done.code == 0, done.err
    found = json.loads(done.out)["interpreters"]
    executables = [p["executable"] for p in found if not p["environment"]]
    assert len(executables) == len(set(executables))
    assert facts(python)["executable"] in executables
    assert {p["executable"] for p in found} == set(executables)
    labels = [p["label"] for p in found]
    assert len(labels) == len(set(labels))
    order = [
        (p["implementation"], *(int(n) for n in p["version"].split("rc")[0].split(".")))
        for p in found
    ]
    assert order == sorted(order) and min(o[1:] for o in order) >= (3, 8)


def test_chosen_by_version_and_by_path(probe: Probe, python: str) -> None:
    mine = facts(python)
    for choice in (python, mine["label"], "%s,%s" % (python, python)):
        done = probe("list", "interpreters", "--json", "-i", choice)
        assert done.code == 0, done.err
        (found,) = json.loads(done.out)["interpreters"]
        assert found["executable"] == mine["executable"]
        assert found["config_args"] == (mine["config_args"] or None)
        for key in ("version", "free_threaded", "gil_off", "jit", "jit_built", "debug", "headers"):
            assert found[key] == mine[key]
        for key in ("tail_call", "static_libpython"):
            assert found[key] == mine[key]


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
def test_json_is_one_object(probe: Probe, topic: str, tmp_path: Path) -> None:
    done = probe("list", topic, "--json", XDG_DATA_HOME=str(tmp_path))
    assert done.code == 0, done.err
    assert json.loads(done.out)[topic]


def test_text_fits_a_terminal(probe: Probe) -> None:
    for topic in ("workloads", "paths"):
        done = probe("list", topic)
        assert done.code == 0 and done.out
        assert max(len(line) for line in done.out.splitlines()) <= 100


def test_workloads_and_paths_are_described(probe: Probe) -> None:
    listed = json.loads(probe("list", "workloads", "--json").out)["workloads"]
    workloads = {w["name"]: w for w in listed}
    assert {"noop", "add", "fib", "sum"} <= set(workloads)
    assert workloads["sum"]["variants"] == [16, 1024, 65536]
    assert workloads["add"]["prototype"] == "int add(int a, int b)"
    listed = json.loads(probe("list", "paths", "--json").out)["paths"]
    assert listed[0] == {**listed[0], "name": "python", "needs": ""}
    (cffi,) = [p for p in listed if p["name"] == "cffi-api"]
    assert "C compiler" in cffi["needs"]


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


# --- switches ------------------------------------------------------------------------------------

QUICK = ["--passes", "1", "--rounds", "10"]


def the_interpreters(run_file: Path) -> List[Dict[str, Any]]:
    found: List[Dict[str, Any]] = json.loads(run_file.read_text())["probe"]["interpreters"]
    return found


def log_of(state: Path) -> List[Dict[str, Any]]:
    log = state / "log"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def test_switches_reach_every_child_and_the_run_file(
    fake: Probe, python: str, tmp_path: Path
) -> None:
    out = tmp_path / "run.json"
    choice = "%s,%s+FAKE_SWITCH=on+-X importtime=0+-X frozen" % (python, python)
    done = fake(
        "run", "add", "-p", "good", "-i", choice, "-o", out, *QUICK, FAKE_STATE=str(tmp_path)
    )
    assert done.code == 0, done.err
    plain, switched = the_interpreters(out)
    assert (plain["environment"], plain["options"]) == (None, None)
    assert switched["environment"] == ["FAKE_SWITCH=on"]
    assert switched["options"] == ["-X", "importtime=0", "-X", "frozen"]
    assert switched["label"] == plain["label"] + "+FAKE_SWITCH=on+-Ximporttime=0+-Xfrozen"
    assert switched["executable"] == plain["executable"]
    seen = [entry["switches"] for entry in log_of(tmp_path)]
    assert [None, []] in seen and ["on", ["frozen", "importtime"]] in seen
    assert switched["label"] in done.out


def test_switches_reach_the_build(fake: Probe, python: str) -> None:
    done = fake("run", "add", "-p", "good", "-i", python + "+FAKE_BUILD=die", *QUICK)
    done.one_error(1, "the disk is on fire")


def test_a_build_is_shared_by_its_switches(probe: Probe, python: str, tmp_path: Path) -> None:
    """The cache names the build, not the interpreter with its switches."""
    env: Dict[str, Any] = {"XDG_CACHE_HOME": str(tmp_path)}
    choice = "%s,%s+A=1" % (python, python)
    done = probe("run", "noop", "-p", "capi-varargs", "-i", choice, *QUICK, **env)
    assert done.code == 0, done.err
    assert len(list((tmp_path / "probe" / "interpreters").glob("*-*"))) == 1


def test_a_switch_that_python_refuses(probe: Probe, python: str) -> None:
    done = probe("run", "add", "-i", python + "+PYTHONHASHSEED=no")
    done.one_error(2, "+PYTHONHASHSEED=no", "PYTHONHASHSEED must be")


def test_the_users_own_settings_are_no_switches(fake: Probe, python: str) -> None:
    done = fake("list", "interpreters", "--json", "-i", python, PYTHON_JIT="1", PYTHON_GIL="1")
    assert done.code == 0, done.err
    (found,) = json.loads(done.out)["interpreters"]
    assert found["label"] == facts(python)["label"]


# --- trouble: one line each, the rest is measured ------------------------------------------------


def script(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n%s\n" % body)
    path.chmod(0o755)
    return path


def other_machine(path: Path) -> Path:
    """The head of a program for a processor that is not this one's."""
    head = bytearray(Path(sys.executable).read_bytes()[:64])
    head[18] = 22 if head[18] != 22 else 62  # e_machine: S/390, x86-64
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(head))
    path.chmod(0o755)
    return path


# How it is made, and all that is said of it.
TROUBLE: Dict[str, Tuple[Callable[[Path], Path], str]] = {
    "crash": (
        lambda p: script(p, "kill -SEGV $$"),
        "%s is not a working Python interpreter (it died: Segmentation fault)",
    ),
    "hang": (
        lambda p: script(p, "exec sleep 600"),
        "%s gave no answer in 30 s, so it can't be used",
    ),
    "machine": (
        other_machine,
        "%s is a program for another kind of processor (S/390): what probe builds does not fit "
        "into it",
    ),
    "none": (
        lambda p: script(p, "echo gone; exit 0"),
        '%s is not a Python interpreter (it printed "gone")',
    ),
}


@pytest.mark.parametrize("kind", TROUBLE)
def test_trouble_that_is_named(fake: Probe, python: str, tmp_path: Path, kind: str) -> None:
    """Nothing is started: what was typed can't be done."""
    make, words = TROUBLE[kind]
    path = make(tmp_path / "python3")
    done = fake("run", "add", "-p", "good", "-i", "%s,%s" % (python, path))
    assert done.one_error(2) == "probe: " + words % path


def run_all(fake: Probe, home: Path, out: Path, **env: Any) -> Done:
    """Without -i, on a made-up home folder; programs of the system alone on PATH."""
    where = {"HOME": str(home), "XDG_DATA_HOME": None, "PYENV_ROOT": None, "PATH": "/usr/bin:/bin"}
    return fake("run", "add", "-p", "good", "-o", out, *QUICK, **{**where, **env})


def test_trouble_that_is_found(fake: Probe, python: str, tmp_path: Path) -> None:
    versions = tmp_path / ".pyenv" / "versions"
    for kind, (make, _) in TROUBLE.items():
        make(versions / kind / "bin" / ("python3" if kind != "none" else "graalpy"))
    script(versions / "shim" / "bin" / "python3", "echo not installed >&2; exit 127")
    script(versions / "wrapper" / "bin" / "python3", 'exec "%s" "$@"' % python)
    out = tmp_path / "run.json"
    done = run_all(fake, tmp_path, out)
    assert done.code == 0, done.err
    run = json.loads(out.read_text())["probe"]
    assert facts(python)["executable"] in [p["executable"] for p in run["interpreters"]]
    assert {c["status"] for c in run["cells"]} == {"ok"}
    left_out = [w for w in run["warnings"] if w.startswith("left out: ")]
    assert sorted(left_out) == sorted(
        "left out: " + words % (versions / kind / "bin" / "python3")
        for kind, (_, words) in TROUBLE.items()
        if kind != "none"  # no CPython by its name: it is not asked without -i all
    )
    # The wrapper led to an interpreter that was there already: it is one row.
    executables = [p["executable"] for p in run["interpreters"]]
    assert len(executables) == len(set(executables))


def test_pypy_and_graalpy_only_where_they_are_asked_for(
    fake: Probe, tmp_path: Path, python: str
) -> None:
    """Found by -i all, which measures them; without -i the run is of CPython."""
    answer = {**facts(python), "implementation": "pypy", "label": "pypy-9.9.9"}
    answer.update(headers=False, missing=None, executable=str(tmp_path / "pypy3"))
    body = "case $* in *facts.py*) echo '%s';; *) exec %s \"$@\";; esac"
    body %= (json.dumps(answer).replace("'", ""), python)
    script(tmp_path / ".pyenv" / "versions" / "p" / "bin" / "pypy3", body)
    script(tmp_path / "pypy3", body)
    out = tmp_path / "run.json"
    done = run_all(fake, tmp_path, out, FAKE_STATE=str(tmp_path))
    assert done.code == 0 and "pypy" not in done.out
    out.unlink()
    where: Dict[str, Any] = {"HOME": str(tmp_path), "XDG_DATA_HOME": None, "PATH": "/usr/bin:/bin"}
    done = fake("run", "add", "-p", "good", "-i", "all", "-o", out, *QUICK, **where)
    assert done.code == 0, done.err
    states = {c["interpreter"]: c["status"] for c in json.loads(out.read_text())["probe"]["cells"]}
    assert states.pop("pypy-9.9.9") == "ok" and set(states.values()) == {"ok"}
    done = fake("list", "interpreters", "-i", "all", **where)
    assert "pypy-9.9.9" in done.out and "can't be measured" not in done.out


def test_a_wrapper_leads_to_its_interpreter(fake: Probe, python: str, tmp_path: Path) -> None:
    """Named, it is the interpreter that it starts, and that one alone."""
    wrapper = script(tmp_path / "snake", 'exec "%s" "$@"' % python)
    out = tmp_path / "run.json"
    for choice in (str(wrapper), "%s,%s" % (wrapper, python)):
        done = fake("run", "add", "-p", "good", "-i", choice, "-o", out, *QUICK)
        assert done.code == 0, done.err
        (found,) = the_interpreters(out)
        assert found["executable"] == facts(python)["executable"]


AFTERWARDS = {
    "it needs its wrapper": ("exit 127", "_build.py ended with 127: gone"),
    "it crashes": ("kill -SEGV $$", "_build.py was killed by signal 11: gone"),
    "it is not there": (None, "it can't be started: No such file or directory"),
}


@pytest.mark.parametrize("how", AFTERWARDS)
def test_what_answers_and_then_does_not_work(
    fake: Probe, python: str, tmp_path: Path, how: str
) -> None:
    """Its own rows say so, in one line, and the others are measured."""
    body, words = AFTERWARDS[how]
    program = tmp_path / "program"
    if body:
        script(program, "echo gone >&2\n" + body)
    answer = {
        **facts(python),
        "version": "3.8.1",
        "label": "cpython-3.8.1",
        "executable": str(program),
        "missing": None,
    }
    text = json.dumps(answer).replace("'", "")
    wrapper = script(tmp_path / "snake", "echo '%s'" % text)
    out = tmp_path / "run.json"
    choice = "%s,%s" % (wrapper, python)
    done = fake("run", "add", "-p", "good", "-i", choice, "-o", out, *QUICK)
    assert done.one_error(3) == (
        "probe: unavailable on cpython-3.8.1: add/good: can't prepare cpython-3.8.1: " + words
    )
    states = {c["interpreter"]: c["status"] for c in json.loads(out.read_text())["probe"]["cells"]}
    assert states.pop("cpython-3.8.1") == "unavailable" and list(states.values()) == ["ok"]


def test_no_writable_home(fake: Probe, python: str, tmp_path: Path) -> None:
    out = tmp_path / "run.json"
    command = ["run", "add", "-p", "good", "-i", python, "-o", out, *QUICK]
    done = fake(*command, HOME="/proc/none", XDG_CACHE_HOME=None)
    assert done.one_error(1) == (
        "probe: can't write the cache folder /proc/none/.cache/probe (set XDG_CACHE_HOME to a "
        "writable one): No such file or directory"
    )
    assert not out.exists()
    done = fake(*command, HOME="/proc/none")  # the cache may be elsewhere
    assert done.code == 0 and not done.err, done.err
    assert [c["status"] for c in json.loads(out.read_text())["probe"]["cells"]] == ["ok"]


@pytest.fixture
def mortal(python: str, tmp_path: Path) -> Path:
    """A copy of an interpreter that can be deleted."""
    told = subprocess.run(
        [
            python,
            "-c",
            "import os, sys, sysconfig\n"
            "print('%d.%d' % sys.version_info[:2], os.__file__, sysconfig.get_path('include'))",
        ],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout
    version, file, include = told.split()
    copy = tmp_path / "mortal" / "bin" / ("python" + version)
    copy.parent.mkdir(parents=True)
    shutil.copy(os.path.realpath(python), str(copy))
    (tmp_path / "mortal" / "lib").mkdir()
    (tmp_path / "mortal" / "lib" / ("python" + version)).symlink_to(Path(file).parent)
    (tmp_path / "mortal" / "include").mkdir()
    (tmp_path / "mortal" / "include" / Path(include).name).symlink_to(include)
    return copy


def test_an_interpreter_disappears_during_the_run(
    fake: Probe, python: str, mortal: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run.json"
    choice = "%s,%s" % (python, mortal)
    command = ["run", "slow", "-p", "good", "-i", choice, "-o", out, "--passes", "3"]
    process = fake.popen(*command, "--rounds", "10", FAKE_STATE=str(tmp_path))
    deadline = time.monotonic() + 60
    while not log_of(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    mortal.unlink()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 3, err
    run = json.loads(out.read_text())["probe"]
    gone = [p["label"] for p in run["interpreters"] if p["executable"] == str(mortal)]
    assert err.splitlines() == [
        "probe: failed on %s: slow/good: its process can't be started: No such file or directory"
        % gone[0]
    ]
    states = {c["interpreter"]: c["status"] for c in run["cells"]}
    assert [states.pop(label) for label in gone] == ["failed"]
    assert list(states.values()) == ["ok"]
