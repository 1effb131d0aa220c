# SPDX-License-Identifier: MIT
"""What a callable is: asked of the object, never guessed from a name. For cells and the package."""

import gc
import inspect
import itertools
import sys
import types
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple


def is_python(f: Any) -> bool:
    if isinstance(f, types.MethodType):
        return is_python(f.__func__)
    call = f if isinstance(f, types.FunctionType) else getattr(type(f), "__call__", None)
    return isinstance(call, types.FunctionType) and not (
        is_ctypes(f) and call is _base_call()  # PyPy's ctypes is written in Python
    )


def _base_call() -> Any:
    base: Any = getattr(sys.modules["ctypes"], "_CFuncPtr")
    return base.__call__


def is_ctypes(f: Any) -> bool:
    ctypes = sys.modules.get("ctypes")
    return ctypes is not None and isinstance(f, ctypes._CFuncPtr)


def is_cdata(thing: Any) -> bool:
    ffi: Any = getattr(sys.modules.get("_cffi_backend"), "FFI", None)
    return ffi is not None and isinstance(thing, ffi.CData)


def path_of(f: Any) -> str:
    """The call path that a callable belongs to; "direct" for native code that says no more."""
    if is_python(f):
        return "python"
    if is_ctypes(f):
        return "ctypes-untyped" if f.argtypes is None else "ctypes"
    if type(f).__module__ == "_cffi_backend":
        return "cffi-abi"
    if type(getattr(f, "__self__", None)).__module__ == "_cffi_backend":
        return "cffi-api"
    return "direct"


def runs_nothing(f: Any) -> str:
    """Why calling it would run nothing of its body, as "a ..."; "" where it does."""
    bare = inspect.unwrap(f) if isinstance(f, types.FunctionType) else f
    for what, kind in (
        (inspect.isgeneratorfunction, "a generator function"),
        (inspect.iscoroutinefunction, "a coroutine function"),
        (inspect.isasyncgenfunction, "an asynchronous generator function"),
    ):
        if what(bare):
            return kind + ": calling it runs nothing of its body; measure a function that runs it"
    return ""


def has_not_run(result: Any) -> str:
    """Why what a call gave stands for work that is still to be done, as "a ..."; or ""."""
    if inspect.isgenerator(result) or inspect.iscoroutine(result):
        return "a %s, which has not run yet; measure a function that runs it" % (
            type(result).__name__
        )
    return ""


# --- arguments that call back

_MOST_CALLS = 100000  # of callbacks in one call, whose results are kept


def _ctypes_callback(arg: Any) -> Any:
    """The Python function of a CFUNCTYPE instance; None where it is of a library."""
    for kept in (getattr(arg, "_objects", None) or {}).values():
        if type(kept).__name__ == "CThunkObject":
            both = [id(thing) for thing in gc.get_referents(kept)]
            mine = [f for f in gc.get_referents(arg) if id(f) in both and callable(f)]
            return mine[0] if len(mine) == 1 else None
    return None


def _cffi_callback(arg: Any) -> Any:
    """The same for ffi.callback()."""
    for kept in gc.get_referents(arg):
        if isinstance(kept, tuple) and len(kept) == 4 and callable(kept[1]):
            return kept[1]
    return None


def callbacks(args: Sequence[Any]) -> Dict[int, Tuple[Any, Callable[[Any], Any]]]:
    """By its place, the Python function that an argument leads to, and what makes such an argument
    of another function."""
    found: Dict[int, Tuple[Any, Callable[[Any], Any]]] = {}
    for i, arg in enumerate(args):
        function, make = None, lambda ready: ready  # type: Any, Callable[[Any], Any]
        if is_ctypes(arg):
            function, make = _ctypes_callback(arg), type(arg)
        elif is_cdata(arg):
            function, make = _cffi_callback(arg), _another_cffi_callback(arg)
        elif isinstance(arg, (types.FunctionType, types.MethodType)) and is_python(arg):
            function = arg
        if function is not None:
            found[i] = function, make
    return found


def _another_cffi_callback(arg: Any) -> Callable[[Any], Any]:
    backend: Any = sys.modules["_cffi_backend"]
    return lambda ready: backend.callback(backend.typeof(arg), ready)


class Replaced:
    """Built-ins in the place of Python functions: at first they ask these and note what they gave,
    later they give it back at once."""

    def __init__(self, probe: Any, functions: Dict[int, Callable[..., Any]]) -> None:
        self.results: List[List[Any]] = []
        self.states: List[List[Any]] = []
        self.ready: Dict[int, Any] = {}
        for i, function in functions.items():
            self.results.append([])
            self.states.append([None, _recorder(function, self.results[-1])])
            self.ready[i] = probe.ready_callback(self.states[-1])

    def counts(self) -> List[int]:
        return [len(found) for found in self.results]

    def settle(self) -> bool:
        """From now on they give back, where they were called; False where none was, or too often."""
        for state, found in zip(self.states, self.results):
            again = itertools.repeat(found[0]) if len(found) == 1 else itertools.cycle(found)
            state[:] = [again] if found else state
        return 0 < max(self.counts()) <= _MOST_CALLS


def _recorder(function: Callable[..., Any], results: List[Any]) -> Callable[..., Any]:
    def record(*args: Any) -> Any:
        result = function(*args)
        if len(results) <= _MOST_CALLS:
            results.append(result)
        return result

    return record


def ready_args(probe: Any, call: Any, args: Tuple[Any, ...]) -> Optional[Tuple[Any, ...]]:
    """The same arguments with callbacks that give back at once what the real ones gave. Calls it
    twice. None where it calls none of them. Raises what the call raises of others than its own.
    """
    found = callbacks(args)
    replaced = Replaced(probe, {i: function for i, (function, _) in found.items()})
    given = list(args)
    for i, (_, make) in found.items():
        given[i] = make(replaced.ready[i])
    try:
        call(*given)
    finally:
        call(*args)  # what it keeps of its arguments is of the real ones again
    for i, count in zip(found, replaced.counts()):
        if not count:
            given[i] = args[i]
    return tuple(given) if replaced.settle() else None


def calls_back(probe: Any, call: Any, args: Tuple[Any, ...]) -> Tuple[bool, str]:
    """Whether a call calls any of its arguments, and why they can't be replaced. Calls it twice."""
    if not callbacks(args):
        return False, ""
    try:
        return ready_args(probe, call, args) is not None, ""
    except Exception as e:
        return True, (
            "callback and python can't be told apart: with another function in its place this call"
            " raises %s" % type(e).__name__
        )


# --- arguments that were converted before they are given


def _of_ctypes(arg: Any) -> str:
    import ctypes

    pointer: Any = getattr(ctypes, "_Pointer")
    if isinstance(arg, getattr(ctypes, "_CFuncPtr")):
        return "callbacks" if _ctypes_callback(arg) else ""
    if isinstance(arg, (ctypes.Structure, ctypes.Union)):
        return "structs"
    if isinstance(arg, pointer):
        return "buffers" if arg else ""  # NULL is a constant in any form
    if isinstance(arg, ctypes.Array) or type(arg).__name__ == "CArgObject":
        return "buffers"
    if isinstance(arg, getattr(ctypes, "_SimpleCData")):
        if type(arg)._type_ in ("z", "Z", "P"):
            return "buffers" if arg.value is not None else ""
        return "numbers"
    return ""


def _of_cffi(arg: Any) -> str:
    backend: Any = sys.modules["_cffi_backend"]
    kind = backend.typeof(arg).kind
    if kind == "function":
        return "callbacks" if _cffi_callback(arg) else ""
    if kind == "pointer":
        return "buffers" if arg else ""
    return {"array": "buffers", "struct": "structs", "union": "structs"}.get(kind, "numbers")


def prepared(path: str, args: Sequence[Any]) -> str:
    """Which arguments are the binding's own objects, "buffers and structs", whose conversion no call
    makes; "" for none. Another binding has to convert such an object as any other."""
    found: List[str] = []
    for arg in args:
        kind = ""
        if path.startswith("ctypes"):
            kind = _of_ctypes(arg)
        elif path.startswith("cffi") and is_cdata(arg):
            kind = _of_cffi(arg)
        if kind and kind not in found:
            found.append(kind)
    return " and ".join(filter(None, [", ".join(found[:-1]), *found[-1:]]))
