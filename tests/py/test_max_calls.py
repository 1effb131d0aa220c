# SPDX-License-Identifier: MIT
"""`--max-calls`, and what a function leaves behind."""

import json
from pathlib import Path
from typing import Any, Dict, List

import pytest

from conftest import Probe, cells

COUNTED = """\
def f(text):
    with open("count", "a") as out:
        out.write(text)
"""
SOURCE = """\
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
int counted(int n)
{
	int fd = open("count", O_WRONLY | O_CREAT | O_APPEND, 0666);
	n += write(fd, ".", 1) - 1;
	close(fd);
	return n;
}
int descriptors(int n) { return open("/dev/null", O_RDONLY) ? n : n; }
int memory(int n) { volatile char *p = malloc((size_t)n); if (p) *p = 1; return n; }
int clean(int n) { volatile char *p = malloc((size_t)n); *p = 1; free((void *)p); return n; }
static void *waits(void *ignored) { pause(); return ignored; }
int threads(int n)
{
	static int made;
	pthread_t thread;
	if (made < 20 && !pthread_create(&thread, NULL, waits, NULL))
		made++;
	return n;
}
"""


@pytest.fixture
def run(probe: Probe, python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "mine.c").write_text(SOURCE)
    (tmp_path / "mymodule.py").write_text(COUNTED)
    monkeypatch.chdir(tmp_path)
    return lambda *args: probe("run", *args, "-i", python, "-o", "run.json")


def warnings() -> List[str]:
    found: Dict[str, Any] = json.loads(Path("run.json").read_text())["probe"]
    return [text for cell in found["cells"] for text in cell["warnings"] or []]


@pytest.mark.parametrize("limit", [4, 25, 1700])
@pytest.mark.parametrize(
    "function", [["mymodule:f", "--args", "'.'"], ["mine.c", "int counted(int n)", "--args", "7"]]
)
def test_no_more_calls_than_that(run: Any, function: List[str], limit: int) -> None:
    paths = [] if ":" in function[0] else ["-p", "capi-fastcall"]
    done = run(*function, *paths, "--max-calls", limit)
    assert done.code == 0, done.err
    called = len(Path("count").read_text())
    assert limit / 10 < called <= limit
    (cell,) = cells(Path("run.json")).values()
    assert cell["status"] == "ok"
    split = len(cell["ladder"]["parts"]) > 1
    assert split == (limit == 1700) or ":" in function[0]
    assert ("not split" in " ".join(warnings())) == (limit < 1700)


@pytest.mark.parametrize("limit", ["3", "none", "0"])
def test_limits_that_are_none(run: Any, limit: str) -> None:
    run("add", "--max-calls", limit).one_error(2, "--max-calls")


def test_a_limit_under_threads(run: Any) -> None:
    run("add", "--max-calls", "100", "--threads", "2").one_error(2, "threads")


def left_behind() -> List[str]:
    return [text for text in warnings() if text.startswith(("it leaves", "it keeps"))]


@pytest.mark.parametrize("limit", [25, 1500])
def test_what_it_leaves_behind_in_few_calls(run: Any, limit: int) -> None:
    function = ["mine.c", "int descriptors(int n)", "--args", "64", "-p", "capi-fastcall"]
    done = run(*function, "--max-calls", limit)
    assert done.code == 0, done.err
    (said,) = left_behind()
    assert said.startswith("it leaves descriptors open"), said


@pytest.mark.parametrize(
    "name, told",
    [
        ("descriptors", "it leaves descriptors open"),
        ("threads", "it leaves threads running"),
        ("memory", "it keeps memory: about "),
        ("clean", ""),
    ],
)
def test_what_a_function_leaves_behind(run: Any, name: str, told: str) -> None:
    prototype = "int %s(int n)" % name
    quick = ["--passes", "1", "--rounds", "10"]
    done = run("mine.c", prototype, "--args", "64", "-p", "capi-fastcall", *quick)
    assert done.code == 0, done.err
    said = left_behind()
    assert (len(said) == 1 and said[0].startswith(told)) if told else not said
