# SPDX-License-Identifier: MIT
"""Results as HTML for notebooks: a table and inline SVG, without script, style sheet or network.

Text is in the page's own colour and lines are half transparent, so that light and dark themes both
read well; the phases' colours (Okabe and Ito's, for all kinds of eyes) keep 3:1 against both.
"""

import html
from typing import TYPE_CHECKING, Any, List, Optional, Sequence, Tuple

from . import _api_text

if TYPE_CHECKING:
    from ._api_results import Breakdown, Comparison, Part, Run, Timeline, Value
    from ._api_watch import Watch

COLOURS = {"dispatch": "#d55e00", "marshalling": "#0d8fd1", "compute": "#00966b"}
MERGED = "#8a8a8a"  # more than one phase
_BARS, _BAR, _GAP, _FIGURE = 330, 16, 7, 110
_LONE_BAR = 450  # without a label
_LETTER, _LONGEST_LABEL = 6.6, 36  # a letter's width, on average
_CELL = "padding:2px 10px;text-align:%s;background:transparent;border:0;color:inherit"
_LINE = ";border-top:1px solid rgba(128,128,128,.45)"


def colour(part: "Part") -> str:
    return COLOURS.get(part.name, MERGED)


def _text(text: str) -> str:
    return html.escape(text, quote=True)


def _frame(*parts: str) -> str:
    style = "color:inherit;background:transparent;max-width:62em;overflow-x:auto"
    return '<div style="%s">%s</div>' % (style, "".join(parts))


def _table(rows: Sequence[Sequence[str]], lines_above: Sequence[int] = ()) -> str:
    """The first row is the head; cells hold HTML."""
    out = []
    for i, row in enumerate(rows):
        cells = []
        for k, cell in enumerate(row):
            style = _CELL % ("left" if k == 0 else "right") + (_LINE if i in lines_above else "")
            tag = "th" if i == 0 else "td"
            scope = ' scope="col"' if i == 0 else ""
            style += ";font-variant-numeric:tabular-nums;vertical-align:bottom"
            style += ";white-space:nowrap" if i else ""
            cells.append('<%s%s style="%s">%s</%s>' % (tag, scope, style, cell, tag))
        out.append('<tr style="background:transparent">%s</tr>' % "".join(cells))
    style = "border-collapse:collapse;border:0;margin:4px 0;color:inherit"
    return '<table style="%s">%s</table>' % (style, "".join(out))


def _swatch(fill: str) -> str:
    box = "display:inline-block;width:.7em;height:.7em;margin-right:.5em;background:%s" % fill
    return '<span aria-hidden="true" style="%s"></span>' % box


def _caption(text: str) -> str:
    return '<div style="font-weight:600;margin:4px 0">%s</div>' % _text(text)


def _breakable(name: str) -> str:
    """A merged phase's name, which may go over to a second line after each of its members."""
    return _text(name).replace("+", "+<wbr/>")


def _phase_head(name: str, fill: str) -> str:
    """A column's head: its colour stays beside the name's first member."""
    first, plus, rest = _breakable(name).partition("+")
    together = '<span style="white-space:nowrap">%s%s</span>' % (_swatch(fill), first + plus)
    return together + rest


def _small(lines: Sequence[str]) -> str:
    style = "font-size:smaller;opacity:.8;margin:2px 0"
    return "".join('<div style="%s">%s</div>' % (style, _text(line)) for line in lines)


def _figure(value: "Optional[Value]") -> str:
    return _text(value.text) if value is not None else ""


def _segments(cell: "Breakdown", scale: float) -> List[Tuple[float, str, str]]:
    """(width, colour, title) of each phase; the whole call where there are none."""
    parts: List[Tuple[str, Value, str]] = [(p.name, p.value, colour(p)) for p in cell.phases]
    if not parts:
        assert cell.total is not None
        parts = [("total", cell.total, MERGED)]
    found = []
    for name, value, fill in parts:
        share = " (%s)" % value.share if cell.phases and value.share else ""
        title = "%s: %s %s%s" % (name, value.text, cell.unit, share)
        found.append((max(0.0, value.value) * scale, fill, title))
    return found


def _shortened(label: str) -> str:
    return label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "…"


def _length(cell: Any) -> float:
    """Of a bar: the phases may overlap, and then sum to more than the total."""
    total: float = cell.total.value
    return max(total, sum(max(0.0, part.value.value) for part in cell.phases))


def _measured(
    cells: "Sequence[Any]", labels: Sequence[str]
) -> Tuple[List[Tuple[Any, str]], float, int]:
    """What has a total, the longest one, and the width that the labels take."""
    shown = [(c, label) for c, label in zip(cells, labels) if c.total is not None]
    longest = max((_length(c) for c, _ in shown), default=0.0)
    labelled = max((len(_shortened(label)) for _, label in shown), default=0)
    return shown, longest, round(labelled * _LETTER) + 14 if labelled else 0


def _told(shown: Sequence[Tuple[Any, str]]) -> str:
    return _text("phases of " + "; ".join("%s %s" % (label, c.total) for c, label in shown))


def svg(cells: "Sequence[Any]", labels: Sequence[str]) -> str:
    """The phases of each cell as one stacked bar, all to the same scale: a file of its own."""
    shown, longest, label_width = _measured(cells, labels)
    width = label_width + (_BARS if label_width else _LONE_BAR) + _FIGURE
    if not shown or longest <= 0:
        return ""
    scale = (width - label_width - _FIGURE) / longest
    height = len(shown) * (_BAR + _GAP)
    out = []
    for i, (cell, label) in enumerate(shown):
        y, x = i * (_BAR + _GAP), float(label_width)
        middle = y + _BAR * 0.78
        if label_width:
            out.append(
                '<text x="%d" y="%.1f" text-anchor="end">%s</text>'
                % (label_width - 8, middle, _text(_shortened(label)))
            )
        for length, fill, title in _segments(cell, scale):
            out.append(
                '<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"><title>%s</title></rect>'
                % (x, y, length, _BAR, fill, _text(title))
            )
            x += length
        out.append('<text x="%.1f" y="%.1f">%s</text>' % (x + 6, middle, _figure(cell.total)))
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="%s" width="%d" height="%d"'
        ' viewBox="0 0 %d %d" style="max-width:100%%" fill="#808080" font-size="12"'
        ' font-family="sans-serif">%s</svg>'
        % (_told(shown), width, height, width, height, "".join(out))
    )


def _bars(cells: "Sequence[Any]", labels: Sequence[str]) -> str:
    """The same within a page. All text stands outside the SVG: a notebook that is not trusted loses
    its SVG, but not what was written in there."""
    shown, longest, label_width = _measured(cells, labels)
    room = _BARS if label_width else _LONE_BAR
    if not shown or longest <= 0:
        return ""
    rows = []
    for cell, label in shown:
        segments, x = _segments(cell, room / longest), 0.0
        rects = []
        for length, fill, _ in segments:
            rects.append(
                '<rect x="%.1f" y="0" width="%.1f" height="%d" fill="%s"/>' % (x, length, _BAR, fill)
            )
            x += length
        head = ""
        if label_width:
            style = "display:inline-block;width:%dpx;text-align:right;padding-right:8px"
            head = '<span style="%s">%s</span>' % (
                style % (label_width - 8),
                _text(_shortened(label)),
            )
        rows.append(
            '<div title="%s" style="white-space:nowrap;line-height:%dpx">%s<svg '
            'xmlns="http://www.w3.org/2000/svg" role="img" aria-label="%s" width="%.1f" '
            'height="%d" style="vertical-align:middle">%s</svg>'
            '<span style="padding-left:6px">%s</span></div>'
            % (
                _text("\n".join(title for _, _, title in segments)),
                _BAR + _GAP,
                head,
                _told([(cell, label)]),
                max(x, 1.0),
                _BAR,
                "".join(rects),
                _figure(cell.total),
            )
        )
    return '<div style="font-size:12px">%s</div>' % "".join(rows)


def _figures(cell: "Breakdown") -> str:
    assert cell.total is not None
    rows = [["phase", _text(cell.unit), "share"]]
    for part, inner in _api_text.nested(cell):
        name = _swatch(colour(part)) + _text(part.name)
        rows.append([name, _figure(part.value), _text(part.value.share)])
        for fine in inner:
            name = '<span style="padding-left:1.7em">%s</span>' % _text(fine.name)
            rows.append([name, _figure(fine.value), _text(fine.value.share)])
    last = len(rows)
    rows.append(["total", "<b>%s</b>" % _figure(cell.total), ""])
    for name, value in _api_text.beside(cell):
        rows.append([name, _figure(value), ""])
    return _table(rows, [1, last])


def breakdown(cell: "Breakdown") -> str:
    through = cell.path + _api_text.mark(cell)
    head = _caption("%s through %s on %s" % (cell.name, through, cell.interpreter))
    if cell.total is None:
        return _frame(head, _small(_api_text.notes(cell)))
    lines = [_api_text.how(cell)] + _api_text.notes(cell)
    return _frame(head, _bars([cell], [""]), _figures(cell), _small(lines))


def _phase_table(cells: "Sequence[Breakdown]", labels: Sequence[str], compared: bool) -> str:
    names: List[str] = []
    fills = {}
    for cell in cells:
        for part in cell.phases:
            fills[part.name] = colour(part)
            if part.name not in names:
                names.append(part.name)
    head = ["", "total", *(_phase_head(name, fills[name]) for name in names)]
    rows = [head + (["speedup"] if compared else [])]
    for cell, label in zip(cells, labels):
        values = {part.name: part.value for part in cell.phases}
        row = [_text(label), "<b>%s</b>" % _figure(cell.total)]
        row += [_figure(values.get(name)) for name in names]
        rows.append(row + ([_text(cell.speedup_text)] if compared else []))
    return _table(rows, [1])


def _verdict(words: Sequence[str]) -> str:
    return "".join('<p style="margin:6px 0;max-width:50em">%s</p>' % _text(w) for w in words)


def _cell_notes(cells: "Sequence[Breakdown]") -> List[str]:
    return ["%s: %s" % (cell.path, note) for cell in cells for note in _api_text.notes(cell)]


def comparison(found: "Comparison") -> str:
    cells = found.run.cells
    labels = [cell.path + _api_text.mark(cell) for cell in cells]
    head = _caption("%s on %s" % (found.reference.name, found.reference.interpreter))
    lines = [_api_text.how(found.reference)] + _cell_notes(cells)
    return _frame(
        head,
        _bars(cells, labels),
        _phase_table(cells, labels, True),
        _verdict(found.run.verdicts),
        _small(lines),
    )


def run(found: "Run") -> str:
    labels = [_api_text.label(cell) + _api_text.mark(cell) for cell in found.cells]
    if not found.cells:
        return _frame(_small(["a run without cells"]))
    lines = [_api_text.how(found.cells[0])] + list(found.warnings) + _cell_notes(found.cells)
    summary = [[_text(field) for field in row] for row in _api_text.summary_rows(found)]
    return _frame(
        _bars(found.cells, labels),
        _phase_table(found.cells, labels, False),
        _table(summary, [1]) if found.summary else "",
        _verdict(found.changes + found._told),
        _small(lines),
    )


def timeline(found: "Timeline") -> str:
    cell = found.breakdown
    rows = [["part (%s)" % _text(cell.unit), "calls", "p50", "p90", "p99", "p99.9", "max"]]
    for dist in found.distributions:
        figures = [dist.p50, dist.p90, dist.p99, dist.p999, dist.max]
        rows.append([_text(dist.name), str(dist.calls), *map(_api_text.digits, figures)])
    lines = [_api_text.how(cell)] + _api_text.notes(cell)
    head = _caption("%s through %s on %s" % (cell.name, cell.path, cell.interpreter))
    return _frame(head, _bars([cell], [""]), _table(rows, [1]), _small(lines))


_WATCHED_BARS = 12  # functions in the figure; the table has them all


def watch(found: "Watch") -> str:
    rows = [[_text(cell) for cell in row] for row in _api_text.watch_rows(found)]
    if len(rows) == 1:
        return _frame(_small([_api_text.watch_empty(found), *_api_text.watch_notes(found)]))
    shown = [f for f in found.functions if f.total is not None][:_WATCHED_BARS]
    bars = [f.in_all() for f in shown]
    head = _caption("time in foreign functions, of %s" % _api_text.duration(found.wall_ns))
    figure = _bars(bars, [f.name for f in shown])
    return _frame(head, figure, _table(rows, [1]), _small(_api_text.watch_notes(found)))
