# SPDX-License-Identifier: MIT
"""A callable that the package was given: whether it can be measured, its name, its layers."""

import json
import os
from typing import Any, Dict, Optional, Tuple

from . import _callable, _hooks, _probe
from ._api_errors import BadOption, NotCallable, Unhookable, Unmeasurable


def check(f: Any) -> None:
    """Raises NotCallable, or Unmeasurable where a call runs nothing of the function's body."""
    if not callable(f):
        raise NotCallable("%s is not callable: give the function, not its result" % _shown(f))
    why = _callable.runs_nothing(f)
    if why:
        raise Unmeasurable("%s is %s" % (_shown(f), why))


def check_result(name: str, result: Any) -> None:
    """Raises Unmeasurable where what the call gave is what would do the work."""
    why = _callable.has_not_run(result)
    if why:
        raise Unmeasurable("%s gives %s" % (name, why))


def _shown(f: Any) -> str:
    text = getattr(f, "__name__", None) or repr(f)
    return text if len(text) <= 60 else text[:57] + "..."


def name_of(f: Any) -> str:
    """How tables call it."""
    name = getattr(f, "__name__", None)
    if not isinstance(name, str):
        name = type(f).__name__
    if type(f).__module__ == "_cffi_backend":
        name = repr(f).split("(*)")[0].rstrip().split("'")[-1] + " function"
    return name.strip() or "call"


def _tables() -> Dict[str, Any]:
    folder = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(folder, "paths.json"), encoding="utf-8") as f:
        found: Dict[str, Any] = json.load(f)
    return found


def _named_target(target: str) -> Dict[str, Any]:
    library, colon, symbol = target.rpartition(":")
    if not colon or not library or not symbol:
        raise BadOption("target must be 'library:symbol', such as 'libz.so.1:crc32'")
    return {"object": library, "symbols": [symbol]}


def examine(
    f: Any, args: Tuple[Any, ...], target: Optional[str], may_call: bool
) -> _hooks.Recipe:
    """Finds the layers of a callable's call. Calls it three times if it may.

    Raises Unhookable where a target was named that this call does not go through.
    """
    recipe = _hooks.Recipe(_callable.path_of(f))
    named = None if target is None or recipe.pure else _named_target(target)
    layers = [] if recipe.pure else _tables()[recipe.path]["layers"]
    try:
        _hooks.examine(
            _probe, f, args, recipe, layers, named, "target='library:symbol'", may_call
        )
    except _hooks.Unreachable as e:
        raise Unhookable(str(e))
    return recipe
