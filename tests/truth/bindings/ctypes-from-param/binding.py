# SPDX-License-Identifier: MIT
"""ctypes with a from_param hook that takes a known time: marshalling that can be checked."""

import ctypes
from typing import Any, Callable, Dict, Optional

STEPS = 20000


class Delayed:
    """An int, converted slowly."""

    @classmethod
    def from_param(cls, value: int) -> Any:
        import _probe  # type: ignore[import-not-found]

        _probe.spin(STEPS)
        return ctypes.c_int(value)


def load(prototype: Dict[str, Any], artifact: Optional[str], library: str) -> Callable[..., Any]:
    function = getattr(ctypes.CDLL(library), prototype["name"])
    function.argtypes = [Delayed] + [ctypes.c_int] * (len(prototype["params"]) - 1)
    function.restype = ctypes.c_int
    return function
