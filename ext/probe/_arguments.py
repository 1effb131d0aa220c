# SPDX-License-Identifier: MIT
"""Arguments as a workload.json describes them, made once before anything is timed.

A specification is a JSON literal (number, string, true, null), the text "N" (the variant's number),
or an object:

  {"bytes": "text"}                     bytes, encoded as UTF-8
  {"bytes": 1024}                       that many bytes, none of them 0
  {"text": 1024}                        a str of that many characters (ASCII)
  {"wide": "text", "item": "int32"}     the same for wchar_t (or that many characters): an array of
                                        code points and the null that ends them
  {"complex": [1.0, 2.0]}
  {"float": "inf"}                      a float that JSON can't say: inf, -inf or nan
  {"literal": "b'\\0'"}                  any Python literal
  {"buffer": "float64", "length": 1000, "of": "array"}
                                        items by their NumPy name; of: array, bytes, bytearray,
                                        memoryview or numpy
  {"struct": [1.0, 2.0]}                a tuple of the fields
  {"callback": "module:function"}       or "function", of the workload's own Python file
  {"file": 65536, "of": "bytes"}        the path of a file of that many bytes; as bytes or as str
"""

import array
import ast
import importlib
import os
from typing import Any, Callable, Dict, List, Optional, Tuple

# NumPy's names -> array's type codes (whose sizes are those of every LP64 system).
CODES = {
    "int8": "b",
    "uint8": "B",
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "l",
    "uint64": "L",
    "float32": "f",
    "float64": "d",
}


class ArgumentError(Exception):
    """One line that says which argument can't be made, and why."""


def _number(value: Any, variant: Optional[int]) -> Any:
    return variant if value == "N" else value


def _text(length: int) -> str:
    return ("probe" * (length // 5 + 1))[:length]


def _items(code: str, length: int) -> "array.array[Any]":
    """Small, different and exact in every type."""
    if code in "fd":
        return array.array(code, [(i % 4096) * 0.5 for i in range(length)])
    return array.array(code, [i % 100 + 1 for i in range(length)])


def _buffer(item: Dict[str, Any], variant: Optional[int]) -> Any:
    name, kind = item["buffer"], item.get("of", "array")
    length = _number(item["length"], variant)
    if name not in CODES:
        raise ArgumentError("there is no buffer of %s; there are %s" % (name, ", ".join(CODES)))
    values = _items(CODES[name], int(length))
    if kind == "array":
        return values
    if kind == "bytes":
        return values.tobytes()
    if kind == "bytearray":
        return bytearray(values.tobytes())
    if kind == "memoryview":
        return memoryview(values)
    if kind == "numpy":
        return importlib.import_module("numpy").array(values, dtype=name)
    raise ArgumentError("a buffer can't be made of '%s'" % kind)


def _callback(text: str, own: Any) -> Callable[..., Any]:
    module, _, name = text.rpartition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module) if module else own, name)
    return found


def _file(size: int, scratch: str) -> str:
    path = os.path.join(scratch, "probe-file-%d" % size)
    if not os.path.exists(path) or os.path.getsize(path) != size:
        with open("%s.%d" % (path, os.getpid()), "wb") as f:
            f.write(bytes(i % 251 for i in range(size)))
        os.replace(f.name, path)
    return path


def make_one(item: Any, variant: Optional[int], own: Any, scratch: str) -> Any:
    """One argument. own: the workload's Python module, or None; scratch: a folder for files."""
    if isinstance(item, str):
        return _number(item, variant)
    if not isinstance(item, dict):
        return item
    if "bytes" in item:
        value = _number(item["bytes"], variant)
        return (
            value.encode()
            if isinstance(value, str)
            else b"probe" * (value // 5) + b"probe"[: value % 5]
        )
    if "text" in item:
        return _text(int(_number(item["text"], variant)))
    if "wide" in item:
        text = item["wide"]
        text = text if isinstance(text, str) else _text(text)
        return array.array(CODES[item["item"]], [*map(ord, text), 0])
    if "complex" in item:
        return complex(*(make_one(part, variant, own, scratch) for part in item["complex"]))
    if "float" in item:
        return float(item["float"])
    if "literal" in item:
        return ast.literal_eval(item["literal"])
    if "buffer" in item:
        return _buffer(item, variant)
    if "struct" in item:
        return tuple(make_one(v, variant, own, scratch) for v in item["struct"])
    if "callback" in item:
        return _callback(item["callback"], own)
    if "file" in item:
        path = _file(int(_number(item["file"], variant)), scratch)
        return os.fsencode(path) if item.get("of") == "bytes" else path
    raise ArgumentError("an argument is described by unknown keys: %s" % ", ".join(item))


def make(described: List[Any], variant: Optional[int], own: Any, scratch: str) -> Tuple[Any, ...]:
    return tuple(make_one(item, variant, own, scratch) for item in described)
