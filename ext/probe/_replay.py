# SPDX-License-Identifier: MIT
"""C source of the library that replays what a target's result registers don't hold.

The ladder's stubs give back what one real call gave. Registers are recorded and replayed by thunks
(libprobe/src/hook); out-parameters, structs and what callbacks returned are in memory, and need the
prototype to be found again: that is the library made here, and its one symbol is

  pb_replay  (struct pb_replay of libprobe/src/py/py.h)
    record    a target that calls the real one and keeps its result, its out-parameters and, through
              wrappers around its callbacks, what each of them returned
    target    gives result and out-parameters back, and does nothing else
    callback  the real target, with native functions in place of its callbacks that give back what
              those returned
"""

from typing import Any, Dict, List

import _model  # of workloads/bindings

Json = Dict[str, Any]

COPIES = 4  # PB_THUNK_VARIANTS: the place of a stub in memory moves a call's cost
_MOST_RESULTS = 1024  # of one callback in one call, a power of two; more are not replayed rightly

# Copies start at different places in a cache line; a compiler that moves this elsewhere places them
# as it likes.
_PLACE = '__asm__(".text\\n\\t.p2align 6\\n%s");\n__attribute__((aligned(16)))\n'

_CALLBACK = """\
static %(pointer)s;
%(results)sstatic unsigned pb_next_%(name)s;
static %(keep)s
{
	%(kept)s
}
static %(once)s
{
%(unused)s	%(first)s
}
static %(many)s
{
%(unused)s	%(following)s
}
static %(stub)s;
"""


def _place(copy: int) -> str:
    return _PLACE % ("\\t.skip %d" % (16 * copy) if copy else "")


def flags() -> List[str]:
    return ["-fno-toplevel-reorder", "-fno-ipa-icf"]


def needed(prototype: Json) -> bool:
    return (
        prototype["returns"] == "long double"  # in a register of the x87
        or bool(_model.outs(prototype))
        or bool(_callbacks(prototype))
        or _model.fields(prototype, prototype["returns"]) is not None
    )


def _callbacks(prototype: Json) -> List[Json]:
    return [p for p in prototype["params"] if _model.role(p) == "callback"]


def _callback(param: Json) -> str:
    """Wrappers around, and stand-ins for, one callback."""
    name, made = param["name"], param["callback"]
    void = made["returns"] == "void"
    params = ["%s a%d" % (ctype, i) for i, ctype in enumerate(made["params"])]
    call = "pb_called_%s(%s)" % (name, ", ".join("a%d" % i for i in range(len(params))))
    results = "pb_results_%s[%d]" % (name, _MOST_RESULTS)
    place = "pb_results_%s[pb_next_%s++ & %du]" % (name, name, _MOST_RESULTS - 1)

    def function(called: str) -> str:
        return "%s(%s)" % (_model.variable(made["returns"], called), ", ".join(params) or "void")

    return _CALLBACK % {
        "name": name,
        "pointer": _model.variable(param["type"], "pb_called_" + name),
        "stub": _model.variable(param["type"], "pb_stub_" + name),
        "results": "" if void else "static %s;\n" % _model.variable(made["returns"], results),
        "keep": function("pb_keep_" + name),
        "once": function("pb_once_" + name),
        "many": function("pb_many_" + name),
        "kept": (
            "pb_next_%s++;\n\t%s;" % (name, call) if void else "return %s = %s;" % (place, call)
        ),
        "unused": "".join("\t(void)a%d;\n" % i for i in range(len(params))),
        "first": "return;" if void else "return pb_results_%s[0];" % name,
        "following": "return;" if void else "return %s;" % place,
    }


class _Source:
    def __init__(self, prototype: Json) -> None:
        self.prototype = prototype
        self.void = prototype["returns"] == "void"
        self.outs = _model.outs(prototype)
        self.callbacks = _callbacks(prototype)

    def signature(self, name: str) -> str:
        return _model.function(dict(self.prototype, name=name)).rstrip(";")

    def call(self, stand_in: str) -> str:
        """The real target, its callbacks replaced by pb_STAND_IN_NAME."""
        args = [
            "pb_%s_%s" % (stand_in, p["name"]) if p in self.callbacks else p["name"]
            for p in self.prototype["params"]
        ]
        return "pb_real(%s)" % ", ".join(args)

    def unused(self) -> str:
        """What a stub doesn't look at."""
        return "".join("\t(void)%s;\n" % p["name"] for p in self.prototype["params"])

    def state(self) -> str:
        lines = ["static %s;\n" % self.signature("(*pb_real)")]
        if not self.void:
            lines.append("static %s;\n" % _model.variable(self.prototype["returns"], "pb_result"))
        for param in self.outs:
            lines.append("static %s;\n" % _model.variable(param["item"], "pb_out_" + param["name"]))
        return "".join(lines) + "".join(_callback(p) for p in self.callbacks)

    def record(self) -> str:
        lines = []
        for name in (p["name"] for p in self.callbacks):
            lines += ["pb_called_%s = %s;" % (name, name), "pb_next_%s = 0;" % name]
        lines.append("%s%s;" % ("" if self.void else "pb_result = ", self.call("keep")))
        for name in (p["name"] for p in self.callbacks):
            # Most are called once: then nothing is counted.
            lines.append(
                "pb_stub_%s = pb_next_%s == 1 ? pb_once_%s : pb_many_%s;" % (name, name, name, name)
            )
        lines += ["pb_out_%s = *%s;" % (p["name"], p["name"]) for p in self.outs]
        lines += [] if self.void else ["return pb_result;"]
        return "static %s\n{\n%s}\n" % (
            self.signature("pb_record"),
            "".join("\t%s\n" % line for line in lines),
        )

    def target(self, copy: int) -> str:
        lines = ["*%s = pb_out_%s;" % (p["name"], p["name"]) for p in self.outs]
        lines += [] if self.void else ["return pb_result;"]
        return "%sstatic %s\n{\n%s%s}\n" % (
            _place(copy),
            self.signature("pb_target_%d" % copy),
            self.unused(),
            "".join("\t%s\n" % line for line in lines),
        )

    def callback(self, copy: int) -> str:
        lines = ["pb_next_%s = 0;" % p["name"] for p in self.callbacks]
        lines.append("%s%s;" % ("" if self.void else "return ", self.call("stub")))
        return "%sstatic %s\n{\n%s%s}\n" % (
            _place(copy),
            self.signature("pb_callback_%d" % copy),
            self.unused(),
            "".join("\t%s\n" % line for line in lines),
        )

    def table(self) -> str:
        def column(name: str) -> str:
            return "{%s}" % ", ".join("(void *)%s_%d" % (name, i) for i in range(COPIES))

        return (
            "const struct {\n\tuint64_t copies;\n\tvoid *real, *record, *target[%d], *callback[%d];\n"
            "} pb_replay = {%d, (void *)&pb_real, (void *)pb_record, %s, %s};\n"
            % (
                COPIES,
                COPIES,
                COPIES,
                column("pb_target"),
                column("pb_callback") if self.callbacks else "{0}",
            )
        )


def source(prototype: Json) -> str:
    made = _Source(prototype)
    parts = [_model.HEADERS, _model.struct_definitions(prototype), made.state(), made.record()]
    for copy in range(COPIES):
        parts.append(made.target(copy))
    for copy in range(COPIES if made.callbacks else 0):
        parts.append(made.callback(copy))
    return "\n".join([*parts, made.table()])
