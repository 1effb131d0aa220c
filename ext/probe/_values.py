# SPDX-License-Identifier: MIT
"""What a function gave to C, read from what the C program printed: by _oracle.py from a process of its
own, and by the measuring process from the program loaded into itself.

The latter is asked where a binding gives something else than the former: a process may have another
pid, another hour or another C library. The program is one that no binding had a part in.
"""

import os
import tempfile
from typing import Any, Dict, List, Optional

import _model

Json = Dict[str, Any]
DIFFERS = "differs from call to call, not checked"


def value(ctype: str, text: str) -> Any:
    """One scalar, as the program prints it."""
    scalar = _model.SCALARS[ctype]
    if scalar.kind == "complex":
        return complex(*(float.fromhex(part) for part in text.split(",")))
    if scalar.kind == "float":
        return float.fromhex(text)
    return bool(int(text)) if scalar.kind == "bool" else int(text)


def read(prototype: Json, printed: List[str]) -> Any:
    """What a binding's callable returns, from the values that were printed."""
    left = iter(printed)

    def one(ctype: str) -> Any:
        fields = _model.fields(prototype, ctype)
        if fields is not None:
            return tuple(one(f["type"]) for f in fields)
        text = next(left)
        if ctype in _model.SCALARS:
            return value(ctype, text)
        return None if text == "-" else bytes.fromhex(text[1:]).decode()

    returns = prototype["returns"]
    result = None if returns == "void" else one(returns)
    return _model.result(prototype, result, [one(p["item"]) for p in _model.outs(prototype)])


def ask_here(probe: Any, spec: Json, symbol: str) -> Optional[List[Any]]:
    """What two calls of the function give in this process; None where it can't be asked."""
    library = os.path.join(spec["workload_dir"], "witness.so")
    kernel = spec.get("kernel")
    if not kernel or not os.path.exists(library):
        return None
    out, path = tempfile.mkstemp(prefix="probe-function-")
    os.close(out)
    os.environ.update(
        PROBE_WITNESS=path,
        PROBE_WITNESS_LIBRARY=kernel["kernel"],
        PROBE_WITNESS_SYMBOL=symbol,
        PROBE_WITNESS_FOLDER=spec["workload_dir"],
    )
    try:
        probe.open_library(library, local=True)
        with open(path, encoding="ascii") as f:
            lines = f.read().splitlines()
    except OSError:
        return None
    finally:
        os.unlink(path)
        del os.environ["PROBE_WITNESS"]
    if not lines or lines[-1] != "end":
        return None
    calls: List[List[str]] = []
    for line in lines[:-1]:
        word, _, rest = line.partition(" ")
        if word == "call":
            calls.append([])
        elif word == "value":
            calls[-1].append(rest)
    return [read(spec["workload"]["prototype"], printed) for printed in calls]
