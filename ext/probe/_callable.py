# SPDX-License-Identifier: MIT
"""What a callable is: asked of the object, never guessed from a name. For cells and the package."""

import sys
import types
from typing import Any


def is_python(f: Any) -> bool:
    if isinstance(f, types.MethodType):
        return is_python(f.__func__)
    return isinstance(f, types.FunctionType) or isinstance(
        getattr(type(f), "__call__", None), types.FunctionType
    )


def is_ctypes(f: Any) -> bool:
    ctypes = sys.modules.get("ctypes")
    return ctypes is not None and isinstance(f, ctypes._CFuncPtr)


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
