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
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
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

/* Memory of the arguments ends where no memory is, so that a function that runs past it is told of:
 * what it would read there belongs to others. With pb_roomy there is room, for functions that need
 * an alignment that the items' own type has not. */
enum { PB_GUARD = 1 << 20, PB_MOST = 64 };
static struct { char *end; int argument; } pb_placed[PB_MOST];
static int pb_placed_count, pb_roomy, pb_out_fd;
static const char *pb_folder;

static void *pb_place(size_t size, size_t align, int argument)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t whole = (size + page) / page * page;
	char *start = mmap(NULL, whole + PB_GUARD, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (start == MAP_FAILED || mprotect(start + whole, PB_GUARD, PROT_NONE))
		_Exit(98);
	if (pb_placed_count < PB_MOST) {
		pb_placed[pb_placed_count].end = start + whole;
		pb_placed[pb_placed_count++].argument = argument;
	}
	return pb_roomy ? start : start + (whole - size) / align * align;
}

static void pb_fault(int signo, siginfo_t *info, void *context)
{
	char text[] = "past 00\\n", *at = info->si_addr;
	(void)context;
	for (int i = 0; i < pb_placed_count; i++)
		if (info->si_code != SI_KERNEL && at >= pb_placed[i].end &&
		    at < pb_placed[i].end + PB_GUARD) {
			text[5] += (char)(pb_placed[i].argument / 10 %% 10);
			text[6] += (char)(pb_placed[i].argument %% 10);
			_exit(write(pb_out_fd, text, 8) != 8);
		}
	if (info->si_code == SI_KERNEL && pb_placed_count && !pb_roomy)
		_exit(write(pb_out_fd, "unaligned\\n", 10) != 10);
	signal(signo, SIG_DFL); /* and so it happens once more */
}

/* The file's bytes. */
static void *pb_bytes(const char *name, size_t size, size_t align, int argument)
{
	char *bytes = pb_place(size, align, argument), path[4096];
	snprintf(path, sizeof path, "%%s/%%s", pb_folder, name);
	FILE *file = fopen(path, "rb");
	if (!file || fread(bytes, 1, size, file) != size)
		_Exit(98);
	fclose(file);
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
	const struct sigaction fault = {.sa_sigaction = pb_fault, .sa_flags = SA_SIGINFO};
	(void)argc;
	setrlimit(RLIMIT_CORE, &none);
	pb_out_fd = atoi(argv[3]);
	pb_out = fdopen(pb_out_fd, "w");
	pb_in = fdopen(atoi(argv[4]), "r");
	pb_roomy = atoi(argv[5]);
	sigaction(SIGSEGV, &fault, NULL);
	sigaction(SIGBUS, &fault, NULL);
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
	/* dlsym() also finds what the library's own libraries have. What it resolves to the kernel's
	 * own page (time, gettimeofday) is the library's all the same. */
	if (dladdr((void *)function, &at) && map && strcmp(at.dli_fname, map->l_name) &&
	    strncmp(at.dli_fname, "linux-", 6)) {
		fprintf(pb_out, "elsewhere %s\\n", at.dli_fname);
		return 0;
	}
	pb_folder = argv[6];
	pb_call_twice(function);
	_Exit(0);
}
"""

# In a process that is measured: calls the function as this library is loaded.
_WITNESS = """\

__attribute__((constructor)) static void pb_witness(void)
{
	const char *out = getenv("PROBE_WITNESS"), *file = getenv("PROBE_WITNESS_LIBRARY");
	void *library = out ? dlopen(file, RTLD_NOW | RTLD_LOCAL) : NULL;
	pb_target *function =
		library ? (pb_target *)dlsym(library, getenv("PROBE_WITNESS_SYMBOL")) : NULL;
	pb_folder = getenv("PROBE_WITNESS_FOLDER");
	pb_roomy = 1;
	pb_out = function ? fopen(out, "w") : NULL;
	if (!pb_out)
		return;
	pb_call_twice(function);
	fclose(pb_out);
}
"""
_TWICE = """\

static void pb_call_twice(pb_target *function)
{
	for (int i = 0; i < 2; i++) {
		fputs("call\\n", pb_out);
		fflush(pb_out);
		pb_call(function);
	}
	fputs("end\\n", pb_out);
	fflush(pb_out);
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
        self.files: List[str] = []  # in scratch: what buffers hold

    def text(self, witness: bool = False) -> str:
        returns, params = self.prototype["returns"], self.prototype["params"]
        types = ", ".join(p["type"] for p in params) or "void"
        values = iter(self.args)
        lines: List[str] = []
        after: List[str] = []
        for i, param in enumerate(params):
            if _model.role(param) == "out":
                lines.append(_placed(param["item"], i))
                after += self.show(param["item"], "(*a%d)" % i)
            else:
                lines += self.argument(i, param, next(values))
        call = "function(%s)" % ", ".join(
            "a%d" % i for i in range(len(params))
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
        main = _WITNESS if witness else _MAIN
        return head + "".join(self.functions) + call_function + _TWICE + main

    def argument(self, i: int, param: Json, value: Any) -> List[str]:
        name, role = "a%d" % i, _model.role(param)
        if role == "null":
            return ["void *%s = NULL;" % name]
        if role in ("string", "buffer"):
            raw = value.encode() if isinstance(value, str) else bytes(memoryview(value).cast("B"))
            align = 1 if isinstance(value, str) else memoryview(value).itemsize
            if isinstance(value, (str, bytes)):
                raw += b"\0"  # as Python's own have behind them
            self.files.append("bytes-%d" % i)
            with open(os.path.join(self.scratch, self.files[-1]), "wb") as f:
                f.write(raw)
            place = (name, self.files[-1], len(raw), align, i)
            return ['void *%s = pb_bytes("%s", %d, %d, %d);' % place]
        if role == "callback":
            self.callback(i, param["callback"], value)
            return ["%s = pb_callback_%d;" % (_model.variable(param["type"], name), i)]
        if role == "struct":
            ctype = param["item"]
            value = "*%s = (%s)%s;" % (name, ctype, self.literal(ctype, value))
            return [_placed(ctype, i), value]
        ctype = param["type"]
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


def _placed(ctype: str, i: int) -> str:
    """One value, with no memory behind it."""
    return "%s *a%d = pb_place(sizeof(%s), _Alignof(%s), %d);" % (ctype, i, ctype, ctype, i)


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
