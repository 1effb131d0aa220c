# SPDX-License-Identifier: MIT
"""A prototype in ctypes: the types that a user declares, and the arguments that a user makes."""

import ctypes
import functools
import json
from typing import Any, Dict, List, Optional, Sequence, Tuple

import _buffers
import _model
from _model import Inexpressible

_NAMES = {
    "bool": "c_bool",
    "signed char": "c_byte",
    "unsigned char": "c_ubyte",
    "short": "c_short",
    "unsigned short": "c_ushort",
    "int": "c_int",
    "unsigned int": "c_uint",
    "long": "c_long",
    "unsigned long": "c_ulong",
    "long long": "c_longlong",
    "unsigned long long": "c_ulonglong",
    "int8_t": "c_int8",
    "uint8_t": "c_uint8",
    "int16_t": "c_int16",
    "uint16_t": "c_uint16",
    "int32_t": "c_int32",
    "uint32_t": "c_uint32",
    "int64_t": "c_int64",
    "uint64_t": "c_uint64",
    "size_t": "c_size_t",
    "ssize_t": "c_ssize_t",
    "float": "c_float",
    "double": "c_double",
    "long double": "c_longdouble",
    "float _Complex": "c_float_complex",
    "double _Complex": "c_double_complex",
}


def _scalar(ctype: str) -> Any:
    if ctype not in _NAMES:
        raise Inexpressible("ctypes has no type for '%s' here" % ctype)
    found = getattr(ctypes, _NAMES[ctype], None)
    if found is None:
        # Since 3.14, where its libffi can pass them.
        raise Inexpressible("the ctypes of this interpreter has no complex numbers")
    return found


class Utf8:
    """In argtypes: takes a str as it is and encodes it on each call.

    The documentation's way to adapt an argument; c_char_p itself takes bytes only.
    """

    @classmethod
    def from_param(cls, value: Any) -> Any:
        return value.encode() if isinstance(value, str) else ctypes.c_char_p.from_param(value)


class Types:
    """The ctypes types of one prototype. Raises Inexpressible."""

    def __init__(self, prototype: Dict[str, Any]) -> None:
        self.structs: Dict[str, Any] = {}
        for struct in prototype.get("structs", []):
            fields = [(f["name"], _scalar(f["type"])) for f in struct["fields"]]
            name = struct["type"].split()[-1]
            self.structs[struct["type"]] = type(name, (ctypes.Structure,), {"_fields_": fields})
        self.argtypes: List[Any] = [self._argument(p) for p in prototype["params"]]
        self.restype: Any = self._result(prototype["returns"])

    def value(self, ctype: str) -> Any:
        return self.structs[ctype] if ctype in self.structs else _scalar(ctype)

    def _result(self, ctype: str) -> Any:
        if ctype == "void":
            return None
        return ctypes.c_char_p if ctype == "const char *" else self.value(ctype)

    def _argument(self, param: Dict[str, Any]) -> Any:
        role = _model.role(param)
        if role == "value":
            return self.value(param["type"])
        if role == "string":
            return ctypes.c_char_p if param.get("accepts") == "bytes" else Utf8
        if role == "callback":
            made = param["callback"]
            takes = [_scalar(p) for p in made["params"]]
            return ctypes.CFUNCTYPE(self._result(made["returns"]), *takes)
        if role in ("buffer", "struct", "out"):
            if param["item"] != "void":
                return ctypes.POINTER(self.value(param["item"]))
        elif role != "null":
            raise Inexpressible("ctypes: '%s' is no role of a parameter" % role)
        return ctypes.c_void_p


@functools.lru_cache(maxsize=None)
def _types(prototype: str) -> Types:
    return Types(json.loads(prototype))


def types(prototype: Dict[str, Any]) -> Types:
    """The same classes for the same prototype: a Structure fits its own class only."""
    return _types(json.dumps(prototype, sort_keys=True))


def _pointer(param: Dict[str, Any], value: Any, argtype: Any, typed: bool) -> Any:
    """A buffer's memory, without a copy wherever ctypes has a way to it."""
    count = _buffers.item_count(param, value)
    item = ctypes.c_byte if param["item"] == "void" else argtype._type_
    # NumPy's own way, also for read-only arrays; the pointer keeps the array. Its ndpointer, for
    # argtypes, checks the array anew on each call, in Python, and would refuse all other buffers.
    data_as = getattr(getattr(value, "ctypes", None), "data_as", None)
    if data_as is not None:
        return data_as(argtype)
    if not memoryview(value).readonly:
        return (item * count).from_buffer(value)
    if isinstance(value, bytes):
        # "void *" and a parameter without a type take bytes as they are. c_char_p keeps the bytes,
        # and cast() keeps what it was given, but not bytes.
        if argtype is ctypes.c_void_p or not typed:
            return value
        return ctypes.cast(ctypes.c_char_p(value), argtype)
    # from_buffer() refuses read-only memory, and there is no other way to its address.
    return (item * count).from_buffer_copy(value)


def _value(ctype: str, value: Any, made: Any, typed: bool) -> Any:
    if ctype not in _model.SCALARS:
        return made(*value)
    # Without argtypes a Python int goes as a C int, which holds all types as wide as it.
    scalar = _model.SCALARS[ctype]
    plain = typed or (scalar.kind in ("bool", "int") and scalar.bits <= 32)
    return value if plain else made(value)


def arguments(prototype: Dict[str, Any], args: Sequence[Any], typed: bool) -> Tuple[Any, ...]:
    """What a user makes once and keeps: arrays, structs, byref(), callback objects."""
    _buffers.check(prototype, args)
    made: List[Any] = []
    given = iter(args)
    for param, argtype in zip(prototype["params"], types(prototype).argtypes):
        role = _model.role(param)
        if role == "out":
            made.append(ctypes.byref(argtype._type_()))
            continue
        value = next(given)
        if role == "buffer":
            value = _pointer(param, value, argtype, typed)
        elif role == "struct":
            value = ctypes.byref(argtype._type_(*value))
        elif role == "callback":
            value = argtype(value)
        elif role == "value":
            value = _value(param["type"], value, argtype, typed)
        made.append(value)
    return tuple(made)


def _plain(value: Any) -> Any:
    if isinstance(value, ctypes.Structure):
        return tuple(getattr(value, field[0]) for field in value._fields_)
    return value.value if isinstance(value, ctypes._SimpleCData) else value


def plain(prototype: Dict[str, Any], result: Any, args: Sequence[Any]) -> Any:
    text: Optional[str] = None
    if isinstance(result, bytes):
        text = result.decode()
    outs = [
        _plain(arg._obj)  # what byref() was made of
        for param, arg in zip(prototype["params"], args)
        if _model.role(param) == "out"
    ]
    return _model.result(prototype, _plain(result) if text is None else text, outs)
