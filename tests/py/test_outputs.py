# SPDX-License-Identifier: MIT
"""What a call writes never destroys what it reads, nor another run's results."""

import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any, Dict, List

import pytest

from conftest import ROOT, Probe

SAMPLE = ROOT / "plots" / "sample" / "run.json"
CLAIMS = ROOT / "tests" / "fuzz" / "corpus" / "claims" / "some.json"


@pytest.fixture(name="run")
def fixture_run(tmp_path: Path) -> Path:
    """A run file that has other names: a symbolic and a hard link, and one that is dangling."""
    run = tmp_path / "run.json"
    shutil.copy(SAMPLE, run)
    for suffix in ("csv", "md", "svg", "html"):
        (tmp_path / ("soft." + suffix)).symlink_to("run.json")
        os.link(run, tmp_path / ("hard." + suffix))
    (tmp_path / "dangling.csv").symlink_to("there.csv")
    return run


def calls(run: Path, stem: str) -> Dict[str, List[Any]]:
    """Each verb with an output of that stem."""
    to = str(run.parent / stem)
    return {
        "show csv": ["show", run, "--export-csv", to + ".csv"],
        "show markdown": ["show", run, "--export-markdown", to + ".md"],
        "compare": ["compare", SAMPLE, run, "--export-markdown", to + ".md"],
        "plot": ["plot", run, "-o", to + ".svg"],
        "delta": ["plot", SAMPLE, run, "--kind", "delta", "-o", to + ".svg"],
        "report": ["report", SAMPLE, run, "-o", to + ".html", "--no-figures"],
    }


@pytest.mark.parametrize("stem", ["soft", "hard"])
def test_no_verb_replaces_its_input(probe: Probe, run: Path, stem: str) -> None:
    for name, args in calls(run, stem).items():
        before = run.read_bytes()
        probe(*args).one_error(2, "would replace", "run.json", "name another file")
        assert run.read_bytes() == before, name
    straight = ["show", run, "--export-csv", str(run.parent / "." / "x" / ".." / "run.json")]
    (run.parent / "x").mkdir()
    probe(*straight).one_error(2, "would replace")


def test_an_operand_is_an_input(fake: Probe, tmp_path: Path) -> None:
    source = tmp_path / "norm.c"
    source.write_text("int norm(void) { return 0; }\n")
    fake("run", source, "int norm(void)", "--export-csv", source).one_error(2, "would replace")
    claims = tmp_path / "claims.md"
    shutil.copy(CLAIMS, claims)
    fake("report", SAMPLE, "--claims", claims, "-o", claims).one_error(2, "would replace")
    assert claims.read_bytes() == CLAIMS.read_bytes()


def test_two_outputs_are_two_files(fake: Probe, run: Path) -> None:
    here = run.parent
    pairs = [
        [here / "new.csv", here / "new.csv"],
        [here / "new.csv", "%s/x/../new.csv" % here],
        [here / "there.csv", here / "dangling.csv"],
    ]
    (here / "x").mkdir()
    for csv, markdown in pairs:
        both = ["--export-csv", csv, "--export-markdown", markdown]
        fake("show", run, *both).one_error(2, "name the same file")
        fake("run", "add", *both).one_error(2, "name the same file")
    both = ["--export-csv", "/dev/null", "--export-markdown", "/dev/null"]
    assert fake("show", run, *both).code in (0, 3)


def test_a_run_file_replaces_run_files_alone(fake: Probe, run: Path, python: str) -> None:
    here = run.parent
    notes, empty, old = here / "notes.json", here / "empty.json", here / "old.json"
    notes.write_text('{"mine": 1}')
    empty.touch()
    shutil.copy(SAMPLE, old)
    args: List[Any] = ["run", "add", "-i", python, "-p", "good", "--passes", "1"]
    fake(*args, "-o", notes).one_error(2, "--output", "is not a run file", "notes.json")
    assert notes.read_text() == '{"mine": 1}'
    for out in (empty, old):
        assert fake(*args, "-o", out).code in (0, 3)
        assert "made-up" not in out.read_text()


def test_nothing_else_replaces_a_run_file(probe: Probe, run: Path) -> None:
    other = run.parent / "other.csv"
    shutil.copy(SAMPLE, other)
    probe("show", run, "--export-csv", other).one_error(2, "would replace a run file")
    assert other.read_bytes() == SAMPLE.read_bytes()
    other.write_text("a,b\n")
    assert probe("show", run, "--export-csv", other).code in (0, 3)
    assert other.read_text().startswith("workload,")


def test_what_cannot_be_written_is_told_first(fake: Probe, run: Path) -> None:
    long = run.parent / ("n" * 300 + ".csv")
    gone = run.parent / "gone" / "a.csv"
    for out, words in ((long, "File name too long"), (gone, "No such file")):
        fake("run", "add", "--export-csv", out).one_error(2, words)
        shown = fake("show", run, "--export-csv", out)
        shown.one_error(1, words)
        assert shown.out == ""


def test_a_folder_that_vanishes_is_told_at_once(fake: Probe, tmp_path: Path, python: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    process = fake.popen("run", "slow", "-i", python, "-p", "good", "-o", folder / "run.json")
    end = time.monotonic() + 20
    while not (folder / "run.json").exists() and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.05)
    shutil.rmtree(folder)
    assert process.stderr
    line = process.stderr.readline()
    assert "can't write" in line and "measuring goes on" in line
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert "slow" in out and "can't write" in err


def test_a_full_disk_is_told_first(fake: Probe, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.system("mount -t tmpfs -o size=4k none '%s' 2>/dev/null" % disk):
        pytest.skip("no file system can be mounted here")
    try:
        (disk / "full").write_bytes(b"x" * 4096)
        fake("run", "add", "-o", disk / "run.json").one_error(2, "No space left", "run.json")
    finally:
        os.system("umount '%s'" % disk)
