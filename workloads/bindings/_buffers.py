# SPDX-License-Identifier: MIT
"""What a careful caller makes sure of before handing a buffer's address to ctypes or cffi.

Neither looks at it: a buffer that is too short, or holds other items, is read all the same.
"""

from typing import Any, Dict, Sequence

import _model

# What memoryview calls the items of array, NumPy and ctypes -> Scalar.kind. Bytes, "B", "b" and
# "c", stand for themselves and for any item that was written into them.
_KINDS = {"?": "bool", "e": "float", "f": "float", "d": "float", "Zf": "complex", "Zd": "complex"}
_KINDS.update({code: "int" for code in "hHiIlLqQnN"})
_RAW = ("B", "b", "c")


def item_count(param: Dict[str, Any], value: Any) -> int:
    """How many of the parameter's items the object holds. Raises TypeError or ValueError."""
    name, item = param["name"], param["item"]
    view = memoryview(value)
    if not view.c_contiguous:
        raise ValueError("%s is not contiguous" % name)
    if view.readonly and "const" not in param["type"].split():
        raise TypeError("%s may be written to, but the object given is read only" % name)
    if item == "void":
        return view.nbytes
    scalar = _model.SCALARS[item]
    code = view.format.lstrip("@=<")
    if code not in _RAW:
        same = _KINDS.get(code) == scalar.kind and view.itemsize * 8 == scalar.bits
        if not same or (scalar.kind == "int" and code.islower() != scalar.signed):
            raise TypeError("%s needs items of %s, not of format %r" % (name, item, view.format))
    if view.nbytes * 8 % scalar.bits:
        raise ValueError("%s holds %d bytes, no whole number of items" % (name, view.nbytes))
    return view.nbytes * 8 // scalar.bits


def check(prototype: Dict[str, Any], args: Sequence[Any]) -> None:
    """The number of arguments, and that each buffer is as long as its length parameter says."""
    passed = _model.passed(prototype)
    if len(args) != len(passed):
        raise TypeError("%s() takes %d, not %d" % (prototype["name"], len(passed), len(args)))
    values = {p["name"]: value for p, value in zip(passed, args)}
    for param in passed:
        if _model.role(param) != "buffer":
            continue
        count = item_count(param, values[param["name"]])
        length = values.get(param.get("length"))
        if isinstance(length, int) and not 0 <= length <= count:
            raise ValueError(
                "%s is %d, but %s holds %d" % (param["length"], length, param["name"], count)
            )
