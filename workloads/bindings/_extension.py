# SPDX-License-Identifier: MIT
"""Importing an extension module from the folder that it was built into."""

import importlib.util
import os
import sys
from typing import Any, Optional


def load(name: str, folder: Optional[str]) -> Any:
    """The module of that name; its file is the one in the folder that begins with the name."""
    files = [f for f in os.listdir(folder or ".") if f.startswith(name + ".") and ".so" in f]
    if not folder or not files:
        raise ImportError("there is no extension module %s in %s" % (name, folder))
    spec = importlib.util.spec_from_file_location(name, os.path.join(folder, sorted(files)[0]))
    if spec is None or spec.loader is None:
        raise ImportError("can't load %s" % name)
    # A function called like one of libc or libm is found in its own library, not in theirs.
    flags = sys.getdlopenflags()
    sys.setdlopenflags(flags | getattr(os, "RTLD_DEEPBIND", 0))  # GraalPy does not name it
    try:
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.setdlopenflags(flags)
    return module
