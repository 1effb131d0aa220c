# SPDX-License-Identifier: MIT
"""An HPy extension in the universal ABI: one file for CPython, PyPy and GraalPy."""

import os
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import _hpy

_generator = _hpy.UniversalGenerator("hpy-universal")
build = _generator.build
load = _generator.load
