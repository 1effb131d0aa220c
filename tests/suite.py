#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs one suite of tests and notes its counts, or adds the counts of all suites up.

Usage: suite.py TALLY NAME c PROGRAM...        cmocka programs
       suite.py TALLY NAME pytest PYTHON ARG...  pytest, run by PYTHON
       suite.py TALLY NAME script COMMAND...   exit status 0 passed, 77 skipped, else failed; it
                                               may print "N passed, N failed, N skipped" itself
       suite.py TALLY sum NAME...              the total of these suites; one without counts failed
TALLY is the folder where the counts are kept. Ends with 1 when anything failed.
"""

import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree
from pathlib import Path
from typing import Iterable, List, NamedTuple

TEST_TIMEOUT_S = 600
SKIPPED = 77
COUNTS = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.MULTILINE)


class Counts(NamedTuple):
    """How many tests passed, failed and were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __str__(self) -> str:
        return "%d passed, %d failed, %d skipped" % self


def add(counts: Iterable[Counts]) -> Counts:
    """The sum, field by field."""
    whole = list(counts)
    return Counts(*(sum(column) for column in zip(*whole))) if whole else Counts()


def checked(counts: Counts, status: int) -> Counts:
    """Counts that agree with an exit status: an end by a signal, say, leaves no count behind."""
    if status != 0 and counts.failed == 0:
        return counts._replace(failed=1)
    if counts == Counts():
        return Counts(failed=1)  # a suite that tests nothing must not look well
    return counts


def how_it_ended(status: int) -> str:
    if status >= 0:
        return "exit status %d" % status
    return "ended by %s" % signal.Signals(-status).name


def cmocka_counts(output: str) -> Counts:
    """From the closing lines of every group in a cmocka program's output."""

    def total(word: str) -> int:
        pattern = r"^\[ +%s +\] (\d+) test\(s\)" % word
        return sum(int(n) for n in re.findall(pattern, output, re.MULTILINE))

    return Counts(total("PASSED"), total("FAILED"), total("SKIPPED"))


def run_cmocka(program: str) -> Counts:
    """Runs one program: a line for it, the reasons of skipped tests, all of it after a failure."""
    begun = time.monotonic()
    try:
        done = subprocess.run(
            [program],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TEST_TIMEOUT_S,
        )
        output, status = done.stdout.decode("utf-8", "replace"), done.returncode
    except subprocess.TimeoutExpired as stuck:
        output = (stuck.stdout or b"").decode("utf-8", "replace")
        output += "\nno end after %d s\n" % TEST_TIMEOUT_S
        status = -signal.SIGKILL
    counts = checked(cmocka_counts(output), status)
    name = os.path.basename(program)
    print("%-18s %s  (%.1f s)" % (name, counts, time.monotonic() - begun))
    if counts.failed:
        print(output + "%s: %s" % (name, how_it_ended(status)))
    elif counts.skipped:
        reasons = re.findall(r"^ *skipped: (.*)", output, re.MULTILINE)
        for reason in reasons or ["no reason was given"]:
            print("    skipped: " + reason)
    sys.stdout.flush()
    return counts


def run_pytest(report: Path, command: List[str]) -> Counts:
    """Runs pytest; the counts come from the report that it writes."""
    if report.exists():
        report.unlink()
    python, rest = command[0], command[1:]
    done = subprocess.run([python, "-m", "pytest", "-q", "--junitxml=%s" % report, *rest])
    found = Counts()
    if report.exists():
        suite = next(xml.etree.ElementTree.parse(str(report)).getroot().iter("testsuite"))
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped = int(suite.get("skipped", 0))
        found = Counts(int(suite.get("tests", 0)) - failed - skipped, failed, skipped)
    return checked(found, done.returncode)


def run_script(command: List[str]) -> Counts:
    """Runs a script; one that counts its tests itself is believed, else it is one test."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = done.stdout.decode("utf-8", "replace")
    print(output, end="", flush=True)
    if done.returncode == SKIPPED:
        return Counts(skipped=1)
    told = [Counts(*(int(n) for n in found)) for found in COUNTS.findall(output)]
    return checked(told[-1] if told else Counts(passed=done.returncode == 0), done.returncode)


def total(tally: Path, names: List[str]) -> Counts:
    """Adds the suites' counts up, with a line each."""
    found: List[Counts] = []
    for name in names:
        note = tally / name
        counts = Counts(failed=1)
        if note.exists():
            counts = Counts(*(int(n) for n in COUNTS.findall(note.read_text())[0]))
        found.append(counts)
        print("%-14s %s%s" % (name, counts, "" if note.exists() else "  (it did not finish)"))
    return add(found)


def main(args: List[str]) -> int:
    tally, name = Path(args[0]), args[1]
    if name == "sum":
        counts = total(tally, args[2:])
        print(counts, flush=True)
        return 1 if counts.failed else 0
    kind, rest = args[2], args[3:]
    tally.mkdir(parents=True, exist_ok=True)
    note = tally / name
    if note.exists():
        note.unlink()
    print("== " + name, flush=True)
    if kind == "c":
        counts = checked(add(run_cmocka(program) for program in rest), 0)
    elif kind == "pytest":
        counts = run_pytest(tally / (name + ".xml"), rest)
    else:
        counts = run_script(rest)
    note.write_text("%s\n" % (counts,))
    print("%s: %s" % (name, counts), flush=True)
    return 1 if counts.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
