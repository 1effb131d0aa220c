# SPDX-License-Identifier: MIT
"""A callable that is there already: "zlib:crc32", "package.module:Class.method"."""

import functools
import importlib
from typing import Any, Callable, Dict, FrozenSet, Optional


def load(
    workload: Dict[str, Any], out_dir: Optional[str], library: str, options: FrozenSet[str]
) -> Callable[..., Any]:
    """Here workload.json itself stands where other paths get a prototype."""
    module, _, attributes = workload["callable"].partition(":")
    found: Callable[..., Any] = functools.reduce(
        getattr, attributes.split("."), importlib.import_module(module)
    )
    return found
