# SPDX-License-Identifier: MIT
"""Where watch() puts its hooks: the types of ctypes and cffi, the callables of named modules."""

import gc
import importlib
import importlib.util
import os
import sys
import types
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from . import _probe
from ._api_errors import NotCallable, Unhookable

DIRECT, CTYPES, CFFI_ABI, CFFI_API = range(4)  # enum pb_watch_group

_BUILTIN = types.BuiltinFunctionType
_CLASSMETHOD: Any = type(dict.__dict__["fromkeys"])
_INSTANCEMETHOD = "instancemethod"  # pybind11's wrapping of a built-in
_NOT_METHODS = (types.WrapperDescriptorType, types.GetSetDescriptorType, property, type)


class Entry(NamedTuple):
    """A callable to be counted by itself."""

    callable: Any
    group: int
    name: str
    library: str
    label: str
    named: bool = False  # its module was named
    how: str = ""  # where it is not the slot that tells


class Places:
    """All that watch_begin() wants to know."""

    def __init__(self) -> None:
        self.entries: List[Entry] = []
        self.types: List[Tuple[Any, int, bool, int]] = []
        self.lib: Any = None
        self.boundaries: List[Tuple[str, int, int]] = []
        self.attributes: List[Tuple[Dict[str, Any], str, Any, Any]] = []
        self.left_out: Dict[str, str] = {}
        self.notes: List[str] = []
        self.cffi = False  # its backend was there to be hooked


def modules_of(named: Iterable[Any]) -> List[types.ModuleType]:
    """The modules, imported where they are named. NotCallable, Unhookable, ImportError."""
    found: List[types.ModuleType] = []
    for one in named:
        if isinstance(one, str):
            one = importlib.import_module(one)
        if not isinstance(one, types.ModuleType):
            raise NotCallable("watch() takes modules or their names, not %r" % (one,))
        if one.__name__ == "builtins":
            raise Unhookable("calls of built-in functions are inlined: they can't be counted")
        if one not in found:
            found.append(one)
    return found


def find(modules: List[types.ModuleType], phases: bool) -> Places:
    places = Places()
    _add_ctypes(places, phases)
    _add_cffi(places, phases)
    seen = {id(entry.callable) for entry in places.entries}
    for module in modules:
        _add_module(places, module, seen)
    return places


# --- ctypes


def _boundaries(places: Places, file: Optional[str], group: int, invoke: Tuple[str, ...]) -> None:
    wanted = (
        ("detach", ("PyEval_SaveThread",)),
        ("attach", ("PyEval_RestoreThread",)),
        ("invoke", invoke),
    )
    for kind, symbols in wanted:
        try:
            slots = _probe.got_slots(file or "", symbols)
        except LookupError as e:
            name = "ctypes" if group == CTYPES else "cffi"
            places.notes.append("calls through %s are not split at %s: %s" % (name, kind, e))
            continue
        places.boundaries += [(kind, slot, group) for slot in slots]


def _add_ctypes(places: Places, phases: bool) -> None:
    try:
        import _ctypes
        import ctypes
    except ImportError:
        places.notes.append("this interpreter has no ctypes")
        return
    base: Any = getattr(_ctypes, "CFuncPtr")
    f: Any = ctypes.CFUNCTYPE(None)(0x1000)
    field = _probe.stored_pointer(f, ctypes.addressof(f))
    if not field:
        places.notes.append("calls through ctypes are not seen: its objects are laid out anew")
        return
    places.types.append((base, field - id(f), True, CTYPES))
    for name in ("call_function", "call_cdeclfunction"):
        function = getattr(_ctypes, name, None)
        if function is not None:
            places.entries.append(Entry(function, CTYPES, name, "_ctypes", "_ctypes." + name))
    if phases:
        ctypes.CDLL(None).getpid()  # resolves the slots that are bound at the first call
        _boundaries(places, getattr(_ctypes, "__file__", None), CTYPES, ("ffi_call",))


# --- cffi


def _gil_is_off() -> bool:
    return not getattr(sys, "_is_gil_enabled", lambda: True)()


def _cffi() -> Any:
    """The backend, imported so that a block that imports cffi is seen; None without one."""
    backend = sys.modules.get("_cffi_backend")
    if backend is None and not _gil_is_off():  # importing it could switch the GIL on
        try:
            backend = importlib.import_module("_cffi_backend")
        except ImportError:
            pass
    return backend


def _add_cffi(places: Places, phases: bool) -> None:
    backend = _cffi()
    if backend is None:
        return
    places.cffi = True
    kind = backend.new_function_type((), backend.new_primitive_type("int"))
    handle = backend.load_library(None, 0)
    f = handle.load_function(kind, "getpid")
    address = int(backend.cast(backend.new_primitive_type("intptr_t"), f))
    field = _probe.stored_pointer(f, address)
    if not field:
        places.notes.append("calls through cffi are not seen: its objects are laid out anew")
        return
    places.types.append((type(f), field - id(f), False, CFFI_ABI))
    places.lib = getattr(backend, "Lib", None)
    for function in _lib_functions(places.lib):
        name = function.__name__
        places.entries.append(Entry(function, CFFI_API, name, library_of(function), name))
    if phases:
        f()
        _boundaries(places, backend.__file__, CFFI_ABI, ("cffistatic_ffi_call", "ffi_call"))


def _libs(kind: Any) -> Iterator[Any]:
    """Every library object there is; those of a frozen heap by way of their modules."""
    if kind is None:
        return
    for thing in gc.get_objects():
        if type(thing) is kind:
            yield thing
    for module in list(sys.modules.values()):
        if type(module) is kind:
            yield module
        elif isinstance(module, types.ModuleType):
            for value in list(vars(module).values()):
                if type(value) is kind:
                    yield value


def _lib_functions(kind: Any) -> List[Any]:
    """Functions that libraries have made so far; others are hooked when they are asked for."""
    found: Dict[int, Any] = {}
    for lib in _libs(kind):
        for part in gc.get_referents(lib):
            if isinstance(part, dict):
                for value in list(part.values()):
                    if isinstance(value, _BUILTIN) and value.__self__ is lib:
                        found[id(value)] = value
    return list(found.values())


def library_of(function: Any) -> str:
    """The extension that cffi has written for it."""
    text = repr(getattr(function, "__self__", None))
    if text.startswith("<Lib object for '"):
        return text.split("'")[1]
    return str(getattr(function, "__module__", None) or "")


# --- named modules


def _is_python(thing: Any) -> bool:
    if isinstance(thing, types.MethodType):
        return _is_python(thing.__func__)
    if isinstance(thing, types.FunctionType):
        return True
    return isinstance(getattr(type(thing), "__call__", None), types.FunctionType)


def _of_builtins(kind: type, name: str) -> bool:
    """Whether a class has this from one of the interpreter's own."""
    owner = next((c for c in kind.__mro__ if name in vars(c)), object)
    return owner.__module__ == "builtins"


def _why_not_class(kind: Any) -> str:
    for name in ("__new__", "__init__"):
        if isinstance(getattr(kind, name, None), types.FunctionType):
            return "Python code"
    if _of_builtins(kind, "__new__") and _of_builtins(kind, "__init__"):
        return "nothing native of its own makes its objects"
    return ""


def _stdlib(top: str) -> bool:
    names = getattr(sys, "stdlib_module_names", None)
    if names is not None or top in sys.builtin_module_names:
        return names is None or top in names
    file = getattr(sys.modules.get(top), "__file__", None) or ""
    own = os.path.dirname(os.__file__) + os.sep
    return file.startswith(own) and "-packages" + os.sep not in file


def _foreign(thing: Any, module: types.ModuleType) -> str:
    """The standard library's module that a callable belongs to, if not to the named one."""
    if not isinstance(thing, (type, _BUILTIN)):
        return ""  # an object that the module has made
    owner = getattr(thing, "__module__", None)
    if not isinstance(owner, str):
        owner = getattr(getattr(thing, "__self__", None), "__name__", None)
    if not isinstance(owner, str):
        return ""
    top, own = owner.split(".")[0], module.__name__.split(".")[0]
    if top.strip("_") == own.strip("_"):
        return ""
    return owner if _stdlib(top) else ""


def _methods(kind: Any) -> Iterator[Tuple[str, Any]]:
    for name, value in list(vars(kind).items()):
        if name.startswith("__") or isinstance(value, _NOT_METHODS):
            continue
        if isinstance(value, staticmethod) or type(value).__name__ == _INSTANCEMETHOD:
            value = value.__func__
        if isinstance(value, classmethod) or not (
            callable(value) or isinstance(value, _CLASSMETHOD)
        ):
            continue
        if not _is_python(value) and not isinstance(value, _NOT_METHODS):
            yield name, value


def _add_module(places: Places, module: types.ModuleType, seen: Any) -> None:
    for name, thing in sorted(vars(module).items(), key=lambda item: item[0]):
        label = "%s.%s" % (module.__name__, name)
        if isinstance(thing, types.ModuleType) or not callable(thing) or id(thing) in seen:
            continue
        owner = _foreign(thing, module)
        if _is_python(thing):
            places.left_out[label] = "Python code"
        elif owner:
            places.left_out[label] = "it belongs to %s" % owner
        elif isinstance(thing, type):
            _add_class(places, module, name, thing, seen)
        else:
            seen.add(id(thing))
            _add_callable(places, module, name, thing)


def _add_callable(places: Places, module: types.ModuleType, name: str, thing: Any) -> None:
    label = "%s.%s" % (module.__name__, name)
    how = ""
    # A bound method's slot is its function's, which others call too.
    if isinstance(thing, types.MethodType) or _probe.entry_kind(thing) == "none":
        forwarder = _probe.forwarder(thing)
        places.attributes.append((vars(module), name, thing, forwarder))
        thing, how = forwarder, "attribute"
    places.entries.append(Entry(thing, DIRECT, name, module.__name__, label, True, how))


def _add_class(places: Places, module: types.ModuleType, name: str, kind: Any, seen: Any) -> None:
    label = "%s.%s" % (module.__name__, name)
    seen.add(id(kind))
    reason = _why_not_class(kind)
    if reason:
        places.left_out[label] = reason
        if reason == "Python code":
            return
    else:
        places.entries.append(Entry(kind, DIRECT, name, module.__name__, label, True))
    for method, value in _methods(kind):
        if id(value) not in seen:
            seen.add(id(value))
            full = "%s.%s" % (name, method)
            text = "%s.%s" % (module.__name__, full)
            places.entries.append(Entry(value, DIRECT, full, module.__name__, text, True))


# --- names of what was found by its address


class Namer:
    """Names for functions that neither their object nor the loader named."""

    def __init__(self, rows: List[Dict[str, Any]]) -> None:
        nameless = {row["address"] for row in rows if row["index"] < 0 and not row["name"]}
        self.names: Dict[int, str] = {}
        if nameless:
            self.names.update(_ctypes_names())
        if nameless - set(self.names):
            self.names.update(_cffi_names())

    def name(self, row: Dict[str, Any]) -> str:
        return row["name"] or self.names.get(row["address"]) or "0x%x" % row["address"]

    def library(self, row: Dict[str, Any]) -> str:
        return os.path.basename(row["library"]) if row["library"] else ""


def _ctypes_names() -> Dict[int, str]:
    """ctypes' own foreign functions: memmove, cast, string_at."""
    ctypes = sys.modules.get("ctypes")
    found = {}
    for name, value in list(vars(ctypes).items()) if ctypes else []:
        if isinstance(value, getattr(ctypes, "_CFuncPtr")):
            word: Any = getattr(ctypes, "c_void_p")
            place = getattr(ctypes, "addressof")(value)
            found[word.from_address(place).value] = name.lstrip("_")
    return found


def _cffi_names() -> Dict[int, str]:
    """By the libraries of cffi's ABI mode, which keep what they looked up under its name."""
    backend = sys.modules.get("_cffi_backend")
    if backend is None:
        return {}
    number = backend.new_primitive_type("intptr_t")
    found = {}
    for thing in gc.get_objects():
        if type(thing).__name__.startswith("FFILibrary"):
            parts = [vars(thing)]
        elif type(thing) is getattr(backend, "Lib", None):
            parts = [part for part in gc.get_referents(thing) if isinstance(part, dict)]
        else:
            continue
        for name, value in [item for part in parts for item in list(part.items())]:
            if isinstance(value, backend.FFI.CData) and isinstance(name, str):
                try:
                    found[int(backend.cast(number, value))] = name
                except (TypeError, NotImplementedError):
                    pass  # no pointer
    return found
