# SPDX-License-Identifier: MIT
"""An HPy extension in the CPython ABI: compiled down to the C-API."""

import os
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import _hpy

_generator = _hpy.Generator("hpy-cpython")
build = _generator.build
load = _generator.load
