# SPDX-License-Identifier: MIT
"""A prototype in cffi: the arguments that a user makes with ffi, and plain values from cdata.

Both modes take the same objects; they differ in where ffi comes from and in how a callback is made.
"""

import json
from typing import Any, Callable, Dict, List, Sequence, Tuple

import _buffers
import _model
from _model import Inexpressible


def key(prototype: Dict[str, Any]) -> str:
    """By which a binding finds again what it loaded: cdata fits the ffi that it was made with."""
    return json.dumps(prototype, sort_keys=True)


def check(prototype: Dict[str, Any]) -> None:
    """Raises Inexpressible for what neither mode can do."""
    for param in prototype["params"]:
        if _model.role(param) == "string" and param.get("accepts") == "str":
            raise Inexpressible(
                "cffi takes bytes for char *, not str: %s would have to be encoded by the caller"
                % param["name"]
            )


def _pointer(ffi: Any, param: Dict[str, Any], value: Any) -> Any:
    item = param["item"]
    one_byte = item == "void" or _model.SCALARS[item] in (
        _model.SCALARS["signed char"],
        _model.SCALARS["unsigned char"],
    )
    if one_byte and isinstance(value, bytes):
        return value  # cffi passes its address, as documented, without a copy
    array = "char[]" if item == "void" else item + "[]"
    return ffi.from_buffer(array, value)


def arguments(
    ffi: Any,
    prototype: Dict[str, Any],
    args: Sequence[Any],
    callback: Callable[[Dict[str, Any], Any], Any],
) -> Tuple[Any, ...]:
    """What a user makes once and keeps. callback(param, callable): a C function pointer."""
    _buffers.check(prototype, args)
    made: List[Any] = []
    given = iter(args)
    for param in prototype["params"]:
        role = _model.role(param)
        if role == "out":
            made.append(ffi.new(_model.variable(param["item"], "*")))
            continue
        value = next(given)
        if role == "buffer":
            value = _pointer(ffi, param, value)
        elif role == "struct":
            value = ffi.new(_model.variable(param["item"], "*"), list(value))
        elif role == "callback":
            value = callback(param, value)
        elif role == "null":
            value = ffi.NULL
        elif _model.fields(prototype, param["type"]) is not None:
            value = ffi.new(_model.variable(param["type"], "*"), list(value))[0]
        made.append(value)
    return tuple(made)


def _plain(ffi: Any, prototype: Dict[str, Any], ctype: str, value: Any) -> Any:
    fields = _model.fields(prototype, ctype)
    if fields is not None:
        return tuple(
            _plain(ffi, prototype, field["type"], getattr(value, field["name"])) for field in fields
        )
    if ctype == "const char *":
        return None if value == ffi.NULL else ffi.string(value).decode()
    # cffi keeps a long double's precision, in a cdata.
    return float(value) if ctype == "long double" else value


def plain(ffi: Any, prototype: Dict[str, Any], result: Any, args: Sequence[Any]) -> Any:
    outs = [
        _plain(ffi, prototype, param["item"], arg[0])
        for param, arg in zip(prototype["params"], args)
        if _model.role(param) == "out"
    ]
    return _model.result(prototype, _plain(ffi, prototype, prototype["returns"], result), outs)
