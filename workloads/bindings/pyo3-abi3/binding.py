# SPDX-License-Identifier: MIT
"""A Rust extension module with PyO3 for the stable ABI of the oldest Python that PyO3 supports."""

import os
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import _pyo3

_generator = _pyo3.Generator("_pb_pyo3_abi3_", abi3=True)
build = _generator.build
load = _generator.load
