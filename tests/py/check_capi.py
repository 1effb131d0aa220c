# SPDX-License-Identifier: MIT
"""Calls what the C-API and HPy generators make, in the interpreter that runs this.

Usage: python check_capi.py HOME FOLDER PATH[+OPTION...]...   (FOLDER keeps what is compiled)

Results of every role and scalar, the kind of every refusal, exceptions out of callbacks, reference
counts, and that the options do what they say. Prints "PATH FUNCTION: ok" or why it can't be
expressed; exits 1 at the first thing that is wrong. HPy must be importable for its paths.
"""

import array
import ctypes
import gc
import glob
import importlib.machinery
import importlib.util
import inspect
import os
import sys
import threading
from typing import Any, Callable, Dict, FrozenSet, List, Tuple

HOME, FOLDER = (os.path.abspath(p) for p in sys.argv[1:3])
sys.path[:0] = [os.path.join(HOME, "ext", "probe"), os.path.join(HOME, "workloads", "bindings")]

import _cache
import _model
from _toolchain import Toolchain

try:
    import numpy
except ImportError:
    numpy = None

Json = Dict[str, Any]
Call = Callable[..., Any]
LOOPS = 50

SOURCE = """
#include <string.h>
#include <unistd.h>

struct tm { int hour; double second; bool summer; };  /* not that of time.h */
static volatile int flag;

int abs(int value) { return value < 0 ? 7 - value : value; }  /* nor that of the C library */
double total(const double *values, size_t count)
{
	double sum = 0;
	for (size_t i = 0; i < count; i++)
		sum += values[i];
	return sum;
}
void fill(void *bytes, size_t count, unsigned char with) { memset(bytes, with, count); }
void invert(bool *flags, int count)
{
	for (int i = 0; i < count; i++)
		flags[i] = !flags[i];
}
double _Complex first(const double _Complex *values) { return values[0]; }
size_t length(const char *text) { return strlen(text); }
const char *weekday(int day) { return day < 0 ? NULL : day ? "s\\303\\251c" : "lun"; }
struct tm later(struct tm a, const struct tm *b, struct tm *sum, int *hours)
{
	struct tm c = {a.hour + b->hour, a.second + b->second, a.summer && b->summer};
	*sum = c;
	*hours = c.hour;
	return a;
}
int either(int (*f)(int), long (*g)(double, bool), int times)
{
	int sum = 0;
	for (int i = 0; i < times; i++)
		sum += f(i) + (int)g(i / 2.0, i & 1);
	return sum;
}
void each(void (*f)(void), int errno) { while (errno-- > 0) f(); }
bool nothing(const void *p, int (*f)(int)) { return !p && !f; }
void raise_flag(void) { flag = 1; }
int await_flag(int ms)
{
	flag = 0;
	while (!flag && ms-- > 0)
		usleep(1000);
	return flag;
}
"""

TM = {
    "type": "struct tm",
    "fields": [
        {"name": "hour", "type": "int"},
        {"name": "second", "type": "double"},
        {"name": "summer", "type": "bool"},
    ],
}


def p(ctype: str, name: str, role: str = "value", **more: Any) -> Json:
    return dict(type=ctype, name=name, role=role, **more)


def function(name: str, returns: str, *params: Json, structs: Any = ()) -> Json:
    return {"name": name, "returns": returns, "params": list(params), "structs": list(structs)}


def called(returns: str, *params: str) -> Json:
    return {"returns": returns, "params": list(params)}


def text(*accepts: str) -> Json:
    return function("length", "size_t", p("const char *", "text", "string", accepts=list(accepts)))


def echo(complex_too: bool) -> Tuple[Json, str]:
    """All scalars to C and back by out-parameters, and its C source. The C-API converts no long
    double."""
    types = [t for t, s in _model.SCALARS.items() if complex_too or s.kind != "complex"]
    types.remove("long double")
    params = [p(t, "a%d" % i) for i, t in enumerate(types)]
    outs = [p(t + " *", "b%d" % i, "out", item=t) for i, t in enumerate(types)]
    made = function("echo_all" if complex_too else "echo_real", "void", *params, *outs)
    body = " ".join("*b%d = a%d;" % (i, i) for i in range(len(types)))
    return made, _model.function(made)[:-1] + " { " + body + " }\n"


class Scene:
    """One library with all functions, as the driver would load it, and one path's generator."""

    def __init__(self) -> None:
        os.makedirs(FOLDER, exist_ok=True)
        self.cc = Toolchain(os.environ.get("CC", "cc"), os.path.join(FOLDER, "logs"))
        library = os.path.join(FOLDER, "libprobe_target_all.so")
        source = os.path.join(FOLDER, "all.c")
        with open(source, "w", encoding="utf-8") as f:
            f.write(_model.HEADERS + SOURCE + echo(True)[1] + echo(False)[1])
        soname = "-Wl,-soname,libprobe_target_all.so"
        flags = ["-O2", "-fPIC", "-shared", "-fno-builtin", "-Wl,-Bsymbolic", soname]
        self.cc.shared(library, [source], flags=flags)
        self.library = library
        self.handle = ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL)

    def choose(self, path: str) -> None:
        self.path, *options = path.split("+")
        self.options: FrozenSet[str] = frozenset(options)
        file = os.path.join(HOME, "workloads", "bindings", self.path, "binding.py")
        spec = importlib.util.spec_from_file_location("_binding", file)
        assert spec and spec.loader
        self.binding = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.binding)
        shared = glob.glob(
            os.path.join(glob.escape(os.path.dirname(os.path.dirname(file))), "_*.py")
        )
        self.identity = [_cache.read_bytes(f).decode("utf-8") for f in [file, *sorted(shared)]]

    def build(self, prototype: Json) -> str:
        """The folder with the extension, built unless generator, compiler and prototype are known."""
        link = os.path.join(FOLDER, "libprobe_target_%s.so" % prototype["name"])
        if not os.path.islink(link):
            os.symlink(self.library, link)
        name = "+".join([self.path, *sorted(self.options)])
        key = _cache.digest(prototype, self.identity, self.cc.identity())

        def build(folder: str) -> None:
            self.binding.build(prototype, folder, self.cc, FOLDER, self.options)

        return _cache.entry(FOLDER, "%s-%s-%s" % (name, prototype["name"], key), build)

    def load(self, prototype: Json, out_dir: str) -> Call:
        found: Call = self.binding.load(prototype, out_dir, self.library, self.options)
        assert type(found).__name__ == "builtin_function_or_method"
        return found


def refuses(error: Any, call: Call, *args: Any) -> None:
    try:
        result = call(*args)
    except error:
        return
    raise AssertionError("%r gave %r, %r expected" % (args, result, error))


def doubles(*values: float) -> Any:
    return array.array("d", values)


# Each check yields a prototype, is sent its callable, and says what must hold.


def check_abs(scene: Scene) -> Any:
    call = yield function("abs", "int", p("int", "value"))
    assert call(-3) == 10 and call(True) == 1
    refuses(TypeError, call)
    refuses(TypeError, call, 1, 2)
    refuses(TypeError, call, "1")
    refuses(OverflowError, call, 2**31)
    refuses(OverflowError, call, -(2**70))
    if not scene.path.startswith("hpy") or sys.version_info >= (3, 10):
        refuses(TypeError, call, 1.5)  # HPy's function is PyLong_AsLong as it was


def check_echo(scene: Scene) -> Any:
    """The ends of every range, and the kind of error beyond them."""
    real = scene.path.startswith("hpy")
    prototype = echo(not real)[0]
    call = yield prototype
    scalars = [_model.SCALARS[q["type"]] for q in _model.passed(prototype)]
    ends: List[Tuple[Any, ...]] = [(), ()]
    for s in scalars:
        if s.kind == "int":
            low = -(1 << (s.bits - 1)) if s.signed else 0
            ends = [ends[0] + (low,), ends[1] + ((1 << (s.bits - s.signed)) - 1,)]
        else:
            fits = {"bool": (False, True), "float": (0.5, -1e30), "complex": (1j, 0.5 - 2j)}
            low, high = fits[s.kind]
            if s.bits == 32:
                high = -0.25  # type: ignore[assignment]
            ends = [ends[0] + (low,), ends[1] + (high,)]
    for args in ends:
        assert call(*args) == args, (call(*args), args)
    for i, s in enumerate(scalars):
        if s.kind != "int":
            continue
        for end, by in ((ends[0], -1), (ends[1], 1)):
            wrong = (OverflowError, ValueError) if by < 0 and not s.signed else OverflowError
            refuses(wrong, call, *end[:i], end[i] + by, *end[i + 1 :])
            refuses(wrong, call, *end[:i], by << 80, *end[i + 1 :])
        refuses(TypeError, call, *ends[0][:i], None, *ends[0][i + 1 :])


VALUES = p("const double *", "values", "buffer", item="double", length="count")


def check_total(scene: Scene) -> Any:
    call = yield function("total", "double", VALUES, p("size_t", "count"))
    data = doubles(1, 2, 3.5)
    assert call(data, 3) == 6.5 and call(memoryview(data).toreadonly(), 2) == 3.0
    assert call((ctypes.c_double * 2)(1, 2), 2) == 3.0
    assert call(doubles(), 0) == 0.0
    if numpy:
        assert call(numpy.ones(4), 4) == 4.0
        refuses((TypeError, BufferError, ValueError), call, numpy.ones(4)[::2], 2)
        refuses(TypeError, call, numpy.ones(4, dtype="int64"), 4)
    refuses(ValueError, call, data, 4)
    refuses(ValueError, call, data, -1)
    refuses(ValueError, call, data, 2**63)
    refuses(TypeError, call, b"12345678", 1)
    refuses(TypeError, call, [1.0], 1)
    refuses((TypeError, BufferError), call, memoryview(data)[::2], 2)
    refuses(TypeError, call, data, "x")
    data.append(1.0)  # refused while a buffer is held


def check_fill(scene: Scene) -> Any:
    into = p("void *", "bytes", "buffer", item="void", length="count")
    call = yield function("fill", "void", into, p("size_t", "count"), p("unsigned char", "with"))
    data = bytearray(4)
    assert call(data, 3, 65) is None and data == b"AAA\0"
    whole = array.array("H", [0, 0])
    call(whole, 4, 1)
    assert list(whole) == [257, 257]
    refuses(BufferError, call, b"abc", 3, 0)
    refuses(ValueError, call, data, 5, 0)
    refuses((OverflowError, ValueError), call, data, 4, -1)
    data.append(0)


def check_invert(scene: Scene) -> Any:
    flags = p("bool *", "flags", "buffer", item="bool", length="count")
    call = yield function("invert", "void", flags, p("int", "count"))
    data = (ctypes.c_bool * 3)(True, False, True)
    call(data, 2)
    assert list(data) == [False, True, True]
    refuses(TypeError, call, bytearray(3), 3)
    refuses(ValueError, call, data, -1)
    if numpy:
        found = numpy.array([True, False])
        call(found, 2)
        assert list(found) == [False, True]


def check_first(scene: Scene) -> Any:
    values = p("const double _Complex *", "values", "buffer", item="double _Complex")
    call = yield function("first", "double _Complex", values)
    refuses(TypeError, call, doubles(1, 2))
    if numpy:
        assert call(numpy.array([1 - 2j])) == 1 - 2j
        refuses(TypeError, call, numpy.array([1 - 2j], dtype="complex64"))


def _check_text(scene: Scene, good: List[Any], bad: List[Any], *accepts: str) -> Any:
    call = yield text(*accepts)
    for value in good:
        raw = value if isinstance(value, bytes) else value.encode("utf-8")
        assert call(value) == len(raw), value
        refuses(ValueError, call, raw + b"\0" if raw is value else value + "\0")
    for value in bad:
        refuses(TypeError, call, value)
    if "str" in accepts:
        # HPyArg_Parse says SystemError whatever it was.
        hpy = scene.path.startswith("hpy")
        refuses((UnicodeEncodeError, SystemError) if hpy else UnicodeEncodeError, call, "\udc80")


def check_str(scene: Scene) -> Any:
    return _check_text(scene, ["h\u00e9llo", "x"], [b"x", None, 1], "str")


def check_bytes(scene: Scene) -> Any:
    return _check_text(scene, [b"h\xc3\xa9llo", b"x"], ["x", None, 1], "bytes")


def check_both(scene: Scene) -> Any:
    return _check_text(scene, ["h\u00e9llo", b"x"], [None, 1], "str", "bytes")


def check_weekday(scene: Scene) -> Any:
    call = yield function("weekday", "const char *", p("int", "day"))
    assert (call(1), call(0), call(-1)) == ("s\u00e9c", "lun", None)


def check_later(scene: Scene) -> Any:
    call = yield function(
        "later",
        "struct tm",
        p("struct tm", "a"),
        p("const struct tm *", "b", "struct", item="struct tm"),
        p("struct tm *", "sum", "out", item="struct tm"),
        p("int *", "hours", "out", item="int"),
        structs=[TM],
    )
    a, b = (1, 2.5, True), (3, 4.0, False)
    assert call(a, b) == (a, (4, 6.5, False), 4)
    for bad in (None, (1, 2.5), [1, 2.5, True], (1, 2.5, True, 4)):
        refuses(TypeError, call, bad, b)
        refuses(TypeError, call, a, bad)
    refuses(TypeError, call, a, (1, "x", True))
    refuses(OverflowError, call, (2**31, 1.0, True), b)


class Stop(Exception):
    pass


def check_either(scene: Scene) -> Any:
    call = yield function(
        "either",
        "int",
        p("int (*)(int)", "f", "callback", callback=called("int", "int")),
        p("long (*)(double, bool)", "g", "callback", callback=called("long", "double", "bool")),
        p("int", "times"),
    )
    seen: List[Any] = []
    assert call(lambda i: i * 10, lambda x, odd: seen.append((x, odd)) or 1, 3) == 33
    assert seen == [(0.0, False), (0.5, True), (1.0, False)]
    # A callable may call the same function again: each call has its own.
    assert call(lambda i: call(lambda j: 100, lambda x, odd: 0, i), lambda x, odd: 1, 3) == 303

    def fails(*args: Any) -> int:
        seen.append(args)
        raise Stop(args)

    del seen[:]
    refuses(Stop, call, fails, lambda x, odd: seen.append(x) or 1, 5)
    assert seen == [(0,)]  # nothing runs after an exception
    refuses(Stop, call, lambda i: 1, fails, 5)
    refuses(Stop, call, lambda i: call(fails, fails, 1), lambda x, odd: 1, 5)
    refuses(TypeError, call, lambda i: "x", lambda x, odd: 1, 1)
    refuses(OverflowError, call, lambda i: 2**31, lambda x, odd: 1, 1)
    refuses(TypeError, call, 1, fails, 1)
    refuses(TypeError, call, fails, None, 1)


def check_threads(scene: Scene) -> Any:
    """Every thread calls its own callables, also while others wait inside theirs."""
    call = yield function("each", "void", EACH, p("int", "errno"))
    turns = [threading.Event() for _ in range(4)]
    counts = [0] * 4

    def body(i: int) -> None:
        def turn() -> None:
            counts[i] += 1
            turns[i].wait(5)
            turns[(i + 1) % 4].set()

        call(turn, i + 1)

    threads = [threading.Thread(target=body, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    turns[0].set()
    for thread in threads:
        thread.join()
    assert counts == [1, 2, 3, 4]


EACH = p("void (*)(void)", "f", "callback", callback=called("void"))


def check_each(scene: Scene) -> Any:
    call = yield function("each", "void", EACH, p("int", "errno"))
    seen: List[int] = []
    assert call(lambda: seen.append(1), 3) is None and len(seen) == 3
    refuses(ZeroDivisionError, call, lambda: 1 // 0, 3)


def check_nothing(scene: Scene) -> Any:
    call = yield function(
        "nothing", "bool", p("const void *", "p", "null"), p("int (*)(int)", "f", "null")
    )
    assert call(None, None) is True
    refuses(TypeError, call, None, 0)


def check_await_flag(scene: Scene) -> Any:
    """Only without the GIL can another thread raise the flag in time."""
    call = yield function("await_flag", "int", p("int", "ms"))
    free = "nogil" in scene.options or not getattr(sys, "_is_gil_enabled", lambda: True)()
    # Not by ctypes.CDLL, which lets the GIL go before the flag is up.
    raise_flag = ctypes.PyDLL(scene.library).raise_flag
    ready, done = threading.Event(), threading.Event()

    def other() -> None:
        while not done.wait(0.01):
            raise_flag()
            ready.set()

    thread = threading.Thread(target=other)
    thread.start()
    try:
        ready.wait()
        assert call(5000 if free else 100) == (1 if free else 0)
    finally:
        done.set()
        thread.join()


def check_keywords(scene: Scene) -> Any:
    call = yield function("total", "double", VALUES, p("size_t", "count"))
    if "keywords" not in scene.options:
        refuses(TypeError, lambda: call(doubles(1.0), count=1))
        return
    data = doubles(1.0, 2.0)
    assert call(data, 1) == call(data, count=1) == call(count=1, values=data) == 1.0
    refuses(TypeError, lambda: call(data))
    refuses(TypeError, lambda: call(data, 1, 1))
    refuses(TypeError, lambda: call(data, values=data))
    refuses(TypeError, lambda: call(data, 1, extra=1))
    refuses(TypeError, lambda: call(data, count="1"))
    data.append(1.0)


def check_keywords_of_scalars(scene: Scene) -> Any:
    call = yield function("weekday", "const char *", p("int", "day"))
    if "keywords" in scene.options:
        assert call(day=0) == call(0) == "lun"
        refuses(TypeError, call)


def check_signature(scene: Scene) -> Any:
    call = yield function("total", "double", p("double", "values"), p("size_t", "count"))
    if "keywords" in scene.options:
        assert str(inspect.signature(call)) == "(values, count)"
    else:
        refuses(ValueError, inspect.signature, call)


CHECKS = [value for name, value in list(globals().items()) if name.startswith("check_")]


def run(scene: Scene, check: Callable[[Scene], Any], call: Call) -> None:
    steps = check(scene)
    next(steps)
    try:
        steps.send(call)
    except StopIteration:
        return
    raise AssertionError("a check yields once")


def leaks_nothing(once: Callable[[], None]) -> None:
    """Each run makes its objects anew, so a reference that is not given back keeps memory."""
    for _ in range(3):
        once()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(LOOPS):
        once()
    gc.collect()
    grown = sys.getallocatedblocks() - before
    assert grown < LOOPS, "%d runs left %d blocks" % (LOOPS, grown)


def run_in_debug_mode(scene: Scene, check: Callable[[Scene], Any], folder: str) -> None:
    """HPy's own debug mode tells of handles that were not closed or closed too often."""
    import hpy.debug
    import hpy.universal

    name = next(check(scene))["name"]
    (file,) = [f for f in os.listdir(folder) if f.endswith(".hpy0.so")]
    path = os.path.join(folder, file)
    module = file.split(".")[0]
    spec = importlib.machinery.ModuleSpec(module, None, origin=path)
    call = getattr(hpy.universal.load(module, path, spec, debug=True), name)
    with hpy.debug.LeakDetector():
        run(scene, check, call)


def attempt(scene: Scene, check: Callable[[Scene], Any]) -> str:
    prototype = next(check(scene))
    try:
        folder = scene.build(prototype)
    except _model.Inexpressible as e:
        return str(e)
    call = scene.load(prototype, folder)
    run(scene, check, call)
    # Every class that Python 3.13t makes keeps some memory, and inspect makes one.
    if check not in (check_await_flag, check_threads, check_signature):
        leaks_nothing(lambda: run(scene, check, call))
    if scene.path == "hpy-universal":
        run_in_debug_mode(scene, check, folder)
    return "ok"


def main() -> int:
    scene = Scene()
    for path in sys.argv[3:]:
        scene.choose(path)
        for check in CHECKS:
            name = check.__name__[len("check_") :]
            try:
                print("%s %s: %s" % (path, name, attempt(scene, check)), flush=True)
            except Exception:
                print("%s %s: wrong" % (path, name), flush=True)
                raise
    return 0


if __name__ == "__main__":
    sys.exit(main())
