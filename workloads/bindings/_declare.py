# SPDX-License-Identifier: MIT
"""C declarations from a workload's prototype, for generators that write C."""

from typing import Any, Dict


def variable(ctype: str, name: str) -> str:
    """ "int a", "const double *values": a declaration without its semicolon."""
    return ctype + name if ctype.endswith("*") else ctype + " " + name


def function(prototype: Dict[str, Any]) -> str:
    """ "int add(int a, int b);"."""
    params = ", ".join(variable(p["type"], p["name"]) for p in prototype["params"])
    return "%s(%s);" % (variable(prototype["returns"], prototype["name"]), params or "void")
