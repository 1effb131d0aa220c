# SPDX-License-Identifier: MIT
"""The body of an extension's function: take the arguments, call the target, give the result."""

import re
from typing import Any, Callable, Dict, List

import _model
from _capi_roles import Argument
from _capi_types import Dialect

Json = Dict[str, Any]
# Statements that convert the arguments, ending with the given one where they can't be.
Take = Callable[[List[Argument], str], List[str]]


def private(prototype: Json) -> Json:
    """The prototype with type names of its own: a user's "struct tm" may not be that of a header."""
    renamed = {}
    for struct in prototype.get("structs", []):
        tag, _, name = struct["type"].rpartition(" ")
        renamed[struct["type"]] = (tag + " pb_" + name).strip()

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                k: rename(v) if k in ("type", "item", "returns") and isinstance(v, str) else walk(v)
                for k, v in value.items()
            }
        return [walk(v) for v in value] if isinstance(value, list) else value

    def rename(ctype: str) -> str:
        for old, new in renamed.items():
            ctype = re.sub(r"\b%s\b" % re.escape(old), new, ctype)
        return ctype

    found: Json = walk(prototype)
    return found


def target(prototype: Json) -> str:
    """Declares the function under a C name that no header has and that no compiler knows.

    By its own name, a call of abs() or strlen() might never leave the extension.
    """
    types = ", ".join(p["type"] for p in prototype["params"]) or "void"
    declared = _model.variable(prototype["returns"], "pb_target")
    structs = _model.struct_definitions(prototype)
    return '%sextern %s(%s) __asm__("%s");\n' % (structs, declared, types, prototype["name"])


def fail_if(condition: str, statements: List[str], fail: str) -> List[str]:
    if not statements:
        return ["if (%s)" % condition, "\t" + fail]
    return ["if (%s) {" % condition, *("\t" + s for s in statements), "\t" + fail, "}"]


def convert(dialect: Dialect, arg: Argument, given: str, fail: str) -> List[str]:
    """Statements for one argument of which the object is at hand."""
    assert arg.convert
    call = dialect.fill(
        "!$function(${ctx}$given, $to)", function=arg.convert(), given=given, to=arg.target
    )
    return fail_if(call, [], fail)


def _call(dialect: Dialect, arguments: List[Argument], fail: str) -> List[str]:
    prototype = dialect.prototype
    call = "pb_target(%s);" % ", ".join(a.use for a in arguments)
    lines = []
    if prototype["returns"] != "void":
        lines.append(_model.variable(prototype["returns"], "returned") + ";")
        call = "returned = " + call
    lines += [a.before for a in arguments if a.before]
    lines += dialect.without_gil(call) if dialect.nogil else [call]
    lines += [a.after for a in arguments if a.after]
    for arg in arguments:
        lines += fail_if(arg.failed, [], fail) if arg.failed else []
    return lines


def _give(dialect: Dialect, arguments: List[Argument]) -> List[str]:
    """Puts the result by _model's rule into pb_result."""
    prototype = dialect.prototype
    parts = []
    if prototype["returns"] != "void":
        parts.append(dialect.to_python(prototype["returns"], "returned"))
    for param in _model.outs(prototype):
        parts.append(dialect.to_python(param["item"], "arg_" + param["name"]))
    if not parts:
        return dialect.none("pb_result")
    if len(parts) == 1:
        return ["pb_result = %s;" % parts[0]]
    return [
        "%sparts[] = {%s};" % (dialect.names["object"], ", ".join(parts)),
        dialect.fill(
            "pb_result = $tuple_of(${ctx}parts, $count);",
            tuple_of=dialect.tuple_of(),
            count=str(len(parts)),
        ),
    ]


def body(
    dialect: Dialect, arguments: List[Argument], take: Take, declare: str = "", release: str = ""
) -> str:
    """The statements of the function; a convention may have a variable and a release of its own."""
    releases = [r for r in (*(a.release for a in arguments), release) if r]
    fail = "goto done;" if releases else dialect.fill("return $null;")
    lines = [line for line in (*(a.declare for a in arguments), declare) if line]
    lines.append(dialect.fill("${object}pb_result = $null;"))
    lines += take([a for a in arguments if a.convert], fail)
    for arg in arguments:
        if arg.check:
            lines += fail_if(arg.check, [dialect.error("ValueError", arg.message)], fail)
    lines += _call(dialect, arguments, fail)
    lines += _give(dialect, arguments)
    text = "".join("\t%s\n" % line for line in lines)
    if releases:
        text += "done:\n" + "".join("\t%s\n" % r for r in releases)
    return text + "\treturn pb_result;\n"
