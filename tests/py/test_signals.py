# SPDX-License-Identifier: MIT
"""A signal leaves nothing temporary behind, whichever verb it meets, and the exit status tells it."""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Callable, List

import pytest

from conftest import PROBE_BIN, ROOT, Probe

SAMPLE = ROOT / "plots" / "sample" / "run.json"
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGXFSZ]


def wait_for(condition: Callable[[], Any], what: str) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def left(*folders: Path) -> List[str]:
    """What probe has left in these folders."""
    return [
        os.path.join(where, name)
        for folder in folders
        for where, _, names in os.walk(folder)
        for name in [os.path.basename(where), *names]
        if name.startswith((".probe-", "probe-"))
    ]


@pytest.fixture(name="place")
def fixture_place(tmp_path: Path) -> Path:
    """Folders for output and temporary files, and a gnuplot that writes and never ends."""
    for name in ("out", "tmp", "bin"):
        (tmp_path / name).mkdir()
    gnuplot = tmp_path / "bin" / "gnuplot"
    gnuplot.write_text("#!/bin/sh\necho 1 >half.svg; mkdir deep; echo 2 >deep/er; exec sleep 5\n")
    gnuplot.chmod(0o755)
    return tmp_path


def start(probe: Probe, place: Path, *args: Any) -> "subprocess.Popen[str]":
    path = "%s:%s" % (place / "bin", os.environ["PATH"])
    return probe.popen(*args, PATH=path, TMPDIR=str(place / "tmp"))


@pytest.mark.parametrize("sig", SIGNALS)
@pytest.mark.parametrize("verb", ["plot", "report", "report beside"])
def test_drawing(probe: Probe, place: Path, verb: str, sig: signal.Signals) -> None:
    args = {
        "plot": ["plot", SAMPLE, "-o", place / "out" / "f.svg"],
        "report": ["report", SAMPLE, "-o", place / "out" / "r.html"],
        "report beside": ["report", SAMPLE, "-o", place / "out" / "r.md"],
    }[verb]
    process = start(probe, place, *args)
    wait_for(lambda: list(place.glob("*/**/deep/er")), "gnuplot was not started")
    assert left(place / "out", place / "tmp")
    process.send_signal(sig)
    process.communicate(timeout=20)
    assert process.returncode == 128 + sig
    assert left(place / "out", place / "tmp") == []
    assert list((place / "out").iterdir()) == []


@pytest.mark.parametrize("sig", SIGNALS[:3])
def test_measuring(fake: Probe, place: Path, python: str, sig: signal.Signals) -> None:
    out = place / "out" / "run.json"
    process = start(fake, place, "run", "slow", "-i", python, "-p", "good", "-o", out)
    wait_for(lambda: left(place / "tmp"), "it was not started")
    process.send_signal(sig)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 128 + sig, err
    assert left(place / "out", place / "tmp") == []


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal(fake: Probe, place: Path, python: str, sig: signal.Signals) -> None:
    """The child ignores what ends it kindly."""
    process = start(fake, place, "run", "hang", "-i", python, "-p", "good")
    wait_for(lambda: list((place / "tmp").glob("*/*")), "no cell was started")
    process.send_signal(sig)
    time.sleep(0.2)
    process.send_signal(sig)
    process.communicate(timeout=20)
    assert process.returncode == 128 + sig
    wait_for(lambda: left(place / "out", place / "tmp") == [], "something stays")


@pytest.mark.parametrize("sig", SIGNALS[:3])
def test_watching_the_noise(probe: Probe, place: Path, sig: signal.Signals) -> None:
    """doctor tells what it has seen until then; a second signal ends it."""
    process = start(probe, place, "doctor", "--seconds", "600")
    wait_for(lambda: is_caught(process.pid, sig), "it does not wait for signals")
    time.sleep(0.3)
    process.send_signal(sig)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 128 + sig, err
    assert "Counter" in out and "Noise" in out


def is_caught(pid: int, sig: signal.Signals) -> bool:
    status = Path("/proc/%d/status" % pid).read_text()
    (caught,) = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")]
    return bool(int(caught, 16) >> (sig - 1) & 1)


@pytest.mark.parametrize("sig", SIGNALS)
def test_reading(probe: Probe, place: Path, sig: signal.Signals) -> None:
    """show waits for a pipe that nobody writes to."""
    fifo = place / "fifo"
    os.mkfifo(fifo)
    process = start(probe, place, "show", fifo, "--export-csv", place / "out" / "a.csv")
    time.sleep(0.3)
    process.send_signal(sig)
    process.communicate(timeout=20)
    assert process.returncode == 128 + sig
    assert left(place / "out", place / "tmp") == []


def test_a_file_that_may_not_grow(probe: Probe, place: Path) -> None:
    """The limit of a shell, not a signal of somebody: it is told, and nothing stays."""
    script = 'ulimit -f 1; "$0" show "$1" --export-csv "$2"'
    done = subprocess.run(
        ["bash", "-c", script, str(PROBE_BIN), str(SAMPLE), str(place / "out" / "a.csv")],
        stderr=subprocess.PIPE,
        env=dict(probe.env, TMPDIR=str(place / "tmp")),
        universal_newlines=True,
    )
    assert done.returncode == 1 and "File too large" in done.stderr, done.stderr
    assert list((place / "out").iterdir()) == []
