# SPDX-License-Identifier: MIT
"""Writes C extension modules around one function, with the checks that a careful author makes.

The three calling conventions differ only in how arguments arrive. The GIL is kept: releasing it is
an author's choice, and the usual one for short functions is to keep it.
"""

import os
import sys
from string import Template
from typing import Any, Callable, Dict, FrozenSet, List, NamedTuple, Optional, Tuple

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
import _extension
import _model
from _capi_frame import Take, body, convert, fail_if, private, target
from _capi_roles import Argument, Roles
from _capi_types import Dialect, Json

NO_OPTIONS: FrozenSet[str] = frozenset()

_HEAD = """\
#define PY_SSIZE_T_CLEAN
#include <Python.h>

${headers}#include <string.h>

$target"""

_ORDER = """
static const char *const pb_names[] = {$names};

/* The arguments in the order of the parameters: of those that come by name, too. */
static PyObject *const *in_order(PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
				 PyObject **ordered)
{
	const Py_ssize_t wanted = $count;
	const Py_ssize_t named = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
	if (nargs == wanted && !named)
		return args;
	if (nargs > wanted) {
		PyErr_Format(PyExc_TypeError, "$name() takes $count arguments (%zd given)",
			     nargs + named);
		return NULL;
	}
	for (Py_ssize_t i = 0; i < wanted; i++)
		ordered[i] = i < nargs ? args[i] : NULL;
	for (Py_ssize_t i = 0; i < named; i++) {
		PyObject *name = PyTuple_GET_ITEM(kwnames, i);
		Py_ssize_t at = 0;
		while (at < wanted && PyUnicode_CompareWithASCIIString(name, pb_names[at]))
			at++;
		if (at == wanted || ordered[at]) {
			PyErr_Format(PyExc_TypeError, "$name() got an unexpected argument '%U'",
				     name);
			return NULL;
		}
		ordered[at] = args[nargs + i];
	}
	for (Py_ssize_t i = 0; i < wanted; i++) {
		if (!ordered[i]) {
			PyErr_Format(PyExc_TypeError, "$name() misses the argument '%s'",
				     pb_names[i]);
			return NULL;
		}
	}
	return ordered;
}
"""

_FUNCTION = """
static PyObject *pb_wrapper($signature)
{
	(void)pb_self;
$body}
"""

_MODULE = """
static PyMethodDef pb_methods[] = {
	{"$name", (PyCFunction)(void (*)(void))pb_wrapper, $flags, "$doc"},
	{NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot pb_slots[] = {
#ifdef Py_MOD_PER_INTERPRETER_GIL_SUPPORTED
	{Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_MOD_GIL_NOT_USED
	{Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
	{0, NULL},
};

static struct PyModuleDef pb_module = {
	PyModuleDef_HEAD_INIT,
	.m_name = "$module",
	.m_methods = pb_methods,
	.m_slots = pb_slots,
};

PyMODINIT_FUNC PyInit_$module(void)
{
	return PyModuleDef_Init(&pb_module);
}
"""


class Convention(NamedTuple):
    """One of CPython's calling conventions: METH_ flags, a C signature, how arguments arrive."""

    flags: str
    signature: str
    take: Callable[[Dialect], Take]
    keywords: bool = False


def _parse(dialect: Dialect, args: List[Argument], call: str, fail: str) -> List[str]:
    units, targets = "", ""
    for arg in args:
        assert arg.convert
        units += arg.unit or "O&"
        targets += ", " + (arg.target if arg.unit else "%s, %s" % (arg.convert(), arg.target))
    return fail_if("!" + call % ('"%s:%s"' % (units, dialect.prototype["name"]), targets), [], fail)


def _take_tuple(dialect: Dialect) -> Take:
    return lambda args, fail: _parse(dialect, args, "PyArg_ParseTuple(pb_args, %s%s)", fail)


def _take_tuple_and_keywords(dialect: Dialect) -> Take:
    def take(args: List[Argument], fail: str) -> List[str]:
        names = "".join('"%s", ' % a.name for a in args)
        call = "PyArg_ParseTupleAndKeywords(pb_args, pb_keywords, %s, pb_names%s)"
        return [
            "static char *pb_names[] = {%sNULL};" % names,
            *_parse(dialect, args, call, fail),
        ]

    return take


def _take_one(dialect: Dialect) -> Take:
    def take(args: List[Argument], fail: str) -> List[str]:
        if len(args) != 1:
            raise _model.Inexpressible("METH_O passes exactly one argument, not %d" % len(args))
        return convert(dialect, args[0], "pb_arg", fail)

    return take


def _take_array(dialect: Dialect) -> Take:
    def take(args: List[Argument], fail: str) -> List[str]:
        message = "%s() takes exactly %d argument%s (%%zd given)" % (
            dialect.prototype["name"],
            len(args),
            "" if len(args) == 1 else "s",
        )
        error = 'PyErr_Format(PyExc_TypeError, "%s", pb_nargs);' % message
        lines = fail_if("pb_nargs != %d" % len(args), [error], fail)
        for i, arg in enumerate(args):
            lines += convert(dialect, arg, "pb_args[%d]" % i, fail)
        return lines

    return take


def _take_array_and_keywords(dialect: Dialect) -> Take:
    def take(args: List[Argument], fail: str) -> List[str]:
        names = ", ".join(['"%s"' % a.name for a in args] + ["NULL"])
        count, name = str(len(args)), dialect.prototype["name"]
        dialect.define("in_order", _ORDER, names=names, count=count, name=name)
        lines = [
            "PyObject *pb_ordered[%d];" % max(1, len(args)),
            "pb_args = in_order(pb_args, pb_nargs, pb_kwnames, pb_ordered);",
            *fail_if("!pb_args", [], fail),
        ]
        for i, arg in enumerate(args):
            lines += convert(dialect, arg, "pb_args[%d]" % i, fail)
        return lines

    return take


_ARRAY = "PyObject *pb_self, PyObject *const *pb_args, Py_ssize_t pb_nargs"
VARARGS = Convention("METH_VARARGS", "PyObject *pb_self, PyObject *pb_args", _take_tuple)
VARARGS_KEYWORDS = Convention(
    "METH_VARARGS | METH_KEYWORDS",
    "PyObject *pb_self, PyObject *pb_args, PyObject *pb_keywords",
    _take_tuple_and_keywords,
    True,
)
ONE = Convention("METH_O", "PyObject *pb_self, PyObject *pb_arg", _take_one)
FASTCALL = Convention("METH_FASTCALL", _ARRAY, _take_array)
FASTCALL_KEYWORDS = Convention(
    "METH_FASTCALL | METH_KEYWORDS",
    _ARRAY + ", PyObject *pb_kwnames",
    _take_array_and_keywords,
    True,
)
_WITH_KEYWORDS = {VARARGS: VARARGS_KEYWORDS, FASTCALL: FASTCALL_KEYWORDS}


def doc(prototype: Json, keywords: bool) -> str:
    """The C declaration; in front of it the signature that inspect reads, where names count."""
    declaration = _model.function(prototype).rstrip(";")
    if not keywords:
        return declaration
    names = "".join(", " + p["name"] for p in _model.passed(prototype))
    slash = ", /" if not names else ""
    return "%s($module%s%s)\\n--\\n\\n%s" % (prototype["name"], slash, names, declaration)


class Generator:
    """build() and load() of the path with that name."""

    dialect = Dialect
    roles = Roles
    head = _HEAD
    function = _FUNCTION
    module = _MODULE

    def __init__(self, path: str, convention: Convention) -> None:
        self.prefix = "_pb_%s_" % path.replace("-", "_")
        self.convention = convention

    def choose(self, prototype: Json, keywords: bool) -> Convention:
        return _WITH_KEYWORDS[self.convention] if keywords else self.convention

    def given_back(self, convention: Convention, args: List[Argument]) -> Tuple[str, str]:
        """A variable of the convention's own, and the statement that releases it."""
        return "", ""

    def flags(self, prototype: Json) -> List[str]:
        """What the compiler is told besides the usual; something means the Limited API."""
        return []

    def source(self, prototype: Json, options: FrozenSet[str]) -> str:
        """The whole C file of an extension module with that one function."""
        convention = self.choose(prototype, "keywords" in options)
        own = private(prototype)
        dialect = self.dialect(own, "nogil" in options)
        arguments = self.roles(dialect).arguments()
        declare, release = self.given_back(convention, arguments)
        text = body(dialect, arguments, convention.take(dialect), declare, release)
        values = {
            "headers": _model.HEADERS,
            "target": target(own),
            "name": prototype["name"],
            "signature": convention.signature,
            "flags": convention.flags,
            "doc": doc(prototype, convention.keywords),
            "body": text,
            "module": self.prefix + prototype["name"],
        }
        parts = [
            Template(self.head).substitute(values),
            *dialect.functions.values(),
            Template(self.function).substitute(values),
            Template(self.module).substitute(values),
        ]
        return "".join(parts)

    def build(
        self,
        prototype: Json,
        out_dir: str,
        cc: Any,
        lib_dir: str,
        options: FrozenSet[str] = NO_OPTIONS,
    ) -> None:
        module = self.prefix + prototype["name"]
        path = os.path.join(out_dir, module + ".c")
        with open(path, "w", encoding="utf-8") as f:
            f.write(self.source(prototype, options))
        self.compile(module, path, prototype, out_dir, cc, lib_dir)

    def compile(
        self, module: str, source: str, prototype: Json, out_dir: str, cc: Any, lib_dir: str
    ) -> None:
        flags = self.flags(prototype)
        cc.extension(
            module,
            [source],
            out_dir,
            flags=flags,
            library_dirs=[lib_dir],
            libraries=["probe_target_" + prototype["name"]],
            abi3=bool(flags),
        )

    def load(
        self,
        prototype: Json,
        out_dir: Optional[str],
        library: str,
        options: FrozenSet[str] = NO_OPTIONS,
    ) -> Callable[..., Any]:
        module = _extension.load(self.prefix + prototype["name"], out_dir)
        function: Callable[..., Any] = getattr(module, prototype["name"])
        return function
