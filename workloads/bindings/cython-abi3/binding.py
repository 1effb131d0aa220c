# SPDX-License-Identifier: MIT
"""The same Cython source, compiled for the Limited API: one file for many versions of CPython."""

import os
import sys
from typing import Any, Dict

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import _cython
import _model

_generator = _cython.Generator("_pb_cython_abi3_")
load = _generator.load
arguments = _generator.arguments
plain = _generator.plain

# From this version on nothing more is gained: it brought vectorcall, as 3.11 had typed memoryviews.
_NEWEST = (3, 12)


def build(prototype: Dict[str, Any], out_dir: str, cc: Any, lib_dir: str, options: Any) -> None:
    if _cython.FREE_THREADED:
        raise _model.Inexpressible("Cython has no stable ABI for free-threaded builds")
    version = min(sys.version_info[:2], _NEWEST)
    buffers = any(_model.role(p) == "buffer" for p in prototype["params"])
    if buffers and version < (3, 11):
        raise _model.Inexpressible("the Limited API has no buffers before Python 3.11")
    flag = "-DPy_LIMITED_API=0x%02X%02X0000" % version
    _generator.build(prototype, out_dir, cc, lib_dir, options, flags=(flag,), abi3=True)
