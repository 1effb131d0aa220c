# SPDX-License-Identifier: MIT
"""What a prototype says, for every generator: C types, the roles of pointers, and what may be refused.

A prototype is the JSON object in a workload.json:

  {"name": "scale", "returns": "double", "params": [PARAM...], "structs": [STRUCT...]}
  PARAM   {"name": "x", "type": C_TYPE, "role": ROLE, ...}, ROLE being one of
    value     (default) a scalar (SCALARS), or a struct by value ("struct point")
    string    "const char *": a str or bytes object without an embedded null; "accepts" says which
              of "str" and "bytes" this call passes
    buffer    pointer to "item" (a scalar, or "void"), over any object with a contiguous buffer
              ("const" in the type: read only); "length" names the parameter that counts its items,
              if there is one
    struct    pointer to one struct, "item" is its type ("struct point"): passed in, not kept
    out       pointer to one "item" (scalar or struct) that the function writes; not an argument in
              Python, but part of the result
    callback  pointer to a function, {"callback": {"returns": C_TYPE, "params": [C_TYPE...]}} with
              scalars only; the Python argument is a callable, used during the call only
    null      any pointer that this call passes as NULL; the Python argument is None
  STRUCT  {"type": "struct point" or a typedef's name, "fields": [{"name": "x", "type": SCALAR}...]}
  "returns" may be a scalar, "void", a struct's type or "const char *" (null-terminated UTF-8).

What a compiled binding's callable takes and gives: a struct comes and goes as a tuple of its fields
unless the binding's documentation advises a class; a string comes back as str; a function with
out-parameters returns the tuple (result, out...), without result where that is void, and not as a
tuple where only one value is left.
"""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence


class Inexpressible(Exception):
    """This binding can't express this prototype (or this path's option); one line that says what.

    Raised by build() or load(); the cell becomes a row that says so, and is no failure.
    """


class Scalar(NamedTuple):
    kind: str  # "bool", "int", "float" or "complex"
    bits: int  # of the whole value; long and size_t: of the LP64 systems that probe runs on
    signed: bool


SCALARS: Dict[str, Scalar] = {
    "bool": Scalar("bool", 8, False),
    "signed char": Scalar("int", 8, True),
    "unsigned char": Scalar("int", 8, False),
    "short": Scalar("int", 16, True),
    "unsigned short": Scalar("int", 16, False),
    "int": Scalar("int", 32, True),
    "unsigned int": Scalar("int", 32, False),
    "long": Scalar("int", 64, True),
    "unsigned long": Scalar("int", 64, False),
    "long long": Scalar("int", 64, True),
    "unsigned long long": Scalar("int", 64, False),
    "int8_t": Scalar("int", 8, True),
    "uint8_t": Scalar("int", 8, False),
    "int16_t": Scalar("int", 16, True),
    "uint16_t": Scalar("int", 16, False),
    "int32_t": Scalar("int", 32, True),
    "uint32_t": Scalar("int", 32, False),
    "int64_t": Scalar("int", 64, True),
    "uint64_t": Scalar("int", 64, False),
    "size_t": Scalar("int", 64, False),
    "ssize_t": Scalar("int", 64, True),
    "float": Scalar("float", 32, True),
    "double": Scalar("float", 64, True),
    "long double": Scalar("float", 128, True),
    "float _Complex": Scalar("complex", 64, True),
    "double _Complex": Scalar("complex", 128, True),
}

# What a C file with these declarations includes.
HEADERS = "#include <complex.h>\n#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <sys/types.h>\n"


def role(param: Dict[str, Any]) -> str:
    found: str = param.get("role", "value")
    return found


def passed(prototype: Dict[str, Any]) -> List[Dict[str, Any]]:
    """The parameters that a Python caller passes: all but the out-parameters."""
    return [p for p in prototype["params"] if role(p) != "out"]


def outs(prototype: Dict[str, Any]) -> List[Dict[str, Any]]:
    return [p for p in prototype["params"] if role(p) == "out"]


def types(prototype: Dict[str, Any]) -> List[str]:
    """Every type that a call of it converts."""
    found = [prototype["returns"]]
    for param in prototype["params"]:
        made = param.get("callback")
        found += [made["returns"], *made["params"]] if made else [param.get("item", param["type"])]
    for struct in prototype.get("structs", []):
        found += [field["type"] for field in struct["fields"]]
    return found


def fields(prototype: Dict[str, Any], ctype: str) -> Optional[List[Dict[str, str]]]:
    """The fields of a struct of this prototype; None for any other type."""
    for struct in prototype.get("structs", []):
        if struct["type"] == ctype:
            found: List[Dict[str, str]] = struct["fields"]
            return found
    return None


def variable(ctype: str, name: str) -> str:
    """ "int a", "const double *values", "int (*f)(int)": a declaration without its semicolon."""
    if "(*)" in ctype:
        return ctype.replace("(*)", "(*%s)" % name, 1)
    return ctype + name if ctype.endswith("*") else ctype + " " + name


def function(prototype: Dict[str, Any]) -> str:
    """ "int add(int a, int b);"."""
    params = ", ".join(variable(p["type"], p["name"]) for p in prototype["params"])
    return "%s(%s);" % (variable(prototype["returns"], prototype["name"]), params or "void")


def struct_definitions(prototype: Dict[str, Any]) -> str:
    """C definitions of the prototype's structs, one a line; also what cffi's cdef takes."""
    lines = []
    for struct in prototype.get("structs", []):
        body = " ".join("%s;" % variable(f["type"], f["name"]) for f in struct["fields"])
        if struct["type"].startswith("struct "):
            lines.append("%s { %s };\n" % (struct["type"], body))
        else:
            lines.append("typedef struct { %s } %s;\n" % (body, struct["type"]))
    return "".join(lines)


def declarations(prototype: Dict[str, Any]) -> str:
    """Structs and the function: what a C file that calls it needs after HEADERS."""
    return struct_definitions(prototype) + function(prototype) + "\n"


def result(prototype: Dict[str, Any], value: Any, out_values: List[Any]) -> Any:
    """What the callable returns by the rule above, from the C result and the out-parameters."""
    parts = ([] if prototype["returns"] == "void" else [value]) + list(out_values)
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else tuple(parts)


_PREPARED = {
    "value": "numbers",
    "string": "strings",
    "buffer": "buffers",
    "struct": "structs",
    "out": "out-parameters",
    "callback": "callbacks",
}


def prepared(prototype: Dict[str, Any], given: Sequence[Any], made: Sequence[Any]) -> str:
    """Which arguments a binding's arguments() replaced, "buffers and structs"; "" for none.

    What it hands on as it was given is converted on each call, and timed. What it makes anew, the
    caller keeps and the call finds ready: such rows are not compared with those that convert. A
    NULL pointer is a constant in any form.
    """
    found: List[str] = []
    values = iter(given)
    # Compiled bindings make out-parameters on each call.
    takes_outs = len(made) == len(prototype["params"])
    params = prototype["params"] if takes_outs else passed(prototype)
    for param, argument in zip(params, made):
        kind = role(param)
        same = kind != "out" and next(values) is argument
        if kind == "value" and fields(prototype, param["type"]) is not None:
            kind = "struct"
        if not same and kind in _PREPARED and _PREPARED[kind] not in found:
            found.append(_PREPARED[kind])
    return " and ".join(filter(None, [", ".join(found[:-1]), *found[-1:]]))
