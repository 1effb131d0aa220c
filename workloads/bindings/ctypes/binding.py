# SPDX-License-Identifier: MIT
"""ctypes as its documentation advises: argtypes and restype set, the GIL released (CDLL)."""

import ctypes
from typing import Any, Callable, Dict, Optional

TYPES: Dict[str, Any] = {
    "void": None,
    "int": ctypes.c_int,
    "long": ctypes.c_long,
    "size_t": ctypes.c_size_t,
    "double": ctypes.c_double,
    "const double *": ctypes.POINTER(ctypes.c_double),
}


def load(prototype: Dict[str, Any], out_dir: Optional[str], library: str) -> Callable[..., Any]:
    function = getattr(ctypes.CDLL(library), prototype["name"])
    function.argtypes = [TYPES[p["type"]] for p in prototype["params"]]
    function.restype = TYPES[prototype["returns"]]
    return function


def adapt(arg: Any, ctype: str) -> Any:
    """A buffer becomes a ctypes array over the same memory, made once by its user."""
    if ctype == "const double *":
        return (ctypes.c_double * len(arg)).from_buffer(arg)
    return arg
