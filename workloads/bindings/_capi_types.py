# SPDX-License-Identifier: MIT
"""How scalars, strings and structs pass between Python and C, as the C text of an extension.

A function to C has the form that PyArg_ParseTuple's "O&" calls: int as_x(PyObject *, void *out), 1
on success, 0 with an exception set. A function to Python returns a new reference, or NULL with an
exception set. HPy has the same functions under other names, with a context (_hpy.py).
"""

import re
from string import Template
from typing import Any, Dict, List

import _model

Json = Dict[str, Any]

_SIGNED = """
static int $function(${context}${object}object, void *out)
{
${index_only}	long value = ${Py}Long_AsLong(${ctx}object);
	if (value == -1 && $occurred)
		return 0;
${limits}	*($ctype *)out = ($ctype)value;
	return 1;
}
"""

# PyLong_AsUnsignedLong() takes no __index__ and says OverflowError for what is negative, where
# CPython's own functions say ValueError.
_UNSIGNED_64 = """
static int $function(PyObject *object, void *out)
{
${index_only}	int overflow;
	long value = PyLong_AsLongAndOverflow(object, &overflow);
	if (value == -1 && PyErr_Occurred())
		return 0;
	if (overflow < 0 || (!overflow && value < 0)) {
		PyErr_SetString(PyExc_ValueError, "value must not be negative");
		return 0;
	}
	unsigned long whole = (unsigned long)value;
	if (overflow) {
		PyObject *index = PyNumber_Index(object);
		whole = index ? PyLong_AsUnsignedLong(index) : 0;
		Py_XDECREF(index);
		if (PyErr_Occurred())
			return 0;
	}
	*($ctype *)out = whole;
	return 1;
}
"""

_INDEX_ONLY = """\
#if PY_VERSION_HEX < 0x030a0000
	/* Until 3.9 PyLong_AsLong() also took what only has __int__(): a float would be cut. */
	if (!PyLong_Check(object) && !PyIndex_Check(object)) {
		PyErr_SetString(PyExc_TypeError, "an integer is required");
		return 0;
	}
#endif
"""

_LIMIT = """\
	if ($condition) {
		$error
		return 0;
	}
"""

_BOOL = """
static int $function(${context}${object}object, void *out)
{
	int value = $is_true(${ctx}object);
	if (value < 0)
		return 0;
	*(bool *)out = value;
	return 1;
}
"""

_FLOAT = """
static int $function(${context}${object}object, void *out)
{
	double value = ${Py}Float_AsDouble(${ctx}object);
	if (value == -1.0 && $occurred)
		return 0;
	*($ctype *)out = ($ctype)value;
	return 1;
}
"""

# The Limited API has no Py_complex.
_COMPLEX = """
static int $function(PyObject *object, void *out)
{
#ifdef Py_LIMITED_API
	double real = PyComplex_RealAsDouble(object);
	if (real == -1.0 && PyErr_Occurred())
		return 0;
	double imag = PyComplex_ImagAsDouble(object);
#else
	Py_complex value = PyComplex_AsCComplex(object);
	double real = value.real, imag = value.imag;
	if (real == -1.0 && PyErr_Occurred())
		return 0;
#endif
	*($ctype *)out = $make(real, imag);
	return 1;
}
"""

_FROM_COMPLEX = """
static PyObject *$function(double _Complex value)
{
	return PyComplex_FromDoubles(creal(value), cimag(value));
}
"""

_STRING = """
static int $function(${context}${object}object, void *out)
{
	const char *text = NULL;
	${Py}_ssize_t size = 0;
$cases {
		$wrong_type
	}
	if (!text)
		return 0;
	if (strlen(text) != (size_t)size) {
		$embedded_null
		return 0;
	}
	*(const char **)out = text;
	return 1;
}
"""

_STRING_CASES = {
    "str": """\
if (${Py}Unicode_Check(${ctx}object)) {
		text = ${Py}Unicode_AsUTF8AndSize(${ctx}object, &size);
	}""",
    "bytes": """\
if (${Py}Bytes_Check(${ctx}object)) {
		text = ${Py}Bytes_AsString(${ctx}object);
		size = ${Py}Bytes_Size(${ctx}object);
	}""",
}

_FROM_STRING = """
static PyObject *$function(const char *text)
{
	if (!text)
		Py_RETURN_NONE;
	return PyUnicode_FromString(text);
}
"""

_STRUCT = """
static int $function(PyObject *object, void *out)
{
	$ctype *value = out;
	if (!PyTuple_Check(object) || PyTuple_GET_SIZE(object) != $count) {
		$error
		return 0;
	}
	return $fields;
}
"""

_FROM_STRUCT = """
static ${object}$function(${context}$ctype value)
{
	${object}items[] = {$items};
	return $tuple_of(${ctx}items, $count);
}
"""

_TUPLE_OF = """
/* Takes over the items, of which one that could not be made is NULL. */
static PyObject *$function(PyObject *const *items, Py_ssize_t count)
{
	PyObject *tuple = PyTuple_New(count);
	bool made = tuple;
	for (Py_ssize_t i = 0; i < count; i++)
		made = made && items[i];
	for (Py_ssize_t i = 0; i < count; i++) {
		if (made)
			PyTuple_SET_ITEM(tuple, i, items[i]);
		else
			Py_XDECREF(items[i]);
	}
	if (made)
		return tuple;
	Py_XDECREF(tuple);
	return NULL;
}
"""


def identifier(ctype: str) -> str:
    """ "unsigned long" -> "unsigned_long"."""
    return re.sub(r"\W+", "_", ctype).strip("_")


class Dialect:
    """The C-API's names, and the functions that one C file turns out to need, each once."""

    names: Dict[str, str] = {
        "Py": "Py",
        "object": "PyObject *",
        "context": "",  # in front of parameters
        "ctx": "",  # in front of arguments
        "null": "NULL",
        "occurred": "PyErr_Occurred()",
        "is_true": "PyObject_IsTrue",
        "from_bool": "PyBool_FromLong",
        "is_callable": "PyCallable_Check",
        "is_none": "object == Py_None",
        "index_only": _INDEX_ONLY,
    }
    unsigned_64 = _UNSIGNED_64
    struct = _STRUCT
    tuple = _TUPLE_OF
    from_string = _FROM_STRING
    # Units of PyArg_ParseTuple that check the range; the others need a function.
    units: Dict[str, str] = {
        "unsigned char": "b",
        "uint8_t": "b",
        "short": "h",
        "int16_t": "h",
        "int": "i",
        "int32_t": "i",
        "long": "l",
        "int64_t": "l",
        "long long": "L",
        "ssize_t": "n",
        "float": "f",
        "double": "d",
        "str": "s",
        "bytes": "y",
    }

    def __init__(self, prototype: Json, nogil: bool) -> None:
        self.prototype = prototype
        self.nogil = nogil
        self.functions: Dict[str, str] = {}

    def fill(self, template: str, **values: str) -> str:
        return Template(template).substitute(self.names, **values)

    def define(self, function: str, template: str, **values: str) -> str:
        """Adds a function unless it is there; returns its name."""
        if function not in self.functions:
            self.functions[function] = self.fill(template, function=function, **values)
        return function

    def error(self, kind: str, message: str) -> str:
        return 'PyErr_SetString(PyExc_%s, "%s");' % (kind, message)

    def none(self, variable: str) -> List[str]:
        """Statements that put a new reference to None in a variable."""
        return ["%s = Py_None;" % variable, "Py_INCREF(%s);" % variable]

    def without_gil(self, call: str) -> List[str]:
        return ["Py_BEGIN_ALLOW_THREADS", call, "Py_END_ALLOW_THREADS"]

    # --- to C

    def to_c(self, ctype: str) -> str:
        """The name of the function that converts an object to that scalar or struct."""
        function = "as_" + identifier(ctype)
        if function in self.functions:
            return function
        fields = _model.fields(self.prototype, ctype)
        if fields is not None:
            return self._struct_to_c(function, ctype, fields)
        scalar = _model.SCALARS.get(ctype)
        if scalar is None:
            raise _model.Inexpressible("'%s' is no scalar or struct type" % ctype)
        self._refuse_long_double(ctype)
        if scalar.kind == "bool":
            return self.define(function, _BOOL)
        if scalar.kind == "float":
            return self.define(function, _FLOAT, ctype=ctype)
        if scalar.kind == "complex":
            return self.complex_to_c(function, ctype)
        if scalar.bits == 64 and not scalar.signed:
            return self.define(function, self.unsigned_64, ctype=ctype)
        limits = self._limits(ctype, scalar) if scalar.bits < 64 else ""
        return self.define(function, _SIGNED, ctype=ctype, limits=limits)

    @staticmethod
    def _refuse_long_double(ctype: str) -> None:
        if ctype == "long double":
            raise _model.Inexpressible("it has no function that converts a long double")

    def complex_to_c(self, function: str, ctype: str) -> str:
        make = "CMPLXF" if ctype.startswith("float") else "CMPLX"
        return self.define(function, _COMPLEX, ctype=ctype, make=make)

    def _limits(self, ctype: str, scalar: _model.Scalar) -> str:
        large = self.error("OverflowError", "Python int too large to convert to C %s" % ctype)
        if scalar.signed:
            condition = "value < INT%d_MIN || value > INT%d_MAX" % (scalar.bits, scalar.bits)
            return self.fill(_LIMIT, condition=condition, error=large)
        negative = self.error("ValueError", "value must not be negative")
        return self.fill(_LIMIT, condition="value < 0", error=negative) + self.fill(
            _LIMIT, condition="value > UINT%d_MAX" % scalar.bits, error=large
        )

    def _struct_to_c(self, function: str, ctype: str, fields: List[Dict[str, str]]) -> str:
        taken = [
            self.struct_field(self.to_c(f["type"]), i, f["name"]) for i, f in enumerate(fields)
        ]
        return self.define(
            function,
            self.struct,
            ctype=ctype,
            count=str(len(fields)),
            error=self.error("TypeError", "a tuple of %d is needed" % len(fields)),
            fields=" &&\n\t       ".join(taken),
        )

    def struct_field(self, convert: str, index: int, name: str) -> str:
        return "%s(PyTuple_GET_ITEM(object, %d), &value->%s)" % (convert, index, name)

    def string_to_c(self, accepts: List[str]) -> str:
        kinds = [kind for kind in _STRING_CASES if kind in accepts]
        cases = " else ".join(self.fill(_STRING_CASES[kind]) for kind in kinds)
        return self.define(
            "as_" + "_or_".join(kinds),
            _STRING,
            cases="\t" + cases + " else",
            wrong_type=self.error("TypeError", "a %s is needed" % " or ".join(kinds)),
            embedded_null=self.error("ValueError", "embedded null character"),
        )

    # --- to Python

    def to_python(self, ctype: str, value: str) -> str:
        """An expression that makes an object of a C value of that type."""
        fields = _model.fields(self.prototype, ctype)
        if fields is not None:
            function = self._struct_to_python(ctype, fields)
        elif ctype == "const char *":
            function = self.define("from_string", self.from_string)
        else:
            function = self.scalar_to_python(ctype)
        return self.fill("$function(${ctx}$value)", function=function, value=value)

    def scalar_to_python(self, ctype: str) -> str:
        scalar = _model.SCALARS.get(ctype)
        if scalar is None:
            raise _model.Inexpressible("'%s' can't be returned to Python" % ctype)
        self._refuse_long_double(ctype)
        if scalar.kind == "bool":
            return self.names["from_bool"]
        if scalar.kind == "complex":
            return self.complex_to_python()
        if scalar.kind == "float":
            return self.names["Py"] + "Float_FromDouble"
        unsigned = scalar.bits == 64 and not scalar.signed
        return self.names["Py"] + ("Long_FromUnsignedLong" if unsigned else "Long_FromLong")

    def complex_to_python(self) -> str:
        return self.define("from_complex", _FROM_COMPLEX)

    def _struct_to_python(self, ctype: str, fields: List[Dict[str, str]]) -> str:
        items = [self.to_python(f["type"], "value." + f["name"]) for f in fields]
        return self.define(
            "from_" + identifier(ctype),
            _FROM_STRUCT,
            ctype=ctype,
            items=", ".join(items),
            tuple_of=self.tuple_of(),
            count=str(len(fields)),
        )

    def tuple_of(self) -> str:
        return self.define("tuple_of", self.tuple)
