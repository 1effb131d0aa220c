# SPDX-License-Identifier: MIT
"""ctypes as it is often met: no argtypes; restype only where the default, int, would be wrong.

ctypes then converts each argument by its Python type on every call. It passes a Python int as a C
int and a float not at all, so what is no int is wrapped by the caller, once.
"""

import ctypes
from typing import Any, Callable, Dict, Optional

RETURN_TYPES: Dict[str, Any] = {
    "void": None,
    "long": ctypes.c_long,
    "size_t": ctypes.c_size_t,
    "double": ctypes.c_double,
}
WRAPPERS: Dict[str, Any] = {
    "long": ctypes.c_long,
    "size_t": ctypes.c_size_t,
    "double": ctypes.c_double,
}


def load(prototype: Dict[str, Any], out_dir: Optional[str], library: str) -> Callable[..., Any]:
    function = getattr(ctypes.CDLL(library), prototype["name"])
    if prototype["returns"] in RETURN_TYPES:
        function.restype = RETURN_TYPES[prototype["returns"]]
    return function


def adapt(arg: Any, ctype: str) -> Any:
    if ctype == "const double *":
        return (ctypes.c_double * len(arg)).from_buffer(arg)
    return WRAPPERS[ctype](arg) if ctype in WRAPPERS else arg
