# SPDX-License-Identifier: MIT
"""ctypes with a from_param hook that can take a known time: marshalling that can be checked."""

import ctypes
from typing import Any, Callable, Dict, FrozenSet, Optional

STEPS = 20000


def load(
    prototype: Dict[str, Any], artifact: Optional[str], library: str, options: FrozenSet[str]
) -> Callable[..., Any]:
    import _probe  # type: ignore[import-not-found]

    steps = STEPS if "delay" in options else 0

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
