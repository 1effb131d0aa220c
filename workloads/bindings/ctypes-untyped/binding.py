# SPDX-License-Identifier: MIT
"""ctypes as it is often met: no argtypes; restype only where the default, int, would be wrong.

ctypes then converts each argument by its Python type on every call. It passes a Python int as a C
int and a float not at all, so what is no int is wrapped by the caller, once.
"""

import ctypes
import os
import sys
from typing import Any, Callable, Dict, FrozenSet, Optional, Sequence, Tuple

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import _ctypes_model
import _model

plain = _ctypes_model.plain


def load(
    prototype: Dict[str, Any], out_dir: Optional[str], library: str, options: FrozenSet[str]
) -> Callable[..., Any]:
    types = _ctypes_model.types(prototype)
    for param in prototype["params"]:
        if _model.role(param) == "string" and param.get("accepts") == "str":
            raise _model.Inexpressible(
                "without argtypes ctypes passes a str as wchar_t *: %s would have to be encoded "
                "by the caller, as the bytes that it also takes" % param["name"]
            )
    opened = (ctypes.PyDLL if "gil" in options else ctypes.CDLL)(library)
    function: Callable[..., Any] = getattr(opened, prototype["name"])
    if types.restype is not ctypes.c_int:
        function.restype = types.restype  # type: ignore[attr-defined]
    return function


def arguments(prototype: Dict[str, Any], args: Sequence[Any]) -> Tuple[Any, ...]:
    return _ctypes_model.arguments(prototype, args, typed=False)
