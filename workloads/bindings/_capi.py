# SPDX-License-Identifier: MIT
"""Writes C extension modules around one function, with the checks that a careful author makes.

The three calling conventions differ only in how arguments arrive. The GIL is kept: releasing it is
an author's choice, and the usual one for short functions is to keep it.
"""

import os
import sys
from typing import Any, Callable, Dict, List, NamedTuple, Optional

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
import _declare
import _extension


class Type(NamedTuple):
    """How one C type gets into a call. "@" stands for the parameter's name."""

    declare: str  # of the variable that holds what was parsed
    unit: str  # of PyArg_ParseTuple
    convert: str  # static function from an object to that variable; 0 on success
    use: str  # the expression that is passed on
    check: str = ""  # after PyArg_ParseTuple alone: an error condition and its message
    message: str = ""
    buffer: bool = False  # holds a buffer that must be released


TYPES: Dict[str, Type] = {
    "int": Type("int @;", "i", "as_int", "@"),
    "long": Type("long @;", "l", "as_long", "@"),
    "size_t": Type("Py_ssize_t @;", "n", "as_size", "(size_t)@", "@ < 0", "@ must not be negative"),
    "double": Type("double @;", "d", "as_double", "@"),
    "const double *": Type(
        "Py_buffer @ = {0};",
        "y*",
        "as_doubles",
        "(const double *)@.buf",
        "@.len % (Py_ssize_t)sizeof(double)",
        "@ must be a buffer of doubles",
        True,
    ),
}

RETURNS: Dict[str, str] = {
    "int": "PyLong_FromLong(@)",
    "long": "PyLong_FromLong(@)",
    "size_t": "PyLong_FromSize_t(@)",
    "double": "PyFloat_FromDouble(@)",
}

_HEAD = """\
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <limits.h>
#include <string.h>

extern %(declaration)s
"""

_CONVERTERS = {
    "as_int": """\
static int as_int(PyObject *object, int *out)
{
	long value = PyLong_AsLong(object);
	if (value == -1 && PyErr_Occurred())
		return -1;
	if (value < INT_MIN || value > INT_MAX) {
		PyErr_SetString(PyExc_OverflowError, "Python int too large to convert to C int");
		return -1;
	}
	*out = (int)value;
	return 0;
}
""",
    "as_long": """\
static int as_long(PyObject *object, long *out)
{
	*out = PyLong_AsLong(object);
	return *out == -1 && PyErr_Occurred() ? -1 : 0;
}
""",
    "as_size": """\
static int as_size(PyObject *object, Py_ssize_t *out)
{
	*out = PyLong_AsSsize_t(object);
	if (*out == -1 && PyErr_Occurred())
		return -1;
	if (*out < 0) {
		PyErr_SetString(PyExc_ValueError, "a size must not be negative");
		return -1;
	}
	return 0;
}
""",
    "as_double": """\
static int as_double(PyObject *object, double *out)
{
	*out = PyFloat_AsDouble(object);
	return *out == -1.0 && PyErr_Occurred() ? -1 : 0;
}
""",
    "as_doubles": """\
static int as_doubles(PyObject *object, Py_buffer *out)
{
	if (PyObject_GetBuffer(object, out, PyBUF_CONTIG_RO | PyBUF_FORMAT))
		return -1;
	if (!out->format || strcmp(out->format, "d")) {
		PyErr_SetString(PyExc_TypeError, "a contiguous buffer of doubles is needed");
		PyBuffer_Release(out);
		return -1;
	}
	return 0;
}
""",
}

_TAIL = """\

static PyMethodDef pb_methods[] = {
	{"%(name)s", (PyCFunction)(void (*)(void))pb_wrapper, %(convention)s, "%(doc)s"},
	{NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot pb_slots[] = {
#ifdef Py_mod_multiple_interpreters
	{Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_mod_gil
	{Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
	{0, NULL},
};

static struct PyModuleDef pb_module = {
	PyModuleDef_HEAD_INIT,
	.m_name = "%(module)s",
	.m_methods = pb_methods,
	.m_slots = pb_slots,
};

PyMODINIT_FUNC PyInit_%(module)s(void)
{
	return PyModuleDef_Init(&pb_module);
}
"""


class Convention(NamedTuple):
    """One of CPython's calling conventions: a METH_ flag, a C signature, how arguments arrive."""

    flag: str
    signature: str
    take: Callable[[Dict[str, Any], str], List[str]]


def _named(template: str, param: Dict[str, Any]) -> str:
    return template.replace("@", param["name"])


def _fail_if(condition: str, statements: List[str], fail: str) -> List[str]:
    if not statements:
        return ["if (%s)" % condition, "\t" + fail]
    return ["if (%s) {" % condition, *("\t" + s for s in statements), "\t" + fail, "}"]


def _set_error(kind: str, message: str) -> str:
    return 'PyErr_SetString(PyExc_%s, "%s");' % (kind, message)


def _take_tuple(prototype: Dict[str, Any], fail: str) -> List[str]:
    params = prototype["params"]
    units = "".join(TYPES[p["type"]].unit for p in params)
    targets = "".join(", &" + p["name"] for p in params)
    call = 'PyArg_ParseTuple(pb_args, "%s:%s"%s)' % (units, prototype["name"], targets)
    lines = _fail_if("!" + call, [], fail)
    for param in params:
        made = TYPES[param["type"]]
        if made.check:
            error = _set_error("ValueError", _named(made.message, param))
            lines += _fail_if(_named(made.check, param), [error], fail)
    return lines


def _take_one(prototype: Dict[str, Any], fail: str) -> List[str]:
    (param,) = prototype["params"]
    return _fail_if("%s(pb_arg, &%s)" % (TYPES[param["type"]].convert, param["name"]), [], fail)


def _take_array(prototype: Dict[str, Any], fail: str) -> List[str]:
    params = prototype["params"]
    message = "%s() takes exactly %d argument%s (%%zd given)" % (
        prototype["name"],
        len(params),
        "" if len(params) == 1 else "s",
    )
    error = 'PyErr_Format(PyExc_TypeError, "%s", pb_nargs);' % message
    lines = _fail_if("pb_nargs != %d" % len(params), [error], fail)
    for i, param in enumerate(params):
        convert = TYPES[param["type"]].convert
        lines += _fail_if("%s(pb_args[%d], &%s)" % (convert, i, param["name"]), [], fail)
    return lines


VARARGS = Convention("METH_VARARGS", "PyObject *pb_self, PyObject *pb_args", _take_tuple)
ONE = Convention("METH_O", "PyObject *pb_self, PyObject *pb_arg", _take_one)
FASTCALL = Convention(
    "METH_FASTCALL", "PyObject *pb_self, PyObject *const *pb_args, Py_ssize_t pb_nargs", _take_array
)


def _check_lengths(prototype: Dict[str, Any], fail: str) -> List[str]:
    """A buffer must hold as many values as the parameter that gives its length says."""
    lines = []
    for param in prototype["params"]:
        if not TYPES[param["type"]].buffer or "length" not in param:
            continue
        (length,) = [p for p in prototype["params"] if p["name"] == param["length"]]
        error = _set_error(
            "ValueError", "%s holds fewer values than %s" % (param["name"], length["name"])
        )
        condition = "(size_t)%s.len / sizeof(double) < %s" % (
            param["name"],
            _named(TYPES[length["type"]].use, length),
        )
        lines += _fail_if(condition, [error], fail)
    return lines


def _wrapper(prototype: Dict[str, Any], convention: Convention) -> str:
    params = prototype["params"]
    buffers = [p["name"] for p in params if TYPES[p["type"]].buffer]
    fail = "goto done;" if buffers else "return NULL;"
    give = "pb_result =" if buffers else "return"
    body = [_named(TYPES[p["type"]].declare, p) for p in params]
    if buffers:
        body.append("PyObject *pb_result = NULL;")
    body += ["(void)pb_self;", *convention.take(prototype, fail), *_check_lengths(prototype, fail)]
    passed = ", ".join(_named(TYPES[p["type"]].use, p) for p in params)
    call = "%s(%s)" % (prototype["name"], passed)
    if prototype["returns"] == "void":
        body += [call + ";"]
        body += ["Py_INCREF(Py_None);", give + " Py_None;"] if buffers else ["Py_RETURN_NONE;"]
    else:
        body.append("%s %s;" % (give, RETURNS[prototype["returns"]].replace("@", call)))
    text = "".join("\t%s\n" % line for line in body)
    if buffers:
        released = "".join("\tPyBuffer_Release(&%s);\n" % name for name in buffers)
        text += "done:\n" + released + "\treturn pb_result;\n"
    return "\nstatic PyObject *pb_wrapper(%s)\n{\n%s}\n" % (convention.signature, text)


def source(prototype: Dict[str, Any], convention: Convention, module: str) -> str:
    """The whole C file of an extension module with that one function."""
    used = []
    if convention is not VARARGS:
        used = sorted({TYPES[p["type"]].convert for p in prototype["params"]})
    parts = [_HEAD % {"declaration": _declare.function(prototype)}]
    parts += ["\n" + _CONVERTERS[name] for name in used]
    parts.append(_wrapper(prototype, convention))
    parts.append(
        _TAIL
        % {
            "name": prototype["name"],
            "convention": convention.flag,
            "doc": _declare.function(prototype).rstrip(";"),
            "module": module,
        }
    )
    return "".join(parts)


class Generator:
    """build() and load() of a path whose modules are called prefix + function."""

    def __init__(self, prefix: str, convention: Convention) -> None:
        self.prefix = prefix
        self.convention = convention

    def build(self, prototype: Dict[str, Any], out_dir: str, cc: Any, lib_dir: str) -> None:
        module = self.prefix + prototype["name"]
        path = os.path.join(out_dir, module + ".c")
        with open(path, "w", encoding="utf-8") as f:
            f.write(source(prototype, self.convention, module))
        cc.extension(
            module,
            [path],
            out_dir,
            library_dirs=[lib_dir],
            libraries=["probe_target_" + prototype["name"]],
        )

    def load(
        self, prototype: Dict[str, Any], out_dir: Optional[str], library: str
    ) -> Callable[..., Any]:
        module = _extension.load(self.prefix + prototype["name"], out_dir)
        function: Callable[..., Any] = getattr(module, prototype["name"])
        return function
