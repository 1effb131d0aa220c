# SPDX-License-Identifier: MIT
"""Writes the C program of _oracle.py: one function, called from C with its arguments in place."""

import os
from typing import Any, Callable, Dict, List, Tuple

import _model

Json = Dict[str, Any]
# What a callback is in C, and the Python function that answers for it.
Callback = Tuple[Json, Callable[..., Any]]

_HEAD = """\
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
%(headers)s
%(structs)s
typedef %(function)s;

static FILE *pb_out, *pb_in;

static void pb_answer(char *line, int size)
{
	fputc('\\n', pb_out);
	fflush(pb_out);
	if (!fgets(line, size, pb_in))
		_Exit(99);
}

/* The file's bytes and a null behind them, aligned for every type. */
static void *pb_bytes(const char *path, size_t size)
{
	char *bytes = aligned_alloc(64, (size + 64) / 64 * 64);
	FILE *file = fopen(path, "rb");
	if (!bytes || !file || fread(bytes, 1, size, file) != size)
		_Exit(98);
	fclose(file);
	bytes[size] = '\\0';
	return bytes;
}

static void pb_text(const char *text)
{
	fprintf(pb_out, "value %%c", text ? 's' : '-');
	for (; text && *text; text++)
		fprintf(pb_out, "%%02x", (unsigned char)*text);
	fputc('\\n', pb_out);
}
"""

_MAIN = """\

int main(int argc, char **argv)
{
	struct rlimit none = {0, 0};
	struct link_map *map = NULL;
	Dl_info at;
	(void)argc;
	setrlimit(RLIMIT_CORE, &none);
	pb_out = fdopen(atoi(argv[3]), "w");
	pb_in = fdopen(atoi(argv[4]), "r");
	void *library = dlopen(argv[1], RTLD_NOW);
	if (!library) {
		fprintf(pb_out, "error %s\\n", dlerror());
		return 0;
	}
	if (!dlinfo(library, RTLD_DI_LINKMAP, &map))
		fprintf(pb_out, "library %s\\n", map->l_name);
	pb_target *function = (pb_target *)dlsym(library, argv[2]);
	if (!function)
		return 0;
	/* dlsym() also finds what the library's own libraries have. */
	if (dladdr((void *)function, &at) && map && strcmp(at.dli_fname, map->l_name)) {
		fprintf(pb_out, "elsewhere %s\\n", at.dli_fname);
		return 0;
	}
	for (int i = 0; i < 2; i++) {
		fputs("call\\n", pb_out);
		fflush(pb_out);
		pb_call(function);
	}
	fputs("end\\n", pb_out);
	fflush(pb_out);
	_Exit(0);
}
"""


class Program:
    """The C program: one call with its arguments in place."""

    def __init__(self, prototype: Json, args: List[Any], scratch: str) -> None:
        self.prototype = prototype
        self.args = args
        self.scratch = scratch
        self.callbacks: List[Callback] = []
        self.functions: List[str] = []

    def text(self) -> str:
        returns, params = self.prototype["returns"], self.prototype["params"]
        types = ", ".join(p["type"] for p in params) or "void"
        values = iter(self.args)
        lines: List[str] = []
        after: List[str] = []
        for i, param in enumerate(params):
            if _model.role(param) == "out":
                lines.append("static %s a%d;" % (param["item"], i))
                lines.append("a%d = (%s){0};" % (i, param["item"]))
                after += self.show(param["item"], "a%d" % i)
            else:
                lines += self.argument(i, param, next(values))
        call = "function(%s)" % ", ".join(
            ("&a%d" if _model.role(p) in ("out", "struct") else "a%d") % i
            for i, p in enumerate(params)
        )
        if returns == "void":
            lines.append(call + ";")
        else:
            lines.append("%s = %s;" % (_model.variable(returns, "result"), call))
            after = self.show(returns, "result") + after
        body = "".join("\t%s\n" % line for line in lines + after)
        head = _HEAD % {
            "headers": _model.HEADERS,
            "structs": _model.struct_definitions(self.prototype),
            "function": _model.variable(returns, "pb_target(%s)" % types),
        }
        call_function = "\nstatic void pb_call(pb_target *function)\n{\n%s}\n" % body
        return head + "".join(self.functions) + call_function + _MAIN

    def argument(self, i: int, param: Json, value: Any) -> List[str]:
        name, role = "a%d" % i, _model.role(param)
        if role == "null":
            return ["void *%s = NULL;" % name]
        if role in ("string", "buffer"):
            raw = value.encode() if isinstance(value, str) else bytes(memoryview(value).cast("B"))
            path = os.path.join(self.scratch, "bytes-%d" % i)
            with open(path, "wb") as f:
                f.write(raw)
            return ['void *%s = pb_bytes("%s", %d);' % (name, _quoted(path), len(raw))]
        if role == "callback":
            self.callback(i, param["callback"], value)
            return ["%s = pb_callback_%d;" % (_model.variable(param["type"], name), i)]
        ctype = param["item"] if role == "struct" else param["type"]
        return ["%s %s = %s;" % (ctype, name, self.literal(ctype, value))]

    def literal(self, ctype: str, value: Any) -> str:
        fields = _model.fields(self.prototype, ctype)
        if fields is not None:
            parts = [self.literal(f["type"], v) for f, v in zip(fields, value)]
            return "{%s}" % ", ".join(parts)
        return _literal(ctype, value)

    def show(self, ctype: str, name: str) -> List[str]:
        """Statements that print a value."""
        fields = _model.fields(self.prototype, ctype)
        if fields is not None:
            return [s for f in fields for s in self.show(f["type"], name + "." + f["name"])]
        if ctype not in _model.SCALARS:
            return ["pb_text(%s);" % name]
        return ['fputs("value", pb_out);', _print(ctype, name), "fputc('\\n', pb_out);"]

    def callback(self, i: int, described: Json, function: Callable[..., Any]) -> None:
        returns, params = described["returns"], described["params"]
        number = len(self.callbacks)
        self.callbacks.append((described, function))
        lines = ["char line[256];", 'fprintf(pb_out, "callback %d");' % number]
        lines += [_print(p, "b%d" % k) for k, p in enumerate(params)]
        lines.append("pb_answer(line, sizeof line);")
        if returns != "void":
            lines.append(_read(returns))
        self.functions.append(
            "\nstatic %s pb_callback_%d(%s)\n{\n%s}\n"
            % (
                returns,
                i,
                ", ".join("%s b%d" % (p, k) for k, p in enumerate(params)) or "void",
                "".join("\t%s\n" % line for line in lines),
            )
        )


def _quoted(path: str) -> str:
    return path.replace("\\", "\\\\").replace('"', '\\"')


def _literal(ctype: str, value: Any) -> str:
    scalar = _model.SCALARS[ctype]
    if scalar.kind == "complex":
        part = "float" if scalar.bits == 64 else "double"
        parts = (_literal(part, value.real), _literal(part, value.imag))
        return "__builtin_complex(%s, %s)" % parts
    if scalar.kind == "float":
        text = float(value).hex()
        if "0x" not in text:
            text = {"inf": "__builtin_inf()", "-inf": "-__builtin_inf()"}.get(
                text, '__builtin_nan("")'
            )
        return "(%s)%s" % (ctype, text)
    # Through 64 bits without a sign, as -2**63 has no literal of its own.
    return "(%s)%dULL" % (ctype, int(value) & (2**64 - 1))


def _print(ctype: str, name: str) -> str:
    scalar = _model.SCALARS[ctype]
    if scalar.kind == "complex":
        suffix = "f" if scalar.bits == 64 else ""
        parts = "(double)creal%s(%s), (double)cimag%s(%s)" % (suffix, name, suffix, name)
        return 'fprintf(pb_out, " %%a,%%a", %s);' % parts
    if scalar.kind == "float":
        return 'fprintf(pb_out, " %%a", (double)%s);' % name
    if scalar.signed:
        return 'fprintf(pb_out, " %%lld", (long long)%s);' % name
    return 'fprintf(pb_out, " %%llu", (unsigned long long)%s);' % name


def _read(ctype: str) -> str:
    """The statement that returns what an answer line says."""
    scalar = _model.SCALARS[ctype]
    if scalar.kind == "complex":
        part = "float" if scalar.bits == 64 else "double"
        return (
            "char *end; double real = strtod(line, &end); "
            "return __builtin_complex((%s)real, (%s)strtod(end + 1, NULL));" % (part, part)
        )
    if scalar.kind == "float":
        return "return (%s)strtod(line, NULL);" % ctype
    return "return (%s)%s(line, NULL, 10);" % (ctype, "strtoll" if scalar.signed else "strtoull")
