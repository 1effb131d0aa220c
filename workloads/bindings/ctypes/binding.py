# SPDX-License-Identifier: MIT
"""ctypes as its documentation advises: argtypes and restype set, the GIL released (CDLL)."""

import ctypes
import os
import sys
from typing import Any, Callable, Dict, FrozenSet, Optional, Sequence, Tuple

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import _ctypes_model

plain = _ctypes_model.plain


def load(
    prototype: Dict[str, Any], out_dir: Optional[str], library: str, options: FrozenSet[str]
) -> Callable[..., Any]:
    types = _ctypes_model.types(prototype)
    opened = (ctypes.PyDLL if "gil" in options else ctypes.CDLL)(library)
    function: Callable[..., Any] = getattr(opened, prototype["name"])
    function.argtypes = types.argtypes  # type: ignore[attr-defined]
    function.restype = types.restype  # type: ignore[attr-defined]
    return function


def arguments(prototype: Dict[str, Any], args: Sequence[Any]) -> Tuple[Any, ...]:
    return _ctypes_model.arguments(prototype, args, typed=True)
