# SPDX-License-Identifier: MIT
"""What to give instead of an argument that a parameter can't take. What a hint says must work, or
lead to success in one more step: tests/py/test_hints.py follows each."""

import math
from typing import Any, List, Optional, Tuple

from _declaration import Parameter, Type
from _given import Given
from _model import SCALARS


def numpy_name(ctype: str) -> Optional[str]:
    """NumPy's name of a C type of numbers; None where --args has no buffer of it."""
    scalar = SCALARS[ctype]
    if scalar.kind == "complex" or scalar.kind == "bool" or scalar.bits > 64:
        return None
    prefix = "float" if scalar.kind == "float" else "int" if scalar.signed else "uint"
    return "%s%d" % (prefix, scalar.bits)


def integer_hint(value: Any, text: str, low: int, high: int) -> str:
    """In place of what is no integer."""
    if isinstance(value, float) and not math.isnan(value):
        near = low if value <= low else high if value >= high else int(value)
        return "give an integer, %d for instance" % near
    if isinstance(value, (str, bytes)) and len(value) == 1 and low <= ord(value) <= high:
        return "give %d, which is ord(%s)" % (ord(value), text)
    return "give an integer from %d to %d" % (low, high)


def struct_hint(fields: List[Tuple[str, str]]) -> str:
    samples = {"float": "1.0", "complex": "1j", "bool": "True"}
    values = [samples.get(SCALARS[ctype].kind, "1") for _, ctype in fields]
    return "give its fields (%s) as a tuple, like (%s%s)" % (
        ", ".join("%s %s" % (ctype, name) for name, ctype in fields),
        ", ".join(values),
        "," if len(values) == 1 else "",
    )


def out_hint(made: Type) -> str:
    """In place of an "out" that can't be one."""
    to = made.target
    if made.kind != "pointer" or to is None:
        return "only a pointer that the function writes through can be out"
    if to.const:
        return "it is const, so the function does not write there"
    if to.kind == "void":
        return "declare it as a pointer to what the function writes, like int *"
    return "only a pointer to a number or a struct can be out"


def _bytes_literal(given: Optional[Given]) -> str:
    """The text that was given as bytes, where that is short."""
    value = given.value if given else None
    if isinstance(value, str) and len(value) <= 20:
        try:
            return repr(value.encode()) + ", "
        except UnicodeEncodeError:
            pass
    return ""


def buffer_hint(to: Type, given: Optional[Given]) -> str:
    """For a pointer to numbers or void. given: what was refused."""
    null = " (or None, where it may be a null pointer)"
    if to.kind == "void":
        of_bytes = _bytes_literal(given) + "bytes:N, " if to.const else ""
        return "give %sbytearray:N, float64:N or the like%s" % (of_bytes, null)
    if to.name == "char":
        if to.const:
            return "give 'text', b'bytes', bytes:N or bytearray:N" + null
        return "give bytearray:N" + null
    word = numpy_name(to.name)
    out = "" if to.const else ", or out for one that the function writes"
    if word is None:
        what = "there is no buffer of %s: " % to.name
        if to.const:
            return what + "declare it const void * and give bytes:N" + null
        writes = "give out if the function writes one; else "
        return what + writes + "declare it void * and give bytearray:N" + null
    forms = "%s:N (or numpy.%s:N)" % (word, word)
    if word == "uint8":
        of_bytes = _bytes_literal(given) + "bytes:N, " if to.const else ""
        forms = of_bytes + "bytearray:N or " + forms
    if to.text.split()[-1] == "wchar_t":
        forms = "'text', text:N or " + forms if to.const else forms
    return "give %s%s%s" % (forms, out, null)


def past_hint(param: Parameter, role: str, counted: bool) -> str:
    """For an argument that the function ran past. counted: an integer stands behind it."""
    to = param.type.target
    if role == "out":
        return "it is no out-parameter but an array: give it a buffer"
    if role == "struct":
        return "it is no single struct but an array: declare it as void * and give it a buffer"
    if counted or to is None:
        return "give it a longer buffer, or a smaller count"
    if to.kind == "scalar" and to.text.split()[-1] == "wchar_t":
        ended = "'text' or text:N"
    elif to.const and (to.kind == "void" or SCALARS.get(to.name, SCALARS["bool"]).bits == 8):
        ended = "b'text' or bytes:N"
    else:
        return "no count stands behind it: give it as many items as the function expects"
    return "if it looks for a null at the end, give %s, which have one" % ended
