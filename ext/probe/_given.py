# SPDX-License-Identifier: MIT
"""The arguments of --args as typed: Python literals, and words for what has no literal.

3, -1.5, 2+1j, True, 'text', b'bytes', (1.0, 2.0)     Python literals; a tuple is a struct
bytes:1024, bytearray:1024, memoryview:1024           buffers of bytes
float64:1000, numpy.float64:1000, memoryview.int32:8  buffers of items by their NumPy name
text:1024                                             a str of so many characters
file:65536                                            the path of a file of that size
callback:module:function                              a Python function for native code to call
len                                                   how many items the buffer before it has
out                                                   an out-parameter: the function writes it
None                                                  a null pointer
"""

import ast
import io
import math
import re
import tokenize
from typing import Any, Dict, List, NamedTuple, Optional

from _arguments import CODES
from _declaration import FunctionError

_MAX_BYTES = 1 << 30
_BUFFER = re.compile(r"(?:(array|numpy|memoryview)\.)?(\w+):(\d[\d_]*)")
_CALLBACK = re.compile(r"callback:([\w.]+:\w+)")
_WORDS = "a Python literal, bytes:N, float64:N, text:N, callback:MODULE:FUNCTION, len, out or None"


class Given(NamedTuple):
    """One argument."""

    text: str  # as typed
    kind: str  # "literal", "buffer", "bytes", "text", "file", "callback", "len", "out"
    value: Any = None  # of a literal
    spec: Optional[Dict[str, Any]] = None  # as in a workload.json (_arguments.py)

    @property
    def described(self) -> Any:
        """As it stands in a workload.json."""
        return describe(self.value) if self.kind == "literal" else self.spec


def parse(text: str) -> List[Given]:
    """Raises FunctionError."""
    return [_one(piece, i + 1) for i, piece in enumerate(_split(text))]


def _split(text: str) -> List[str]:
    """At commas that are in no brackets and no strings, as Python's own tokenizer sees them."""
    source = "(%s)" % text  # so that a line break ends nothing
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    pieces, begin, depth = [], 1, 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            at = starts[token.start[0] - 1] + token.start[1] if token.start[0] <= len(lines) else 0
            if token.type == tokenize.OP and token.string in "([{":
                depth += 1
            elif token.type == tokenize.OP and token.string in ")]}":
                depth -= 1
                if depth == 0:
                    pieces.append(source[begin:at])
                    if source[at + 1 :].strip():
                        raise FunctionError("--args: a bracket is closed too often: %s" % text)
                    break
            elif token.type == tokenize.OP and token.string == "," and depth == 1:
                pieces.append(source[begin:at])
                begin = at + 1
    except (tokenize.TokenError, SyntaxError):
        pieces = []
    if depth:
        raise FunctionError("--args: a bracket or a string is not closed: %s" % text)
    pieces = [p.strip() for p in pieces]
    if pieces and not pieces[-1]:
        pieces.pop()
    if "" in pieces:
        raise FunctionError("--args: argument %d is empty: %s" % (pieces.index("") + 1, text))
    return pieces


def _one(piece: str, number: int) -> Given:
    if piece in ("len", "out"):
        return Given(piece, piece)
    match = _CALLBACK.fullmatch(piece)
    if match:
        return Given(piece, "callback", spec={"callback": match.group(1)})
    match = _BUFFER.fullmatch(piece)
    if match:
        return _sized(piece, number, match.group(1), match.group(2), int(match.group(3)))
    try:
        return Given(piece, "literal", ast.literal_eval(piece))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise FunctionError("--args: argument %d, %s, is not %s" % (number, piece, _WORDS))


def _sized(piece: str, number: int, container: Optional[str], word: str, length: int) -> Given:
    item_bytes = 1
    if word in CODES:
        kind = "buffer"
        spec: Dict[str, Any] = {"buffer": word, "length": length, "of": container or "array"}
        item_bytes = int(re.sub(r"\D", "", word)) // 8
    elif container is None and word == "bytes":
        kind, spec = "bytes", {"bytes": length}
    elif container is None and word in ("bytearray", "memoryview"):
        kind, spec = "buffer", {"buffer": "uint8", "length": length, "of": word}
    elif container is None and word in ("text", "file"):
        kind, spec = word, {word: length}
    else:
        raise FunctionError(
            "--args: argument %d, %s: there are no buffers of %s; there are bytes, bytearray, "
            "memoryview, %s" % (number, piece, word, ", ".join(CODES))
        )
    if length * item_bytes > _MAX_BYTES:
        raise FunctionError("--args: argument %d, %s, is larger than 1 GiB" % (number, piece))
    return Given(piece, kind, spec=spec)


def describe(value: Any) -> Any:
    """A value as a workload.json says it; JSON alone has neither all numbers nor bytes."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    plain = (
        value is None
        or isinstance(value, (bool, float))
        or (isinstance(value, int) and -(2**63) <= value < 2**63)
        or (isinstance(value, str) and value != "N" and value.isprintable())
    )
    if plain:
        return value
    if isinstance(value, complex):
        return {"complex": [describe(value.real), describe(value.imag)]}
    if isinstance(value, tuple) and any(isinstance(v, float) for v in value):
        return {"struct": [describe(v) for v in value]}
    return {"literal": repr(value)}
