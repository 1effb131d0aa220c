# SPDX-License-Identifier: MIT
"""Counts that would make a function run past the buffer before them, told from the prototype alone.

Which integer counts a buffer is a guess, so it is made narrowly: of the parameters between a buffer
and the next pointer, the first that is named like a count (n, len, size, count...), else the first
size_t. _oracle.py finds what this can't know, by calling the function with nothing behind its
buffers.
"""

import re
from typing import Dict, List, NamedTuple, Optional

from _declaration import Declaration, FunctionError
from _given import Given

_COUNT = re.compile(
    r"n|m|nn|len|length|cnt|count|num|size|sz|n_?(el|elems?|elements?|items?|values?|memb|bytes)"
    r"|bytes|items|elems|elements|(.*_)?(n|len|length|cnt|count|num|size|sz|bytes)"
    r"|(num|n)_\w+|[a-z]+(len|length|count|size|bytes)|.*(Len|Length|Count|Size|Bytes|Num)"
)
# What is named like one, and counts something else.
_OTHER = re.compile(r"(elem|element|item|word|cell|value|type|stride|align|block)_?size|.*bits?", re.I)


class Buffer(NamedTuple):
    """A buffer among the arguments."""

    text: str  # as typed
    items: int
    bytes: int
    void: bool  # its parameter is a void *, which bindings and functions count in bytes

    @property
    def limit(self) -> int:
        """The most that a count of it can be."""
        return self.bytes if self.void else self.items


def _is_count(name: str) -> bool:
    return bool(_COUNT.fullmatch(name)) and not _OTHER.fullmatch(name)


def check_counts(
    declaration: Declaration,
    names: List[str],
    aligned: List[Optional[Given]],
    buffers: Dict[str, Buffer],
) -> None:
    """Raises FunctionError for a count that is larger than the buffer it follows."""
    params = declaration.params
    for i, name in enumerate(names):
        if name not in buffers:
            continue
        after = i + 1
        while after < len(params) and params[after].type.kind == "scalar":
            after += 1
        integers = [
            k
            for k in range(i + 1, after)
            if isinstance(getattr(aligned[k], "value", None), int) and "char" not in params[k].type.name
        ]
        named = [k for k in integers if _is_count(params[k].name)]
        sized = [
            k
            for k in integers
            if params[k].type.name == "size_t" and not _OTHER.fullmatch(params[k].name)
        ]
        for k in (named or sized)[:1]:
            _check(declaration, k, aligned[k], params[i].name, buffers[name], bool(named))


def _check(
    declaration: Declaration,
    k: int,
    given: Optional[Given],
    name: str,
    buffer: Buffer,
    by_name: bool,
) -> None:
    param = declaration.params[k]
    assert given is not None
    in_bytes = buffer.void or "byte" in param.name.lower()
    limit = buffer.bytes if in_bytes else buffer.items
    if given.value <= limit:
        return
    other = "unsigned long" if param.type.name == "size_t" else param.type.text
    raise FunctionError(
        "%s is too much for %s (%s) of %s: %s (%s) has %d %s; give len or less, or, if %s does not "
        "count %s, declare it as '%s %s'"
        % (
            given.text,
            param.name,
            param.type.text,
            declaration.name,
            name,
            buffer.text,
            limit,
            "bytes" if in_bytes else "items",
            param.name,
            name,
            other,
            "x" if by_name else param.name,
        )
    )
