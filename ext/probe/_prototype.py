# SPDX-License-Identifier: MIT
"""From a declaration and arguments to the model that every binding works from
(workloads/bindings/_model.py): what each pointer is, and whether each value fits its type."""

import math
import struct
from typing import Any, Dict, List, NamedTuple, Optional

from _counts import Buffer, check_counts
from _declaration import CHAR, Declaration, FunctionError, Parameter, Type, own_name, safe_name
from _given import Given, describe
from _hints import buffer_hint, integer_hint, numpy_name, out_hint, past_hint, struct_hint
from _model import SCALARS, variable

Json = Dict[str, Any]


class Combined(NamedTuple):
    prototype: Json
    args: List[Any]  # as in a workload.json
    pip: List[str]  # packages that making the arguments needs
    labels: List[str]  # of each parameter, for messages: "p (int32:20)"
    past: List[str]  # for each, what to do if the function runs past it


def combine(declaration: Declaration, given: List[Given]) -> Combined:
    """Raises FunctionError for what no binding could pass, or what would crash."""
    return _Combiner(declaration, given).combine()


class _Combiner:
    def __init__(self, declaration: Declaration, given: List[Given]) -> None:
        self.declaration = declaration
        self.given = given
        self.args: List[Any] = []
        self.lengths: Dict[str, int] = {}  # what "len" is behind each buffer or string
        self.buffers: Dict[str, Buffer] = {}
        self.names: List[str] = []
        for param in declaration.params:
            self.names.append(safe_name(param.name, self.names))

    def combine(self) -> Combined:
        aligned = self.aligned()
        params = [
            self.parameter(i, param, given)
            for i, (param, given) in enumerate(zip(self.declaration.params, aligned))
        ]
        self.link_lengths(params)
        check_counts(self.declaration, self.names, aligned, self.buffers)
        prototype: Json = {
            "name": own_name(self.declaration.name),
            "returns": self.returns(),
            "params": params,
        }
        if self.declaration.structs:
            prototype["structs"] = [
                {
                    "type": _struct_type(tag),
                    "fields": [{"name": safe_name(n, []), "type": t} for n, t in fields],
                }
                for tag, fields in self.declaration.structs.items()
            ]
        numpy = any(isinstance(a, dict) and a.get("of") == "numpy" for a in self.args)
        labels = [
            "%s (%s)" % (param.name, _short(given.text) if given else "out, one " + made["item"])
            for param, given, made in zip(self.declaration.params, aligned, params)
        ]
        declared = self.declaration.params
        past = [
            past_hint(param, made.get("role", "value"), any(map(_is_integer, declared[i + 1 :])))
            for i, (param, made) in enumerate(zip(declared, params))
        ]
        return Combined(prototype, self.args, ["numpy"] if numpy else [], labels, past)

    # --- which argument belongs to which parameter

    def aligned(self) -> List[Optional[Given]]:
        """The argument of each parameter; None for an out-parameter."""
        params, given = self.declaration.params, self.given
        missing = len(params) - len(given)
        if missing == 0:
            return [None if g.kind == "out" else g for g in given]
        may_be_out = [i for i, p in enumerate(params) if _out_item(p.type)]
        if missing > 0 and len(may_be_out) == missing and not any(g.kind == "out" for g in given):
            left = iter(given)
            return [None if i in may_be_out else next(left) for i in range(len(params))]
        hint = ""
        if 0 < missing < len(may_be_out):
            hint = "; say 'out' for each that the function writes"
        raise FunctionError(
            "%s takes %d argument%s (%s), --args gives %d%s"
            % (
                self.declaration.name,
                len(params),
                "" if len(params) == 1 else "s",
                ", ".join(variable(p.type.text, p.name) for p in params) or "void",
                len(given),
                hint,
            )
        )

    def parameter(self, i: int, param: Parameter, given: Optional[Given]) -> Json:
        name, made = self.names[i], param.type
        if given is None:
            return self.out(name, param)
        if given.kind == "len":
            return self.length(name, param)
        if made.kind == "scalar":
            return self.scalar(name, param, given)
        if made.kind == "struct":
            self.struct_value(param, made, given)
            return {"name": name, "type": _struct_type(made.name)}
        if made.kind == "function":
            return self.callback(name, param, given)
        if made.kind == "pointer":
            return self.pointer(name, param, given)
        raise self.refusal(param, given, "")

    def refusal(self, param: Parameter, given: Optional[Given], hint: str) -> FunctionError:
        text = _short(given.text) if given else "out"
        return FunctionError(
            "%s can't be passed as %s (%s) of %s%s"
            % (text, param.name, param.type.text, self.declaration.name, hint and ": " + hint)
        )

    # --- numbers and structs

    def scalar(self, name: str, param: Parameter, given: Given) -> Json:
        ctype = CHAR if param.type.name == "char" else param.type.name
        if given.kind != "literal":
            raise self.refusal(param, given, "give a number")
        self.args.append(describe(self.number(param, given, ctype, given.value)))
        return {"name": name, "type": ctype}

    def number(self, param: Parameter, given: Given, ctype: str, value: Any) -> Any:
        """The value as its type has it, so that no binding converts twice."""
        scalar = SCALARS[ctype]
        if scalar.kind == "bool":
            if isinstance(value, bool) or value in (0, 1) and isinstance(value, int):
                return bool(value)
            raise self.refusal(param, given, "give True or False")
        if scalar.kind == "int":
            return self.integer(param, given, ctype, value)
        if isinstance(value, bool) or not isinstance(value, (int, float, complex)):
            raise self.refusal(param, given, "give a number")
        if isinstance(value, complex) and scalar.kind != "complex":
            raise self.refusal(param, given, "give a number without an imaginary part")
        bits = scalar.bits // (2 if scalar.kind == "complex" else 1)
        try:
            parts = [self.precise(float(p), bits) for p in (value.real, value.imag)]
        except OverflowError:
            raise self.refusal(param, given, "it is larger than a %s can be" % ctype)
        return complex(*parts) if scalar.kind == "complex" else parts[0]

    @staticmethod
    def precise(value: float, bits: int) -> float:
        """As a C float or double keeps it; OverflowError where it can't."""
        if bits == 32 and math.isfinite(value):
            return float(struct.unpack("<f", struct.pack("<f", value))[0])
        return value

    def integer(self, param: Parameter, given: Given, ctype: str, value: Any) -> int:
        scalar = SCALARS[ctype]
        low = -(1 << scalar.bits - 1) if scalar.signed else 0
        high = (1 << scalar.bits - int(scalar.signed)) - 1
        if not isinstance(value, int):
            raise self.refusal(param, given, integer_hint(value, given.text, low, high))
        if not low <= value <= high:
            raise self.refusal(param, given, "%s holds %d to %d" % (ctype, low, high))
        return int(value)

    def struct_value(self, param: Parameter, made: Type, given: Given) -> None:
        fields = self.declaration.structs.get(made.name)
        if fields is None:
            raise FunctionError(
                "struct %s is not defined: write 'struct %s {...};' before the function"
                % (made.name, made.name)
            )
        if given.kind != "literal" or not isinstance(given.value, (tuple, list)):
            raise self.refusal(param, given, struct_hint(fields))
        if len(given.value) != len(fields):
            what = "struct %s has %d fields: %s" % (made.name, len(fields), struct_hint(fields))
            raise self.refusal(param, given, what)
        values = [self.number(param, given, t, v) for (_, t), v in zip(fields, given.value)]
        self.args.append({"struct": [describe(v) for v in values]})

    # --- pointers

    def pointer(self, name: str, param: Parameter, given: Given) -> Json:
        made = param.type
        to = made.target
        assert to is not None
        const = "const " if to.const else ""
        if given.kind == "literal" and given.value is None:
            self.args.append(None)
            return {"name": name, "type": const + "void *", "role": "null"}
        if to.kind == "struct":
            self.struct_value(param, to, given)
            ctype = _struct_type(to.name)
            return {"name": name, "type": const + ctype + " *", "role": "struct", "item": ctype}
        if made.points_to("scalar", "char") and self.is_text(given):
            return self.string(name, param, given)
        if _is_wide(to) and (given.kind == "text" or isinstance(given.value, str)):
            return self.wide(name, param, given)
        if to.kind in ("scalar", "void"):
            return self.buffer(name, param, given)
        raise self.refusal(param, given, "only None can be: no binding knows what is behind it")

    @staticmethod
    def is_text(given: Given) -> bool:
        return given.kind in ("text", "bytes", "file") or (
            given.kind == "literal" and isinstance(given.value, (str, bytes))
        )

    def string(self, name: str, param: Parameter, given: Given) -> Json:
        assert param.type.target is not None
        if not param.type.target.const:
            raise self.refusal(
                param,
                given,
                "the function may write there: give bytearray:N, or declare it const char *",
            )
        kind = "bytes" if given.kind == "bytes" or isinstance(given.value, bytes) else "str"
        spec = given.described
        if given.kind == "literal":
            raw = given.value
            if isinstance(raw, str):
                try:
                    raw = raw.encode()
                except UnicodeEncodeError:
                    raise self.refusal(param, given, "it can't be encoded as UTF-8")
            if b"\0" in raw:
                raise self.refusal(
                    param, given, "a C string ends at its first null; as const void * it may"
                )
            self.lengths[name] = len(raw)
        elif given.kind != "file":
            self.lengths[name] = int(spec[given.kind])
        self.args.append(spec)
        return {"name": name, "type": "const char *", "role": "string", "accepts": kind}

    def wide(self, name: str, param: Parameter, given: Given) -> Json:
        """A text for const wchar_t *: its code points and the null that ends them, in an array."""
        to = param.type.target
        assert to is not None
        if not to.const:
            hint = "the function may write there: %s, or declare it const wchar_t *"
            raise self.refusal(param, given, hint % buffer_hint(to, None))
        text = given.spec["text"] if given.spec else given.value
        if isinstance(text, str) and "\0" in text:
            raise self.refusal(param, given, "a C string ends at its first null")
        self.lengths[name] = len(text) if isinstance(text, str) else int(text)
        self.args.append({"wide": text, "item": numpy_name(to.name)})
        return {"name": name, "type": "const %s *" % to.name, "role": "buffer", "item": to.name}

    def buffer(self, name: str, param: Parameter, given: Given) -> Json:
        to = param.type.target
        assert to is not None
        spec = given.spec
        if given.kind == "bytes" or (given.kind == "literal" and isinstance(given.value, bytes)):
            if not to.const:
                hint = buffer_hint(to, None)
                raise self.refusal(param, given, "bytes can't be written to: " + hint)
            word, length = "uint8", int(spec["bytes"]) if spec else len(given.value)
        elif given.kind == "buffer" and spec is not None:
            word, length = spec["buffer"], int(spec["length"])
        else:
            raise self.refusal(param, given, buffer_hint(to, given))
        item = "void" if to.kind == "void" else to.name
        if item == "char":
            item = "signed char" if word == "int8" else "unsigned char"
        if item != "void" and word != numpy_name(item):
            raise self.refusal(param, given, buffer_hint(to, given))
        size = int("".join(filter(str.isdigit, word))) // 8
        self.lengths[name] = length
        self.buffers[name] = Buffer(given.text, length, length * size, item == "void")
        self.args.append(given.described)
        const = "const " if to.const else ""
        return {"name": name, "type": const + item + " *", "role": "buffer", "item": item}

    def length(self, name: str, param: Parameter) -> Json:
        """A parameter given as "len": the count of the buffer before it."""
        ctype = CHAR if param.type.name == "char" else param.type.name
        if param.type.kind != "scalar" or SCALARS[ctype].kind != "int":
            raise FunctionError(
                "len can't be passed as %s (%s): it is no integer" % (param.name, param.type.text)
            )
        if not self.lengths:
            raise FunctionError("len (for %s) follows no buffer or string" % param.name)
        count = list(self.lengths.values())[-1]
        value = self.integer(param, Given("len", "literal", count), ctype, count)
        self.args.append(value)
        return {"name": name, "type": ctype, "counts": True}

    def link_lengths(self, params: List[Json]) -> None:
        """Names the parameter that counts each buffer: the "len" after it, or the integer right
        after it that says just its length."""
        values = iter(self.args)
        passed = {p["name"]: next(values) for p in params if p.get("role") != "out"}
        for i, param in enumerate(params):
            if param.get("role") != "buffer" or param["name"] not in self.buffers:
                continue
            units = self.buffers[param["name"]].limit
            for k, later in enumerate(params[i + 1 :]):
                scalar = SCALARS.get(later["type"])
                counts = later.get("counts") or (
                    k == 0 and scalar is not None and scalar.kind == "int"
                )
                if counts and passed.get(later["name"]) == units:
                    param["length"] = later["name"]
                    break
        for param in params:
            param.pop("counts", None)

    # --- what native code gives back, or calls back

    def out(self, name: str, param: Parameter) -> Json:
        item = _out_item(param.type)
        if not item:
            raise self.refusal(param, None, out_hint(param.type))
        assert param.type.target is not None
        if param.type.target.kind == "struct" and param.type.target.name not in (
            self.declaration.structs
        ):
            raise FunctionError("struct %s is not defined" % param.type.target.name)
        return {"name": name, "type": item + " *", "role": "out", "item": item}

    def callback(self, name: str, param: Parameter, given: Given) -> Json:
        made = param.type
        if given.kind == "literal" and given.value is None:
            self.args.append(None)
            return {"name": name, "type": "void *", "role": "null"}
        if given.kind != "callback":
            raise self.refusal(param, given, "give callback:MODULE:FUNCTION or None")
        assert made.target is not None
        for part in (made.target, *made.params):
            if part.kind != "scalar" and not (part is made.target and part.kind == "void"):
                raise self.refusal(
                    param, given, "a callback takes and gives numbers only, not %s" % part.text
                )
        returns = CHAR if made.target.name == "char" else made.target.name or "void"
        params = [CHAR if p.name == "char" else p.name for p in made.params]
        self.args.append(given.spec)
        return {
            "name": name,
            "type": "%s (*)(%s)" % (returns, ", ".join(params) or "void"),
            "role": "callback",
            "callback": {"returns": returns, "params": params},
        }

    def returns(self) -> str:
        made = self.declaration.returns
        if made.kind == "void":
            return "void"
        if made.kind == "scalar":
            return CHAR if made.name == "char" else made.name
        if made.kind == "struct":
            if made.name not in self.declaration.structs:
                raise FunctionError("struct %s is not defined" % made.name)
            return _struct_type(made.name)
        if made.points_to("scalar", "char"):
            return "const char *"
        raise FunctionError(
            "%s returns %s, of which no binding knows what is behind it: put a function that "
            "returns a number, a struct or a string into a .c file"
            % (self.declaration.name, made.text)
        )


def _struct_type(tag: str) -> str:
    """Not the user's own tag: a system header may define one of that name (struct tm)."""
    return "struct user_" + tag


def _out_item(made: Type) -> str:
    """What a pointer that the function writes through points to; "" where it can't be one."""
    to = made.target
    if made.kind != "pointer" or to is None or to.const:
        return ""
    if to.kind == "struct":
        return _struct_type(to.name)
    return (CHAR if to.name == "char" else to.name) if to.kind == "scalar" else ""


def _is_integer(param: Parameter) -> bool:
    return param.type.kind == "scalar" and (
        param.type.name == "char" or SCALARS[param.type.name].kind == "int"
    )


def _is_wide(to: Type) -> bool:
    return to.kind == "scalar" and to.text.split()[-1] == "wchar_t"


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
