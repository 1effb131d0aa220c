# SPDX-License-Identifier: MIT
"""A C extension module whose function takes its arguments by METH_VARARGS."""

import os
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import _capi

_generator = _capi.Generator("capi-varargs", _capi.VARARGS)
build = _generator.build
load = _generator.load
