# SPDX-License-Identifier: MIT
"""Runs a test suite that others wrote, bare or within watch(), and writes how each test ended.

    python under_watch.py SUITE OUTPUT [MODULE...]

SUITE is a unittest name ("test.test_dict"), or a folder for pytest. Without a MODULE nothing is
watched. OUTPUT receives JSON: {"outcomes": {test: outcome}, "calls": watched calls}.
"""

import contextlib
import json
import os
import sys
import unittest
from typing import Any, Dict, Iterator

Outcomes = Dict[str, str]


class Result(unittest.TestResult):
    def __init__(self, outcomes: Outcomes) -> None:
        super().__init__()
        self.outcomes = outcomes

    def _add(self, test: Any, outcome: str) -> None:
        self.outcomes[test.id()] = outcome

    def addSuccess(self, test: Any) -> None:
        self.outcomes.setdefault(test.id(), "passed")

    def addError(self, test: Any, err: Any) -> None:
        self._add(test, "failed")

    def addFailure(self, test: Any, err: Any) -> None:
        self._add(test, "failed")

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        if err is not None:
            self._add(subtest, "failed")

    def addSkip(self, test: Any, reason: str) -> None:
        self._add(test, "skipped")


class Plugin:
    def __init__(self, outcomes: Outcomes) -> None:
        self.outcomes = outcomes

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[report.nodeid] = report.outcome


def run(suite: str, outcomes: Outcomes) -> None:
    if os.path.isdir(suite):
        import pytest

        options = ["-q", "-p", "no:cacheprovider"]
        os.chdir(os.path.dirname(suite))
        pytest.main([*options, "--pyargs", suite], plugins=[Plugin(outcomes)])
    else:
        unittest.defaultTestLoader.loadTestsFromName(suite).run(Result(outcomes))


@contextlib.contextmanager
def nothing() -> Iterator[None]:
    yield None


def main() -> None:
    suite, output, *modules = sys.argv[1:]
    outcomes: Outcomes = {}
    out = os.path.abspath(output)
    import probe

    for name in modules:
        __import__(name)
    with probe.watch(*modules) if modules else nothing() as watched:
        run(suite, outcomes)
    calls = watched.calls if watched is not None else 0
    with open(out, "w", encoding="utf-8") as f:
        json.dump({"outcomes": outcomes, "calls": calls}, f)


if __name__ == "__main__":
    main()
