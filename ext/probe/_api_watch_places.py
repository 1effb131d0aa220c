# SPDX-License-Identifier: MIT
"""Where watch() puts its hooks: the types of ctypes and cffi; see also _api_watch_modules."""

import gc
import importlib
import os
import sys
import types
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from . import _probe

DIRECT, CTYPES, CFFI_ABI, CFFI_API = range(4)  # enum pb_watch_group

_BUILTIN = types.BuiltinFunctionType


class Entry(NamedTuple):
    """A callable to be counted by itself."""

    callable: Any
    group: int
    name: str
    library: str
    label: str
    named: bool = False  # its module was named


class Places:
    """All that watch_begin() wants to know."""

    def __init__(self) -> None:
        self.entries: List[Entry] = []
        self.types: List[Tuple[Any, int, bool, int]] = []
        self.lib: Any = None
        self.boundaries: List[Tuple[str, int, int]] = []
        self.left_out: Dict[str, str] = {}
        self.unseen: List[str] = []  # of those, what is native
        self.notes: List[str] = []
        self.cffi = False  # its backend was there to be hooked


def find(phases: bool) -> Places:
    places = Places()
    _add_ctypes(places, phases)
    _add_cffi(places, phases)
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
