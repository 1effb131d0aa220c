# SPDX-License-Identifier: MIT
"""Functions of every type and role, in C and as prototypes, with arguments and expected results."""

import array
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

SOURCE = """
#include <string.h>
struct point { double x, y; };
typedef struct { signed char a; unsigned long b; float c; bool d; } mixed;
struct wide { double a, b, c, d; };
int calls;

void nothing(void) { calls++; }
int counted(void) { return calls; }
int add(int a, int b) { return a + b; }
size_t text_length(const char *text) { return strlen(text); }
const char *greeting(void) { return "gr\\303\\274n"; }
const char *no_text(void) { return NULL; }
double dot(const double *a, const double *b, size_t n)
{
	double total = 0;
	for (size_t i = 0; i < n; i++)
		total += a[i] * b[i];
	return total;
}
long sum_bytes(const uint8_t *data, size_t n)
{
	long total = 0;
	for (size_t i = 0; i < n; i++)
		total += data[i];
	return total;
}
long sum_memory(const void *data, size_t n) { return sum_bytes(data, n); }
int sum_ints(const int32_t *data, unsigned int n)
{
	int total = 0;
	for (unsigned int i = 0; i < n; i++)
		total += data[i];
	return total;
}
void negate(double *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		values[i] = -values[i];
}
struct point midpoint(struct point a, struct point b)
{
	return (struct point){(a.x + b.x) / 2, (a.y + b.y) / 2};
}
mixed mix(mixed m) { return (mixed){-m.a, m.b + 1, m.c * 2, !m.d}; }
struct wide turn(struct wide w) { return (struct wide){w.b, w.c, w.d, w.a}; }
double norm2(const struct point *p) { return p->x * p->x + p->y * p->y; }
int divide(int a, int b, int *rest) { *rest = a % b; return a / b; }
void split(double v, struct point *whole, double *rest)
{
	whole->x = (double)(long)v;
	whole->y = -whole->x;
	*rest = v - whole->x;
}
void only(unsigned char *out) { *out = 200; }
int apply(int (*f)(int), int x) { return f(x) + 1; }
double fold(double (*f)(double, bool), void (*g)(void), double x) { g(); return f(x, true); }
int is_null(const double *p, const char *q, struct point *r) { return !p && !q && !r; }
double _Complex multiply(double _Complex a, float _Complex b) { return a * b; }
double give(double _Complex *out) { *out = 1 + 2 * I; return 3; }
struct phase { double _Complex z; int n; };
struct phase shift(struct phase p) { return (struct phase){p.z * I, p.n + 1}; }
double _Complex map(double _Complex (*f)(double _Complex), double _Complex z) { return f(z); }
double at(double _Complex *out) { *out = 1 + 2 * I; return 3; }
"""


def p(name: str, ctype: str, role: str = "value", **more: Any) -> Dict[str, Any]:
    return dict(more, name=name, type=ctype, role=role)


def buffer(name: str, item: str, const: bool = True, **more: Any) -> Dict[str, Any]:
    return p(name, ("const " if const else "") + item + " *", "buffer", item=item, **more)


def out(name: str, item: str) -> Dict[str, Any]:
    return p(name, item + " *", "out", item=item)


def struct(ctype: str, **fields: str) -> Dict[str, Any]:
    return {"type": ctype, "fields": [{"name": n, "type": t} for n, t in fields.items()]}


POINT = struct("struct point", x="double", y="double")
MIXED = struct("mixed", a="signed char", b="unsigned long", c="float", d="bool")
WIDE = struct("struct wide", a="double", b="double", c="double", d="double")
BY_INT = p("f", "int (*)(int)", "callback", callback={"returns": "int", "params": ["int"]})
FOLD = [
    p(
        "f",
        "double (*)(double, bool)",
        "callback",
        callback={"returns": "double", "params": ["double", "bool"]},
    ),
    p("g", "void (*)(void)", "callback", callback={"returns": "void", "params": []}),
    p("x", "double"),
]
PHASE = struct("struct phase", z="double _Complex", n="int")
MAP = [
    p(
        "f",
        "double _Complex (*)(double _Complex)",
        "callback",
        callback={"returns": "double _Complex", "params": ["double _Complex"]},
    ),
    p("z", "double _Complex"),
]
DOT = [
    buffer("a", "double", length="n"),
    buffer("b", "double", length="n"),
    p("n", "size_t"),
]
BYTES = [buffer("data", "uint8_t", length="n"), p("n", "size_t")]
MEMORY = [buffer("data", "void", length="n"), p("n", "size_t")]


class Case(NamedTuple):
    name: str
    prototype: Dict[str, Any]
    calls: List[Tuple[Tuple[Any, ...], Any]]  # arguments and expected results
    refusing: Tuple[str, ...] = ()  # paths that can't express it


def case(
    function: str,
    returns: str,
    params: List[Dict[str, Any]],
    *calls: Tuple[Tuple[Any, ...], Any],
    structs: Tuple[Dict[str, Any], ...] = (),
    refusing: Tuple[str, ...] = (),
    name: str = "",
) -> Case:
    prototype = {"name": function, "returns": returns, "params": params}
    if structs:
        prototype["structs"] = list(structs)
    return Case(name or function, prototype, list(calls), refusing)


def extremes(scalar: Any) -> List[Any]:
    if scalar.kind == "bool":
        return [True, False]
    if scalar.kind == "int":
        low = -(1 << (scalar.bits - 1)) if scalar.signed else 0
        return [low, low + 1, 0, low + (1 << scalar.bits) - 1]
    # Exact in single precision.
    return [0.0, -1.5, 2.0**100] if scalar.kind == "float" else [0j, -1.5 + 2j]


def identifier(ctype: str) -> str:
    return "echo_" + ctype.replace(" ", "_")


def scalar_cases(model: Any, complex_in_ctypes: bool) -> Iterator[Case]:
    for ctype, scalar in model.SCALARS.items():
        refusing: Tuple[str, ...] = ()
        if scalar.kind == "complex":
            refusing = ("cffi-abi",)
            if not complex_in_ctypes:
                refusing += ("ctypes", "ctypes-untyped")
        calls = [((v,), v) for v in extremes(scalar)]
        yield case(identifier(ctype), ctype, [p("v", ctype)], *calls, refusing=refusing)


def scalar_source(model: Any) -> str:
    line = "%s %s(%s v) { return v; }\n"
    return "".join(line % (ctype, identifier(ctype), ctype) for ctype in model.SCALARS)


def doubles(n: int) -> Any:
    return array.array("d", [i * 0.5 for i in range(n)])


def dot_of(n: int) -> float:
    return sum(i * 0.5 * i * 0.5 for i in range(n))


def buffer_cases() -> Iterator[Case]:
    a, raw = doubles(8), bytes(range(256))
    given = [(a, a), (a.tobytes(), a), (bytearray(a.tobytes()), memoryview(a))]
    given += [(memoryview(a.tobytes()), memoryview(bytearray(a.tobytes())))]
    yield case("dot", "double", DOT, *[((x, y, 8), dot_of(8)) for x, y in given])
    kinds = [raw, bytearray(raw), array.array("B", raw), memoryview(raw), raw[:0]]
    calls = [((kind, len(kind)), sum(kind)) for kind in kinds]
    yield case("sum_bytes", "long", BYTES, *calls)
    calls.append(((a, 64), sum(a.tobytes())))
    yield case("sum_memory", "long", MEMORY, *calls)
    ints = array.array("i", [-5, 2**30, 7])
    params = [buffer("data", "int32_t", length="n"), p("n", "unsigned int")]
    yield case("sum_ints", "int", params, ((ints, 3), 2**30 + 2), ((ints, 1), -5))


def numpy_cases(numpy: Any) -> Iterator[Case]:
    a = numpy.arange(8) * 0.5
    frozen = a.copy()
    frozen.flags.writeable = False
    yield case(
        "dot",
        "double",
        DOT,
        ((a, a, 8), dot_of(8)),
        ((a, frozen, 8), dot_of(8)),
        ((a[2:6], a[2:6], 4), float((a[2:6] ** 2).sum())),
        name="dot_numpy",
    )
    small = numpy.arange(5, dtype="uint8")
    yield case("sum_bytes", "long", BYTES, ((small, 5), 10), name="sum_bytes_numpy")
    yield case("sum_memory", "long", MEMORY, ((small, 5), 10), name="sum_memory_numpy")


def cases(model: Any, complex_in_ctypes: bool, complex_in_cffi_abi: bool) -> Iterator[Case]:
    yield from scalar_cases(model, complex_in_ctypes)
    yield from buffer_cases()
    yield case("nothing", "void", [], ((), None))
    yield case("add", "int", [p("a", "int"), p("b", "int")], ((2, 3), 5), ((-1, 1), 0))
    no_str = ("ctypes-untyped", "cffi-abi", "cffi-api")
    texts = [(("",), 0), (("abc",), 3), (("gr\u00fcn \U0001f40d",), 10)]
    text = p("text", "const char *", "string", accepts="str")
    yield case("text_length", "size_t", [text], *texts, refusing=no_str, name="text")
    text = p("text", "const char *", "string", accepts="bytes")
    encoded = [((t.encode(),), n) for (t,), n in texts]
    yield case("text_length", "size_t", [text], *encoded, name="text_bytes")
    yield case("greeting", "const char *", [], ((), "gr\u00fcn"))
    yield case("no_text", "const char *", [], ((), None))
    points = [p("a", "struct point"), p("b", "struct point")]
    moved = (((1.0, 2.0), (3.0, 6.0)), (2.0, 4.0))
    yield case("midpoint", "struct point", points, moved, structs=(POINT,))
    mixed = (((-128 + 1, 2**64 - 2, 0.5, False),), (127, 2**64 - 1, 1.0, True))
    yield case("mix", "mixed", [p("m", "mixed")], mixed, structs=(MIXED,))
    turned = (((1.0, 2.0, 3.0, 4.0),), (2.0, 3.0, 4.0, 1.0))
    yield case("turn", "struct wide", [p("w", "struct wide")], turned, structs=(WIDE,))
    by_pointer = p("p", "const struct point *", "struct", item="struct point")
    yield case("norm2", "double", [by_pointer], (((3.0, 4.0),), 25.0), structs=(POINT,))
    divide = [p("a", "int"), p("b", "int"), out("rest", "int")]
    yield case("divide", "int", divide, ((17, 5), (3, 2)), ((4, 2), (2, 0)))
    split = [p("v", "double"), out("whole", "struct point"), out("rest", "double")]
    yield case("split", "void", split, ((2.5,), ((2.0, -2.0), 0.5)), structs=(POINT,))
    yield case("only", "void", [out("out", "unsigned char")], ((), 200))
    yield case("apply", "int", [BY_INT, p("x", "int")], ((lambda x: x * 2, 20), 41))
    folded = ((lambda x, yes: x + 0.5 if yes is True else -1.0, lambda: None, 2.0), 2.5)
    yield case("fold", "double", FOLD, folded)
    null = [
        p("p", "const double *", "null"),
        p("q", "const char *", "null"),
        p("r", "struct point *", "null", item="struct point"),
    ]
    yield case("is_null", "int", null, ((None, None, None), 1), structs=(POINT,))
    complexes = [p("a", "double _Complex"), p("b", "float _Complex")]
    refusing: Tuple[str, ...] = ("cffi-abi",)
    if not complex_in_ctypes:
        refusing = ("ctypes", "ctypes-untyped", "cffi-abi")
    product = ((1 + 2j, 0.5j), -1 + 0.5j)
    yield case("multiply", "double _Complex", complexes, product, refusing=refusing)
    shifted = (((1 + 2j, 3),), (-2 + 1j, 4))
    phase = [p("p", "struct phase")]
    yield case("shift", "struct phase", phase, shifted, structs=(PHASE,), refusing=refusing)
    mapped = ((lambda z: z * 2, 1 + 2j), 2 + 4j)
    yield case("map", "double _Complex", MAP, mapped, refusing=refusing)
    given = [out("out", "double _Complex")]
    if complex_in_cffi_abi:
        refusing = refusing[:-1]
    yield case("give", "double", given, ((), (3.0, 1 + 2j)), refusing=refusing)
