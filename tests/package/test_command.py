# SPDX-License-Identifier: MIT
"""The package and the command find the same; needs the command ($PROBE_COMMAND)."""

import os
import sys
import zlib
from typing import Any

import pytest

import probe

COMMAND = os.environ.get("PROBE_COMMAND")
pytestmark = pytest.mark.skipif(not COMMAND, reason="PROBE_COMMAND names no command")

DATA = b"0123456789abcdef" * 20


@pytest.fixture(scope="module")
def of_the_command(tmp_path_factory: Any) -> probe.Run:
    run = probe.run(
        "zlib:crc32",
        args=repr(DATA),
        target="libz.so.1:crc32",
        interpreters=sys.executable,
        passes=3,
        output=tmp_path_factory.mktemp("command") / "run.json",
        progress=False,
    )
    if run.cells[0].status != "ok":
        pytest.skip(str(run.cells[0].reason))
    return run


def overlap(a: Any, b: Any, slack: float) -> bool:
    return bool(a.low - slack <= b.high and b.low - slack <= a.high)


def test_they_split_alike_and_agree(of_the_command: probe.Run) -> None:
    """Within their intervals and what another process's layout moves (10 core cycles a side)."""
    theirs = of_the_command.cells[0]
    last = ""
    for _ in range(4):  # a neighbour on the core may come and go between the two
        ours = probe.measure(zlib.crc32, DATA, target="libz.so.1:crc32", progress=False)
        assert [part.name for part in ours.parts] == [part.name for part in theirs.parts]
        assert ours.total is not None and theirs.total is not None
        pairs = [(p.name, p.value, q.value) for p, q in zip(ours.parts, theirs.parts)]
        pairs.append(("total", ours.total, theirs.total))
        apart = [row for row in pairs if not overlap(row[1], row[2], 6.0)]
        if not apart:
            return
        last = repr(apart)
        if not (ours.contended or theirs.contended):
            continue
    if ours.contended or theirs.contended:
        pytest.skip("never quiet: " + last)
    pytest.fail(last)


def test_a_loaded_run_is_the_same_run(of_the_command: probe.Run, tmp_path: Any) -> None:
    of_the_command.save(tmp_path / "again.json")
    again = probe.load(tmp_path / "again.json")
    assert again.to_dict() == of_the_command.to_dict()
    assert repr(again) == repr(of_the_command)


def test_plots_of_the_command(of_the_command: probe.Run) -> None:
    try:
        figure = of_the_command.plot("breakdown")
    except probe.MeasuringFailed as e:
        pytest.skip(str(e))  # no gnuplot
    assert "<svg" in figure.svg
    with pytest.raises(probe.BadOption):
        of_the_command.plot("pie")


def test_wrong_use_is_the_commands_own_words() -> None:
    with pytest.raises(probe.BadOption, match="nosuchworkload"):
        probe.run("nosuchworkload", interpreters=sys.executable)
    with pytest.raises(probe.BadOption):
        probe.run("add", preset="slow")
