# SPDX-License-Identifier: MIT
"""Cython modules around one function: what its documentation does for each kind of C type.

  scalars    typed arguments of a def function, converted by Cython
  strings    const char *; str by the directives c_string_type and c_string_encoding
  buffers    typed memoryviews; a void * by the buffer protocol, as no memoryview has items of void
  structs    an extension type that holds the struct
  callbacks  a cdef function declared "except *", so that an exception stays set while the target
             runs on, and the target declared the same, so that it is raised when that returns

The function that is called is declared in a header, under a name of ours with its symbol as an asm
label: so the C compiler can't take it for one of its built-in functions and leave the call out.
"""

import keyword
import os
import sys
import sysconfig
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
import _bound
import _model
from _bound import class_name
from _model import fields, outs, passed, role

Json = Dict[str, Any]

FREE_THREADED = sysconfig.get_config_var("Py_GIL_DISABLED") == 1

# Words that can name a C parameter or a field and not a Cython variable.
_RESERVED = frozenset(keyword.kwlist) | frozenset(
    "cdef cimport cpdef ctypedef include gil nogil object print exec NULL DEF IF ELIF ELSE by".split()
)
_BUILT_IN = frozenset(
    "float double int long short unsigned signed char size_t ssize_t void".split()
)


def _safe(name: str) -> str:
    return name + "_" if name in _RESERVED or name.startswith("__") else name


class Passed(NamedTuple):
    """What stands for one parameter in the call, and what that takes."""

    value: str
    before: List[str] = []
    acquire: str = ""
    release: str = ""  # undoes acquire after the call, whatever happened


class Source:
    """Writes the .pyx file and its header for one prototype."""

    def __init__(self, prototype: Json, module: str, options: Any) -> None:
        self.prototype = prototype
        self.module = module
        self.nogil = "nogil" in options
        self.positional = "positional" in options
        self.freethreading = "freethreading" in options
        self.roles = [role(p) for p in prototype["params"]]
        self.calls_back = "callback" in self.roles
        if prototype["name"] in keyword.kwlist:
            raise _model.Inexpressible("'%s' is a keyword of Python" % prototype["name"])

    # --- types

    def ctype(self, ctype: str) -> str:
        """A C type as Cython writes it; the prototype's structs have names of ours."""
        words = [w for w in ctype.replace("*", " * ").split() if w != "struct"]
        if "_Complex" in words:
            words[words.index("_Complex")] = "complex"
        known = {s["type"].split()[-1]: "c_" + s["type"].split()[-1] for s in self.structs()}
        known["bool"] = "c_bool"
        return " ".join(known.get(w, w) for w in words)

    def structs(self) -> List[Json]:
        found: List[Json] = self.prototype.get("structs", [])
        return found

    def types(self) -> Iterator[str]:
        """Every C type that is named."""
        yield self.prototype["returns"]
        for param in self.prototype["params"]:
            yield param["type"]
            yield param.get("item", "void")
            if role(param) == "callback":
                yield param["callback"]["returns"]
                yield from param["callback"]["params"]
        for struct in self.structs():
            yield from (f["type"] for f in struct["fields"])

    # --- the header

    def header(self) -> str:
        params = ", ".join(p["type"] for p in self.prototype["params"])
        return '#pragma once\n%s%s%s %s(%s) __asm__("%s");\n' % (
            _model.HEADERS,
            _model.struct_definitions(self.prototype),
            self.prototype["returns"],
            self.target,
            params or "void",
            self.prototype["name"],
        )

    @property
    def target(self) -> str:
        return "target_%s" % self.prototype["name"]

    # --- the module

    def text(self) -> str:
        parts = ["\n".join(self._directives())]
        parts += [
            "\n".join(lines) for lines in (list(self._imports()), list(self._extern())) if lines
        ]
        parts += ["\n".join(lines) for lines in self._classes()]
        parts += ["\n".join(lines) for lines in self._callbacks()]
        parts.append("\n".join(self._function()))
        return "\n\n".join(parts) + "\n"

    def _directives(self) -> Iterator[str]:
        yield "# cython: language_level=3"
        strings = [p for p in self.prototype["params"] if role(p) == "string"]
        text = any("str" in p.get("accepts", ["str"]) for p in strings)
        if text or "*" in self.prototype["returns"]:
            yield "# cython: c_string_type=str, c_string_encoding=utf8"
        if self.freethreading:
            yield "# cython: freethreading_compatible=True"

    def _imports(self) -> Iterator[str]:
        ints = {w for t in self.types() for w in t.split() if w.endswith("_t")}
        ints = {w for w in ints if w in _model.SCALARS and w not in _BUILT_IN}
        if ints:
            yield "from libc.stdint cimport %s" % ", ".join(sorted(ints))
        if self._with(role="buffer", item="void"):
            yield (
                "from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, "
                "PyObject_GetBuffer"
            )
        if self.calls_back:
            yield "from cpython.exc cimport PyErr_Occurred"
            yield "from cpython.ref cimport PyObject"

    def _with(self, **wanted: str) -> List[Json]:
        """The parameters with these entries."""
        params = self.prototype["params"]
        return [p for p in params if all(p.get(k) == v for k, v in wanted.items())]

    def _extern(self) -> Iterator[str]:
        if any("bool" in t.split() for t in self.types()):
            yield 'cdef extern from "<stdbool.h>":'
            yield '    ctypedef bint c_bool "bool"'
            yield ""
        yield 'cdef extern from "%s.h"%s:' % (self.module, " nogil" if self.nogil else "")
        for struct in self.structs():
            kind = "cdef" if struct["type"].startswith("struct ") else "ctypedef"
            name = struct["type"].split()[-1]
            yield '    %s struct c_%s "%s":' % (kind, name, name)
            for field in struct["fields"]:
                yield "        " + self._member(field)
        returns = self.ctype(self.prototype["returns"])
        params = ", ".join(self._declared(p) for p in self.prototype["params"])
        # Without the GIL that would take it again to look for an exception.
        raises = " except *" if self.calls_back and not self.nogil else ""
        yield "    %s %s(%s)%s" % (returns, self.target, params, raises)

    def _member(self, field: Dict[str, str]) -> str:
        safe = _safe(field["name"])
        given = safe if safe == field["name"] else '%s "%s"' % (safe, field["name"])
        return "%s %s" % (self.ctype(field["type"]), given)

    def _declared(self, param: Json) -> str:
        name = _safe(param["name"])
        if role(param) == "null":  # which may well be a pointer to a function
            return "void *" + name
        if role(param) != "callback":
            return "%s %s" % (self.ctype(param["type"]), name)
        wanted = param["callback"]
        types = ", ".join(self.ctype(t) for t in wanted["params"])
        return "%s (*%s)(%s) except *" % (self.ctype(wanted["returns"]), name, types)

    def _classes(self) -> Iterator[List[str]]:
        for struct in self.structs():
            names = [(self.ctype(f["type"]), _safe(f["name"])) for f in struct["fields"]]
            lines = ["cdef class %s:" % class_name(self.prototype, struct["type"])]
            lines += ["    cdef %s value" % self.ctype(struct["type"]), ""]
            lines.append("    def __init__(self, %s):" % ", ".join("%s %s" % n for n in names))
            lines += ["        self.value.%s = %s" % (n, n) for _, n in names]
            for _, name in names:
                lines += ["", "    @property", "    def %s(self):" % name]
                lines.append("        return self.value.%s" % name)
            yield lines

    def _callbacks(self) -> Iterator[List[str]]:
        for param in self.prototype["params"]:
            if role(param) != "callback":
                continue
            wanted = param["callback"]
            name = param["name"]
            yield [
                "cdef extern from *:",
                '    """',
                "    static _Thread_local PyObject *pb_callable_%s;" % name,
                '    """',
                "    PyObject *pb_callable_%s" % name,
            ]
            names = ["a%d" % i for i in range(len(wanted["params"]))]
            params = ", ".join(
                "%s %s" % (self.ctype(t), n) for t, n in zip(wanted["params"], names)
            )
            call = "(<object> pb_callable_%s)(%s)" % (name, ", ".join(names))
            void = wanted["returns"] == "void"
            # The target may call on after an exception; it is still set then.
            yield [
                "cdef %s call_%s(%s) except *%s:"
                % (
                    self.ctype(wanted["returns"]),
                    name,
                    params,
                    " with gil" if self.nogil else "",
                ),
                "    if PyErr_Occurred():",
                "        return" if void else "        return 0",
                "    " + ("" if void else "return ") + call,
            ]

        if self.calls_back and self.nogil:  # "except *" does it: looks, and raises what it finds
            yield ["cdef void raise_pending() except *:", "    pass"]

    # --- the function

    def _function(self) -> Iterator[str]:
        params = [self._parameter(p) for p in passed(self.prototype)]
        if self.positional and params:
            params.append("/")
        yield "def %s(%s):" % (self.prototype["name"], ", ".join(params))
        made = [self._value(p) for p in self.prototype["params"]]
        declarations, body = self._call([m.value for m in made])
        before = [line for m in made for line in m.before]
        checks = [line for p in self.prototype["params"] for line in self._check_length(p)]
        held = [m for m in made if m.acquire]
        shared = ["global pb_callable_" + p["name"] for p in self._with(role="callback")]
        yield from ("    " + line for line in [*shared, *before, *declarations])
        depth = "    "
        for each in held:
            yield depth + each.acquire
            yield depth + "try:"
            depth += "    "
        yield from (depth + line for line in [*checks, *body])
        for each in reversed(held):
            depth = depth[:-4]
            yield depth + "finally:"
            yield depth + "    " + each.release

    def _parameter(self, param: Json) -> str:
        kind = role(param)
        name = _safe(param["name"])
        if kind in ("value", "struct"):
            ctype = param["item"] if kind == "struct" else param["type"]
            if fields(self.prototype, ctype) is not None:
                return "%s %s not None" % (class_name(self.prototype, ctype), name)
            return "%s %s" % (self.ctype(ctype), name)
        if kind == "string":
            return "const char *" + name
        if kind == "buffer" and param["item"] != "void":
            return "%s[::1] %s not None" % (self._item(param), name)
        return name

    def _item(self, param: Json) -> str:
        """The item of a memoryview; a bool of C is a byte in a buffer."""
        item = "unsigned char" if param["item"] == "bool" else self.ctype(param["item"])
        return ("const " if "const" in param["type"].split() else "") + item

    def _value(self, param: Json) -> Passed:
        kind = role(param)
        name = _safe(param["name"])
        if kind == "value":
            struct = fields(self.prototype, param["type"])
            return Passed(name if struct is None else name + ".value")
        if kind == "string":
            return Passed(name)
        if kind == "struct":
            return Passed("&%s.value" % name)
        if kind == "out":
            return self._out(param)
        if kind == "null":
            check = ["if %s is not None:" % name, '    raise TypeError("%s must be None")' % name]
            return Passed("NULL", check)
        if kind == "callback":
            held = "pb_callable_" + param["name"]
            before = ["if not callable(%s):" % name]
            before.append('    raise TypeError("%s must be callable")' % name)
            before.append("cdef PyObject *pb_outer_%s = %s" % (name, held))
            acquire = "%s = <PyObject *> %s" % (held, name)
            release = "%s = pb_outer_%s" % (held, name)
            return Passed("call_" + param["name"], before, acquire, release)
        return self._buffer(param)

    def _buffer(self, param: Json) -> Passed:
        name = _safe(param["name"])
        if param["item"] == "void":
            flag = "PyBUF_SIMPLE" if "const" in param["type"].split() else "PyBUF_WRITABLE"
            return Passed(
                "pb_%s.buf" % name,
                ["cdef Py_buffer pb_%s" % name],
                "PyObject_GetBuffer(%s, &pb_%s, %s)" % (name, name, flag),
                "PyBuffer_Release(&pb_%s)" % name,
            )
        # &values[0] of an empty memoryview raises IndexError.
        line = "cdef %s *pb_%s = &%s[0] if %s.shape[0] else NULL"
        cast = "<%s> " % self.ctype(param["type"]) if param["item"] == "bool" else ""
        return Passed(cast + "pb_" + name, [line % (self._item(param), name, name, name)])

    def _out(self, param: Json) -> Passed:
        name = "pb_" + _safe(param["name"])
        if fields(self.prototype, param["item"]) is None:
            return Passed("&" + name, ["cdef %s %s = 0" % (self.ctype(param["item"]), name)])
        return Passed("&%s.value" % name, [self._instance(param["item"], name)])

    def _instance(self, ctype: str, name: str) -> str:
        """A new object whose struct is all zero, without its __init__()."""
        class_ = class_name(self.prototype, ctype)
        return "cdef %s %s = %s.__new__(%s)" % (class_, name, class_, class_)

    def _check_length(self, param: Json) -> List[str]:
        found = [p for p in self.prototype["params"] if p["name"] == param.get("length")]
        if role(param) != "buffer" or not found:
            return []
        length = _safe(found[0]["name"])
        items = ("pb_%s.len" if param["item"] == "void" else "%s.shape[0]") % _safe(param["name"])
        negative = "%s < 0 or " % length if _model.SCALARS[found[0]["type"]].signed else ""
        message = "%s holds fewer items than %s" % (param["name"], found[0]["name"])
        return [
            "if %s<size_t> %s > <size_t> %s:" % (negative, length, items),
            '    raise ValueError("%s")' % message,
        ]

    def _call(self, values: List[str]) -> Tuple[List[str], List[str]]:
        """Declarations; the call itself with the return of its result and the out-parameters."""
        call = "%s(%s)" % (self.target, ", ".join(values))
        returns = self.prototype["returns"]
        given = ["pb_" + _safe(p["name"]) for p in outs(self.prototype)]
        struct = fields(self.prototype, returns) is not None
        pointer = "*" in returns
        if not (given or struct or pointer or self.nogil):
            return [], [call if returns == "void" else "return " + call]
        declarations: List[str] = []
        if returns != "void":
            if struct:
                declarations.append(self._instance(returns, "pb_result"))
            else:
                declarations.append("cdef %s pb_result" % self.ctype(returns))
            call = "pb_result%s = %s" % (".value" if struct else "", call)
            # Cython would make a str of NULL, and crash.
            given.insert(
                0, "(None if pb_result is NULL else pb_result)" if pointer else "pb_result"
            )
        body = ["with nogil:", "    " + call] if self.nogil else [call]
        body += ["raise_pending()"] if self.nogil and self.calls_back else []
        return declarations, [*body, *(["return " + ", ".join(given)] if given else [])]


class Generator(_bound.Generator):
    """A path whose modules Cython writes in C."""

    def attribute(self, field: str) -> str:
        return _safe(field)

    def build(
        self,
        prototype: Json,
        out_dir: str,
        cc: Any,
        lib_dir: str,
        options: Any,
        flags: Tuple[str, ...] = (),
        abi3: bool = False,
    ) -> None:
        import Cython

        module = self.module(prototype)
        source = Source(prototype, module, options)
        path = os.path.join(out_dir, module)
        with open(path + ".pyx", "w", encoding="utf-8") as f:
            f.write(source.text())
        with open(path + ".h", "w", encoding="utf-8") as f:
            f.write(source.header())
        packages = os.path.dirname(os.path.dirname(os.path.abspath(Cython.__file__)))
        cc.run(
            [sys.executable, "-m", "cython", module + ".pyx", "-o", module + ".c"],
            "Cython",
            module,
            cwd=out_dir,
            env={"PYTHONPATH": packages},
        )
        cc.extension(
            module,
            [path + ".c"],
            out_dir,
            flags=["-g0", *flags],
            include=[out_dir],
            library_dirs=[lib_dir],
            libraries=["probe_target_" + prototype["name"]],
            abi3=abi3,
        )
