# SPDX-License-Identifier: MIT
"""probe: what a call from Python into native code costs, and why.

    import probe, math
    probe.measure(math.sqrt, 2.0)                          one call, split into its phases
    probe.compare({"ctypes": f, "cffi": g}, args=(2, 3))   side by side, the first the reference
    probe.timeline(f, 2, 3)                                distributions and raw stamps
    with probe.watch() as w: ...                           every foreign call made in a block
    probe.run("fib", paths="ctypes,cffi-abi")              bindings x interpreters, by the command
    probe.load("run.json")                                 what the command or save() wrote
    probe.doctor()                                         what this machine can measure

In a notebook: %load_ext probe, then %probe f(2, 3), or a cell that begins with %%probe. The figures are libprobe's: the same analysis
as the command's. A figure that could not be taken is None.
"""

from typing import Any

from . import _probe
from ._api_command import load, run
from ._api_doctor import Diagnosis, doctor
from ._api_errors import (
    BadFile,
    BadOption,
    Busy,
    Error,
    FileNotFound,
    Forks,
    MeasuringFailed,
    Missing,
    NotCallable,
    OutOfMemory,
    SystemFailed,
    Unhookable,
    Unmeasurable,
)
from ._api_measure import compare, measure, timeline
from ._api_plot import Figure
from ._api_results import Breakdown, Comparison, Distribution, Event, Part, Run, Timeline, Value
from ._api_watch import Watch, WatchedFunction, WatchedPart, watch

__version__: str = _probe.version

__all__ = [
    "BadFile",
    "BadOption",
    "Breakdown",
    "Busy",
    "Comparison",
    "Diagnosis",
    "Distribution",
    "Error",
    "Event",
    "Figure",
    "FileNotFound",
    "Forks",
    "MeasuringFailed",
    "Missing",
    "NotCallable",
    "OutOfMemory",
    "Part",
    "Run",
    "SystemFailed",
    "Timeline",
    "Unhookable",
    "Unmeasurable",
    "Value",
    "Watch",
    "WatchedFunction",
    "WatchedPart",
    "compare",
    "doctor",
    "load",
    "measure",
    "run",
    "timeline",
    "watch",
]


def load_ipython_extension(ipython: Any) -> None:
    """%load_ext probe"""
    from ._magics import ProbeMagics

    ipython.register_magics(ProbeMagics)


def unload_ipython_extension(ipython: Any) -> None:
    """%unload_ext probe"""
    for kind in ("line", "cell"):
        ipython.magics_manager.magics[kind].pop("probe", None)
