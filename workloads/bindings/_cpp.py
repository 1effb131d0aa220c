# SPDX-License-Identifier: MIT
"""The C++ file of an extension module around one function, for nanobind and pybind11.

The two libraries share their shape; what differs between them is a Library. A function whose types
the library converts by itself is bound by its pointer, m.def("add", &add), as both introductions
do; any other one by a lambda around the call, as both advise for out-parameters and arrays.

The target is declared under a name of ours with its symbol as an asm label: it can't clash with a
C++ keyword or with a declaration in a system header, and the compiler can't take it for one of its
built-in functions and leave the call out.
"""

import itertools
import os
import sys
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Tuple

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
import _bound
import _model
from _bound import class_name
from _model import Inexpressible, outs, passed, role

Json = Dict[str, Any]


# Words of C++ that may name a field in C.
_KEYWORDS = frozenset(
    "alignas alignof and and_eq asm bitand bitor catch class compl constexpr decltype delete"
    " explicit export false friend mutable namespace new noexcept not not_eq nullptr operator or"
    " or_eq private protected public static_assert template this thread_local throw true try"
    " typeid typename using virtual wchar_t xor xor_eq".split()
)


class Buffer(NamedTuple):
    """How a buffer gets into a call. "@" stands for the lambda's parameter."""

    take: str  # type of the lambda's parameter
    checks: List[str]  # statements before the call
    data: str  # pointer to the items
    items: str  # how many items there are; bytes where the item is void


class Library(NamedTuple):
    """What differs between nanobind and pybind11."""

    space: str  # the alias of the library's namespace
    includes: Dict[str, str]  # "core", "buffer", "complex", "tuple" -> a header or ""
    helpers: str  # C++ that the buffers' checks use
    module: str  # the macro that begins a module; @ stands for the module's name
    init: str  # adds a constructor to a class: %(type)s, %(params)s, %(names)s
    local: str  # makes a class this module's own: others may have one of the same name
    member: str  # the class's method for a field, and the one for a pair of functions
    property: str
    callable: str
    text: Dict[str, str]  # "str", "bytes" -> type of a lambda's parameter for a string
    direct_text: Tuple[str, ...]  # what a parameter of type const char * takes as well
    annotations: Dict[str, str]  # role -> what is added to such a parameter's nb::arg()
    docstring: bool  # whether its introduction gives the function one
    buffer: Callable[[Json], Buffer]


def _is_complex(ctype: str) -> bool:
    return ctype in _model.SCALARS and _model.SCALARS[ctype].kind == "complex"


def cpp_type(ctype: str) -> str:
    """The C++ type of the same layout; the libraries know std::complex only."""
    return "std::complex<%s>" % ctype.split()[0] if _is_complex(ctype) else ctype


def _from_c(ctype: str, expression: str) -> str:
    return "bits<%s>(%s)" % (cpp_type(ctype), expression) if _is_complex(ctype) else expression


def _to_c(ctype: str, expression: str) -> str:
    return "bits<%s>(%s)" % (ctype, expression) if _is_complex(ctype) else expression


def accepts(param: Json) -> List[str]:
    found = param.get("accepts", ["str", "bytes"])
    return [found] if isinstance(found, str) else list(found)


def _string(text: str) -> str:
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"')


class Source:
    """Writes the file for one prototype."""

    def __init__(self, library: Library, prototype: Json, module: str, options: Any) -> None:
        self.library = library
        self.prototype = prototype
        self.module = module
        self.nogil = "nogil" in options
        self.keywords = "keywords" in options
        self.target = "target_" + prototype["name"]
        # Its caster for floating-point numbers knows float and double, and looks at no other.
        if library.space == "nb" and "long double" in _model.types(prototype):
            raise Inexpressible("nanobind does not convert a long double")
        for struct in prototype.get("structs", []):
            for field in struct["fields"]:
                if field["name"] in _KEYWORDS:
                    raise Inexpressible("C++ can't have a field called '%s'" % field["name"])

    def text(self) -> str:
        parts = [self._head(), *self._callbacks(), *self._helpers()]
        body = [*self._classes(), *self._definitions()]
        opening = self.library.module.replace("@", self.module)
        parts.append("%s {\n%s}\n" % (opening, "".join("\t%s\n" % line for line in body)))
        return "\n".join(parts)

    # --- before the module

    def _roles(self) -> List[str]:
        return [role(p) for p in self.prototype["params"]]

    def _uses_complex(self) -> bool:
        callbacks = [p["callback"] for p in self.prototype["params"] if role(p) == "callback"]
        types = [self.prototype["returns"], *(c["returns"] for c in callbacks)]
        types += [t for c in callbacks for t in c["params"]]
        types += [p.get("item", p["type"]) for p in self.prototype["params"]]
        for struct in self.prototype.get("structs", []):
            types += [f["type"] for f in struct["fields"]]
        return any(_is_complex(t) for t in types)

    def _head(self) -> str:
        headers = ["core"]
        headers += ["buffer"] if "buffer" in self._roles() else []
        headers += ["complex"] if self._uses_complex() else []
        headers += ["tuple"] if "out" in self._roles() else []
        found = [self.library.includes[h] for h in headers]
        found += ["<complex>", "<cstring>", "<exception>", "<stdint.h>", "<sys/types.h>"]
        kinds = ", ".join(p["type"] for p in self.prototype["params"])
        alias = "nanobind" if self.library.space == "nb" else "pybind11"
        return '%s\nnamespace %s = %s;\n\nextern "C" {\n%s%s %s(%s) __asm__("%s");\n}\n' % (
            "".join("#include %s\n" % h for h in found if h),
            self.library.space,
            alias,
            _model.struct_definitions(self.prototype),
            self.prototype["returns"],
            self.target,
            kinds or "void",
            self.prototype["name"],
        )

    def _helpers(self) -> Iterator[str]:
        if "buffer" in self._roles() and self.library.helpers:
            yield self.library.helpers

    def _callbacks(self) -> Iterator[str]:
        if self._uses_complex():
            yield _BITS
        for param in self.prototype["params"]:
            if role(param) != "callback":
                continue
            wanted = param["callback"]
            names = ["a%d" % i for i in range(len(wanted["params"]))]
            given = ", ".join(_from_c(t, n) for t, n in zip(wanted["params"], names))
            call = "(*call->function)(%s)" % given
            if wanted["returns"] == "void":
                give = call + ";"
            else:
                cast = "%s::cast<%s>(%s)" % (self.library.space, cpp_type(wanted["returns"]), call)
                give = "return %s;" % _to_c(wanted["returns"], cast)
            yield _CALLBACK % {
                "name": param["name"],
                "callable": "%s::%s" % (self.library.space, self.library.callable),
                "returns": wanted["returns"],
                "params": ", ".join("%s %s" % p for p in zip(wanted["params"], names)),
                "gil": (
                    "\t%s::gil_scoped_acquire gil;\n" % self.library.space if self.nogil else ""
                ),
                "give": give,
                "none": "" if wanted["returns"] == "void" else " {}",
            }

    # --- in the module

    def _classes(self) -> Iterator[str]:
        for struct in self.prototype.get("structs", []):
            ctype = struct["type"]
            params = ", ".join(
                "%s %s_" % (cpp_type(f["type"]), f["name"]) for f in struct["fields"]
            )
            names = ", ".join(_to_c(f["type"], f["name"] + "_") for f in struct["fields"])
            name = class_name(self.prototype, ctype)
            extra = self.library.local
            yield '%s::class_<%s>(m, "%s"%s)' % (self.library.space, ctype, name, extra)
            made = {"type": ctype.split()[-1], "params": params, "names": names}
            lines = [self.library.init % made]
            lines += [self._field(ctype, f["type"], f["name"]) for f in struct["fields"]]
            yield from ("\t" + line for line in lines[:-1])
            yield "\t%s;" % lines[-1]

    def _field(self, ctype: str, type_: str, name: str) -> str:
        if not _is_complex(type_):
            return '.%s("%s", &%s::%s)' % (self.library.member, name, ctype.split()[-1], name)
        get = "[](const %s &self) { return %s; }" % (ctype, _from_c(type_, "self." + name))
        put = "[](%s &self, %s value) { self.%s = %s; }" % (
            ctype,
            cpp_type(type_),
            name,
            _to_c(type_, "value"),
        )
        return '.%s("%s", %s, %s)' % (self.library.property, name, get, put)

    def _definitions(self) -> Iterator[str]:
        """One m.def() for each kind of strings that is wanted: overloads, as both libraries say."""
        strings = [p for p in self.prototype["params"] if role(p) == "string"]
        kinds = [list(self._text_kinds(p)) for p in strings]
        for chosen in itertools.product(*kinds):
            yield from self._definition(dict(zip([p["name"] for p in strings], chosen)))

    def _text_kinds(self, param: Json) -> Iterator[str]:
        """What the overloads for a string take: const char * where that takes all."""
        wanted = accepts(param)
        if all(kind in self.library.direct_text for kind in wanted):
            yield ""
        else:
            yield from wanted

    def _direct(self, texts: Dict[str, str]) -> bool:
        """Whether the library converts everything, so that the pointer alone will do."""
        if _is_complex(self.prototype["returns"]):
            return False
        for param in self.prototype["params"]:
            if role(param) == "string" and self._is_char_pointer(texts[param["name"]]):
                continue
            if role(param) != "value" or _is_complex(param["type"]):
                return False
        return True

    def _is_char_pointer(self, kind: str) -> bool:
        return not kind or self.library.text[kind] == "const char *"

    def _definition(self, texts: Dict[str, str]) -> Iterator[str]:
        space = self.library.space
        extras = self._annotations()
        start = "m.def(%s, " % _string(self.prototype["name"])
        if self._direct(texts):
            if self.nogil:
                extras.insert(0, "%s::call_guard<%s::gil_scoped_release>()" % (space, space))
            yield start + ", ".join(["&" + self.target, *extras]) + ");"
            return
        params, lines = self._lambda(texts)
        yield "%s[](%s) {" % (start, ", ".join(params))
        yield from ("\t" + line for line in lines)
        yield "}%s);" % "".join(", " + e for e in extras)

    def _annotations(self) -> List[str]:
        found = []
        named = self.keywords
        special = self.library.annotations
        if named or any(r in special for r in self._roles()):
            for param in passed(self.prototype):
                made = "%s::arg(%s)" % (
                    self.library.space,
                    _string(param["name"]) if named else "",
                )
                found.append(made + special.get(role(param), ""))
        if named or self.library.docstring:
            found.append(_string(_model.function(self.prototype).rstrip(";")))
        return found

    def _lambda(self, texts: Dict[str, str]) -> Tuple[List[str], List[str]]:
        """Its parameters and its body."""
        params: List[str] = []
        before: List[str] = []
        values: List[str] = []
        after: List[str] = []
        for param in self.prototype["params"]:
            take, lines, value = self._param(param, texts.get(param["name"], ""))
            params += [take] if take else []
            before += lines
            values.append(value)
            if role(param) == "callback":
                after.append("%s_call.rethrow();" % param["name"])
        call = "%s(%s)" % (self.target, ", ".join(values))
        given = [_from_c(p["item"], p["name"] + "_") for p in outs(self.prototype)]
        returns = self.prototype["returns"]
        if not (self.nogil or after or given):
            give = call if returns == "void" else "return " + _from_c(returns, call)
            return params, [*before, give + ";"]
        if returns != "void":
            given.insert(0, _from_c(returns, "result"))
            before.append("%s result;" % returns)
            call = "result = " + call
        if self.nogil:
            release = "%s::gil_scoped_release release;" % self.library.space
            before += ["{", "\t" + release, "\t%s;" % call, "}"]
        else:
            before.append(call + ";")
        if given:
            after.append("return %s;" % (given[0] if len(given) == 1 else _tuple(given)))
        return params, [*before, *after]

    def _param(self, param: Json, text: str) -> Tuple[str, List[str], str]:
        """A parameter of the lambda, statements before the call, and what is passed on."""
        name = param["name"] + "_"
        kind = role(param)
        if kind == "value":
            return "%s %s" % (cpp_type(param["type"]), name), [], _to_c(param["type"], name)
        if kind == "string":
            if self._is_char_pointer(text):
                return "const char *" + name, [], name
            made = "%s %s" % (self.library.text[text], name)
            return made, ["const char *%stext = %s.c_str();" % (name, name)], name + "text"
        if kind == "struct":
            return "%s &%s" % (_const(param) + param["item"], name), [], "&" + name
        if kind == "out":
            return "", ["%s %s{};" % (param["item"], name)], "&" + name
        if kind == "null":
            check = [
                "if (!%s.is_none())" % name,
                "\tthrow %s::type_error(%s);"
                % (self.library.space, _string(param["name"] + " must be None")),
            ]
            return "%s::object %s" % (self.library.space, name), check, "nullptr"
        if kind == "callback":
            call = "Call_%s %s_call(%s);" % (param["name"], param["name"], name)
            take = "%s::%s %s" % (self.library.space, self.library.callable, name)
            return take, [call], "call_" + param["name"]
        if kind == "buffer":
            buffer = self.library.buffer(param)
            lines = [line.replace("@", name) for line in buffer.checks]
            lines += self._check_length(param, buffer.items.replace("@", name))
            # The type that the parameter has: const void * for a pointer to complex numbers.
            value = buffer.data.replace("@", name)
            if _is_complex(param["item"]):
                value = "reinterpret_cast<%s>(%s)" % (param["type"], value)
            return "%s %s" % (buffer.take, name), lines, value
        raise Inexpressible("%s can't express the role '%s'" % (self.library.space, kind))

    def _check_length(self, param: Json, items: str) -> List[str]:
        found = [p for p in self.prototype["params"] if p["name"] == param.get("length")]
        if not found:
            return []
        length = found[0]["name"] + "_"
        signed = _model.SCALARS[found[0]["type"]].signed
        condition = "static_cast<size_t>(%s) > %s" % (length, items)
        if signed:
            condition = "%s < 0 || %s" % (length, condition)
        message = "%s holds fewer items than %s" % (param["name"], found[0]["name"])
        return [
            "if (%s)" % condition,
            "\tthrow %s::value_error(%s);" % (self.library.space, _string(message)),
        ]


def _tuple(values: List[str]) -> str:
    return "std::make_tuple(%s)" % ", ".join(values)


def _const(param: Json) -> str:
    return "const " if "const" in param["type"].split() else ""


# std::complex<T> and T _Complex are laid out alike; there is no conversion between them.
_BITS = """\
template <typename To, typename From> static To bits(const From &from)
{
	static_assert(sizeof(To) == sizeof(From), "");
	To to;
	std::memcpy(&to, &from, sizeof to);
	return to;
}
"""

# A C callback without a user pointer finds its Python function through a pointer of the thread. A
# C++ exception must not leave through the frames of C, so it waits until the target has returned.
_CALLBACK = """\
struct Call_%(name)s {
	static thread_local Call_%(name)s *current;
	const %(callable)s *function;
	std::exception_ptr error;
	Call_%(name)s *outer;

	explicit Call_%(name)s(const %(callable)s &f) : function(&f), outer(current) { current = this; }
	Call_%(name)s(const Call_%(name)s &) = delete;
	~Call_%(name)s() { current = outer; }
	void rethrow()
	{
		if (error)
			std::rethrow_exception(error);
	}
};

thread_local Call_%(name)s *Call_%(name)s::current = nullptr;

extern "C" {
static %(returns)s call_%(name)s(%(params)s)
{
	Call_%(name)s *call = Call_%(name)s::current;
	if (call->error)
		return%(none)s;
%(gil)s	try {
		%(give)s
	} catch (...) {
		call->error = std::current_exception();
		return%(none)s;
	}
}
}
"""


class Generator(_bound.Generator):
    """A path of one of the two libraries; build() is each one's own."""

    def __init__(self, prefix: str, library: Library) -> None:
        super().__init__(prefix)
        self.library = library

    def write(self, prototype: Json, out_dir: str, options: Any) -> str:
        """Writes the module's source; returns its file."""
        path = os.path.join(out_dir, self.module(prototype) + ".cpp")
        with open(path, "w", encoding="utf-8") as f:
            f.write(Source(self.library, prototype, self.module(prototype), options).text())
        return path
