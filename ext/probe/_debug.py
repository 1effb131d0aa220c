# SPDX-License-Identifier: MIT
"""Holds a prototype against the debug information of the library, where there is some: a wrong type
that C would not notice is read from the wrong register, or crashes."""

from typing import Any, List, NamedTuple, Optional, Tuple

from _declaration import CHAR, Declaration, FunctionError, Type
from _library import open_elf
from _model import SCALARS

_MAX_BYTES = 64 << 20  # of debug information; more would take longer than it is worth
_SKIPPED = ("typedef", "const_type", "volatile_type", "restrict_type", "atomic_type")
# DWARF's encodings of base types.
_KINDS = {
    2: "bool",
    3: "complex",
    4: "float",
    5: "int",
    6: "int",
    7: "int",
    8: "int",
    16: "int",
}


class Shape(NamedTuple):
    """What of a type matters to a call."""

    kind: str  # "int", "float", "pointer", "struct", ...
    bytes: int = 0  # 0 = not compared
    target: Optional[Any] = None  # the Shape that a pointer points to; None = not compared


def check(path: str, name: str, declaration: Declaration) -> None:
    """Raises FunctionError where the two differ in a way that matters. Needs pyelftools.

    name: what the user calls the library.
    """
    try:
        found = _signature(path, declaration.name)
    except Exception:  # a file that is no better than it has to be must not stop a measurement
        return
    if found is None:
        return
    returns, params, text = found
    wanted = [_shape(p.type, declaration) for p in declaration.params]
    problem = ""
    if len(params) != len(wanted):
        problem = "it has %d parameters" % len(params)
    elif not _fits(_shape(declaration.returns, declaration), returns):
        problem = "what it returns differs"
    else:
        for i, (want, have) in enumerate(zip(wanted, params)):
            if not _fits(want, have):
                problem = "parameter %d differs" % (i + 1)
                break
    if problem:
        raise FunctionError(
            "the prototype does not fit %s, which was compiled as '%s': %s" % (name, text, problem)
        )


def _shape(made: Type, declaration: Declaration) -> Shape:
    if made.kind == "pointer" and made.target is not None:
        return Shape("pointer", 8, _shape(made.target, declaration))
    if made.kind == "function":
        return Shape("pointer", 8)
    if made.kind == "scalar":
        scalar = SCALARS[CHAR if made.name == "char" else made.name]
        return Shape(scalar.kind, scalar.bits // 8)
    return Shape(made.kind)


def _fits(want: Shape, have: Shape) -> bool:
    """Signs don't matter to a call, a bool is an integer of one byte, and a pointer to void or to
    a struct of unknown contents may be declared as a pointer to anything."""
    kinds = [("int" if shape.kind == "bool" else shape.kind) for shape in (want, have)]
    if kinds[0] != kinds[1] or (want.bytes != have.bytes and want.bytes and have.bytes):
        return False
    to = (want.target, have.target)
    if to[0] is None or to[1] is None or "void" in (to[0].kind, to[1].kind):
        return True
    return _fits(to[0], to[1])


def _signature(path: str, symbol: str) -> Optional[Tuple[Shape, List[Shape], str]]:
    with open(path, "rb") as f:
        elf = open_elf(f)
        section = elf.get_section_by_name(".debug_info")
        if section is None or section["sh_size"] > _MAX_BYTES:
            return None
        for unit in elf.get_dwarf_info().iter_CUs():
            for die in unit.get_top_DIE().iter_children():
                if die.tag == "DW_TAG_subprogram" and _name(die) == symbol:
                    return _read(die)
    return None


def _name(die: Any) -> str:
    attribute = die.attributes.get("DW_AT_name")
    return attribute.value.decode("utf-8", "replace") if attribute else ""


def _read(die: Any) -> Tuple[Shape, List[Shape], str]:
    children = list(die.iter_children())
    params = [c for c in children if c.tag == "DW_TAG_formal_parameter"]
    text = "%s %s(%s)" % (
        _text(_type(die)),
        _name(die),
        ", ".join(_text(_type(p)) for p in params) or "void",
    )
    shapes = [_die_shape(_type(p)) for p in params]
    return _die_shape(_type(die)), shapes, text


def _type(die: Any) -> Any:
    """The type that a DIE refers to; None is void."""
    return die.get_DIE_from_attribute("DW_AT_type") if "DW_AT_type" in die.attributes else None


def _tag(die: Any) -> str:
    tag: str = die.tag
    return tag[len("DW_TAG_") :]


def _die_shape(die: Any, depth: int = 0) -> Shape:
    while die is not None and _tag(die) in _SKIPPED:
        die = _type(die)
    if die is None:
        return Shape("void")
    tag = _tag(die)
    size = die.attributes["DW_AT_byte_size"].value if "DW_AT_byte_size" in die.attributes else 0
    if tag == "base_type":
        return Shape(_KINDS.get(die.attributes["DW_AT_encoding"].value, "?"), size)
    if tag == "pointer_type":
        to = _die_shape(_type(die), depth + 1) if depth < 2 else None
        return Shape("pointer", 8, None if to and to.kind == "subroutine_type" else to)
    if tag == "enumeration_type":
        return Shape("int", size)
    return Shape("struct" if tag == "structure_type" else tag)


def _text(die: Any) -> str:
    if die is None:
        return "void"
    tag = _tag(die)
    if tag == "pointer_type":
        to = _type(die)
        if to is not None and _tag(to) == "subroutine_type":
            return "%s (*)(...)" % _text(_type(to))
        inner = _text(to)
        return inner + ("*" if inner.endswith("*") else " *")
    if tag == "const_type":
        return "const " + _text(_type(die))
    if tag in _SKIPPED and not _name(die):
        return _text(_type(die))
    return ("struct " if tag == "structure_type" else "") + (_name(die) or "?")
