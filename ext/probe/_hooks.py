# SPDX-License-Identifier: MIT
"""The hooks on a callable's path, and the timed loop: what cells and the package share."""

import importlib
import os
import struct
import sys
import types
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

# enum probe_subphase as bits, and which of them each layer of a path stands for.
CALL, MARSHAL_IN, DETACH, INVOKE, COMPUTE, ATTACH, MARSHAL_OUT, RETURN = (1 << i for i in range(8))
CALLBACK, PYTHON = 1 << 8, 1 << 9
ALWAYS = CALL | MARSHAL_IN | COMPUTE | MARSHAL_OUT | RETURN
LAYER_BITS = {"entry": 0, "detach": DETACH, "invoke": INVOKE, "attach": ATTACH, "target": 0}


class Failed(Exception):
    """libprobe's own line on what went wrong."""


def make_loop(arity: int) -> Callable[..., None]:
    """The timed bytecode: nothing but the call. Compiled anew for every callable, because call
    sites specialise on what they call."""
    names = "".join(", a%d" % i for i in range(arity))
    source = "def loop(it, f%s):\n    for _ in it:\n        f(%s)\n" % (names, names[2:])
    scope: Dict[str, Any] = {}
    exec(source, scope)
    loop: Callable[..., None] = scope["loop"]
    return loop


def empty_loop(it: Any) -> None:
    for _ in it:
        pass


def make_empty(arity: int) -> Callable[..., None]:
    scope: Dict[str, Any] = {}
    exec("def empty(%s):\n    pass\n" % ", ".join("a%d" % i for i in range(arity)), scope)
    empty: Callable[..., None] = scope["empty"]
    return empty


def shared_object(name: str, artifact: Optional[str], call: Any) -> str:
    """The file whose GOT a layer is hooked in."""
    if os.path.isabs(name):
        return name
    if name == "@binding":
        found = sorted(f for f in os.listdir(artifact or ".") if f.endswith(".so"))
        if not found:
            raise LookupError("the binding has no shared object")
        return os.path.join(artifact or ".", found[0])
    if name == "@callable":
        owner = getattr(call, "__self__", None)
        own = isinstance(owner, types.ModuleType)
        found_name = getattr(owner, "__name__", "") if own else getattr(call, "__module__", None)
        name = found_name if isinstance(found_name, str) else ""
        if not name:
            raise LookupError("%r does not say which module it is from" % (call,))
        if name in sys.builtin_module_names:
            return os.path.realpath(sys.executable)
    module = importlib.import_module(name)
    path: Optional[str] = getattr(module, "__file__", None)
    if not path:
        raise LookupError("%s is built into the interpreter" % name)
    if not path.endswith(".so"):
        raise LookupError("%s is no extension module" % name)
    return path


def listed(names: List[str]) -> str:
    """ "a, b and c"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def find_hooks(
    probe: Any, spec: Dict[str, Any], target: Optional[Sequence[int]], call: Any
) -> Tuple[Dict[str, Any], int, List[str]]:
    hooks: Dict[str, Any] = {}
    subphases = ALWAYS
    missing: Dict[str, List[str]] = {}
    reachable = getattr(probe, "LAYERS", LAYER_BITS)
    for layer in spec["path"]["layers"]:
        name, symbols = layer["layer"], layer.get("symbols")
        subphases |= LAYER_BITS[name]
        if name not in reachable:
            continue
        if symbols == "@target":
            wanted = spec["workload"].get("target")
            if not wanted:
                continue
            symbols = wanted["symbols"]
        if name == "entry":
            # A class is called through its metaclass, which all other classes are called through.
            if not isinstance(call, type):
                hooks[name] = []
        elif symbols:
            try:
                where = shared_object(layer["object"], spec.get("artifact"), call)
                hooks[name] = probe.got_slots(where, tuple(symbols))
                if name == "target":
                    # One slot, and what it leads to once it is resolved.
                    library = probe.open_library(wanted["object"], local=True)
                    hooks[name] = (hooks[name][0], probe.symbol(library, symbols[0]))
            except LookupError as e:
                missing.setdefault(str(e), []).append(name)
        elif target:
            hooks[name] = target
    warnings = ["%s can't be told apart: %s" % (listed(m), why) for why, m in missing.items()]
    return hooks, subphases, warnings


# --- callables that are there already


class Unreachable(Exception):
    """One line: a target was named that the call does not go through."""


class Recipe:
    """How to measure one callable that probe did not build."""

    def __init__(self, path: str) -> None:
        self.path = path  # the call path's name, as in run files
        self.pure = path == "python"
        self.hooks: Optional[Dict[str, Any]] = None
        self.subphases = ALWAYS
        self.returns = ""
        self.reasons: List[str] = []
        self.called = 0  # calls that finding all this out took


def _ctypes_pointer(f: Any) -> Tuple[Optional[List[int]], str]:
    import ctypes

    # What marshals the result decides which registers hold it.
    returns = f.restype
    kind = getattr(returns, "_type_", None) if isinstance(returns, type) else None
    registers = "void" if returns is None else ""
    if returns is ctypes.py_object:
        registers = "object"
    elif isinstance(kind, str):
        registers = "float" if kind in "fd" else "int" if kind in "bBhHiIlLqQ?PzZc" else ""
    return [ctypes.addressof(f)], registers


def _cffi_pointer(probe: Any, f: Any) -> Optional[List[int]]:
    backend: Any = sys.modules["_cffi_backend"]
    kind = backend.new_primitive_type("intptr_t")
    address = probe.stored_pointer(f, int(backend.cast(kind, f)))
    return [address] if address else None


def _imported(probe: Any, own: str, f: Any) -> Optional[List[int]]:
    """Where cffi's extension calls the function of that name, if it is another library's."""
    try:
        slots: List[int] = probe.got_slots(own, (f.__name__,))
    except LookupError:
        return None
    return slots


def examine(
    probe: Any,
    f: Any,
    args: Tuple[Any, ...],
    recipe: Recipe,
    layers: Sequence[Dict[str, Any]],
    target: Optional[Dict[str, Any]],
    naming: str,
    may_call: bool,
) -> None:
    """Finds the layers of a callable's call: those of recipe.path's table that one call goes
    through. Calls it three times if it may. naming: how a target is named. Raises Unreachable.
    """
    if recipe.pure:
        recipe.reasons.append(
            "a Python function has no binding to be split; to see one, give the native function"
            " that it calls"
        )
        return
    if isinstance(f, type):
        recipe.reasons.append(
            "a class is called through its metaclass, as all other classes are: nothing is hooked"
        )
        return
    own = probe.entry_object(f)
    layers = [dict(layer) for layer in layers]
    for layer in layers:
        if layer.get("object") in ("@binding", "@callable") and own:
            layer["object"] = own
    pointer: Optional[Sequence[int]] = None
    if recipe.path.startswith("ctypes"):
        pointer, recipe.returns = _ctypes_pointer(f)
    elif recipe.path == "cffi-abi":
        pointer = _cffi_pointer(probe, f)
    elif recipe.path == "cffi-api" and own:
        pointer = _imported(probe, own, f)
    spec: Dict[str, Any] = {"path": {"layers": layers}, "workload": {"target": target}}
    try:
        hooks, recipe.subphases, warnings = find_hooks(probe, spec, pointer, f)
    except OSError as e:
        raise Unreachable("the target %s can't be found: %s" % (_shown(target), e))
    if target is not None and "target" not in hooks:
        raise Unreachable("; ".join(warnings) or "%s has no place for a target" % recipe.path)
    recipe.reasons += warnings
    if probe.entry_kind(f) == "none":
        hooks.pop("entry", None)
        recipe.reasons.append("the interpreter calls it without an entry that could be replaced")
    if isinstance(hooks.get("target"), tuple):
        # A slot with what it leads to is a veneer's: here others call through it, too.
        hooks["target"] = [hooks["target"][0]]
    if may_call:
        _drop_unreached(probe, recipe, hooks, f, args, target)
    if "target" not in hooks:
        recipe.reasons.append(
            "marshalling and compute are shown as one: where its native code begins is not known"
            + (" (%s names it)" % naming if recipe.path == "direct" else "")
        )
    recipe.hooks = hooks


def _shown(target: Optional[Dict[str, Any]]) -> str:
    return "%s:%s" % (target["object"], target["symbols"][0]) if target else "?"


def _drop_unreached(
    probe: Any,
    recipe: Recipe,
    hooks: Dict[str, Any],
    f: Any,
    args: Tuple[Any, ...],
    target: Optional[Dict[str, Any]],
) -> None:
    """Leaves out the layers that one call did not go through."""
    counts = probe.reached(f, args, hooks)
    recipe.called += counts["called"]
    for layer in [name for name in hooks if counts.get(name) == 0]:
        del hooks[layer]
        recipe.subphases &= ~LAYER_BITS[layer]
        if layer == "target" and target is not None:
            raise Unreachable("this call never reaches the target %s" % _shown(target))
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
