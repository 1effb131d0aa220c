# SPDX-License-Identifier: MIT
"""Whether measure()'s total is what timeit finds, for functions of ten packages whose results are
fresh, cached or recycled: a result that is kept alive makes the next call dearer, or cheaper.

    python -m pip install ./ext -r tests/bench/totals.txt
    python tests/bench/totals.py [TURNS]

Each turn times a call by timeit, by measure() and by timeit again, one after the other and in one
process; a row has the medians of the turns. `again` is how far timeit is from itself: each loop is
compiled anew, and where its code and its objects come to lie moves some of these calls by a fifth.
timeit's empty loop is taken off, as measure() does; where such a loop lies alone moves it by 2 ns,
so what is off by less and still by more than 5 % is marked `ns`. Ends with 1 where a total is off by
more than both.
"""

import sqlite3
import statistics
import sys
import timeit
from typing import Any, Callable, List, Tuple

import probe

ALLOWED, ALLOWED_NS = 0.05, 2.0
REPEATS = 40
LOOP_S = 0.0005

Case = Tuple[str, str, Callable[..., Any], Tuple[Any, ...]]


def cases() -> List[Case]:
    import cffi
    import lxml.etree
    import markupsafe
    import msgpack
    import multidict
    import numpy
    import orjson
    import regex
    import simplejson
    import zstandard

    connection = sqlite3.connect(":memory:")
    tree = lxml.etree.fromstring("<a><b x='1'/><b x='2'/></a>")
    pattern = regex.compile("b+")
    names = multidict.CIMultiDict(one="1", two="2")
    vector = numpy.arange(16.0)
    packer = msgpack.Packer()
    packed = msgpack.packb({"a": [1, 2]})
    ffi = cffi.FFI()
    ffi.cdef("double sqrt(double); char *getenv(char *);")
    library = ffi.dlopen("libm.so.6")
    squeezed = zstandard.ZstdCompressor().compress(b"abc" * 100)
    assert simplejson.encoder.c_make_encoder, "simplejson came without its C part"
    text = "<a> & 'b' " * 20
    return [
        ("sqlite3", "execute, a cursor: pooled", connection.execute, ("select 1",)),
        ("sqlite3", "cursor: fresh", connection.cursor, ()),
        ("lxml", "el[0], a proxy: recycled", tree.__getitem__, (0,)),
        ("lxml", "get, text: fresh", tree[0].get, ("x",)),
        ("lxml", "find, a proxy: recycled", tree.find, ("b",)),
        ("regex", "match, a match: fresh", pattern.match, ("abbb",)),
        ("regex", "search, a match: fresh", pattern.search, ("abbb",)),
        ("msgpack", "pack, bytes: fresh", packer.pack, ({"a": [1, 2]},)),
        ("msgpack", "unpackb, a dict: fresh", msgpack.unpackb, (packed,)),
        ("orjson", "dumps, bytes: fresh", orjson.dumps, ({"a": [1, 2]},)),
        ("orjson", "loads, a dict: fresh", orjson.loads, (b'{"a":[1,2]}',)),
        ("multidict", "getone, text: the same", names.getone, ("one",)),
        ("multidict", "copy: fresh", names.copy, ()),
        ("numpy", "sum, a scalar: recycled", vector.sum, ()),
        ("numpy", "copy, an array: pooled", vector.copy, ()),
        ("numpy", "reshape, a view: fresh", vector.reshape, (4, 4)),
        ("markupsafe", "_escape_inner: fresh", markupsafe._escape_inner, (text,)),
        ("cffi", "new, cdata: fresh", ffi.new, ("int[4]",)),
        ("cffi", "sqrt, a float: recycled", library.sqrt, (2.0,)),
        ("simplejson", "encode_basestring: fresh", simplejson.encoder.encode_basestring, (text,)),
        ("zstandard", "frame_content_size: fresh", zstandard.frame_content_size, (squeezed,)),
        ("zstandard", "decompress: fresh", zstandard.ZstdDecompressor().decompress, (squeezed,)),
    ]


def per_call_ns(timer: timeit.Timer, calls: int) -> float:
    # Of the better half, the middle: measure() sets contended rounds aside, too.
    return sorted(timer.repeat(REPEATS, calls))[REPEATS // 4] / calls * 1e9


def by_timeit(f: Callable[..., Any], args: Tuple[Any, ...]) -> float:
    names = ["a%d" % i for i in range(len(args))]
    # In local variables, as the measured loop has them.
    setup = "; ".join(["f = _f"] + ["%s = _args[%d]" % (n, i) for i, n in enumerate(names)])
    scope = {"_f": f, "_args": args}
    timer = timeit.Timer("f(%s)" % ", ".join(names), setup, globals=scope)
    empty = timeit.Timer("pass", setup, globals=scope)
    calls = 100
    timer.timeit(1000)
    calls = max(1, int(LOOP_S / (timer.timeit(calls) / calls)))
    return per_call_ns(timer, calls) - per_call_ns(empty, calls)


def row(f: Callable[..., Any], args: Tuple[Any, ...], turns: int) -> Tuple[float, float, float]:
    """timeit's, measure()'s and timeit's again."""
    first, ours, again = [], [], []
    for _ in range(turns):
        first.append(by_timeit(f, args))
        total = probe.measure(f, *args, rounds=50, passes=1, progress=False).total
        ours.append(total.value if total else float("nan"))
        again.append(by_timeit(f, args))
    return statistics.median(first), statistics.median(ours), statistics.median(again)


def verdict(a: float, b: float) -> str:
    if abs(b - a) <= ALLOWED * a:
        return ""
    return "ns" if abs(b - a) <= ALLOWED_NS else "<--"


def main() -> int:
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    found = cases()
    verdicts = []
    columns = ("package", "what it gives", "timeit, ns", "probe, ns", "off", "again")
    print("%-11s %-27s %10s %10s %7s %7s" % columns)
    for package, what, f, args in found:
        one, ours, other = row(f, args, turns)
        theirs = (one + other) / 2
        verdicts.append(verdict(theirs, ours))
        off, again = 100 * (ours / theirs - 1), 100 * (other / one - 1)
        shown = (package, what, theirs, ours, off, again, verdicts[-1])
        print("%-11s %-27s %10.1f %10.1f %+6.1f%% %+6.1f%% %s" % shown)
        sys.stdout.flush()
    names = {case[0] for case in found}
    counts = (len(found), len(names), verdicts.count(""), verdicts.count("ns"), verdicts.count("<--"))
    print("%d functions of %d packages: %d within 5 %%, %d within 2 ns alone, %d off" % counts)
    return 1 if "<--" in verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
