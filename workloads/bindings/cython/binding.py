# SPDX-License-Identifier: MIT
"""Cython: "cdef extern from" and a def function with typed arguments."""

import os
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import _cython

_generator = _cython.Generator("_pb_cython_")
build = _generator.build
load = _generator.load
arguments = _generator.arguments
plain = _generator.plain
