# SPDX-License-Identifier: MIT
"""Figures: the notebook's own bars, and what the installed command draws."""

import os
import tempfile
from typing import TYPE_CHECKING, Optional, Union

from . import _api_command, _html
from ._api_errors import BadOption

if TYPE_CHECKING:
    from ._api_results import Run


class Figure:
    """An SVG that notebooks show."""

    def __init__(self, svg: str) -> None:
        self.svg = svg

    def save(self, path: "Union[str, os.PathLike[str]]") -> None:
        """Writes the SVG."""
        with open(path, "w", encoding="utf-8") as f:
            f.write(self.svg)

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return "<probe.Figure, %d bytes of SVG>" % len(self.svg)


def draw(run: "Run", kind: Optional[str], path: "Optional[Union[str, os.PathLike[str]]]") -> Figure:
    if path is not None and not os.fspath(path).endswith(".svg"):
        raise BadOption("plot() writes .svg; for .png and .pdf save() the run and use `probe plot`")
    if not isinstance(kind, (str, type(None))):
        raise BadOption("kind must be the name of one of the command's figures, not %.80r" % kind)
    if kind is None:
        labels = ["%s/%s" % (cell.name, cell.path) for cell in run.cells]
        figure = Figure(_html.svg(run.cells, labels))
    else:
        figure = Figure(_by_command(run, kind))
    if path is not None:
        figure.save(path)
    return figure


def _by_command(run: "Run", kind: str) -> str:
    with tempfile.TemporaryDirectory(prefix="probe-") as folder:
        source, output = os.path.join(folder, "run.json"), os.path.join(folder, "figure.svg")
        run.save(source)
        _api_command.call(["plot", "-o", output, "--kind=" + kind, source])
        with open(output, encoding="utf-8") as f:
            return f.read()
