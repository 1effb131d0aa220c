# SPDX-License-Identifier: MIT
"""A Rust extension module with PyO3, built by maturin for this version of Python."""

import os
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import _pyo3

_generator = _pyo3.Generator("_pb_pyo3_", abi3=False)
build = _generator.build
load = _generator.load
