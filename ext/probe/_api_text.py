# SPDX-License-Identifier: MIT
"""Results as text, for terminals: what the HTML tells, in the same order."""

import re
import textwrap
from typing import TYPE_CHECKING, Any, List, Optional, Sequence, Set, Tuple

if TYPE_CHECKING:
    from ._api_results import Breakdown, Comparison, Part, Run, Timeline, Value
    from ._api_watch import Watch

_BAR = 40
# Controls, marks of direction and separators: they show nothing and change what is shown.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
_FORMULA = re.compile(r"[=+\-@\t\r]")


def visible(text: str) -> str:
    """One line in which nothing drives a terminal: "\\x1b" for a control character, "\\u202e" for a
    mark of direction, as libprobe writes them."""
    return _HIDDEN.sub(lambda m: m.group().encode("unicode_escape").decode("ascii"), text)


def csv_field(value: Any) -> Any:
    """A text that no spreadsheet takes for a formula; numbers are as they are."""
    if not isinstance(value, str):
        return value
    return "'" + value if _FORMULA.match(value) else value


def table(rows: Sequence[Sequence[str]]) -> List[str]:
    """Columns side by side, the first one to the left and the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append("  ".join(cells).rstrip())
    return lines


def _figure(value: "Optional[Value]") -> str:
    return value.text if value is not None else ""


def notes(cell: "Breakdown") -> List[str]:
    """What has to be known beside the figures."""
    found = []
    if cell.status != "ok":
        found.append("%s: %s" % (cell.status, cell.reason))
    if cell.prepared:
        found.append(
            "prepared: its %s were made before timing; converting them is in none of the figures"
            % cell.prepared
        )
    if cell.contended:
        found.append("contended: another load was on this core throughout; figures are too high")
    seen = cell.closure is not None and not cell.closure.below_floor
    if cell.closure_is_off and seen and cell.bare is not None:
        found.append(
            "closure: without any hook the call took %s; measure again, or in a quiet moment"
            % cell.bare
        )
    return found + list(cell.warnings)


def _count(n: int, noun: str, plural: str = "s") -> str:
    return "%d %s%s" % (n, noun, "" if n == 1 else plural)


def how(cell: "Breakdown") -> str:
    """One line on how the figures were taken."""
    parts = ["%s per call, 95 %% intervals" % cell.unit]
    parts.append("counter %s" % cell.counter["kind"])
    if cell.passes:
        parts.append("%s in %s" % (_count(cell.rounds, "round"), _count(cell.passes, "pass", "es")))
    if cell.calls is not None:
        parts.append("called %s" % _count(cell.calls, "time"))
    return "; ".join(parts)


def _within(part: "Part") -> "Set[str]":
    """Its sub-phases; calls back to Python are part of compute."""
    found = set(part.subphases)
    return found | {"callback", "python"} if "compute" in found else found


def nested(cell: "Breakdown") -> "List[Tuple[Part, List[Part]]]":
    """Each phase with its sub-phases, where there are figures for these alone."""
    coarse = {part.name for part in cell.phases}
    return [
        (
            part,
            [
                fine
                for fine in cell.parts
                if set(fine.subphases) <= _within(part) and fine.name not in coarse
            ],
        )
        for part in cell.phases
    ]


def beside(cell: "Breakdown") -> "List[Tuple[str, Value]]":
    """What stands below the total: none of it is a phase."""
    overlap = cell.overlap if cell.overlap_matters else None
    named = (("overlap", overlap), ("closure", cell.closure), ("empty function", cell.empty_call))
    return [(name, value) for name, value in named if value is not None]


def digits(figure: float) -> str:
    """A quantile of single calls: a counter's step is some nanoseconds."""
    return "%.1f" % figure if figure < 1000 else "{:,.0f}".format(figure)


def _bar(share: float) -> str:
    return "#" * max(0, min(_BAR, round(share * _BAR)))


def breakdown(cell: "Breakdown") -> str:
    lines = ["%s through %s%s on %s" % (cell.name, cell.path, mark(cell), cell.interpreter)]
    if cell.total is not None:
        whole = cell.total.value
        rows = [["phase", cell.unit, "share"]]
        bars = [""]
        for part, fine in nested(cell):
            rows.append([part.name, part.value.text, part.value.share])
            bars.append(_bar(part.value.value / whole) if whole > 0 else "")
            for inner in fine:
                rows.append(["  " + inner.name, inner.value.text, inner.value.share])
                bars.append("")
        rows.append(["total", cell.total.text, ""])
        for name, value in beside(cell):
            rows.append([name, value.text, ""])
        bars += [""] * (len(rows) - len(bars))
        lines += [
            "  %s  %s" % (line, bar) if bar else "  " + line
            for line, bar in zip(_padded(table(rows)), bars)
        ]
        lines.append(how(cell))
    return "\n".join(line.rstrip() for line in lines + _notes(notes(cell)))


def _wrapped(words: Sequence[str]) -> List[str]:
    """Sentences for a terminal."""
    return [
        textwrap.fill(visible(" ".join(text.split())), 98, subsequent_indent="  ") for text in words
    ]


def _notes(found: Sequence[str]) -> List[str]:
    return _wrapped(["note: " + note for note in found])


def _padded(lines: List[str]) -> List[str]:
    width = max(len(line) for line in lines)
    return [line.ljust(width) for line in lines]


def mark(cell: "Breakdown") -> str:
    """Behind a row's name: its figures are not those of the rows without."""
    return " (prepared)" if cell.prepared else ""


def label(cell: "Breakdown") -> str:
    """As the run file names it."""
    return "%s/%s/%s" % (cell.name, cell.path, cell.interpreter)


def _rows(cells: "Sequence[Breakdown]", head: str, compared: bool) -> List[List[str]]:
    names: List[str] = []
    for cell in cells:
        names += [part.name for part in cell.phases if part.name not in names]
    rows = [[head, "total", *names, *(["speedup"] if compared else [])]]
    for cell in cells:
        values = {part.name: part.value.text for part in cell.phases}
        row = [(cell.path if compared else label(cell)) + mark(cell)]
        row += [_figure(cell.total), *(values.get(name, "") for name in names)]
        rows.append(row + ([cell.speedup_text] if compared else []))
    return rows


def comparison(found: "Comparison") -> str:
    cells = found.run.cells
    lines = ["%s on %s" % (found.reference.name, found.reference.interpreter)]
    lines += ["  " + line for line in table(_rows(cells, "", True))]
    lines.append(how(found.reference))
    return "\n".join(lines + _wrapped(found.run.verdicts) + _all_notes(cells))


def _all_notes(cells: "Sequence[Breakdown]") -> List[str]:
    return _notes(["%s: %s" % (cell.path, note) for cell in cells for note in notes(cell)])


def summary_rows(found: "Run") -> "List[List[str]]":
    """With a head; how many times as long as the cheapest binding the others take."""
    head = ["", "interpreter", "cheapest", "total (%s)" % found.unit, "next", "ctypes", "python"]
    return [head, *map(list, found.summary)]


def run(found: "Run") -> str:
    if not found.cells:
        return "probe.Run without cells"
    lines = table(_rows(found.cells, "", False)) + [how(found.cells[0])]
    if found.summary:
        lines += ["", *table(summary_rows(found))]
    lines += _wrapped(found.changes) + _wrapped(found._told) + _notes(found.warnings)
    return "\n".join(lines + _all_notes(found.cells))


def timeline(found: "Timeline") -> str:
    cell = found.breakdown
    rows = [["part", "calls", "p50", "p90", "p99", "p99.9", "max"]]
    for dist in found.distributions:
        figures = [dist.p50, dist.p90, dist.p99, dist.p999, dist.max]
        rows.append([dist.name, str(dist.calls), *map(digits, figures)])
    lines = ["%s through %s on %s" % (cell.name, cell.path, cell.interpreter)]
    lines += ["  " + line for line in table(rows)] + [how(cell)]
    return "\n".join(lines + _notes(notes(cell)))


def phase_names(cells: "Sequence[Any]") -> List[str]:
    """Of all cells, each once, in the order of a call."""
    names: List[str] = []
    for cell in cells:
        names += [part.name for part in cell.phases if part.name not in names]
    return names


def duration(ns: "Optional[float]") -> str:
    """With the unit that makes it short; '' for what is not known."""
    if ns is None:
        return ""
    for limit, scale, unit in ((1e3, 1.0, "ns"), (1e6, 1e3, "us"), (1e9, 1e6, "ms")):
        if abs(ns) < limit:
            return "%.3g %s" % (ns / scale, unit)
    return "%.4g s" % (ns / 1e9)


def watch_rows(found: "Watch") -> List[List[str]]:
    """The table's cells, head first: phases are nanoseconds per call."""
    names = phase_names(found.functions)
    rows = [["function", "library", "path", "calls", "total", "exclusive", "ns each", "midmean", *names]]
    for f in found.functions:
        values = {part.name: part.value.text for part in f.phases}
        calls = "%d" % f.calls + (" (%d raised)" % f.raised if f.raised else "")
        mean = f.mean.text if f.mean is not None else ""
        middle = f.midmean.text if f.midmean is not None else ""
        names_of = [visible(text) for text in (f.name, f.library, f.path)]
        row = [*names_of, calls, duration(f.total_ns), duration(f.exclusive_ns), mean, middle]
        rows.append(row + [values.get(name, "") for name in names])
    return rows


def watch_notes(found: "Watch") -> List[str]:
    """What has to be known beside the figures."""
    inner, outer = found.cost_ns
    lines = [
        "%s in %s; from the binding's entry to its return; watching added %.0f ns around each call"
        " and %.0f within, which are taken out"
        % (_count(found.calls, "call"), duration(found.wall_ns), outer, inner)
    ]
    if found.left_out:
        lines.append("%s not watched: see left_out" % _count(len(found.left_out), "name"))
    return lines + list(found.warnings)


def watch_unseen(found: "Watch") -> str:
    """What native code a watch could not see, in short."""
    names = found.unseen
    parts = []
    for what in ("slots", "properties"):
        classes = [name for name in names if name.endswith(": " + what)]
        if classes:
            parts.append("%s of %s" % (what, _count(len(classes), "class", "es")))
    others = [name for name in names if ": " not in name]
    if len(others) > 4:
        others[3:] = ["%d more" % (len(others) - 3)]
    return ", ".join(parts + others)


def watch_empty(found: "Watch") -> str:
    """What can be said of a block in which nothing was counted."""
    if found.unseen:
        return "no watched call was made; not seen: %s" % watch_unseen(found)
    first, last = ", ".join(found.watched[:-1]), found.watched[-1]
    return "no foreign call was made through %s or %s" % (first, last)


def watch(found: "Watch") -> str:
    rows = watch_rows(found)
    lines = table(rows) if len(rows) > 1 else [watch_empty(found)]
    return "\n".join(lines + _notes(watch_notes(found)))
