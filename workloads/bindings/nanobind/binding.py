# SPDX-License-Identifier: MIT
"""nanobind: m.def("add", &add), with nanobind's own part linked in statically (its default)."""

import os
import sys
from typing import Any, Dict

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import _cpp
import _nanobind

_generator = _cpp.Generator("_pb_nanobind_", _nanobind.LIBRARY)
load = _generator.load
arguments = _generator.arguments
plain = _generator.plain


def build(prototype: Dict[str, Any], out_dir: str, cc: Any, lib_dir: str, options: Any) -> None:
    _nanobind.build(_generator, prototype, out_dir, cc, lib_dir, options, [])
