# SPDX-License-Identifier: MIT
"""The target's libraries: all that bindings link against, or are measured through.

kernel  the function itself: compiled from the workload's source, or a library that has it
veneer  exports the function's name as a jump through a slot (libprobe/src/hook)
bare    the function under the veneer's file name: what a binding calls without any of probe
static  archive of the function, for bindings that have no seam
twin    archive of a function of the same name with an empty body: it returns the bytes that
        $PROBE_TWIN_VALUE gave in hexadecimal digits when it was loaded
replay  gives back what the function gave, where that is not all in registers: see _replay.py
"""

import os
import sys
from typing import Any, Dict, List

from _toolchain import KERNEL_FLAGS, Toolchain

sys.path.append(
    os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "workloads", "bindings")
)
import _model
import _replay

# What the libraries depend on besides the workload.
SOURCES = [os.path.abspath(m) for m in (__file__, _replay.__file__, _model.__file__)]

Json = Dict[str, Any]

_TWIN = """\
%(headers)s
#include <stdlib.h>
%(declarations)s
static %(returns)s pb_value;

__attribute__((constructor)) static void pb_read_value(void)
{
	const char *digits = getenv("PROBE_TWIN_VALUE");
	for (size_t i = 0; digits && digits[2 * i] && i < sizeof pb_value; i++) {
		char byte[3] = {digits[2 * i], digits[2 * i + 1], 0};
		((unsigned char *)&pb_value)[i] = (unsigned char)strtol(byte, NULL, 16);
	}
}

%(signature)s
{
%(unused)s	return pb_value;
}
"""
_TWIN_VOID = "%(headers)s\n%(declarations)s\n%(signature)s\n{\n%(unused)s}\n"

_FORWARD = """\
#define _GNU_SOURCE
#include <dlfcn.h>

static void *pb_real;

/* Before any binding is loaded, and so before the resolver is asked. */
__attribute__((constructor)) static void pb_find(void)
{
	void *library = dlopen("%(library)s", RTLD_NOW | RTLD_LOCAL);
	pb_real = library ? dlsym(library, "%(symbol)s") : 0;
}

static void (*pb_resolve(void))(void)
{
	return (void (*)(void))pb_real;
}

void %(name)s(void) __attribute__((ifunc("pb_resolve")));
"""


def _soname(workload: Json) -> str:
    return "libprobe_target_%s.so" % workload["prototype"]["name"]


def files(workload: Json, folder: str) -> Json:
    """What build() made in that folder."""
    if "callable" in workload:
        return {}
    found = {kind: os.path.join(folder, kind, _soname(workload)) for kind in ("veneer", "bare")}
    found["kernel"] = workload.get("library") or os.path.join(folder, "kernel", _soname(workload))
    if "source" in workload:
        found.update(static=os.path.join(folder, "static"), twin=os.path.join(folder, "twin"))
    if _replay.needed(workload["prototype"]):
        found["replay"] = os.path.join(folder, "replay", "replay.so")
    return found


def _twin_source(prototype: Json) -> str:
    values = {
        "headers": _model.HEADERS,
        "declarations": _model.declarations(prototype),
        "returns": prototype["returns"].replace("const ", ""),
        "signature": _model.function(prototype).rstrip(";"),
        "unused": "".join("\t(void)%s;\n" % p["name"] for p in prototype["params"]),
    }
    return (_TWIN_VOID if prototype["returns"] == "void" else _TWIN) % values


def _archive(cc: Toolchain, source: str, folder: str, workload: Json) -> None:
    name = workload["prototype"]["name"]
    made = os.path.join(folder, name + ".o")
    flags = [f for f in KERNEL_FLAGS if not f.startswith("-Wl,") and f != "-shared"]
    # Hidden: the binding calls it directly, and no other library of that name can come between.
    own = workload.get("cflags", [])
    cc.shared(made, [source], flags=[*flags, *own, "-c", "-fvisibility=hidden"])
    archive = os.path.join(folder, "libprobe_target_%s.a" % name)
    cc.run(["ar", "rcs", archive, made], "ar", os.path.basename(archive))


def build(cc: Toolchain, workload: Json, veneer: str, out: str) -> None:
    """Compiles them all into folders below out. Raises BuildError."""
    prototype = workload["prototype"]
    name = prototype["name"]

    def library(kind: str, made_of: List[str], *flags: str) -> None:
        os.mkdir(os.path.join(out, kind))
        cc.shared(
            os.path.join(out, kind, _soname(workload)),
            made_of,
            flags=[*KERNEL_FLAGS, "-Wl,-soname," + _soname(workload), *flags],
            link=workload.get("link", []),
        )

    library("veneer", [veneer], "-DPROBE_VENEER_NAME=" + name)
    if _replay.needed(prototype):
        _build_replay(cc, prototype, os.path.join(out, "replay"))
    if "source" not in workload:
        _forward(cc, workload, out)
        return
    source = os.path.join(workload["dir"], workload["source"])
    exports = os.path.join(out, "exports")
    with open(exports, "w", encoding="utf-8") as f:
        f.write("{ global: %s; local: *; };\n" % name)  # what else it defines is its own affair
    own = [*workload.get("cflags", []), "-Wl,--version-script," + exports]
    library("kernel", [source], *own)
    library("bare", [source], *own)
    for kind in ("static", "twin"):
        os.mkdir(os.path.join(out, kind))
    _archive(cc, source, os.path.join(out, "static"), workload)
    twin = os.path.join(out, "twin", name + ".c")
    with open(twin, "w", encoding="utf-8") as f:
        f.write(_twin_source(prototype))
    _archive(cc, twin, os.path.join(out, "twin"), workload)


def _build_replay(cc: Toolchain, prototype: Json, folder: str) -> None:
    os.mkdir(folder)
    source = os.path.join(folder, "replay.c")
    with open(source, "w", encoding="utf-8") as f:
        f.write(_replay.source(prototype))
    cc.shared(os.path.join(folder, "replay.so"), [source], flags=[*KERNEL_FLAGS, *_replay.flags()])


def _forward(cc: Toolchain, workload: Json, out: str) -> None:
    """A library of one symbol that the loader itself turns into the user's function, so that the
    call goes there without a jump between. Resolved by handle: a function of the same name that
    comes first in the process (libm's in python) is another one."""
    folder = os.path.join(out, "bare")
    os.mkdir(folder)
    source = os.path.join(folder, "forward.c")
    with open(source, "w", encoding="utf-8") as f:
        f.write(
            _FORWARD
            % {
                "library": workload["library"].replace("\\", "\\\\").replace('"', '\\"'),
                "symbol": workload.get("symbol", workload["prototype"]["name"]),
                "name": workload["prototype"]["name"],
            }
        )
    cc.shared(
        os.path.join(folder, _soname(workload)),
        [source],
        flags=[*KERNEL_FLAGS, "-Wl,-soname," + _soname(workload)],
        link=["-ldl"],
    )
