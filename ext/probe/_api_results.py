# SPDX-License-Identifier: MIT
"""What a measurement found: figures of libprobe, ready to be read, shown, exported."""

import json
import os
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

from . import _api_plot, _api_text, _html, _probe
from ._api_errors import Missing

Json = Dict[str, Any]
Path = Union[str, "os.PathLike[str]"]

PHASES = ("dispatch", "marshalling", "compute")
SUBPHASES = (
    "call",
    "marshal_in",
    "detach",
    "invoke",
    "compute",
    "attach",
    "marshal_out",
    "return",
    "callback",
    "python",
)


class Value:
    """A figure with its 95 % interval. Where there is none there is None, never a Value of 0.

    value, low, high, half: in unit, per call. state: 'exact', 'scaled', 'estimate'.
    below_floor: too small to be resolved here. text: with as many digits as the interval supports.
    """

    __slots__ = ("value", "low", "high", "half", "unit", "state", "below_floor", "text", "share")

    def __init__(self, figure: Json, unit: str) -> None:
        self.value: float = figure["value"]
        self.low: float = figure["low"]
        self.high: float = figure["high"]
        self.half: float = figure["half"]
        self.unit = unit
        self.state: str = figure["state"]
        self.below_floor: bool = figure["below_floor"]
        self.text: str = figure["text"]
        self.share: str = figure["share_text"]

    @property
    def interval(self) -> Tuple[float, float]:
        return self.low, self.high

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        return "%s %s" % (self.text, self.unit)

    def to_dict(self) -> Json:
        return {name: getattr(self, name) for name in self.__slots__}


class Part(NamedTuple):
    """One or more phases that could not be told apart, with one value for all of them."""

    name: str  # "marshalling", "dispatch+marshalling", "call+return"
    subphases: Tuple[str, ...]
    value: Value


class Event(NamedTuple):
    """A stamp: raw counter ticks since the first one."""

    call: int
    layer: str  # "entry", "detach", "invoke", "target", "attach"
    edge: str  # "in" or "out"
    ticks: int


class Distribution(NamedTuple):
    """Single calls of a timeline, in Run.unit, the stamps' own cost taken out."""

    name: str
    subphases: Tuple[str, ...]
    calls: int
    p50: float
    p90: float
    p99: float
    p999: float
    max: float


def _parts(found: Sequence[Json], unit: str) -> Tuple[Part, ...]:
    return tuple(
        Part(part["name"], tuple(part["subphases"]), Value(part["figure"], unit))
        for part in found
        if part["figure"]
    )


class Run:
    """What one run measured: the same data as a run file, as libprobe reads it.

    cells: one Breakdown for each workload, path and interpreter, in table order.
    verdicts: the answers in words, one for each workload and interpreter.
    summary: of workloads measured on several interpreters, a row each: workload, interpreter, the
    cheapest binding, its total, the next one, ctypes and pure Python, as the command prints them.
    changes: what changed from one build to the next, in words.
    """

    def __init__(self, text: str, calls: Optional[Sequence[int]] = None) -> None:
        self._text = text
        self._model: Json = json.loads(text)
        view: Json = json.loads(_probe.view(text))
        self.unit: str = view["unit"]
        answers: Json = view["answers"]
        self.verdicts: Tuple[str, ...] = tuple(answers["verdicts"])
        self.summary: Tuple[Tuple[str, ...], ...] = tuple(map(tuple, answers["summary"]))
        self.changes: Tuple[str, ...] = tuple(answers["changes"])
        self._told: Tuple[str, ...] = tuple(answers["told"])  # the verdicts that it leaves
        self.warnings: Tuple[str, ...] = tuple(self._model["warnings"] or ())
        self.counter: Json = self._model["counter"]
        counts: List[Optional[int]] = list(calls) if calls else [None] * len(view["cells"])
        self.cells: Tuple[Breakdown, ...] = tuple(
            Breakdown(self, cell, count) for cell, count in zip(view["cells"], counts)
        )

    def __len__(self) -> int:
        return len(self.cells)

    def __iter__(self) -> "Iterator[Breakdown]":
        return iter(self.cells)

    def __getitem__(self, i: int) -> "Breakdown":
        return self.cells[i]

    @property
    def interrupted(self) -> bool:
        return bool(self._model["interrupted"])

    @property
    def facts(self) -> Dict[str, str]:
        """Facts of the machine and of how it was measured."""
        return {fact["key"]: fact["value"] for fact in self._model["facts"]}

    def save(self, path: Path) -> None:
        """Writes a run file, which the command, pyperf and load() read. SystemFailed."""
        _probe.save(self._text, path)

    def export(self, format: str) -> str:
        """The run in one of the command's formats, such as 'csv' or 'markdown'. BadOption."""
        return _probe.export(self._text, format)

    def to_csv(self, path: Optional[Path] = None) -> str:
        """The command's CSV, one line for each phase of each cell; also written to path."""
        text = self.export("csv")
        if path is not None:
            with open(path, "w", encoding="utf-8", newline="") as f:
                f.write(text)
        return text

    def to_dict(self) -> Json:
        """Everything shown, as plain objects that json.dumps() takes."""
        return {
            "unit": self.unit,
            "counter": self.counter,
            "facts": self.facts,
            "interrupted": self.interrupted,
            "warnings": list(self.warnings),
            "verdicts": list(self.verdicts),
            "summary": [list(row) for row in self.summary],
            "changes": list(self.changes),
            "cells": [cell._dict() for cell in self.cells],
        }

    def to_pandas(self) -> Any:
        """A DataFrame with one row for each figure of each cell. Missing without pandas."""
        try:
            import pandas  # type: ignore[import-not-found, import-untyped, unused-ignore]
        except ImportError:
            raise Missing("pandas is not installed: pip install pandas")
        columns = [
            "workload", "path", "interpreter", "figure", "value", "low", "high", "unit", "state",
        ]  # fmt: skip
        rows = [row for cell in self.cells for row in cell._rows()]
        return pandas.DataFrame(rows, columns=columns)

    def plot(self, kind: Optional[str] = None, path: Optional[Path] = None) -> "_api_plot.Figure":
        """A figure that a notebook shows: None, the phases as bars; else what the command draws
        ('breakdown', 'heatmap', ...). path: also writes it (.svg). BadOption, Missing."""
        return _api_plot.draw(self, kind, path)

    def __repr__(self) -> str:
        return _api_text.run(self)

    def _repr_html_(self) -> str:
        return _html.run(self)


class _OfRun:
    """What a part of a run shares with it."""

    run: Run

    def save(self, path: Path) -> None:
        """Writes the run file of the whole run. SystemFailed."""
        self.run.save(path)

    def to_dict(self) -> Json:
        """Everything shown, as plain objects that json.dumps() takes."""
        return self.run.to_dict()

    def to_csv(self, path: Optional[Path] = None) -> str:
        """The command's CSV; also written to path."""
        return self.run.to_csv(path)

    def to_pandas(self) -> Any:
        """A DataFrame, one row for each figure. Missing without pandas."""
        return self.run.to_pandas()

    def plot(self, kind: Optional[str] = None, path: Optional[Path] = None) -> "_api_plot.Figure":
        """A figure that a notebook shows; see Run.plot()."""
        return self.run.plot(kind, path)


class Breakdown(_OfRun):
    """One call's cost and where it goes. Every figure is a Value, or None where it is absent.

    total; dispatch, marshalling, compute (None where merged with another: see phases);
    bare, closure: the total without any hook, and how far it is from the total (closure_is_off:
    further than noise explains);
    empty_call: for Python functions, what an empty one of that signature costs.
    overlap: what the phases sum to more than the total, as the processor does part of them while the
    native function runs; alone, alone_free: that function called over and over from C, each call
    after the end of the one before, or free to overlap (where it takes and gives numbers alone).
    phases, parts: what could be told apart, coarse and fine. calls: how often the function was
    called to find it out (None in loaded runs). counter, warnings, contended, rounds.
    binding: what was called, 'ctypes' or 'python', where path is a name given to it. prepared: which
    arguments were made before timing ('buffers'), so that no figure holds their conversion.
    speedup: the total of the run's first path over this one's. Beside another cell of a run, the
    cell's status ('ok', 'failed', ...) and reason say why it has no figures.
    """

    def __init__(self, run: Run, cell: Json, calls: Optional[int]) -> None:
        self.run = run
        self.name: str = cell["workload"]
        self.path: str = cell["path"]
        self.interpreter: str = cell["interpreter"]
        self.binding: str = cell["binding"]
        self.prepared: Optional[str] = cell["prepared"]
        self.status: str = cell["status"]
        self.reason: Optional[str] = cell["reason"]
        self.warnings: Tuple[str, ...] = tuple(cell["warnings"])
        self.engine: Optional[str] = cell["engine"]
        self.calls = calls
        self.unit = run.unit
        self.counter = run.counter
        self.speedup: Optional[float] = cell["speedup"]
        self.speedup_text: str = cell["speedup_text"]
        self._cell = cell
        found: Json = cell[cell["engine"]] if cell["engine"] else {}
        self.total = self._value(found, "total")
        self.bare = self._value(found, "bare")
        self.closure = self._value(found, "closure")
        self.closure_percent: Optional[float] = found.get("closure_percent")
        self.closure_is_off = bool(found.get("closure_is_off"))
        self.empty_call = self._value(found, "empty_call")
        self.overlap = self._value(found, "overlap")
        self.overlap_matters = bool(found.get("overlap_matters"))
        self.alone = self._value(found, "alone")
        self.alone_free = self._value(found, "alone_free")
        self.phases = _parts(found.get("folded", ()), run.unit)
        self.parts = _parts(found.get("parts", ()), run.unit)
        self.contended = bool(found.get("contended"))
        self.passes: int = found.get("passes", 0)
        self.rounds: int = found.get("rounds", 0)
        self.rounds_contended: int = found.get("rounds_contended", 0)
        self.rounds_discarded: int = found.get("rounds_discarded", 0)

    def _value(self, found: Json, name: str) -> Optional[Value]:
        return Value(found[name], self.unit) if found.get(name) else None

    def _phase(self, name: str) -> Optional[Value]:
        return next((part.value for part in self.phases if part.name == name), None)

    @property
    def dispatch(self) -> Optional[Value]:
        return self._phase("dispatch")

    @property
    def marshalling(self) -> Optional[Value]:
        return self._phase("marshalling")

    @property
    def compute(self) -> Optional[Value]:
        return self._phase("compute")

    @property
    def subphases(self) -> Dict[str, Optional[Part]]:
        """Each of the eight sub-phases, and of compute the way to "python" and back ("callback")
        and that itself -> the part that holds it, perhaps with others; None where
        this call has no such sub-phase."""
        return {
            name: next((part for part in self.parts if name in part.subphases), None)
            for name in SUBPHASES
        }

    @property
    def distributions(self) -> Tuple[Distribution, ...]:
        """Quantiles over single calls, where the timeline was measured."""
        found = self._cell["timeline"] or {}
        return tuple(
            Distribution(**dict(dist, subphases=tuple(dist["subphases"])))
            for dist in found.get("dists", ())
        )

    def _dict(self) -> Json:
        return dict(self._cell, calls=self.calls, unit=self.unit)

    def _rows(self) -> List[Tuple[Any, ...]]:
        figures: List[Tuple[str, Optional[Value]]] = [("total", self.total)]
        figures += [(part.name, part.value) for part in self.phases]
        coarse = {part.name for part in self.phases}
        figures += [(part.name, part.value) for part in self.parts if part.name not in coarse]
        figures += [("closure", self.closure), ("empty_call", self.empty_call)]
        figures += [("overlap", self.overlap)]
        figures += [("alone", self.alone), ("alone_free", self.alone_free)]
        head = (self.name, self.path, self.interpreter)
        return [
            head + (name, v.value, v.low, v.high, v.unit, v.state)
            for name, v in figures
            if v is not None
        ]

    def __repr__(self) -> str:
        return _api_text.breakdown(self)

    def _repr_html_(self) -> str:
        return _html.breakdown(self)


class Comparison(_OfRun):
    """Several functions with the same arguments; the first one is the reference.

    breakdowns: name -> Breakdown, whose speedup is the reference's total over its own.
    verdict: in words, by libprobe.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.breakdowns: Dict[str, Breakdown] = {cell.path: cell for cell in run.cells}
        self.reference = run.cells[0]
        self.verdict = " ".join(run.verdicts)

    def __getitem__(self, name: str) -> Breakdown:
        return self.breakdowns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.breakdowns)

    def __len__(self) -> int:
        return len(self.breakdowns)

    def __repr__(self) -> str:
        return _api_text.comparison(self)

    def _repr_html_(self) -> str:
        return _html.comparison(self)


class Timeline(_OfRun):
    """Calls stamped at every boundary that could be reached.

    breakdown: the mean call; distributions: quantiles over single calls; events: raw stamps of the
    last calls.
    """

    def __init__(self, breakdown: Breakdown, events: Sequence[Event]) -> None:
        self.run = breakdown.run
        self.breakdown = breakdown
        self.distributions = breakdown.distributions
        self.events: Tuple[Event, ...] = tuple(events)

    def __repr__(self) -> str:
        return _api_text.timeline(self)

    def _repr_html_(self) -> str:
        return _html.timeline(self)
