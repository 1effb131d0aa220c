# SPDX-License-Identifier: MIT
"""How each parameter of a C prototype comes from Python in a PyO3 function: Rust types and statements.

Structs come and go as tuples, a string is copied to end it with a null (CString), a callback is
reached through a thread-local pointer to the callable of the call that is under way.
"""

from typing import Any, Dict, FrozenSet, List, NamedTuple, Optional

import _model
from _model import Inexpressible

_MAX_TUPLE = 12  # PyO3 converts no longer ones

RUST = {
    "bool": "bool",
    "signed char": "c_schar",
    "unsigned char": "c_uchar",
    "short": "c_short",
    "unsigned short": "c_ushort",
    "int": "c_int",
    "unsigned int": "c_uint",
    "long": "c_long",
    "unsigned long": "c_ulong",
    "long long": "c_longlong",
    "unsigned long long": "c_ulonglong",
    "int8_t": "i8",
    "uint8_t": "u8",
    "int16_t": "i16",
    "uint16_t": "u16",
    "int32_t": "i32",
    "uint32_t": "u32",
    "int64_t": "i64",
    "uint64_t": "u64",
    "size_t": "usize",
    "ssize_t": "isize",
    "float": "f32",
    "double": "f64",
    "float _Complex": "Complex<f32>",
    "double _Complex": "Complex<f64>",
}

# Items that PyBuffer<T> doesn't know -> their buffer format.
_FORMATS = {"bool": "?", "float _Complex": "Zf", "double _Complex": "Zd"}

_KEYWORDS = frozenset(
    "abstract as async await become box break const continue do dyn else enum extern false final fn"
    " for gen if impl in let loop macro match mod move mut override priv pub ref return static"
    " struct trait true try type typeof unsafe unsized use virtual where while yield".split()
)
NEVER_NAMES = frozenset(["crate", "self", "Self", "super"])


def identifier(name: str) -> str:
    if name in NEVER_NAMES:
        return name + "_"
    return "r#" + name if name in _KEYWORDS else name


class Argument(NamedTuple):
    """How one C parameter is declared and passed."""

    native: str  # its type in the declaration
    passed: str  # what the call passes
    python: Optional[str] = None  # its type in the Python function; None: an out-parameter
    before: List[str] = []  # statements that check and convert
    enter: List[str] = []  # just before the call: nothing fails from here to leave
    leave: List[str] = []
    after: List[str] = []
    fails: bool = False  # whether before or after may return an error


def tuple_of(parts: List[str]) -> str:
    if len(parts) > _MAX_TUPLE:
        raise Inexpressible("PyO3 converts tuples of at most %d items" % _MAX_TUPLE)
    return "(%s)" % ("".join(p + ", " for p in parts)[: -1 if len(parts) == 1 else -2])


class Arguments:
    """Reads one prototype; argument() is for every parameter, the rest for whoever writes the file."""

    def __init__(self, prototype: Dict[str, Any], abi3: str, options: FrozenSet[str]) -> None:
        if "long double" in _model.types(prototype):
            raise Inexpressible("Rust has no long double")
        self.prototype = prototype
        # The stable ABI has neither buffers nor the UTF-8 of a str in its first versions.
        self.old_abi3 = abi3 in ("abi3-py38", "abi3-py39")
        self.options = options

    # --- structs

    def fields(self, ctype: str) -> List[Dict[str, str]]:
        found = _model.fields(self.prototype, ctype)
        if not found:
            raise Inexpressible("'%s' is no type that this binding converts" % ctype)
        return found

    @staticmethod
    def struct_name(ctype: str) -> str:
        return identifier(ctype.split()[-1])

    def struct_tuple_type(self, ctype: str) -> str:
        return tuple_of([RUST[f["type"]] for f in self.fields(ctype)])

    def from_tuple(self, ctype: str, name: str) -> str:
        filled = [
            "%s: %s.%d" % (identifier(f["name"]), name, i) for i, f in enumerate(self.fields(ctype))
        ]
        return "native::%s { %s }" % (self.struct_name(ctype), ", ".join(filled))

    def to_tuple(self, ctype: str, name: str) -> str:
        return tuple_of(["%s.%s" % (name, identifier(f["name"])) for f in self.fields(ctype)])

    # --- parameters

    def pointer(self, param: Dict[str, Any], to: str) -> str:
        const = param["type"].lstrip().startswith("const ") or " const " in param["type"]
        return ("*const " if const else "*mut ") + to

    def value(self, param: Dict[str, Any], name: str) -> Argument:
        ctype = param["type"]
        if ctype in RUST:
            return Argument(RUST[ctype], name, RUST[ctype])
        before = ["let %s = %s;" % (name, self.from_tuple(ctype, name))]
        return Argument(self.struct_name(ctype), name, self.struct_tuple_type(ctype), before)

    def struct(self, param: Dict[str, Any], name: str) -> Argument:
        native = self.pointer(param, self.struct_name(param["item"]))
        const = native.startswith("*const")
        before = [
            "let %s%s = %s;" % ("" if const else "mut ", name, self.from_tuple(param["item"], name))
        ]
        python = self.struct_tuple_type(param["item"])
        return Argument(native, ("&" if const else "&mut ") + name, python, before)

    def string(self, param: Dict[str, Any], name: str) -> Argument:
        python, owned = "&[u8]", name
        if "str" in param.get("accepts", "str"):
            python, owned = "&str", name
            if self.old_abi3:
                python, owned = "Cow<'_, str>", name + ".into_owned()"
        before = ["let %s = CString::new(%s)?;" % (name, owned)]
        native = self.pointer(param, "c_char")
        passed = name + (".as_ptr()" if native.startswith("*const") else ".as_ptr().cast_mut()")
        return Argument(native, passed, python, before, fails=True)

    def buffer(self, param: Dict[str, Any], name: str) -> Argument:
        if self.old_abi3:
            raise Inexpressible("buffers are in the stable ABI since 3.11 only (option py311)")
        item = param["item"]
        rust = "c_void" if item == "void" else RUST[item]
        native = self.pointer(param, rust)
        python, checks = "PyBuffer<%s>" % rust, ["!%s.is_c_contiguous()" % name]
        before = []
        if item == "void" or item in _FORMATS:
            python = "&Bound<'_, PyAny>"
            before.append("let %s = PyUntypedBuffer::get(%s)?;" % (name, name))
        if item in _FORMATS:
            checks.append('%s.format() != c"%s"' % (name, _FORMATS[item]))
            checks.append("!%s.buf_ptr().cast::<%s>().is_aligned()" % (name, rust))
        before += self.refuse(
            " || ".join(checks),
            "PyBufferError",
            "%s: a contiguous buffer of %s is needed" % (param["name"], item),
        )
        if native.startswith("*mut"):
            before += self.refuse(
                name + ".readonly()", "PyBufferError", "%s is read-only" % param["name"]
            )
        if "length" in param:
            before += self.refuse(
                "%s.%s() < %s as usize"
                % (
                    name,
                    "len_bytes" if item == "void" else "item_count",
                    identifier(param["length"]),
                ),
                "PyValueError",
                "%s holds fewer values than %s" % (param["name"], param["length"]),
            )
        passed = "%s.buf_ptr()" % name
        return Argument(
            native, passed if item == "void" else passed + ".cast()", python, before, fails=True
        )

    @staticmethod
    def refuse(condition: str, error: str, message: str) -> List[str]:
        return ["if %s {" % condition, '    return Err(%s::new_err("%s"));' % (error, message), "}"]

    def out(self, param: Dict[str, Any], name: str) -> Argument:
        item = param["item"]
        rust = RUST[item] if item in RUST else self.struct_name(item)
        local = rust if item in RUST else "native::" + rust
        before = ["let mut %s: %s = Default::default();" % (name, local)]
        return Argument("*mut " + rust, "&mut " + name, None, before)

    def callback(self, param: Dict[str, Any], name: str) -> Argument:
        wanted = param["callback"]
        types = [RUST[t] for t in wanted["params"]]
        arrow = "" if wanted["returns"] == "void" else " -> " + RUST[wanted["returns"]]
        slot = self.slot(param)
        before = self.refuse(
            "!%s.is_callable()" % name, "PyTypeError", "%s must be callable" % param["name"]
        )
        before += [
            "let mut %s = Callback {" % name,
            "    callable: %s.unbind()," % name,
            "    error: None,",
            "};",
        ]
        return Argument(
            native='extern "C" fn(%s)%s' % (", ".join(types), arrow),
            passed="pb_call_" + param["name"],
            python="Bound<'_, PyAny>",
            before=before,
            # The callable may call this function again.
            enter=["let pb_outer_%s = %s.replace(&mut %s);" % (param["name"], slot, name)],
            leave=["%s.set(pb_outer_%s);" % (slot, param["name"])],
            after=["if let Some(error) = %s.error {" % name, "    return Err(error);", "}"],
            fails=True,
        )

    @staticmethod
    def slot(param: Dict[str, Any]) -> str:
        return "PB_CALLBACK_%s" % param["name"].upper()

    def null(self, param: Dict[str, Any], name: str) -> Argument:
        return Argument(
            "*const c_void", "ptr::null()", "&Bound<'_, PyNone>", ["let _ = %s;" % name]
        )

    def argument(self, param: Dict[str, Any]) -> Argument:
        write = getattr(self, _model.role(param))
        argument: Argument = write(param, identifier(param["name"]))
        return argument
