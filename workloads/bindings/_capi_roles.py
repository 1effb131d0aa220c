# SPDX-License-Identifier: MIT
"""What each parameter of a prototype means in the C text of an extension: its variable, its
conversion, what is passed on, and what must be given back."""

import re
from typing import Any, Callable, Dict, List, NamedTuple, Optional

import _model
from _capi_types import Dialect, identifier

Json = Dict[str, Any]


class Argument(NamedTuple):
    """One parameter. Its C names begin with arg_, as a prototype may call a parameter anything."""

    name: str
    use: str  # the expression that the function gets
    declare: str = ""  # the local variable
    target: str = "NULL"  # where the conversion puts its result
    # Defines the function that converts an object, if it is needed, and tells its name; none for
    # out-parameters. unit: the same as a unit of PyArg_ParseTuple, where there is one.
    convert: Optional[Callable[[], str]] = None
    unit: str = ""
    check: str = ""  # after all conversions: a condition that is wrong, and what is said then
    message: str = ""
    before: str = ""  # statements around the call
    after: str = ""
    failed: str = ""  # after the call: a condition that means that an exception is set
    release: str = ""  # on all ways out


# Codes of the struct module by bits; capitals for unsigned. Any item of a byte may be a character.
_INTEGER_CODES = {8: "bBc?", 16: "h", 32: "il", 64: "lqn"}
_FLOAT_CODES = {32: "f", 64: "d"}
_COMPLEX_CODES = {64: "F", 128: "D"}

_ITEM_CODE = """
/* The struct module's code of the items, 0 for what is no scalar. */
static char $function(const Py_buffer *view)
{
	const char *format = view->format ? view->format : "B";
	/* Native order, or what is native on the processors that probe runs on. */
	if (*format == '@' || *format == '=' || *format == '<')
		format++;
	/* NumPy writes Zd for the D of the struct module. */
	if (format[0] == 'Z' && format[1] && !format[2])
		return (char)(format[1] - 'a' + 'A');
	return format[0] && !format[1] ? format[0] : 0;
}
"""

_BUFFER = """
static int $function(PyObject *object, void *out)
{
	Py_buffer *view = out;
	if (PyObject_GetBuffer(object, view, $flags))
		return 0;
$check	return 1;
}
"""

_BUFFER_CHECK = """\
	const char code = $item_code(view);
	if (view->itemsize != sizeof($item) || ($other)) {
		PyErr_SetString(PyExc_TypeError, "a contiguous buffer of $item is needed");
		PyBuffer_Release(view);
		return 0;
	}
"""

_CALLABLE = """
static int $function(${context}${object}object, void *out)
{
	if (!$is_callable(${ctx}object)) {
		$error
		return 0;
	}
	*(${object}*)out = object;
	return 1;
}
"""

_NONE = """
static int $function(${context}${object}object, void *out)
{
	(void)out;
	if ($is_none)
		return 1;
	$error
	return 0;
}
"""

# The callables of the call that is running on this thread. After an exception in one of them the
# function runs on, with zeros for answers, until it can be told.
_CALLBACKS = """
struct callbacks {
$members	struct callbacks *outer;
	bool failed;
};

static _Thread_local struct callbacks *current;
"""

_CALL = """
#if PY_VERSION_HEX < 0x03090000
#define PyObject_Vectorcall _PyObject_Vectorcall
#endif

/* Takes over the arguments, of which one that could not be made is NULL. */
static PyObject *$function(PyObject *callable, PyObject *const *args, size_t count)
{
	bool made = true;
	for (size_t i = 0; i < count; i++)
		made = made && args[i];
	PyObject *got = made ? PyObject_Vectorcall(callable, args, count, NULL) : NULL;
	for (size_t i = 0; i < count; i++)
		Py_XDECREF(args[i]);
	return got;
}
"""

_TRAMPOLINE = """
static $returns $function($params)
{
	struct callbacks *callbacks = current;
$zero	if (!callbacks || callbacks->failed)
		return$answer;
${enter}${args}	${object}got = $call(${ctx}callbacks->$callable, $passed, $count);
	callbacks->failed = $failed;
$close$leave	return$answer;
}
"""


def _codes(item: str) -> str:
    scalar = _model.Scalar("int", 8, True) if item == "char" else _model.SCALARS.get(item)
    if scalar is None:
        raise _model.Inexpressible("a buffer of '%s' has no format to check" % item)
    if scalar.kind == "bool":
        return "?"
    if scalar.kind != "int":
        return (_FLOAT_CODES if scalar.kind == "float" else _COMPLEX_CODES)[scalar.bits]
    codes = _INTEGER_CODES[scalar.bits]
    return codes if scalar.signed or scalar.bits == 8 else codes.upper()


def accepted(param: Json) -> List[str]:
    """Which of "str" and "bytes" a string parameter takes."""
    accepts = param.get("accepts") or ["str", "bytes"]
    return [accepts] if isinstance(accepts, str) else list(accepts)


class Roles:
    """The parameters of one prototype in a dialect. HPy's differ where its API does."""

    callbacks = _CALLBACKS
    close = "\tPy_XDECREF(got);\n"
    no_object = "!got"
    known = ".outer = current"

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.prototype = dialect.prototype

    def arguments(self) -> List[Argument]:
        return [getattr(self, "of_" + _model.role(p))(p) for p in self.prototype["params"]]

    def of_value(self, param: Json) -> Argument:
        return self._variable(param, param["type"], "")

    def of_struct(self, param: Json) -> Argument:
        return self._variable(param, param["item"], "&")

    def _variable(self, param: Json, ctype: str, address: str) -> Argument:
        local = "arg_" + param["name"]
        return Argument(
            param["name"],
            use=address + local,
            declare=_model.variable(ctype, local) + ";",
            target="&" + local,
            convert=lambda: self.dialect.to_c(ctype),
            unit=self.dialect.units.get(ctype, ""),
        )

    def of_out(self, param: Json) -> Argument:
        local = "arg_" + param["name"]
        declare = _model.variable(param["item"], local) + " = {0};"
        return Argument(param["name"], use="&" + local, declare=declare)

    def of_string(self, param: Json) -> Argument:
        local = "arg_" + param["name"]
        accepts = accepted(param)
        return Argument(
            param["name"],
            use=local,
            declare="const char *%s;" % local,
            target="&" + local,
            convert=lambda: self.dialect.string_to_c(accepts),
            unit=self.dialect.units.get(accepts[0], "") if len(accepts) == 1 else "",
        )

    def of_null(self, param: Json) -> Argument:
        error = self.dialect.error("TypeError", "None is needed")
        return Argument(
            param["name"],
            use="NULL",
            convert=lambda: self.dialect.define("as_null", _NONE, error=error),
        )

    def of_buffer(self, param: Json) -> Argument:
        local, item = "arg_" + param["name"], param["item"]
        const = bool(re.match(r"const\b", param["type"]))
        flags = "PyBUF_CONTIG_RO" if const else "PyBUF_CONTIG"
        check = ""
        if item != "void":
            flags += " | PyBUF_FORMAT"
            check = self.dialect.fill(
                _BUFFER_CHECK,
                item_code=self.dialect.define("item_code", _ITEM_CODE),
                item=item,
                other=" && ".join("code != '%s'" % c for c in _codes(item)),
            )
        function = "as_%s%s_buffer" % ("const_" if const else "", identifier(item))
        wrong = message = ""
        if "length" in param:
            size = "" if item == "void" else " / sizeof(%s)" % item
            wrong = "(size_t)%s.len%s < (size_t)arg_%s" % (local, size, param["length"])
            message = "%s holds fewer items than %s" % (param["name"], param["length"])
        return Argument(
            param["name"],
            use="(%s)%s.buf" % (param["type"], local),
            declare="Py_buffer %s = {0};" % local,
            target="&" + local,
            convert=lambda: self.dialect.define(function, _BUFFER, flags=flags, check=check),
            check=wrong,
            message=message,
            release="PyBuffer_Release(&%s);" % local,
        )

    def of_callback(self, param: Json) -> Argument:
        local = "arg_" + param["name"]
        locals_ = [
            "arg_" + p["name"] for p in self.prototype["params"] if _model.role(p) == "callback"
        ]
        error = self.dialect.error("TypeError", "a callable is needed")
        members = "".join("\t%s%s;\n" % (self.dialect.names["object"], name) for name in locals_)
        self.dialect.define("struct callbacks", self.callbacks, members=members)
        self._trampoline(local, param["callback"])
        argument = Argument(
            param["name"],
            use="call_" + local,
            target="&callbacks." + local,
            convert=lambda: self.dialect.define("as_callable", _CALLABLE, error=error),
        )
        if local != locals_[0]:
            return argument
        return argument._replace(
            declare=self.dialect.fill("struct callbacks callbacks = {$known};", known=self.known),
            before="current = &callbacks;",
            after="current = callbacks.outer;",
            failed="callbacks.failed",
        )

    def enter(self) -> str:
        return "\tPyGILState_STATE gil = PyGILState_Ensure();\n" if self.dialect.nogil else ""

    def leave(self) -> str:
        return "\tPyGILState_Release(gil);\n" if self.dialect.nogil else ""

    def define_call(self) -> str:
        return self.dialect.define("call", _CALL)

    def _trampoline(self, callable: str, signature: Json) -> None:
        dialect = self.dialect
        params, returns = signature["params"], signature["returns"]
        made = [dialect.to_python(p, "a%d" % i) for i, p in enumerate(params)]
        args = "\t%sargs[] = {%s};\n" % (dialect.names["object"], ", ".join(made)) if made else ""
        failed = self.no_object
        if returns != "void":
            convert = dialect.fill("$function(${ctx}got, &answer)", function=dialect.to_c(returns))
            failed += " || !" + convert
        dialect.define(
            "call_" + callable,
            _TRAMPOLINE,
            callable=callable,
            returns=returns,
            params=", ".join("%s a%d" % (p, i) for i, p in enumerate(params)) or "void",
            zero="" if returns == "void" else "\t%s answer = 0;\n" % returns,
            answer="" if returns == "void" else " answer",
            args=args,
            passed="args" if made else "NULL",
            count=str(len(params)),
            call=self.define_call(),
            failed=failed,
            close=self.close,
            enter=self.enter(),
            leave=self.leave(),
        )
