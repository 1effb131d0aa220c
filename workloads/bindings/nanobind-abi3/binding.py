# SPDX-License-Identifier: MIT
"""nanobind for CPython's stable ABI: linked statically, or split from a backend of its own.

The limited API has all that nanobind's own part needs since 3.12. In split mode that part is a
package built for each version, and the module needs no more than the limited API of 3.10.
"""

import os
import sys
from typing import Any, Dict

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import _cpp
import _nanobind
from _model import Inexpressible

_LINKED = ["-DPy_LIMITED_API=0x030C0000"]
_SPLIT = ["-DPy_LIMITED_API=0x030A0000", "-DNB_BACKEND_MODULE=nanobind_backend"]
_SPLIT += ["-DNB_BACKEND_PYPI=nanobind-backend"]

_generator = _cpp.Generator("_pb_nanobind_abi3_", _nanobind.LIBRARY)
load = _generator.load
arguments = _generator.arguments
plain = _generator.plain


def build(prototype: Dict[str, Any], out_dir: str, cc: Any, lib_dir: str, options: Any) -> None:
    split = "split" in options
    floor = (3, 10) if split else (3, 12)
    if _nanobind.FREE_THREADED:
        raise Inexpressible("nanobind has no stable ABI for free-threaded builds before abi3t")
    if sys.version_info < floor:
        raise Inexpressible(
            "nanobind's stable ABI needs CPython %d.%d%s" % (*floor, "" if split else ", or +split")
        )
    abi = _SPLIT if split else _LINKED
    _nanobind.build(_generator, prototype, out_dir, cc, lib_dir, options, abi)
