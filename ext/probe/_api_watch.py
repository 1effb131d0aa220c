# SPDX-License-Identifier: MIT
"""with probe.watch(): every foreign call inside the block, counted and timed, whoever makes it."""

import csv
import io
import os
import sys
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple, Union

from . import _api_text, _api_watch_modules, _api_watch_places, _html, _probe
from ._api_errors import Busy, MeasuringFailed, Missing, NotCallable

Json = Dict[str, Any]
Path = Union[str, "os.PathLike[str]"]

_FIELDS = [
    "function", "library", "path", "how", "calls", "returned", "raised", "total_ns", "mean_ns",
    "midmean_ns", "exclusive_ns", "preempted", "off_cpu_ns",
]  # fmt: skip


class Amount:
    """Nanoseconds, as text too. text: '<' and the floor where it is too small to be resolved."""

    __slots__ = ("value", "text", "share", "unit")

    def __init__(self, value: float, floor: float = 0.0, whole: Optional[float] = None) -> None:
        self.value = value
        self.text = "%.1f" % value if value >= floor else "<%.1f" % floor
        self.share = "%.0f%%" % (100 * value / whole) if whole and whole > 0 else ""
        self.unit = "ns"

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        return "%s %s" % (self.text, self.unit)


class WatchedPart(NamedTuple):
    """One or more phases that could not be told apart: nanoseconds per call."""

    name: str
    value: Amount


class WatchedTotal(NamedTuple):
    """All calls of a function together: what a figure shows as one bar."""

    total: Amount
    phases: Tuple[WatchedPart, ...]
    unit: str


class WatchedFunction:
    """What was seen of one function. Times are nanoseconds, the hooks' own cost taken out; they
    begin at the binding's native entry and end at its return: what the interpreter spends before
    and after is not in them.

    calls: begun in the block. returned: of those; the others were left by an exception of C++ or a
    longjmp(), or were still running. raised: returned with a Python exception.
    total_ns, mean_ns: of those that returned, with all that they called; None where none did. What
    watching cost is known to some nanoseconds for each watched call within.
    midmean_ns: the mean of the middle half of the calls, which a few that were disturbed don't move.
    exclusive_ns: of total_ns, what was not within watched calls that they made: these add up to no
    more than the block took on each thread.
    preempted: calls that others' programs cut in two; off_cpu_ns: how long they waited, which is not
    in the times above. Only calls of 50 us and more are looked at, so waits below that are in them.
    phases, parts: with phases=True, the mean of `split` calls, coarse and fine.
    """

    def __init__(self, row: Json, name: str, library: str, how: str) -> None:
        self.name, self.library, self.how = name, library, how
        self.path: str = row["path"]
        self.calls: int = row["calls"]
        self.returned: int = row["returned"]
        self.raised: int = row["raised"]
        known = self.returned > 0
        self.total_ns: Optional[float] = row["total_ns"] if known else None
        self.mean_ns: Optional[float] = row["mean_ns"] if known else None
        self.midmean_ns: Optional[float] = row["midmean_ns"] if known else None
        self.exclusive_ns: Optional[float] = row["exclusive_ns"] if known else None
        self.preempted: int = row["preempted"]
        self.off_cpu_ns: float = row["off_ns"]
        self.midmean = Amount(row["midmean_ns"], row["floor_ns"]) if known else None
        self.below_floor: bool = known and row["below_floor"]
        self.total = Amount(row["total_ns"]) if known else None
        self.mean = Amount(row["mean_ns"], row["floor_ns"]) if known else None
        self.split: int = row["split"]
        self.unit = "ns"
        whole = sum(ns for _, ns in row["parts"])
        floor = row["floor_ns"]
        self.phases = tuple(WatchedPart(n, Amount(v, floor, whole)) for n, v in row["phases"])
        self.parts = tuple(WatchedPart(n, Amount(v, floor, whole)) for n, v in row["parts"])

    def in_all(self) -> "WatchedTotal":
        """All calls together, as one bar of a figure."""
        assert self.total is not None
        whole = self.total.value
        each = sum(part.value.value for part in self.phases)
        parts = [
            WatchedPart(part.name, Amount(whole * part.value.value / each, 0.0, whole))
            for part in self.phases
            if each > 0
        ]
        return WatchedTotal(self.total, tuple(parts), self.unit)

    def _row(self) -> List[Any]:
        return [
            self.name, self.library, self.path, self.how, self.calls, self.returned, self.raised,
            self.total_ns, self.mean_ns, self.midmean_ns, self.exclusive_ns, self.preempted,
            self.off_cpu_ns,
        ]  # fmt: skip

    def to_dict(self) -> Json:
        found: Json = dict(zip(_FIELDS, self._row()))
        found["below_floor"] = self.below_floor
        found["split"] = self.split
        found["phases_ns"] = {part.name: part.value.value for part in self.phases}
        found["parts_ns"] = {part.name: part.value.value for part in self.parts}
        return found

    def __repr__(self) -> str:
        mean = "" if self.mean is None else ", %s each" % self.mean
        names = (self.name, self.library, self.path, self.calls, mean)
        return _api_text.visible("%s (%s, %s): %d calls%s" % names)


class Watch:
    """What a block called. Use it as `with probe.watch() as w:`; see watch().

    functions: a WatchedFunction for each that was called, the one with the longest total first; in
    the block what was counted so far. w['strlen'] finds one by name.
    how: for each callable of a named module the slot that was replaced: 'ml_meth', 'vectorcall',
    'tp_call'.
    left_out: what is not watched, and why; unseen: of those the native ones. warnings: what has to
    be known besides.
    cost_ns: what watching added to each call: (within its time, and taken out; around it).
    wall_ns: how long the block took.
    """

    def __init__(self, modules: Tuple[Any, ...], phases: bool) -> None:
        self.phases = phases
        self._names: List[Tuple[str, str, str]] = []
        self._ended: List[Json] = []
        self._shown: Optional[Tuple[WatchedFunction, ...]] = None
        self._begun = False
        self._cffi = False
        self._notes: List[str] = []
        self.how: Dict[str, str] = {}
        self._left_out: Dict[str, str] = {}
        self._unseen: List[str] = []
        self._modules = _api_watch_modules.modules_of(modules)

    def __enter__(self) -> "Watch":
        if self._begun:
            raise Busy("this watch has been used: make another one with probe.watch()")
        if not _probe.claim():
            raise Busy("a watch or a measurement is running in this process: it has to end first")
        try:
            self._begin()
        except BaseException:
            _probe.watch_end(self._ended)
            _probe.release()
            raise
        return self

    # Of C, not of Python: a KeyboardInterrupt can't come before its first line.
    __exit__ = _probe.watch_exit

    def _begin(self) -> None:
        places = _api_watch_places.find(self.phases)
        self._before = _api_watch_modules.add(places, self._modules)
        self._notes, self._cffi = places.notes, places.cffi
        self._left_out, self._unseen = places.left_out, places.unseen
        self._begun = True
        hows = _probe.watch_begin(
            [(entry.callable, entry.group) for entry in places.entries],
            places.types,
            places.lib,
            places.boundaries,
            self._ended,
            self.phases,
        )
        for entry, how in zip(places.entries, hows):
            if how.startswith("-"):
                self._left_out[entry.label] = how[1:]
            elif entry.named:
                self.how[entry.label] = how
            self._names.append((entry.name, entry.library, how))

    def __del__(self) -> None:
        if getattr(self, "_begun", False) and not self._ended:
            _probe.watch_end(self._ended)  # the block was never left

    def _found(self) -> Json:
        if self._ended:
            return self._ended[0]
        found = _probe.watch_now() if self._begun else None
        if found is None:
            raise MeasuringFailed("this watch has seen nothing: use it in a with statement")
        return found

    @property
    def running(self) -> bool:
        return self._begun and not self._ended

    @property
    def functions(self) -> Tuple[WatchedFunction, ...]:
        if self._shown is not None:
            return self._shown
        found = self._found()
        late = {index: function for index, function in found["late"]}
        namer = _api_watch_places.Namer(found["rows"])
        functions = [self._function(row, late, namer) for row in found["rows"]]
        functions.sort(key=lambda f: (-(f.total_ns or 0.0), f.name))
        if not self.running:
            self._shown = tuple(functions)
            found["late"] = []  # no longer kept alive
        return tuple(functions)

    def _function(
        self, row: Json, late: Dict[int, Any], namer: "_api_watch_places.Namer"
    ) -> WatchedFunction:
        index = row["index"] - 1
        if index < 0:
            return WatchedFunction(row, namer.name(row), namer.library(row), "tp_call")
        if index < len(self._names):
            return WatchedFunction(row, *self._names[index])
        function = late[row["index"]]
        return WatchedFunction(
            row, function.__name__, _api_watch_places.library_of(function), "ml_meth"
        )

    @property
    def _late(self) -> List[str]:
        return _api_watch_modules.late(self._before, self._found()["modules"], self._modules)

    @property
    def left_out(self) -> Dict[str, str]:
        if not self._begun:
            return {}
        why = "it was imported in the block: import it before"
        return {**self._left_out, **{name: why for name in self._late}}

    @property
    def watched(self) -> Tuple[str, ...]:
        return ("ctypes", "cffi", *(module.__name__ for module in self._modules))

    @property
    def unseen(self) -> Tuple[str, ...]:
        return tuple(self._unseen + self._late) if self._begun else ()

    @property
    def wall_ns(self) -> float:
        return float(self._found()["wall_ns"])

    @property
    def cost_ns(self) -> Tuple[float, float]:
        found = self._found()
        return found["inner_ns"], found["outer_ns"]

    @property
    def calls(self) -> int:
        """All calls of all functions."""
        return sum(f.calls for f in self.functions)

    @property
    def warnings(self) -> Tuple[str, ...]:
        found, notes = self._found(), list(self._notes)
        if not self._cffi and "_cffi_backend" in sys.modules:
            notes.append(
                "cffi was imported in the block: its calls were not seen; import it before"
            )
        for name in self._late:
            notes.append("%s was imported in the block: its calls were not seen" % name)
        if self.unseen:
            notes.append("not seen: %s; see left_out" % _api_text.watch_unseen(self))
        for key, text in (
            ("lost", "%d calls were not counted: out of memory"),
            ("unhooked", "%d functions of cffi libraries could not be hooked"),
            ("left", "%d hooks had been replaced by somebody else, and were left as they are"),
        ):
            if found[key]:
                notes.append(text % found[key])
        for f in self.functions:
            if f.calls > f.returned and not self.running:
                notes.append(
                    "%s: %d of %d calls did not return in the block; their time is not known"
                    % (f.name, f.calls - f.returned, f.calls)
                )
            if f.preempted:
                notes.append(
                    "%s: %d of %d calls were preempted; the %s that they waited are left out"
                    % (f.name, f.preempted, f.returned, _api_text.duration(f.off_cpu_ns))
                )
            if self.phases and 0 < f.split < f.returned - f.preempted:
                notes.append("%s: %d of %d calls are split" % (f.name, f.split, f.returned))
        return tuple(notes)

    def __len__(self) -> int:
        return len(self.functions)

    def __iter__(self) -> Iterator[WatchedFunction]:
        return iter(self.functions)

    def __getitem__(self, name: Union[str, int]) -> WatchedFunction:
        if isinstance(name, int):
            return self.functions[name]
        found = next((f for f in self.functions if f.name == name), None)
        if found is None:
            raise KeyError("%s was not called; these were: %s" % (name, self._called()))
        return found

    def _called(self) -> str:
        return ", ".join(f.name for f in self.functions) or "none"

    def to_dict(self) -> Json:
        """Everything shown, as plain objects that json.dumps() takes."""
        return {
            "functions": [f.to_dict() for f in self.functions],
            "wall_ns": self.wall_ns,
            "cost_ns": list(self.cost_ns),
            "how": dict(self.how),
            "left_out": self.left_out,
            "unseen": list(self.unseen),
            "warnings": list(self.warnings),
        }

    def to_csv(self, path: Optional[Path] = None) -> str:
        """One line for each function, phases in columns of their own; also written to path."""
        names = _api_text.phase_names(self.functions)
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(_FIELDS + ["%s_ns" % name for name in names])
        for f in self.functions:
            values = {part.name: part.value.value for part in f.phases}
            row = [_api_text.csv_field(field) for field in f._row()]
            writer.writerow(row + [values.get(name) for name in names])
        if path is not None:
            with open(path, "w", encoding="utf-8", newline="") as file:
                file.write(out.getvalue())
        return out.getvalue()

    def to_pandas(self) -> Any:
        """A DataFrame, one row for each function. Missing without pandas."""
        try:
            import pandas  # type: ignore[import-not-found, import-untyped, unused-ignore]
        except ImportError:
            raise Missing("pandas is not installed: pip install pandas")
        names = _api_text.phase_names(self.functions)
        rows = []
        for f in self.functions:
            values = {part.name: part.value.value for part in f.phases}
            rows.append(f._row() + [values.get(name) for name in names])
        return pandas.DataFrame(rows, columns=_FIELDS + ["%s_ns" % name for name in names])

    def __repr__(self) -> str:
        if not self._begun:
            return "probe.watch(), not entered"
        return _api_text.watch(self)

    def _repr_html_(self) -> str:
        return _html.watch(self)


def watch(*modules: Any, phases: bool = False) -> Watch:
    """Counts and times every foreign call that is made inside a with block, whoever makes it.

        with probe.watch("orjson") as w:
            work()
        w

    Seen are all calls through ctypes and cffi, and with modules named (as 'numpy' or as the module
    itself) their native callables and those of their submodules, whatever their type, and the
    methods of their native classes: from any thread, from callbacks, nested ones, and those that
    raise. Not seen are slots and properties of native classes (len(x), x[i], x.name), and modules
    that are imported in the block: see Watch.left_out.
    phases: also split calls where their binding can be reached: dispatch (without what the
    interpreter spends), marshalling, compute. It costs more per call: Watch.cost_ns.

    One watch or measurement runs in a process at a time: else Busy. NotCallable for what is neither
    a module nor a name of one; ImportError as importing it raises it. Every hook is undone when the
    block is left.
    """
    return Watch(modules, bool(phases))


__all__ = ["Watch", "WatchedFunction", "WatchedPart", "watch", "NotCallable"]
