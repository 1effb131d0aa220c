# SPDX-License-Identifier: MIT
"""cffi in-line ABI mode, as its documentation shows it: cdef() and dlopen()."""

import os
import sys
from typing import Any, Callable, Dict, List, Optional

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import _declare

# A library object unloads its library when it goes, and a function doesn't hold it.
_loaded: List[Any] = []


def load(prototype: Dict[str, Any], out_dir: Optional[str], library: str) -> Callable[..., Any]:
    import cffi

    ffi = cffi.FFI()
    ffi.cdef(_declare.function(prototype))
    lib = ffi.dlopen(library)
    _loaded.append(lib)
    return getattr(lib, prototype["name"])


def adapt(arg: Any, ctype: str) -> Any:
    """A buffer becomes a cdata array over the same memory, made once by its user."""
    if ctype == "const double *":
        import cffi

        return cffi.FFI().from_buffer("double[]", arg)
    return arg
