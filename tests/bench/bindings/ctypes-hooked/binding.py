# SPDX-License-Identifier: MIT
"""ctypes with a from_param hook that a bench can slow down by so many dependent steps."""

import ctypes
import os
from typing import Any, Callable, Dict, FrozenSet, Optional


def load(
    prototype: Dict[str, Any], artifact: Optional[str], library: str, options: FrozenSet[str]
) -> Callable[..., Any]:
    import _probe  # type: ignore[import-not-found]

    steps = int(os.environ.get("PROBE_BENCH_STEPS", "0"))

    class Hooked:
        """An int, converted by Python code."""

        @classmethod
        def from_param(cls, value: int) -> Any:
            _probe.spin(steps)
            return ctypes.c_int(value)

    function = getattr(ctypes.CDLL(library), prototype["name"])
    function.argtypes = [Hooked] + [ctypes.c_int] * (len(prototype["params"]) - 1)
    function.restype = ctypes.c_int
    return function
