# SPDX-License-Identifier: MIT
"""One line that says how far a measurement is: on a terminal, or under a notebook's cell."""

import sys
import time
from typing import Any, Optional

_AFTER_S = 0.4  # what is done by then needs no telling
_EVERY_S = 0.1


def _display_handle() -> Any:
    """IPython's display handle where a kernel runs; None anywhere else."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    display: Any = sys.modules["IPython.display"].display
    return display({"text/plain": "probe: measuring"}, raw=True, display_id=True)


class Progress:
    """A context: tell() shows a line, the end takes it away again."""

    def __init__(self, wanted: Optional[bool] = None) -> None:
        self.wanted = wanted
        self.handle: Any = None
        self.opened = False
        self.shown = False
        self.last_s = time.monotonic()

    def __enter__(self) -> "Progress":
        return self

    def tell(self, done: int, total: int, what: str) -> None:
        self.say("probe: %d of %d  %s" % (done, total, what) if total > 1 else "probe: " + what)

    def say(self, line: str) -> None:
        now_s = time.monotonic()
        if self.wanted is False or now_s - self.last_s < (_EVERY_S if self.shown else _AFTER_S):
            return
        self.last_s = now_s
        if not self.opened:
            self.opened = True
            self.handle = _display_handle()
        if self.handle is not None:
            self.handle.update({"text/plain": line}, raw=True)
            self.shown = True
        elif self.wanted or (sys.stderr is not None and sys.stderr.isatty()):
            sys.stderr.write("\r%-78s" % line[:78])
            sys.stderr.flush()
            self.shown = True

    def __exit__(self, *exc: Any) -> None:
        if self.handle is not None:
            self.handle.update({"text/plain": ""}, raw=True)
        elif self.shown:
            sys.stderr.write("\r%78s\r" % "")
            sys.stderr.flush()
