# SPDX-License-Identifier: MIT
"""The functions of args.c in pure Python, each with its own number of positional parameters."""

from typing import Any, Callable, Dict

COUNTS = (0, 1, 2, 4, 6)

# What is read of the last argument.
READS = {
    "int": "%s",
    "double": "int(%s)",
    "bool": "int(%s)",
    "str": "ord(%s[0])",
    "bytes": "%s[0]",
    "buffer": "int(%s[2])",
    "struct": "int(%s[0])",
}


def _define(name: str, kind: str, count: int) -> Callable[..., int]:
    """A function as if it were written out: *args would cost a tuple in every call."""
    params = ["a%d" % i for i in range(count)]
    result = READS[kind] % params[-1] if params else "0"
    scope: Dict[str, Any] = {}
    exec("def %s(%s):\n    return %s\n" % (name, ", ".join(params), result), scope)
    made: Callable[..., int] = scope[name]
    return made


for _kind in READS:
    for _count in COUNTS:
        _name = "args_%s_%d" % (_kind, _count)
        globals()[_name] = _define(_name, _kind, _count)
