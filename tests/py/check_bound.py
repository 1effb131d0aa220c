# SPDX-License-Identifier: MIT
"""Builds bindings of test functions for every kind of C type, in the interpreter that runs this.

Usage: python check_bound.py HOME FOLDER PATH[+OPTION...] [FUNCTION...]

Compares results, refusals and reference counts. Prints one line for each function: its name and
"ok", or its name and why the binding can't express it. Exits 1 at the first thing that is wrong.
Packages and modules stay in FOLDER, so that a second run installs and builds nothing.
"""

import array
import ctypes
import gc
import importlib.util
import os
import sys
import sysconfig
import threading
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

HOME, FOLDER = (os.path.abspath(p) for p in sys.argv[1:3])
PATH, *OPTIONS = sys.argv[3].split("+")
BINDINGS = os.path.join(HOME, "workloads", "bindings")
OWN = os.path.join(FOLDER, sys.implementation.cache_tag + getattr(sys, "abiflags", ""))
sys.path[:0] = [os.path.join(HOME, "ext", "probe"), BINDINGS]

import _cache
import _model
import _packages
from _toolchain import KERNEL_FLAGS, BuildError, Toolchain

# nanobind 2.9, the last one for 3.8, hands arguments to int().
LENIENT = PATH == "nanobind" and sys.version_info < (3, 9)
FREE_THREADED = sysconfig.get_config_var("Py_GIL_DISABLED") == 1


def add_packages() -> Any:
    """Puts the paths' packages on sys.path; returns NumPy, or None where there is none."""
    requirements = [os.path.join(BINDINGS, "requirements.json")]
    wanted = ["Cython", "nanobind", "pybind11"]
    wanted += ["nanobind-backend"] if sys.version_info >= (3, 10) and not FREE_THREADED else []
    pins = _packages.pins(wanted, requirements)
    try:
        pins.update(_packages.pins(["numpy"], requirements))
    except BuildError:
        pass  # no wheel for this version yet
    os.makedirs(OWN, exist_ok=True)
    folder, _ = _packages.environment(OWN, pins, False, os.path.join(OWN, "logs"))
    sys.path.insert(0, _packages.site_packages(folder))
    try:
        import numpy
    except ImportError:
        return None
    return numpy


numpy = add_packages()

Json = Dict[str, Any]
Call = Callable[..., Any]
BAD = (TypeError, OverflowError, ValueError, BufferError)
BAD_RESULT = (*BAD, RuntimeError)  # of a callback: the C++ libraries' cast_error
LOOPS = 50


class Function(NamedTuple):
    """A C function, calls with the results that they must give, and calls to refuse."""

    prototype: Json
    body: str
    good: List[Tuple[Tuple[Any, ...], Any]]
    wrong: List[Tuple[Any, ...]]


def param(ctype: str, name: str, **more: Any) -> Json:
    return dict(type=ctype, name=name, **more)


def out(item: str, name: str) -> Json:
    return param(item + " *", name, role="out", item=item)


def buffer(item: str, name: str, const: bool = True, **more: Any) -> Json:
    return param("const " * const + item + " *", name, role="buffer", item=item, **more)


def prototype(name: str, returns: str, *params: Json, structs: Any = ()) -> Json:
    return {"name": name, "returns": returns, "params": list(params), "structs": list(structs)}


def callback(name: str, returns: str, *params: str) -> Json:
    ctype = "%s (*)(%s)" % (returns, ", ".join(params))
    wanted = {"returns": returns, "params": list(params)}
    return param(ctype, name, role="callback", callback=wanted)


def _integers() -> Function:
    """Every width and sign, to C and back; the ends of each range, and what lies beyond them."""
    types = [t for t, s in _model.SCALARS.items() if s.kind == "int"]
    params = [param(t, "a%d" % i) for i, t in enumerate(types)]
    outs = [out(t, "b%d" % i) for i, t in enumerate(types)]
    scalars = [_model.SCALARS[t] for t in types]
    low = tuple(-(1 << (s.bits - 1)) if s.signed else 0 for s in scalars)
    high = tuple((1 << (s.bits - s.signed)) - 1 for s in scalars)
    wrong: List[Tuple[Any, ...]] = [(1,), high + (1,)]
    for i in range(len(types)):
        for bad in (low[i] - 1, high[i] + 1, 1 << 70, "1", None):
            wrong.append(high[:i] + (bad,) + high[i + 1 :])
    body = " ".join("*b%d = a%d;" % (i, i) for i in range(len(types)))
    good = [(low, low), (high, high)]
    return Function(prototype("integers", "void", *params, *outs), body, good, wrong)


POINT = {
    "type": "struct point",
    "fields": [{"name": "x", "type": "double"}, {"name": "y", "type": "double"}],
}
MIXED = {
    "type": "mixed_t",
    "fields": [
        {"name": "flag", "type": "bool"},
        {"name": "lambda", "type": "int"},
        {"name": "z", "type": "double _Complex"},
    ],
}


def doubles(*values: float) -> Any:
    return array.array("d", values)


def _twice(x: int) -> int:
    return 2 * x


def _fails(x: int) -> int:
    raise KeyError(x)


def functions() -> List[Function]:
    made = [
        Function(prototype("noop", "void"), "", [((), None)], [(1,)]),
        Function(
            prototype("add", "int", param("int", "a"), param("int", "b")),
            "return a + b;",
            [((2, 3), 5), ((-(2**31), 2**31 - 1), -1)],
            [(1,), (1, 2, 3), ("1", 2), (2**31, 0), (0, -(2**70)), (None, 1)],
        ),
        _integers(),
        Function(
            prototype(
                "floats",
                "double _Complex",
                param("bool", "a"),
                param("float", "b"),
                param("double", "c"),
                param("float _Complex", "d"),
                param("double _Complex", "e"),
                out("bool", "f"),
                out("float", "g"),
                out("float _Complex", "h"),
            ),
            "*f = !a; *g = b * 2; *h = d * 2; return e * c;",
            [((True, 0.5, 3.0, 1 - 2j, 1j), (3j, False, 1.0, 2 - 4j))],
            [(True, "x", 1.0, 1j, 1j), (True, 1.0, None, 1j, 1j), (True, 1.0, 1.0, 1j, "x")],
        ),
        # A word of C++, and a function that the C library and the compiler have, too.
        Function(
            prototype("abs", "int", param("int", "class")),
            "return class + 1000;",
            [((-3,), 997)],
            [("x",)],
        ),
        # Words of Python and Cython.
        Function(
            prototype("shifted", "long", param("long", "from"), param("int", "in")),
            "return from << in;",
            [((3, 4), 48)],
            [(1,)],
        ),
        Function(
            prototype(
                "rest",
                "const char *",
                param("const char *", "text", role="string", accepts=["str"]),
                param("size_t", "skip"),
            ),
            "return skip > 99 ? 0 : text + skip;",
            [(("h\u00e9llo", 1), "\u00e9llo"), (("", 0), ""), (("abc", 100), None)],
            [(1, 1), (None, 0), ("abc", -1)],
        ),
        Function(
            prototype(
                "length",
                "size_t",
                param("const char *", "text", role="string", accepts=["bytes"]),
            ),
            "size_t n = 0; while (text[n]) n++; return n;",
            [((b"h\xc3\xa9llo",), 6), ((b"",), 0)],
            [(1,), (None,)],
        ),
        Function(
            prototype(
                "either",
                "int",
                param("const char *", "text", role="string", accepts=["str", "bytes"]),
            ),
            "return (unsigned char)text[0];",
            [((b"a",), 97), (("b",), 98)],
            [(1,), (None,), (1.5,)],
        ),
        Function(
            prototype(
                "sum", "double", buffer("double", "values", length="n"), param("size_t", "n")
            ),
            "double s = 0; for (size_t i = 0; i < n; i++) s += values[i]; return s;",
            [
                ((doubles(1, 2, 3.5), 3), 6.5),
                ((doubles(1, 2, 3.5), 2), 3.0),
                ((doubles(), 0), 0.0),
                ((memoryview(doubles(1, 2)).toreadonly(), 2), 3.0),
            ],
            [
                (doubles(1, 2), 3),
                (doubles(1, 2), -1),
                (array.array("f", [1, 2]), 2),
                (array.array("q", [1, 2]), 2),
                (memoryview(doubles(1, 2, 3))[::2], 2),
                ("text", 1),
                (None, 0),
                ([1.0, 2.0], 2),
                (doubles(1.0), "1"),
            ],
        ),
        Function(
            prototype(
                "scale",
                "void",
                buffer("int32_t", "values", const=False, length="n"),
                param("int", "n"),
                param("int32_t", "by"),
            ),
            "for (int i = 0; i < n; i++) values[i] *= by;",
            [((array.array("i", [1, 2]), 2, 3), None)],
            [
                (memoryview(array.array("i", [1])).toreadonly(), 1, 1),
                (array.array("I", [1]), 1, 1),
                (array.array("i", [1]), 2, 1),
                (array.array("i", [1]), -1, 1),
                (bytearray(4), 1, 1),
            ],
        ),
        Function(
            prototype(
                "bytes_sum",
                "unsigned long",
                buffer("uint8_t", "data", length="n"),
                param("size_t", "n"),
            ),
            "unsigned long s = 0; for (size_t i = 0; i < n; i++) s += data[i]; return s;",
            [
                ((b"ab", 2), 195),
                ((bytearray(b"ab"), 2), 195),
                ((memoryview(b"ab"), 1), 97),
                ((array.array("B", [1, 2]), 2), 3),
            ],
            [(b"ab", 3), ("ab", 2), (doubles(1), 8)],
        ),
        Function(
            prototype(
                "first_bytes",
                "int",
                buffer("void", "source", length="size"),
                buffer("void", "target", const=False),
                param("size_t", "size"),
            ),
            "for (size_t i = 0; i < size; i++) ((char *)target)[i] = ((const char *)source)[i];"
            "return (int)size;",
            [((b"abcd", bytearray(4), 4), 4), ((doubles(1.0), bytearray(8), 8), 8)],
            [(b"abcd", bytearray(9), 9), (b"abcd", b"abcd", 4), ("abcd", bytearray(4), 4)],
        ),
        Function(
            prototype(
                "buffers",
                "double",
                buffer("signed char", "a"),
                buffer("long long", "b"),
                buffer("unsigned long", "c"),
                buffer("float", "d"),
                buffer("uint16_t", "e"),
            ),
            "return a[0] + b[0] + (double)c[0] + d[0] + e[0];",
            [(tuple(array.array(t, [i + 1]) for i, t in enumerate("bqLfH")), 15.0)],
            [],
        ),
        Function(
            prototype(
                "midpoint",
                "struct point",
                param("struct point", "a"),
                param("const struct point *", "b", role="struct", item="struct point"),
                out("struct point", "c"),
                structs=[POINT],
            ),
            "*c = a; return (struct point){(a.x + b->x) / 2, (a.y + b->y) / 2};",
            [(((1.0, 2.0), (3.0, 6.0)), ((2.0, 4.0), (1.0, 2.0)))],
            [(1, 2), (None, None)],
        ),
        Function(
            prototype("point", "struct point", param("struct point", "a"), structs=[POINT]),
            "return (struct point){a.y, a.x};",
            [(((1.0, 2.0),), (2.0, 1.0))],
            [((1.0, 2.0),), (None,)],
        ),
        Function(
            prototype("mix", "mixed_t", param("mixed_t", "m"), structs=[MIXED]),
            "m.flag = !m.flag; m.lambda++; m.z *= 2; return m;",
            [(((True, 1, 2j),), (False, 2, 4j))],
            [(None,)],
        ),
        Function(
            prototype(
                "apply", "int", callback("f", "int", "int"), param("int", "x"), out("int", "calls")
            ),
            "*calls = 2; int y = f(x); return y + f(y);",
            [((_twice, 5), (30, 2))],
            [(1, 5), (None, 5), (lambda x: "no", 1), (lambda x: 2**40, 1), (lambda: 1, 1)],
        ),
        Function(
            prototype("each", "void", callback("f", "void", "double", "bool"), param("int", "n")),
            "for (int i = 0; i < n; i++) f(i * 0.5, i & 1);",
            [((lambda x, odd: None, 3), None)],
            [(lambda x: 1, 1)],
        ),
        # Says whether another thread has set the flag before the time is over.
        Function(
            prototype("wait_for", "bool", buffer("int32_t", "flag"), param("int", "ms")),
            "const volatile int32_t *seen = flag;"
            "while (!*seen && ms--) nanosleep(&(struct timespec){0, 1000000}, 0);"
            "return *seen;",
            [((array.array("i", [1]), 100), True)],
            [],
        ),
        Function(
            prototype(
                "nothing",
                "bool",
                param("const void *", "p", role="null"),
                param("int (*)(int)", "f", role="null"),
            ),
            "return !p && !f;",
            [((None, None), True)],
            [(1, None), (None, 0), (b"", None)],
        ),
    ]
    if numpy:
        made.append(
            Function(
                prototype(
                    "arrays",
                    "double",
                    buffer("bool", "a"),
                    buffer("double _Complex", "b"),
                    buffer("double", "c", const=False),
                    buffer("int64_t", "d"),
                ),
                "c[0] += 1; return a[0] + __real__ b[0] + c[0] + d[0];",
                [
                    (
                        (
                            numpy.array([True]),
                            numpy.array([2 + 1j]),
                            numpy.zeros(3),
                            numpy.array([4], dtype="int64"),
                        ),
                        8.0,
                    )
                ],
                [
                    (
                        numpy.array([1], dtype="uint8"),
                        numpy.array([2 + 1j]),
                        numpy.zeros(3),
                        numpy.array([4], dtype="float64"),
                    )
                ],
            )
        )
    return made


def load_source(path: str) -> Any:
    spec = importlib.util.spec_from_file_location("_binding", path)
    assert spec and spec.loader, path
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shared_modules(folder: str) -> List[str]:
    """The files of the modules that a generator has imported from among its neighbours."""
    files = [getattr(m, "__file__", None) or "" for m in list(sys.modules.values())]
    return [f for f in files if os.path.dirname(os.path.abspath(f)) == folder]


def kernel(cc: Toolchain, function: Function) -> str:
    """The folder of the library that the binding links against."""
    made = function.prototype
    name = made["name"]

    def build(folder: str) -> None:
        source = os.path.join(folder, name + ".c")
        with open(source, "w", encoding="utf-8") as f:
            f.write("#include <time.h>\n" + _model.HEADERS + _model.struct_definitions(made))
            f.write(_model.function(made).rstrip(";") + "\n{\n\t%s\n}\n" % function.body)
        soname = "libprobe_target_%s.so" % name
        library = os.path.join(folder, soname)
        flags = [*KERNEL_FLAGS, "-fno-builtin", "-Wl,-soname," + soname]
        cc.shared(library, [source], flags=flags)

    key = _cache.digest(made, function.body, cc.identity())
    return _cache.entry(os.path.join(FOLDER, "kernels"), "%s-%s" % (name, key), build)


def refused(call: Call, args: Tuple[Any, ...]) -> None:
    try:
        result = call(*args)
    except BAD_RESULT if any(callable(a) for a in args) else BAD:
        return
    raise AssertionError("%r gave %r, an error was expected" % (args, result))


def keeps_references(args: Tuple[Any, ...], do: Callable[[], None]) -> None:
    """Runs it often: a leak takes or loses a reference each time. None, bools and small ints are
    everyone's."""
    args = tuple(a for a in args if a is not None and not isinstance(a, int))
    gc.collect()
    before = [sys.getrefcount(a) for a in args]
    for _ in range(LOOPS):
        do()
    gc.collect()
    after = [sys.getrefcount(a) for a in args]
    assert all(abs(a - b) < LOOPS for a, b in zip(after, before)), (args, before, after)


def check(binding: Any, function: Function, call: Call) -> None:
    made = function.prototype
    arguments = getattr(binding, "arguments", lambda made, args: args)
    plain = getattr(binding, "plain", lambda made, result, args: result)
    for args, expected in function.good:
        given = arguments(made, args)
        got = plain(made, call(*given), given)
        assert got == expected and type(got) is type(expected), (args, got, expected)
        keeps_references(given, lambda: plain(made, call(*given), given))
    for args in function.wrong:
        if LENIENT and any(isinstance(a, str) and a.isdigit() for a in args):
            continue
        refused(call, args)
        keeps_references(args, lambda: refused(call, args))
    if made["name"] == "scale":
        values = array.array("i", [1, 2, 3])
        call(values, 2, 10)
        assert list(values) == [10, 20, 3]
        values.append(4)  # refused while a buffer is held


def check_callback(call: Call) -> None:
    """Exceptions come out as they are and once; calls nest, and threads don't meet."""
    calls = []

    def fails(x: int) -> int:
        calls.append(x)
        raise KeyError(x)

    before = sys.getrefcount(fails)
    for _ in range(10):
        try:
            call(fails, 7)
        except KeyError as e:
            assert e.args == (7,)
        else:
            raise AssertionError("no exception")
    assert calls == [7] * 10  # not again in the second call from C
    assert sys.getrefcount(fails) == before
    assert call(lambda x: call(_twice, x)[0], 1) == (42, 2)
    results = []

    def work(n: int) -> None:
        for _ in range(200):
            results.append(call(lambda x: x + n, n)[0] == 5 * n)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(results) == 800 and all(results)


def check_keywords(call: Call) -> None:
    wanted = "keywords" in OPTIONS or (PATH.startswith("cython") and "positional" not in OPTIONS)
    try:
        assert call(a=2, b=3) == 5 and wanted
    except TypeError:
        assert not wanted


def check_gil(call: Call) -> None:
    """With the GIL held, no other thread can set the flag."""
    flag = array.array("i", [0])
    thread = threading.Timer(0.05, lambda: flag.__setitem__(0, 1))
    thread.start()
    waited = call(flag, 500 if "nogil" not in OPTIONS else 10000)
    thread.join()
    assert waited == ("nogil" in OPTIONS) or FREE_THREADED


CHECKS = {"add": check_keywords, "apply": check_callback, "wait_for": check_gil}


def main() -> int:
    wanted = sys.argv[4:]
    generator = os.path.join(BINDINGS, PATH, "binding.py")
    chosen = frozenset(OPTIONS)
    cc = Toolchain("cc", os.path.join(OWN, "logs"))
    binding = load_source(generator)
    sources = [_cache.read_bytes(f) for f in sorted({generator, *shared_modules(BINDINGS)})]
    for function in functions():
        made = function.prototype
        name = made["name"]
        if wanted and name not in wanted:
            continue
        library = kernel(cc, function)

        def build(folder: str) -> None:
            binding.build(made, folder, cc, library, chosen)

        key = _cache.digest(made, sorted(chosen), cc.identity(), sys.version, *sources)
        try:
            label = "%s-%s-%s" % (PATH, name, key)
            folder = _cache.entry(os.path.join(OWN, "modules"), label, build)
            target = os.path.join(library, "libprobe_target_%s.so" % name)
            ctypes.CDLL(target, mode=ctypes.RTLD_GLOBAL)
            call = binding.load(made, folder, target, chosen)
        except _model.Inexpressible as e:
            print("%s: %s" % (name, e), flush=True)
            continue
        try:
            check(binding, function, call)
            CHECKS.get(name, lambda call: None)(call)
        except AssertionError as e:
            print("%s through %s: %s" % (name, PATH, e), file=sys.stderr)
            raise
        print("%s: ok" % name, flush=True)
    if FREE_THREADED and (PATH == "pybind11" or "freethreading" in OPTIONS):
        assert not getattr(sys, "_is_gil_enabled")()
    return 0


if __name__ == "__main__":
    sys.exit(main())
