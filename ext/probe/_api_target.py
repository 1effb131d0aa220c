# SPDX-License-Identifier: MIT
"""What a callable is, and which layers of its call can be reached: asked of the object and of one
call, never guessed from its name."""

import inspect
import json
import os
import struct
import sys
import types
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from . import _hooks, _probe
from ._callable import is_ctypes, path_of
from ._api_errors import BadOption, NotCallable, Unhookable, Unmeasurable


class Recipe:
    """How to measure one callable."""

    def __init__(self, path: str) -> None:
        self.path = path  # the call path's name, as in run files
        self.pure = False
        self.hooks: Optional[Dict[str, Any]] = None
        self.subphases = _hooks.ALWAYS
        self.returns = ""
        self.reasons: List[str] = []
        self.called = 0  # calls that finding all this out took


def check(f: Any) -> None:
    """Raises NotCallable, or Unmeasurable where a call runs nothing of the function's body."""
    if not callable(f):
        raise NotCallable("%s is not callable: give the function, not its result" % _shown(f))
    bare = inspect.unwrap(f) if isinstance(f, types.FunctionType) else f
    for what, kind in (
        (inspect.isgeneratorfunction, "generator function"),
        (inspect.iscoroutinefunction, "coroutine function"),
        (inspect.isasyncgenfunction, "asynchronous generator function"),
    ):
        if what(bare):
            raise Unmeasurable(
                "%s is a %s: calling it runs nothing of its body; measure a function that runs it"
                % (_shown(f), kind)
            )


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


def _ctypes_pointer(f: Any) -> Tuple[Optional[List[int]], str]:
    import ctypes

    # What marshals the result decides which registers hold it.
    returns = f.restype
    kind = getattr(returns, "_type_", None) if isinstance(returns, type) else None
    registers = "void" if returns is None else ""
    if isinstance(kind, str):
        registers = "float" if kind in "fd" else "int" if kind in "bBhHiIlLqQ?PzZc" else ""
    return [ctypes.addressof(f)], registers


def _cffi_pointer(f: Any) -> Optional[List[int]]:
    backend: Any = sys.modules["_cffi_backend"]
    kind = backend.new_primitive_type("intptr_t")
    address = _probe.stored_pointer(f, int(backend.cast(kind, f)))
    return [address] if address else None


def _named_target(target: str) -> Dict[str, Any]:
    library, colon, symbol = target.rpartition(":")
    if not colon or not library or not symbol:
        raise BadOption("target must be 'library:symbol', such as 'libz.so.1:crc32'")
    return {"object": library, "symbols": [symbol]}


def examine(f: Any, args: Tuple[Any, ...], target: Optional[str], may_call: bool) -> Recipe:
    """Finds the layers of a callable's call. Calls it three times if it may.

    Raises Unhookable where a target was named that this call does not go through.
    """
    recipe = Recipe(path_of(f))
    if recipe.path == "python":
        recipe.pure = True
        recipe.reasons.append(
            "a Python function has no binding to be split; to see one, give the native function"
            " that it calls"
        )
        return recipe
    if isinstance(f, type):
        recipe.reasons.append(
            "a class is called through its metaclass, as all other classes are: nothing is hooked"
        )
        return recipe
    layers = [dict(layer) for layer in _tables()[recipe.path]["layers"]]
    own = _probe.entry_object(f)
    for layer in layers:
        if layer.get("object") in ("@binding", "@callable") and own:
            layer["object"] = own
    pointer: Optional[Sequence[int]] = None
    if is_ctypes(f):
        pointer, recipe.returns = _ctypes_pointer(f)
    elif recipe.path == "cffi-abi":
        pointer = _cffi_pointer(f)
    spec: Dict[str, Any] = {"path": {"layers": layers}, "workload": {}}
    if target is not None:
        spec["workload"]["target"] = _named_target(target)
    try:
        hooks, recipe.subphases, warnings = _hooks.find_hooks(_probe, spec, pointer, f)
    except OSError as e:
        raise Unhookable("the target %s can't be found: %s" % (target, e))
    if target is not None and "target" not in hooks:
        raise Unhookable("; ".join(warnings) or "%s has no place for a target" % recipe.path)
    recipe.reasons += warnings
    if _probe.entry_kind(f) == "none":
        hooks.pop("entry", None)
        recipe.reasons.append("the interpreter calls it without an entry that could be replaced")
    elif isinstance(hooks.get("target"), tuple):
        # A slot with what it leads to is a veneer's: here others call through it, too.
        hooks["target"] = [hooks["target"][0]]
    if may_call:
        _drop_unreached(recipe, hooks, f, args, target)
    if "target" not in hooks:
        how = "" if recipe.path != "direct" else " (target='library:symbol' names it)"
        recipe.reasons.append(
            "marshalling and compute are shown as one: where its native code begins is not known"
            + how
        )
    recipe.hooks = hooks
    return recipe


def _drop_unreached(
    recipe: Recipe, hooks: Dict[str, Any], f: Any, args: Tuple[Any, ...], target: Optional[str]
) -> None:
    """Leaves out the layers that one call did not go through."""
    counts = _probe.reached(f, args, hooks)
    recipe.called += counts["called"]
    for layer in [name for name in hooks if counts.get(name) == 0]:
        del hooks[layer]
        recipe.subphases &= ~_hooks.LAYER_BITS[layer]
        if layer == "target" and target is not None:
            raise Unhookable("this call never reaches the target %s" % target)
        if layer not in ("detach", "attach"):  # this call keeps the GIL: it has no such phase
            recipe.reasons.append("%s can't be told apart: this call goes past it" % layer)


def plain(value: Any) -> Any:
    """A result as == can compare it: an array, a structure and a NaN by their bytes."""
    if isinstance(value, float):
        return struct.pack("d", value)
    if type(value) in (tuple, list):
        return [plain(item) for item in value]
    shape, to_bytes = getattr(value, "shape", None), getattr(value, "tobytes", None)
    if shape is not None and callable(to_bytes):
        return (type(value), str(getattr(value, "dtype", "")), shape, to_bytes())
    by_identity: Any = object.__eq__
    if type(value).__eq__ is by_identity:
        try:
            return (type(value), memoryview(value).tobytes())
        except (TypeError, ValueError, BufferError):
            return value
    return value


Plain = Callable[[Any], Any]
