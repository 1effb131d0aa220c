# SPDX-License-Identifier: MIT
"""The hooks on a callable's path, and the timed loop: what cells and the package share."""

import importlib
import os
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
