# SPDX-License-Identifier: MIT
"""Everything that can go wrong says so in one line that names the way out, with a documented exit
code, and loses nothing that was measured."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, List, Optional, Set

import pytest

from conftest import ROOT, Probe, cells

NOTHING, USAGE, SOME_FAILED, INTERRUPTED = 1, 2, 3, 130
QUICK = ["--passes", "1", "--rounds", "10"]


# --- names that do not exist ---------------------------------------------------------------------


def test_unknown_workload(probe: Probe) -> None:
    line = probe("run", "ad").one_error(USAGE, "'ad'", "did you mean add")
    assert "fib" in line  # the known ones


def test_unknown_variant(probe: Probe) -> None:
    probe("run", "sum:17").one_error(USAGE, "sum:17", "sum:1024")


def test_unknown_path(probe: Probe) -> None:
    probe("run", "add", "-p", "ctypes,ctype").one_error(USAGE, "'ctype'", "did you mean ctypes")


@pytest.mark.parametrize("choice", ["9.99", "/no/such/python", "nopython", "", "3.11,,3.12"])
def test_unknown_interpreter(probe: Probe, choice: str) -> None:
    probe("run", "add", "-i", choice).one_error(USAGE, choice.split(",")[0])


def test_unknown_verb(probe: Probe) -> None:
    probe("rnu").one_error(USAGE, "did you mean `probe run`")
    probe("frobnicate").one_error(USAGE, "probe help")


# --- interpreters that are none, or lack something -----------------------------------------------


@pytest.mark.parametrize("kind", ["true", "cat", "text", "folder", "sleeper"])
def test_not_a_python(probe: Probe, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "python3"
    if kind == "text":
        path.write_text("not a program\n")
        path.chmod(0o755)
    elif kind == "folder":
        path.mkdir()
    elif kind == "sleeper":
        path.write_text("#!/bin/sh\nexec sleep 600\n")
        path.chmod(0o755)
    else:
        path = Path(shutil.which(kind) or "/bin/" + kind)
    probe("run", "add", "-i", path, timeout_s=60).one_error(USAGE, str(path.name))


@pytest.fixture
def headless(python: str, tmp_path: Path) -> str:
    """A copy of an interpreter as a distribution without its -dev package installs it: the program
    and the standard library, no include folder."""
    facts = subprocess.run(
        [python, "-c", "import os, sys; print(sys.version_info[:2], os.__file__, sep='|')"],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout.strip()
    version = ".".join(re.findall(r"\d+", facts.split("|")[0]))
    library = Path(facts.split("|")[1]).parent
    (tmp_path / "bin").mkdir()
    copy = tmp_path / "bin" / ("python" + version)
    shutil.copy(os.path.realpath(python), copy)
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / ("python" + version)).symlink_to(library)
    include = subprocess.run(
        [str(copy), "-c", "import sysconfig; print(sysconfig.get_path('include'))"],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout.strip()
    if (Path(include) / "Python.h").exists():
        pytest.skip("a copy of this interpreter still finds the headers, in " + include)
    return str(copy)


def test_without_headers(probe: Probe, headless: str) -> None:
    done = probe("run", "add", "-i", headless, *QUICK)
    line = done.one_error(NOTHING, "Python.h")
    assert "install" in line


def test_without_headers_others_go_on(
    probe: Probe, headless: str, python: str, tmp_path: Path
) -> None:
    out = tmp_path / "run.json"
    done = probe(
        "run", "add", "-p", "ctypes", "-i", "%s,%s" % (headless, python), "-o", out, *QUICK
    )
    done.one_error(SOME_FAILED, "Python.h", "add/ctypes")
    run = json.loads(out.read_text())["probe"]
    assert sorted(c["status"] for c in run["cells"]) == ["ok", "unavailable"]


# --- outputs -------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["-o", "--export-csv", "--export-markdown", "--plot"])
@pytest.mark.parametrize("where", ["/no/such/folder/x.svg", "/proc/x.svg", "FOLDER.svg"])
def test_unwritable_output(probe: Probe, tmp_path: Path, option: str, where: str) -> None:
    if where.startswith("FOLDER"):
        where = str(tmp_path / "a.svg")
        os.mkdir(where)
    begin = time.monotonic()
    done = probe("run", "add", option, where)
    done.one_error(USAGE, where)
    assert time.monotonic() - begin < 5  # before any work


def test_outputs_must_differ(probe: Probe, tmp_path: Path) -> None:
    out = tmp_path / "a.svg"
    probe("run", "add", "-o", out, "--plot", out).one_error(USAGE, "same file")


def test_plot_of_unknown_kind(probe: Probe, tmp_path: Path) -> None:
    probe("run", "add", "--plot", tmp_path / "a.jpeg").one_error(USAGE, ".svg, .pdf, .png or .tex")


def test_no_gnuplot(probe: Probe, tmp_path: Path) -> None:
    probe("run", "add", "--plot", tmp_path / "a.svg", PATH=str(tmp_path)).one_error(
        USAGE, "gnuplot", "install"
    )
    assert not (tmp_path / "a.svg").exists()


def test_no_gnuplot_for_plot(fake: Probe, python: str, tmp_path: Path) -> None:
    run = tmp_path / "run.json"
    assert fake("run", "add", "-i", python, "-o", run, *QUICK).code == 0
    done = fake("plot", run, "-o", tmp_path / "a.svg", PATH=str(tmp_path), PROBE_HOME=None)
    done.one_error(NOTHING, "gnuplot", "install")


def test_disk_full_at_the_end(fake: Probe, python: str) -> None:
    """The table is printed although the file could not be written."""
    done = fake("run", "add", "-i", python, "-p", "good", "-o", "/dev/full", *QUICK)
    done.one_error(NOTHING, "/dev/full")
    assert "good" in done.out


# --- no network ----------------------------------------------------------------------------------


def test_no_network(probe: Probe, python: str, tmp_path: Path) -> None:
    out = tmp_path / "run.json"
    done = probe(
        *["run", "add", "-i", python, "-p", "ctypes,cffi-abi,capi-fastcall", "-o", out, *QUICK],
        XDG_CACHE_HOME=str(tmp_path / "cache"),
        PIP_INDEX_URL="http://127.0.0.1:9/simple",
        PIP_CONFIG_FILE="/dev/null",
        PIP_NO_CACHE_DIR="1",
    )
    done.one_error(SOME_FAILED, "add/cffi-abi", "network")
    found = cells(out)
    assert found["add/ctypes"]["status"] == "ok"
    assert found["add/capi-fastcall"]["status"] == "ok"
    assert found["add/cffi-abi"]["status"] == "unavailable"
    assert "cffi" in found["add/cffi-abi"]["reason"]


# --- kernels that misbehave ----------------------------------------------------------------------


def write_workload(folder: Path, name: str, body: str) -> None:
    """An outside workload whose C side does what body says, and whose Python side is right."""
    here = folder / name
    here.mkdir(parents=True)
    (here / (name + ".c")).write_text(
        "int %s(int a);\nint %s(int a)\n{\n\t%s\n\treturn a;\n}\n" % (name, name, body)
    )
    (here / (name + ".py")).write_text("def %s(a):\n    return a\n" % name)
    description = {
        "name": name,
        "summary": "test",
        "source": name + ".c",
        "python": name + ".py",
        "prototype": {
            "name": name,
            "returns": "int",
            "params": [{"name": "a", "type": "int"}],
        },
        "args": [1],
        "variants": None,
    }
    (here / "workload.json").write_text(json.dumps(description))


def test_a_kernel_that_crashes(probe: Probe, python: str, tmp_path: Path) -> None:
    write_workload(tmp_path / "w", "boom", "*(volatile int *)8 = a;")
    out = tmp_path / "run.json"
    done = probe(
        *["run", "boom", "add", "-i", python, "-p", "python,ctypes", "-o", out, *QUICK],
        PROBE_WORKLOADS=str(tmp_path / "w"),
    )
    done.one_error(SOME_FAILED, "boom/ctypes", "signal 11", str(out))
    found = cells(out)
    crashed = found["boom/ctypes"]
    assert crashed["status"] == "crashed"
    assert "boom" in crashed["backtrace"]  # the kernel's own frame has its name
    assert len(crashed["backtrace"].splitlines()) > 3
    for other in ("boom/python", "add/python", "add/ctypes"):
        assert found[other]["status"] == "ok", other
    assert "crashed" in done.out


def test_a_kernel_that_never_returns(probe: Probe, python: str, tmp_path: Path) -> None:
    write_workload(tmp_path / "w", "forever", 'for (;;) __asm__ volatile("");')
    out = tmp_path / "run.json"
    done = probe(
        *["run", "forever", "-i", python, "-p", "python,ctypes", "-o", out, *QUICK],
        *["--timeout", "3"],
        PROBE_WORKLOADS=str(tmp_path / "w"),
    )
    done.one_error(SOME_FAILED, "forever/ctypes", "within 3 s", "--timeout")
    found = cells(out)
    assert found["forever/ctypes"]["status"] == "timeout"
    assert found["forever/python"]["status"] == "ok"


def test_a_kernel_that_does_not_compile(probe: Probe, python: str, tmp_path: Path) -> None:
    write_workload(tmp_path / "w", "typo", "this is no C")
    out = tmp_path / "run.json"
    done = probe(
        *["run", "typo", "-i", python, "-p", "python,ctypes", "-o", out, *QUICK],
        PROBE_WORKLOADS=str(tmp_path / "w"),
    )
    done.one_error(SOME_FAILED, "typo/ctypes")
    assert cells(out)["typo/python"]["status"] == "ok"


def test_a_wrong_result(probe: Probe, python: str, tmp_path: Path) -> None:
    write_workload(tmp_path / "w", "off", "a++;")
    out = tmp_path / "run.json"
    done = probe(
        *["run", "off", "-i", python, "-p", "python,ctypes", "-o", out, *QUICK],
        PROBE_WORKLOADS=str(tmp_path / "w"),
    )
    done.one_error(SOME_FAILED, "off/ctypes", "wrong result")
    assert cells(out)["off/ctypes"]["ladder"] is None


# --- interruption --------------------------------------------------------------------------------


def marked(mark: str) -> Set[int]:
    """Processes whose environment holds the mark."""
    found: Set[int] = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if mark.encode() in (entry / "environ").read_bytes():
                found.add(int(entry.name))
        except OSError:
            continue
    return found


def wait_for(condition: Callable[[], bool], limit_s: float = 60) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def measured_one(path: Path) -> bool:
    try:
        return any(c["status"] == "ok" for c in cells(path).values())
    except (OSError, ValueError):
        return False


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_interruption_keeps_results(
    fake: Probe, python: str, tmp_path: Path, sig: signal.Signals
) -> None:
    out, csv = tmp_path / "run.json", tmp_path / "run.csv"
    process = fake.popen(
        *["run", "slow", "-i", python, "-p", "good,python", "-o", out, "--export-csv", csv],
        PROBE_TEST_MARK=str(tmp_path),
    )
    wait_for(lambda: measured_one(out))
    begin = time.monotonic()
    process.send_signal(sig)
    stdout, stderr = process.communicate(timeout=20)
    assert time.monotonic() - begin < 2
    assert process.returncode == 128 + sig
    assert stderr.splitlines() == ["probe: interrupted; what was measured is kept"]
    assert "slow" in stdout and "good" in stdout
    assert csv.exists()
    assert json.loads(out.read_text())["probe"]["interrupted"] is True
    assert measured_one(out)
    assert not marked(str(tmp_path))


def test_a_second_interruption_ends_at_once(fake: Probe, python: str, tmp_path: Path) -> None:
    """The child ignores SIGTERM, and the person does not want to wait; nothing is left running."""
    process = fake.popen(
        *["run", "hang", "-i", python, "-p", "good"],
        PROBE_TEST_MARK=str(tmp_path),
        TMPDIR=str(tmp_path),
    )
    wait_for(lambda: len(marked(str(tmp_path))) >= 2)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=5)
    assert process.returncode == INTERRUPTED
    wait_for(lambda: not marked(str(tmp_path)), 5)


def test_a_killed_probe_leaves_nothing_running(fake: Probe, python: str, tmp_path: Path) -> None:
    process = fake.popen(
        *["run", "hang", "-i", python, "-p", "good"],
        PROBE_TEST_MARK=str(tmp_path),
        TMPDIR=str(tmp_path),
    )
    wait_for(lambda: len(marked(str(tmp_path))) >= 2)
    process.kill()
    process.communicate(timeout=5)
    wait_for(lambda: not marked(str(tmp_path)), 5)


# --- run files that are none ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(None, id="missing"),
        pytest.param(b"", id="empty"),
        pytest.param(b'{"probe": {"schema_version": 1, "cel', id="truncated"),
        pytest.param(b'{"results": [1, 2, 3]}', id="foreign"),
        pytest.param(b"[]", id="array"),
        pytest.param(b'{"probe": {"schema_version": 99}}', id="newer"),
        pytest.param(b"\x89PNG\r\n\x1a\n\x00\x00", id="binary"),
    ],
)
def test_plot_of_a_foreign_file(probe: Probe, tmp_path: Path, content: Optional[bytes]) -> None:
    run = tmp_path / "run.json"
    if content is not None:
        run.write_bytes(content)
    done = probe("plot", run, "-o", tmp_path / "a.svg")
    done.one_error(NOTHING, str(run))
    assert not (tmp_path / "a.svg").exists()


def test_plot_of_a_cut_run(fake: Probe, python: str, tmp_path: Path) -> None:
    run = tmp_path / "run.json"
    assert fake("run", "add", "-i", python, "-o", run, *QUICK).code == 0
    run.write_bytes(run.read_bytes()[:-500])
    fake("plot", run, "-o", tmp_path / "a.svg").one_error(NOTHING, str(run))


# --- numbers and words ---------------------------------------------------------------------------

ABSURD = ["-1", "-0.5", "1e99", "99999999999999999999", "abc", "", "1x", "nan", "inf", "0x10"]
NUMERIC = {
    "--passes": ABSURD + ["0", "1001", "2.5"],
    "--rounds": ABSURD + ["0", "9", "100001", "2.5"],
    "--timeout": [a for a in ABSURD if a != "0x10"] + ["0", "0.01", "86401"],
    "--cpu": ABSURD + ["4096", "1.5"],
    "--seed": ABSURD + ["1.5"],
}


@pytest.mark.parametrize(
    "option, value", [(option, value) for option, values in NUMERIC.items() for value in values]
)
def test_absurd_numbers(probe: Probe, option: str, value: str) -> None:
    probe("run", "add", option, value).one_error(USAGE, option, "'%s'" % value, " from ")


@pytest.mark.parametrize("option", ["--seconds", "--cpu"])
@pytest.mark.parametrize("value", ["-1", "1e99", "abc", "", "nan", "99999999999999999999"])
def test_absurd_numbers_for_doctor(probe: Probe, option: str, value: str) -> None:
    probe("doctor", option, value).one_error(USAGE, option)


def test_a_cpu_that_is_not_there(probe: Probe) -> None:
    probe("run", "add", "--cpu", "4095").one_error(USAGE, "CPU 4095", "choose one of")


@pytest.mark.parametrize(
    "arguments, word",
    [
        (["run"], "workload"),
        (["run", "add", "--fast", "--rigorous"], "exclude"),
        (["run", "add", "--phases", "5"], "--phases"),
        (["run", "add", "--unit", "s"], "--unit"),
        (["run", "add", "--color", "maybe"], "--color"),
        (["run", "add", "--engine", "ladder,steam"], "'steam'"),
        (["run", "add", "--engine", ""], "--engine"),
        (["run", "add", "-p", ""], "path"),
        (["run", "add", "--frobnicate"], "--frobnicate"),
        (["run", "add", "-x"], "-x"),
        (["run", "add", "-qx"], "-x"),
        (["run", "add", "--passes"], "--passes"),
        (["run", "add", "-o"], "-o"),
        (["run", "add", "--fast=3"], "--fast"),
        (["run", "add", "-o", ""], "--output"),
        (["--frobnicate"], "verb"),
        (["help", "frobnicate"], "frobnicate"),
    ],
)
def test_usage(probe: Probe, arguments: List[str], word: str) -> None:
    probe(*arguments).one_error(USAGE, word)


def test_no_arguments_print_the_help(probe: Probe) -> None:
    done = probe()
    assert done.code == USAGE
    assert "usage: probe VERB" in done.err and not done.out


# --- what goes where -----------------------------------------------------------------------------


def test_nothing_but_the_table_in_a_pipe(fake: Probe, python: str) -> None:
    done = fake("run", "add", "-i", python, *QUICK, TERM="xterm")
    assert (done.code, done.err) == (0, "")
    assert "\033" not in done.out
    done = fake("run", "add", "-i", python, "--color", "always", *QUICK)
    assert "\033[" in done.out
    done = fake("run", "add", "-i", python, *QUICK, CLICOLOR_FORCE="1", TERM="xterm")
    assert "\033[" in done.out
    done = fake("run", "add", "-i", python, *QUICK, CLICOLOR_FORCE="1", TERM="xterm", NO_COLOR="1")
    assert "\033" not in done.out


def test_json_is_the_run_file(fake: Probe, python: str, tmp_path: Path) -> None:
    out = tmp_path / "run.json"
    done = fake("run", "add", "-i", python, "--json", "--seed", "7", "-o", out, *QUICK)
    assert done.code == 0
    printed = json.loads(done.out)
    assert printed["probe"]["seed"] == 7
    assert printed["probe"]["cells"] == json.loads(out.read_text())["probe"]["cells"]


def test_an_inapplicable_path_is_no_failure(fake: Probe, python: str) -> None:
    done = fake("run", "add", "-p", "one,good", "-i", python, *QUICK)
    assert (done.code, done.err) == (0, "")
    assert "exactly 1 argument" in done.out
    fake("run", "add", "-p", "one", "-i", python, *QUICK).one_error(NOTHING, "exactly 1 argument")


def test_one_line_for_one_cause(fake: Probe, python: str, tmp_path: Path) -> None:
    done = fake("run", "crash", "exits", "add", "-p", "python,good", "-i", python, *QUICK)
    assert done.code == SOME_FAILED
    assert len(done.error_lines) == 2, done.err
    assert "crash/python, crash/good" in done.error_lines[0]
    assert "exits/python, exits/good" in done.error_lines[1]


def test_version(probe: Probe) -> None:
    done = probe("--version")
    assert re.fullmatch(r"probe \d+\.\d+\.\d+\n", done.out)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q"]))
