# SPDX-License-Identifier: MIT
"""Builds functions of every kind with a PyO3 path in the interpreter that runs this, and calls them.

Usage: python check_pyo3.py HOME WORK PATH[+OPTION...]   (WORK: a folder of this interpreter, where
PyO3 is kept for the next run). Prints a line for each function and exits 1 at the first thing that is wrong.
"""

import array
import ctypes
import importlib.util
import os
import shutil
import struct
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

Json = Dict[str, Any]


class Case(NamedTuple):
    """A C function with calls and what they give, and calls that are refused."""

    prototype: Json
    body: str
    calls: List[Tuple[Tuple[Any, ...], Any]]
    refused: List[Tuple[Tuple[Any, ...], Any]] = []


def param(name: str, ctype: str, role: str = "value", **more: Any) -> Json:
    return dict(name=name, type=ctype, role=role, **more)


def function(name: str, returns: str, params: List[Json], structs: List[Json] = []) -> Json:
    return {"name": name, "returns": returns, "params": params, "structs": structs}


INTEGERS = [
    ("signed char", -128, 127),
    ("unsigned char", 0, 255),
    ("short", -(2**15), 2**15 - 1),
    ("unsigned short", 0, 2**16 - 1),
    ("int", -(2**31), 2**31 - 1),
    ("unsigned int", 0, 2**32 - 1),
    ("long", -(2**63), 2**63 - 1),
    ("unsigned long", 0, 2**64 - 1),
    ("long long", -(2**63), 2**63 - 1),
    ("unsigned long long", 0, 2**64 - 1),
    ("size_t", 0, 2**64 - 1),
    ("ssize_t", -(2**63), 2**63 - 1),
]
FIXED = [
    ("%sint%d_t" % (sign, bits), low, high)
    for bits in (8, 16, 32, 64)
    for sign, low, high in (("", -(2 ** (bits - 1)), 2 ** (bits - 1) - 1), ("u", 0, 2**bits - 1))
]


def echo(name: str, kinds: List[Tuple[str, Any, Any]], refuse: bool = True) -> Case:
    """A function that gives back each argument through an out-parameter."""
    ins = [param("a%d" % i, t) for i, (t, _, _) in enumerate(kinds)]
    outs = [param("o%d" % i, t + " *", "out", item=t) for i, (t, _, _) in enumerate(kinds)]
    lows, highs = tuple(k[1] for k in kinds), tuple(k[2] for k in kinds)
    refused: List[Tuple[Tuple[Any, ...], Any]] = []
    for i in range(len(kinds) if refuse else 0):
        below, above, text = list(lows), list(highs), list(lows)  # type: Any, Any, Any
        below[i], above[i], text[i] = lows[i] - 1, highs[i] + 1, "1"
        refused += [(tuple(below), OverflowError), (tuple(above), OverflowError)]
        refused += [(tuple(text), TypeError)]
    return Case(
        function(name, "void", ins + outs),
        " ".join("*o%d = a%d;" % (i, i) for i in range(len(kinds))),
        [(lows, lows), (highs, highs)],
        refused,
    )


POINT = {
    "type": "struct point",
    "fields": [{"name": "x", "type": "int"}, {"name": "type", "type": "double"}],
}
CELL = {"type": "cell_t", "fields": [{"name": "value", "type": "long long"}]}
DOUBLES = array.array("d", [0.5, 1.5, 2.0])


def buffer(ctype: str, item: str, **more: Any) -> Json:
    return param("values", ctype, "buffer", item=item, **more)


def again(f: Callable[..., Any]) -> Any:
    """What a callback that calls the function again gives."""
    return f(lambda inner: inner + 1.0, 10)


def failing(*args: Any) -> Any:
    raise KeyError("from the callback")


PLAIN = [
    Case(function("noop", "void", []), "", [((), None)], [((1,), TypeError)]),
    Case(
        function("add", "int", [param("a", "int"), param("b", "int")]),
        "return (int)((unsigned)a + (unsigned)b);",
        [((2, 3), 5), ((-(2**31), 2**31 - 1), -1)],
        [
            ((1,), TypeError),
            ((1, 2, 3), TypeError),
            ((1.5, 2), TypeError),
            ((2**31, 0), OverflowError),
        ],
    ),
    echo("echo_integers", INTEGERS),
    echo("echo_fixed", FIXED),
    echo(
        "echo_others",
        [
            ("bool", False, True),
            ("float", -0.5, 1e30),
            ("double", 1.25, 1e300),
            ("float _Complex", 1 + 2j, -0.5j),
            ("double _Complex", 1e300 - 2j, 3j),
        ],
        refuse=False,
    )._replace(
        calls=[((True, 1.5, 2, 3, 4.5 - 1j), (True, 1.5, 2.0, 3 + 0j, 4.5 - 1j))],
        refused=[((1, 0.0, 0.0, 0j, 0j), TypeError), ((True, "0", 0.0, 0j, 0j), TypeError)],
    ),
    Case(function("half", "float", [param("x", "float")]), "return x / 2;", [((3,), 1.5)], []),
    Case(
        function("turn", "double _Complex", [param("z", "double _Complex")]),
        "return z * I;",
        [((1 + 2j,), -2 + 1j)],
        [(("1",), TypeError)],
    ),
    Case(
        function("turn_float", "float _Complex", [param("z", "float _Complex")]),
        "return z * I;",
        [((1 + 2j,), -2 + 1j)],
    ),
    Case(function("not", "bool", [param("crate", "bool")]), "return !crate;", [((True,), False)]),
    # Names that are Rust's, or the compiler's, which must not compute abs() in place.
    Case(
        function("match", "int", [param("type", "int"), param("self", "int")]),
        "return type - self;",
        [((5, 3), 2)],
    ),
    Case(function("abs", "int", [param("x", "int")]), "return x + 100;", [((-1,), 99)]),
    # Every Rust module has one already; where it were taken, the result would be 1.0.
    Case(
        function("fabs", "double", [param("x", "double")]), "return x + 100.0;", [((-1.0,), 99.0)]
    ),
    Case(
        function("length", "size_t", [param("s", "const char *", "string", accepts="str")]),
        "size_t n = 0; while (s[n]) n++; return n;",
        [(("",), 0), (("h\xe9\u20ac",), 6)],
        [
            (("a\0b",), ValueError),
            ((b"a",), TypeError),
            ((None,), TypeError),
            (("\ud800",), UnicodeError),
        ],
    ),
    Case(
        function("length_bytes", "size_t", [param("s", "const char *", "string", accepts="bytes")]),
        "size_t n = 0; while (s[n]) n++; return n;",
        [((b"",), 0), ((b"abc\xff",), 4)],
        [((b"a\0b",), ValueError), (("a",), TypeError)],
    ),
    Case(
        function("name", "const char *", [param("i", "int"), param("s", "const char *", "string")]),
        'return i == 0 ? "z\\xc3\\xa9ro" : i == 1 ? "\\xff" : NULL;',
        [((0, "x"), "z\xe9ro"), ((2, "x"), None)],
        [((1, "x"), UnicodeDecodeError), ((0, 1), TypeError)],
    ),
    Case(
        function(
            "shift", "struct point", [param("p", "struct point"), param("d", "double")], [POINT]
        ),
        "p.x++; p.type += d; return p;",
        [(((1, 0.5), 2.0), (2, 2.5))],
        [
            (((1,), 2.0), (TypeError, ValueError)),
            (((1, "x"), 2.0), TypeError),
            (((2**31, 0.5), 0.0), OverflowError),
        ],
    ),
    Case(
        function(
            "norm",
            "double",
            [param("p", "const struct point *", "struct", item="struct point")],
            [POINT],
        ),
        "return p->x + p->type;",
        [(((3, 0.25),), 3.25)],
        [((None,), TypeError)],
    ),
    Case(
        function(
            "split",
            "int",
            [
                param("c", "cell_t *", "struct", item="cell_t"),
                param("p", "struct point *", "out", item="struct point"),
                param("out", "cell_t *", "out", item="cell_t"),
            ],
            [POINT, CELL],
        ),
        "p->x = 7; p->type = 0.5; out->value = c->value * 2; c->value = 0; return 1;",
        [(((21,),), (1, (7, 0.5), (42,)))],
    ),
    Case(
        function("nothing", "int", [param("p", "const double *", "null"), param("n", "int")]),
        "return p ? -1 : n;",
        [((None, 4), 4)],
        [((1, 4), TypeError)],
    ),
    Case(
        function(
            "apply",
            "double",
            [
                param(
                    "f",
                    "double (*)(double)",
                    "callback",
                    callback={"returns": "double", "params": ["double"]},
                ),
                param("n", "int"),
            ],
        ),
        "double s = 0; for (int i = 0; i < n; i++) s += f(i); return s;",
        [((lambda x: x * 2, 4), 12.0), ((abs, 3), 3.0), ((lambda x: x, 0), 0.0)],
        [((1, 1), TypeError), ((failing, 3), KeyError), ((lambda x: "x", 3), TypeError)],
    ),
    Case(
        function(
            "visit",
            "void",
            [
                param(
                    "f",
                    "void (*)(int, bool)",
                    "callback",
                    callback={"returns": "void", "params": ["int", "bool"]},
                ),
                param("g", "int (*)(void)", "callback", callback={"returns": "int", "params": []}),
            ],
        ),
        "f(g(), true);",
        [((lambda i, b: None, lambda: 3), None)],
        [
            ((failing, lambda: 3), KeyError),
            ((lambda i, b: None, failing), KeyError),
            ((lambda i, b: None, 1), TypeError),
            ((lambda i, b: None, lambda: 2**31), OverflowError),
        ],
    ),
]

BUFFERS = [
    Case(
        function(
            "sum", "double", [buffer("const double *", "double", length="n"), param("n", "size_t")]
        ),
        "double s = 0; for (size_t i = 0; i < n; i++) s += values[i]; return s;",
        [
            ((DOUBLES, 3), 4.0),
            ((DOUBLES, 1), 0.5),
            ((memoryview(DOUBLES)[1:], 2), 3.5),
            ((memoryview(struct.pack("2d", 1, 2)).cast("d"), 2), 3.0),
        ],
        [
            ((DOUBLES, 4), ValueError),
            ((DOUBLES, -1), OverflowError),
            ((array.array("f", [1]), 1), BufferError),
            ((b"12345678", 1), BufferError),
            ((memoryview(DOUBLES)[::2], 1), BufferError),
            (([1.0], 1), TypeError),
            ((None, 0), TypeError),
        ],
    ),
    Case(
        function("zero", "void", [buffer("short *", "short", length="n"), param("n", "int")]),
        "for (int i = 0; i < n; i++) values[i] = 0;",
        [((array.array("h", [1, 2]), 2), None)],
        [
            ((memoryview(b"1234").cast("h"), 2), BufferError),
            ((array.array("h", [1]), 2), ValueError),
            ((array.array("h", [1]), -1), ValueError),
            ((array.array("H", [1]), 1), BufferError),
        ],
    ),
    Case(
        function(
            "first", "int", [buffer("const void *", "void", length="n"), param("n", "size_t")]
        ),
        "return n ? *(const unsigned char *)values : -1;",
        [((b"abc", 3), 97), ((bytearray(b"b"), 1), 98), ((DOUBLES, 24), 0), ((b"", 0), -1)],
        [
            ((b"abc", 4), ValueError),
            (("abc", 3), TypeError),
            ((memoryview(b"abc")[::2], 1), BufferError),
        ],
    ),
    Case(
        function("any", "bool", [buffer("const bool *", "bool", length="n"), param("n", "size_t")]),
        "for (size_t i = 0; i < n; i++) if (values[i]) return true; return false;",
        [((memoryview(b"\0\1").cast("?"), 2), True), ((memoryview(b"\0\1").cast("?"), 1), False)],
        [((b"\0\1", 2), BufferError)],
    ),
    Case(
        function("real", "double", [buffer("const double _Complex *", "double _Complex")]),
        "return creal(values[0]);",
        [],
        [((DOUBLES,), BufferError)],
    ),
]

CASES = PLAIN + BUFFERS


class Work:
    """Where things are built, as the driver does it."""

    def __init__(self, home: str, folder: str, path: str) -> None:
        sys.path[:0] = [
            os.path.join(home, "ext", "probe"),
            os.path.join(home, "workloads", "bindings"),
        ]
        import _packages
        from _toolchain import Toolchain

        name, *options = path.split("+")
        self.bindings = os.path.join(home, "workloads", "bindings")
        self.options = frozenset(options)
        self.made = tempfile.mkdtemp()
        pins = _packages.pins(
            ["maturin", "numpy"], [os.path.join(self.bindings, "requirements.json")]
        )
        venv = _packages.environment(folder, pins, False, os.path.join(folder, "logs"))[0]
        sys.path.insert(0, _packages.site_packages(venv))
        self.cc = Toolchain("cc", os.path.join(folder, "logs"))
        spec = importlib.util.spec_from_file_location(
            "_binding", os.path.join(self.bindings, name, "binding.py")
        )
        assert spec and spec.loader
        self.binding = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.binding)

    def build(self, case: Case) -> str:
        """Builds the function and its binding; returns the folder, or why it can't be expressed."""
        import _model

        prototype = case.prototype
        out_dir = tempfile.mkdtemp(dir=self.made)
        soname = "libprobe_target_%s.so" % prototype["name"]
        c, library = os.path.join(out_dir, "target.c"), os.path.join(out_dir, soname)
        with open(c, "w", encoding="utf-8") as f:
            definition = _model.function(prototype).rstrip(";") + " { " + case.body + " }\n"
            f.write(_model.HEADERS + _model.struct_definitions(prototype) + definition)
        flags = ["-O2", "-fPIC", "-shared", "-fno-builtin", "-Wl,-soname," + soname]
        self.cc.shared(library, [c], flags=flags)
        try:
            self.binding.build(prototype, out_dir, self.cc, out_dir, self.options)
        except _model.Inexpressible as e:
            return str(e)
        return out_dir

    def load(self, case: Case, out_dir: str) -> Callable[..., Any]:
        library = os.path.join(out_dir, "libprobe_target_%s.so" % case.prototype["name"])
        ctypes.CDLL(library, ctypes.RTLD_GLOBAL)
        # Else libc, which every process has, is asked first for abs().
        sys.setdlopenflags(os.RTLD_NOW | os.RTLD_DEEPBIND)
        found: Callable[..., Any] = self.binding.load(
            case.prototype, out_dir, library, self.options
        )
        return found


def refuses(f: Callable[..., Any], args: Tuple[Any, ...], error: Any) -> None:
    try:
        got = f(*args)
    except error:
        return
    raise AssertionError("%s%r gave %r, %s expected" % (f.__name__, args, got, error))


def counts(objects: Any) -> List[int]:
    return [sys.getrefcount(o) for o in objects]


def check(case: Case, f: Callable[..., Any]) -> None:
    for args, expected in case.calls:
        got = f(*args)
        same = got == expected and type(got) is type(expected)
        assert same, "%s%r gave %r, %r expected" % (f.__name__, args, got, expected)
    for args, error in case.refused:
        refuses(f, args, error)
    for args in [a for a, _ in case.calls] + [a for a, _ in case.refused]:
        before = counts(args)
        for _ in range(10):
            try:
                f(*args)
            except Exception:
                pass
        after = counts(args)
        # The interpreter itself counts small integers up and down; ten calls that leak show.
        kept = all(abs(a - b) < 10 for a, b in zip(after, before))
        assert kept, "%s%r: references %r, then %r" % (f.__name__, args, before, after)


def check_special(name: str, f: Callable[..., Any], options: Any) -> None:
    """What a table of calls can't say."""
    if name == "add":
        assert "add" in (f.__doc__ or ""), f.__doc__
        if "positional" in options:
            refuses(lambda *a: f(*a, b=2), (1,), TypeError)
        else:
            assert f(b=1, a=2) == 3
    elif name == "apply":
        assert f(lambda x: again(f), 2) == 2 * sum(i + 1.0 for i in range(10))
    elif name == "zero":
        values = array.array("h", [1, 2, 3])
        f(values, 2)
        assert values.tolist() == [0, 0, 3]
    elif name in ("sum", "real"):
        import numpy  # type: ignore[import-not-found,unused-ignore]

        if name == "sum":
            assert f(numpy.arange(5.0), 5) == 10.0
            refuses(f, (numpy.arange(5), 5), BufferError)
        else:
            assert f(numpy.array([2 + 3j])) == 2.0


def main() -> int:
    work = Work(sys.argv[1], sys.argv[2], sys.argv[3])
    try:
        # Two at a time, as the driver builds.
        with ThreadPoolExecutor(2) as pool:
            made = list(pool.map(work.build, CASES))
        for case, out_dir in zip(CASES, made):
            name = case.prototype["name"]
            if not os.path.isdir(out_dir):
                print("%s: %s" % (name, out_dir))
                continue
            f = work.load(case, out_dir)
            check(case, f)
            check_special(name, f, work.options)
            print("%s: ok" % name)
    finally:
        shutil.rmtree(work.made)
    return 0


if __name__ == "__main__":
    sys.path.insert(0, os.path.join(sys.argv[1], "workloads", "bindings"))
    sys.exit(main())
