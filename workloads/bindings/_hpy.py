# SPDX-License-Identifier: MIT
"""Writes HPy extension modules around one function: the C-API's text in HPy's own dialect.

As its documentation advises: HPyFunc_NOARGS and HPyFunc_O where they fit, otherwise HPyFunc_VARARGS
with HPyArg_Parse. Both ABIs have the same source.
"""

import ctypes
import glob
import importlib
import importlib.machinery
import importlib.util
import os
import sys
from typing import Any, Callable, FrozenSet, List, Optional, Tuple

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
import _capi
import _model
from _capi import Convention
from _capi_frame import Take, convert, fail_if
from _capi_roles import Argument, Roles
from _capi_types import Dialect, Json

_HEAD = """\
#include <hpy.h>

${headers}#include <string.h>

$target"""

_FUNCTION = """
HPyDef_METH(pb_method, "$name", $flags, .doc = "$doc")
static HPy pb_method_impl($signature)
{
	(void)pb_self;
$body}
"""

_MODULE = """
static HPyDef *pb_defines[] = {&pb_method, NULL};

static HPyModuleDef pb_module = {
	.defines = pb_defines,
};

HPy_MODINIT($module, pb_module)
"""

_UNSIGNED_64 = """
static int $function(HPyContext *ctx, HPy object, void *out)
{
	unsigned long value = HPyLong_AsUnsignedLong(ctx, object);
	if (value == (unsigned long)-1 && HPyErr_Occurred(ctx))
		return 0;
	*($ctype *)out = value;
	return 1;
}
"""

_FROM_STRING = """
static HPy $function(HPyContext *ctx, const char *text)
{
	return text ? HPyUnicode_FromString(ctx, text) : HPy_Dup(ctx, ctx->h_None);
}
"""

_ITEM = """
static int $function(HPyContext *ctx, HPy tuple, HPy_ssize_t index,
		     int (*convert)(HPyContext *, HPy, void *), void *out)
{
	HPy item = HPy_GetItem_i(ctx, tuple, index);
	if (HPy_IsNull(item))
		return 0;
	int done = convert(ctx, item, out);
	HPy_Close(ctx, item);
	return done;
}
"""

_STRUCT = """
static int $function(HPyContext *ctx, HPy object, void *out)
{
	$ctype *value = out;
	if (!HPyTuple_Check(ctx, object) || HPy_Length(ctx, object) != $count) {
		$error
		return 0;
	}
	return $fields;
}
"""

_TUPLE_OF = """
/* Takes over the items, of which one that could not be made is HPy_NULL. */
static HPy $function(HPyContext *ctx, HPy *items, HPy_ssize_t count)
{
	bool made = true;
	for (HPy_ssize_t i = 0; i < count; i++)
		made = made && !HPy_IsNull(items[i]);
	HPy tuple = made ? HPyTuple_FromArray(ctx, items, count) : HPy_NULL;
	for (HPy_ssize_t i = 0; i < count; i++) {
		if (!HPy_IsNull(items[i]))
			HPy_Close(ctx, items[i]);
	}
	return tuple;
}
"""

_CALL = """
/* Takes over the arguments, of which one that could not be made is HPy_NULL. */
static HPy $function(HPyContext *ctx, HPy callable, const HPy *args, size_t count)
{
	bool made = true;
	for (size_t i = 0; i < count; i++)
		made = made && !HPy_IsNull(args[i]);
	HPy got = made ? HPy_Call(ctx, callable, args, count, HPy_NULL) : HPy_NULL;
	for (size_t i = 0; i < count; i++) {
		if (!HPy_IsNull(args[i]))
			HPy_Close(ctx, args[i]);
	}
	return got;
}
"""

_CALLBACKS = """
struct callbacks {
	HPyContext *ctx;
	HPyThreadState threads;
$members	struct callbacks *outer;
	bool failed;
};

static _Thread_local struct callbacks *current;
"""


_UNIVERSAL_SUFFIX = ".hpy0.so"  # the loader reads the ABI's version in it


class HPyDialect(Dialect):
    names = {
        "Py": "HPy",
        "object": "HPy ",
        "context": "HPyContext *ctx, ",
        "ctx": "ctx, ",
        "null": "HPy_NULL",
        "occurred": "HPyErr_Occurred(ctx)",
        "is_true": "HPy_IsTrue",
        "from_bool": "HPyBool_FromBool",
        "is_callable": "HPyCallable_Check",
        "is_none": "HPy_Is(ctx, object, ctx->h_None)",
        "index_only": "",
    }
    # HPyArg_Parse has "s" for str alone.
    units = {ctype: unit for ctype, unit in Dialect.units.items() if ctype != "bytes"}
    unsigned_64 = _UNSIGNED_64
    struct = _STRUCT
    tuple = _TUPLE_OF
    from_string = _FROM_STRING

    def error(self, kind: str, message: str) -> str:
        return 'HPyErr_SetString(ctx, ctx->h_%s, "%s");' % (kind, message)

    def none(self, variable: str) -> List[str]:
        return ["%s = HPy_Dup(ctx, ctx->h_None);" % variable]

    def struct_field(self, convert: str, index: int, name: str) -> str:
        item = self.define("convert_item", _ITEM)
        return "%s(ctx, object, %d, %s, &value->%s)" % (item, index, convert, name)

    def without_gil(self, call: str) -> List[str]:
        if any(_model.role(p) == "callback" for p in self.prototype["params"]):
            return [
                "callbacks.threads = HPy_LeavePythonExecution(ctx);",
                call,
                "HPy_ReenterPythonExecution(ctx, callbacks.threads);",
            ]
        return ["HPy_BEGIN_LEAVE_PYTHON(ctx)", call, "HPy_END_LEAVE_PYTHON(ctx)"]

    def complex_to_c(self, function: str, ctype: str) -> str:
        raise _model.Inexpressible("HPy 0.9 has no functions for complex numbers")

    def complex_to_python(self) -> str:
        raise _model.Inexpressible("HPy 0.9 has no functions for complex numbers")


class HPyRoles(Roles):
    callbacks = _CALLBACKS
    known = ".ctx = ctx, .outer = current"
    no_object = "HPy_IsNull(got)"
    close = "\tif (!HPy_IsNull(got))\n\t\tHPy_Close(ctx, got);\n"

    def of_buffer(self, param: Json) -> Argument:
        raise _model.Inexpressible("HPy 0.9 has no function that reads an object's buffer")

    def enter(self) -> str:
        lines = "\tHPyContext *ctx = callbacks->ctx;\n"
        if self.dialect.nogil:
            lines += "\tHPy_ReenterPythonExecution(ctx, callbacks->threads);\n"
        return lines

    def leave(self) -> str:
        leave = "\tcallbacks->threads = HPy_LeavePythonExecution(ctx);\n"
        return leave if self.dialect.nogil else ""

    def define_call(self) -> str:
        return self.dialect.define("call", _CALL)


def _take_nothing(dialect: Dialect) -> Take:
    return lambda args, fail: []


def _take_one(dialect: Dialect) -> Take:
    return lambda args, fail: convert(dialect, args[0], "pb_arg", fail)


def _parse(
    dialect: Dialect, args: List[Argument], function: str, names: str, fail: str
) -> List[str]:
    """HPyArg_Parse for what it has units for; the rest it gives as handles, converted after it."""
    handles = ["object_" + a.name for a in args if not a.unit]
    targets = "".join(", " + (a.target if a.unit else "&object_" + a.name) for a in args)
    call = '!%s, "%s:%s"%s%s)' % (
        function,
        "".join(a.unit or "O" for a in args),
        dialect.prototype["name"],
        names,
        targets,
    )
    lines = ["HPy %s;" % ", ".join(handles)] if handles else []
    lines += fail_if(call, [], "return HPy_NULL;")  # it has closed its tracker then
    for arg in args:
        lines += [] if arg.unit else convert(dialect, arg, "object_" + arg.name, fail)
    return lines


def _take_array(dialect: Dialect) -> Take:
    function = "HPyArg_Parse(ctx, NULL, pb_args, pb_nargs"
    return lambda args, fail: _parse(dialect, args, function, "", fail)


def _by_handle(args: List[Argument]) -> bool:
    return any(a.convert and not a.unit for a in args)


def _take_array_and_keywords(dialect: Dialect) -> Take:
    def take(args: List[Argument], fail: str) -> List[str]:
        names = "".join('"%s", ' % a.name for a in args)
        tracker = "&pb_tracker" if _by_handle(args) else "NULL"
        function = "HPyArg_ParseKeywords(ctx, %s, pb_args, pb_nargs, pb_kwnames" % tracker
        # Since all are needed, the right number leaves no room for unknown or repeated names, which
        # HPyArg_ParseKeywords lets pass as it does surplus arguments.
        wrong = "pb_nargs + (HPy_IsNull(pb_kwnames) ? 0 : HPy_Length(ctx, pb_kwnames)) != %d"
        message = "%s() takes exactly %d argument%s" % (
            dialect.prototype["name"],
            len(args),
            "" if len(args) == 1 else "s",
        )
        return [
            "static const char *pb_names[] = {%sNULL};" % names,
            *fail_if(wrong % len(args), [dialect.error("TypeError", message)], "return HPy_NULL;"),
            *_parse(dialect, args, function, ", pb_names", fail),
        ]

    return take


_ARRAY = "HPyContext *ctx, HPy pb_self, const HPy *pb_args, size_t pb_nargs"
_NOARGS = Convention("HPyFunc_NOARGS", "HPyContext *ctx, HPy pb_self", _take_nothing)
_O = Convention("HPyFunc_O", "HPyContext *ctx, HPy pb_self, HPy pb_arg", _take_one)
_VARARGS = Convention("HPyFunc_VARARGS", _ARRAY, _take_array)
_KEYWORDS = Convention(
    "HPyFunc_KEYWORDS", _ARRAY + ", HPy pb_kwnames", _take_array_and_keywords, True
)


def _devel() -> str:
    """The folder of hpy.devel, found without an import: that would need setuptools."""
    spec = importlib.util.find_spec("hpy")
    for folder in (spec and spec.submodule_search_locations) or []:
        found = os.path.join(folder, "devel")
        if os.path.isdir(found):
            return found
    raise _model.Inexpressible("the installed package hpy has no folder devel")


def _runtime(prototype: Json) -> List[str]:
    """The C files of HPy's own that extensions are compiled with; ctx_* in the CPython ABI only."""
    found = sorted(glob.glob(os.path.join(glob.escape(_devel()), "src", "runtime", "*.c")))
    if not found and len(_model.passed(prototype)) > 1:
        from _toolchain import BuildError

        raise BuildError(
            "the hpy of this interpreter came without its C files, which functions of more than "
            "one argument need"
        )
    return found


def _universal() -> Any:
    """HPy's loader; PyPy has its own."""
    for name in ("hpy.universal", "_hpy_universal"):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError:
            pass
    raise _model.Inexpressible("there is no HPy here that loads the universal ABI")


class Generator(_capi.Generator):
    """build() and load() for HPy's CPython ABI: an extension like any other."""

    dialect = HPyDialect
    roles = HPyRoles
    head = _HEAD
    function = _FUNCTION
    module = _MODULE

    def __init__(self, path: str) -> None:
        super().__init__(path, _VARARGS)

    def choose(self, prototype: Json, keywords: bool) -> Convention:
        if keywords:
            return _KEYWORDS
        return (_NOARGS, _O, _VARARGS)[min(len(_model.passed(prototype)), 2)]

    def given_back(self, convention: Convention, args: List[Argument]) -> Tuple[str, str]:
        if convention.keywords and _by_handle(args):
            return "HPyTracker pb_tracker;", "HPyTracker_Close(ctx, pb_tracker);"
        return "", ""

    def compile(
        self, module: str, source: str, prototype: Json, out_dir: str, cc: Any, lib_dir: str
    ) -> None:
        cc.extension(
            module,
            [source, *_runtime(prototype)],
            out_dir,
            flags=["-DHPY", "-DHPY_ABI_CPYTHON"],
            include=[os.path.join(_devel(), "include")],
            library_dirs=[lib_dir],
            libraries=["probe_target_" + prototype["name"]],
        )


class UniversalGenerator(Generator):
    """The same for HPy's universal ABI: a library without a trace of CPython, and HPy's loader."""

    def compile(
        self, module: str, source: str, prototype: Json, out_dir: str, cc: Any, lib_dir: str
    ) -> None:
        from _toolchain import BINDING_FLAGS

        include = os.path.join(_devel(), "include")
        cc.shared(
            os.path.join(out_dir, module + _UNIVERSAL_SUFFIX),
            [source, *(f for f in _runtime(prototype) if "ctx_" not in os.path.basename(f))],
            flags=[*BINDING_FLAGS, "-DHPY", "-DHPY_ABI_UNIVERSAL"],
            include=[include, os.path.join(include, "hpy", "forbid_python_h")],
            link=["-L" + lib_dir, "-lprobe_target_" + prototype["name"]],
        )

    def load(
        self,
        prototype: Json,
        out_dir: Optional[str],
        library: str,
        options: FrozenSet[str] = _capi.NO_OPTIONS,
    ) -> Callable[..., Any]:
        module = self.prefix + prototype["name"]
        path = os.path.join(out_dir or ".", module + _UNIVERSAL_SUFFIX)
        # HPy's loader then finds it loaded: bound to its own library first, like all extensions.
        ctypes.CDLL(path, mode=os.RTLD_NOW | os.RTLD_DEEPBIND)
        spec = importlib.machinery.ModuleSpec(module, None, origin=path)
        loaded = _universal().load(module, path, spec)
        function: Callable[..., Any] = getattr(loaded, prototype["name"])
        return function
