# SPDX-License-Identifier: MIT
"""Wrong use: each a clear exception of probe's own tree."""

import math
from typing import Any

import pytest

import probe


def generator() -> Any:
    yield 1


async def coroutine() -> None:
    pass


@pytest.mark.parametrize("what", [17, None, "abc", math.sqrt(2.0), [len]])
def test_what_is_not_callable(what: Any) -> None:
    with pytest.raises(probe.NotCallable, match="not callable"):
        probe.measure(what)
    with pytest.raises(TypeError):
        probe.compare({"a": what})


@pytest.mark.parametrize(
    "f", [generator, coroutine, lambda: generator(), lambda: (i for i in (1, 2))]
)
def test_what_does_not_run_when_called(f: Any) -> None:
    with pytest.raises(probe.Unmeasurable, match="run"):
        probe.measure(f, progress=False)


@pytest.mark.parametrize(
    "options",
    [
        {"engine": "anatomy"},
        {"engine": ""},
        {"engine": None},
        {"rounds": 9},
        {"rounds": 10.5},
        {"rounds": True},
        {"passes": 0},
        {"passes": 1001},
        {"max_calls": 0},
        {"max_calls": "many"},
        {"target": "crc32"},
        {"target": ":crc32"},
    ],
)
def test_options_out_of_range(options: Any) -> None:
    with pytest.raises(probe.BadOption):
        probe.measure(len, (), **options)


def test_targets_that_are_not_there() -> None:
    import zlib

    for target in ("libz.so.1:no_such_function", "no_such_library.so:crc32", "libc.so.6:fork"):
        with pytest.raises(probe.Unhookable):
            probe.measure(zlib.crc32, b"", target=target)


def test_a_timeline_needs_a_boundary() -> None:
    with pytest.raises(probe.Unhookable, match="Python function"):
        probe.timeline(lambda: None)
    with pytest.raises(probe.BadOption):
        probe.timeline(len, (), calls=10)


@pytest.mark.parametrize("functions", [{}, [len], None, 3])
def test_a_comparison_needs_functions(functions: Any) -> None:
    with pytest.raises(probe.BadOption):
        probe.compare(functions)
    with pytest.raises(probe.BadOption):
        probe.compare({"a": len}, args=3)  # type: ignore[arg-type]


def test_files_that_are_none(tmp_path: Any) -> None:
    with pytest.raises(probe.FileNotFound):
        probe.load(tmp_path / "none.json")
    assert issubclass(probe.FileNotFound, FileNotFoundError)
    for text in ("", "{", "[]", '{"benchmarks": []}', '{"probe": {"schema_version": 999}}'):
        path = tmp_path / "bad.json"
        path.write_text(text)
        with pytest.raises(probe.BadFile, match="bad.json"):
            probe.load(path)


def test_a_result_that_cant_be_written(tmp_path: Any) -> None:
    b = probe.measure(len, (), max_calls=1)
    with pytest.raises(probe.SystemFailed):
        b.save(tmp_path / "none" / "run.json")
    with pytest.raises(probe.BadOption):
        b.plot(path=tmp_path / "figure.bmp")
    with pytest.raises(probe.BadOption):
        b.run.export("papyrus")


def test_the_command_that_is_missing(monkeypatch: Any) -> None:
    monkeypatch.setenv("PROBE_COMMAND", "/nowhere/probe")
    with pytest.raises(probe.Missing, match="PROBE_COMMAND"):
        probe.run("add")


@pytest.mark.parametrize("seconds", [0, -1, 601, True])
def test_a_doctor_for_no_time(seconds: Any) -> None:
    with pytest.raises(probe.BadOption):
        probe.doctor(seconds)


def test_every_exception_is_an_error() -> None:
    own = [getattr(probe, name) for name in probe.__all__]
    kinds = [k for k in own if isinstance(k, type) and issubclass(k, BaseException)]
    assert len(kinds) == 13 and all(issubclass(kind, probe.Error) for kind in kinds)
