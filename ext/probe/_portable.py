# SPDX-License-Identifier: MIT
"""The ladder on interpreters whose objects are not CPython's: PyPy and GraalPy.

Offers what cells use of the extension module `_probe`, over a plain shared library
(libprobe/src/portable) that ctypes opens. The rounds, the noise reference and the stubs of the
target are libprobe's; the timed loops are Python, so that they are compiled as a user's are. Only
the target can be replaced there: what lies between it and the loop is one piece.

A compiler may take out of a loop what is the same in every iteration, or what nobody uses. So the
loops read their arguments from a list and store each result in one, and when the rounds are over
the calls that reach the target are counted: a loop that makes fewer than it says is an error.
"""

import ctypes
import importlib
import json
import os
import sys
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from _hooks import Failed

LIBRARY = "libprobe_portable.so"

# enum probe_rung
EMPTY, TARGET, REAL, PYCALL, CALLBACK_STUB, FENCED, FENCED_TARGET = 0, 3, 4, 6, 8, 10, 11

# Seconds of warming up, at least and at most. Compilers that work beside the program need their time,
# GraalPy's most of all; the process's own time limit is longer.
WARM_UP_S = {"graalpy": (3.0, 20.0)}
DEFAULT_WARM_UP_S = (0.3, 10.0)  # PyPy compiles in between, after 1,039 iterations
COUNTED_CALLS = 4000

_U64, _INT, _UINT, _DOUBLE = ctypes.c_ulonglong, ctypes.c_int, ctypes.c_uint, ctypes.c_double
_HANDLE, _TEXT = ctypes.c_void_p, ctypes.c_char_p
_RUN = ctypes.CFUNCTYPE(_INT, _INT, _U64)
# Result and parameters behind the handle, as portable.h declares them.
_FUNCTIONS: Dict[str, Tuple[Any, List[Any]]] = {
    "close": (None, []),
    "error": (_TEXT, []),
    "pin": (_INT, [_INT]),
    "catch_crashes": (_INT, [_INT]),
    "library": (_U64, [_TEXT, _INT]),
    "symbol": (_U64, [_U64, _TEXT]),
    "veneer_slot": (_U64, [_U64]),
    "begin": (None, []),
    "end": (None, []),
    "target": (_INT, [_U64, _U64]),
    "delay": (_INT, [_U64]),
    "spin_ticks": (_DOUBLE, [_U64]),
    "replay": (_INT, [_U64]),
    "has_callbacks": (_INT, []),
    "record_begin": (_INT, []),
    "record_end": (_INT, [_TEXT]),
    "count_begin": (_INT, []),
    "count_end": (_U64, []),
    "arm": (_INT, [_INT, _UINT]),
    "ladder": (
        _INT,
        [
            *(_UINT, _UINT, _UINT, _UINT, _DOUBLE, _UINT),
            *(_DOUBLE, _DOUBLE, _DOUBLE, _DOUBLE, _U64, _RUN),
        ],
    ),
    "answer": (_TEXT, []),
}

# The span begins and ends inside the loop: a loop that was compiled is entered and left by way of
# the interpreter, which is no part of an iteration. Nor are its first ones, which PyPy compiles apart.
_LOOP = """\
def loop(first, last, f, pool, sink, begin, end, handle):
    for i in range(last + 1):
        if i == first:
            begin(handle)
        if i == last:
            end(handle)
        %(take)spool[i & 1]
        sink[0] = %(value)s
"""
# A span of no iterations: what is subtracted from the others.
_NOTHING = """\
def loop(n, begin, end, handle):
    for _ in range(n):
        begin(handle)
        end(handle)
"""
_FIRST_CALLS, _FIRST_S = 4096, 0.3
_LEAD = 4  # iterations before the first that is timed
_NOTHINGS = 100  # of which the least is taken


def compiled(source: str) -> Callable[..., None]:
    """The function `loop` of that source: each is code of its own, as call sites specialise."""
    scope: Dict[str, Any] = {}
    exec(source, scope)
    loop: Callable[..., None] = scope["loop"]
    return loop


def make_loop(arity: int, call: bool = True) -> Callable[..., None]:
    """The timed loop; or, without the call, all the rest of it."""
    names = "".join("a%d, " % i for i in range(arity))
    values = {
        "take": names + "= " if arity else "",
        "value": "f(%s)" % names[:-2] if call else "f",
    }
    return compiled(_LOOP % values)


def calls_of(iterations: int) -> int:
    """How many calls a loop makes in all when so many of its iterations are timed."""
    return _LEAD + iterations + 1


def _span(path: str, handle: int, library: Any) -> Tuple[Any, Any, Any]:
    """begin, end and their handle, by the quickest way there is: PyPy's cffi takes some nanoseconds
    where its ctypes takes a microsecond."""
    if sys.implementation.name == "pypy":
        ffi = importlib.import_module("cffi").FFI()
        ffi.cdef("void pb_portable_begin(void *); void pb_portable_end(void *);")
        quick = ffi.dlopen(path)
        return quick.pb_portable_begin, quick.pb_portable_end, ffi.cast("void *", handle)
    return library.pb_portable_begin, library.pb_portable_end, handle


class Core:
    """One measurement at most: a cell's process has no other."""

    LAYERS = ("target",)  # that can be reached at all: see _hooks.find_hooks()

    def __init__(self, folder: str) -> None:
        path = os.path.join(folder, LIBRARY)
        self.c = ctypes.CDLL(path)
        self.c.pb_portable_open.restype = _HANDLE
        self.c.pb_portable_open.argtypes = []
        self.handle = self.c.pb_portable_open()
        if not self.handle:
            raise MemoryError("out of memory")
        for name, (result, params) in _FUNCTIONS.items():
            function = getattr(self.c, "pb_portable_" + name)
            function.restype, function.argtypes = result, [_HANDLE, *params]
        self.span = _span(path, self.handle, self.c)
        self.loops: Dict[int, Tuple[Any, ...]] = {}
        self.nothing = compiled(_NOTHING)
        self.warming = True  # until it is timed
        self.raised: Optional[BaseException] = None
        self.called = 0  # calls with everything in place
        self.kept = _RUN(self.run)  # as long as libprobe may call it

    def do(self, name: str, *args: Any) -> Any:
        result = getattr(self.c, "pb_portable_" + name)(self.handle, *args)
        restype = _FUNCTIONS[name][0]
        if (restype is _INT and result < 0) or (restype is _U64 and not result):
            self.fail()
        return result

    def fail(self) -> None:
        raised, self.raised = self.raised, None
        if raised is not None:
            raise raised
        raise Failed(self.c.pb_portable_error(self.handle).decode("utf-8", "replace"))

    # --- what cells use of `_probe`

    def pin(self, cpu: int) -> Optional[str]:
        """Why not, where the system refuses it."""
        if sys.implementation.name == "graalpy":  # whose compiler's threads would share that CPU
            return None
        try:
            self.do("pin", cpu)
        except Failed as e:
            if not str(e).startswith("can't pin"):
                raise
            return str(e)
        return None

    def catch_crashes(self, fd: int) -> None:
        if sys.implementation.name != "graalpy":  # whose machine uses these signals itself
            self.do("catch_crashes", fd)

    def open_library(self, path: str, *, local: bool = False) -> int:
        return int(self.do("library", os.fsencode(path), int(local)))

    def symbol(self, library: int, name: str) -> int:
        return int(self.do("symbol", library, name.encode()))

    def veneer_slot(self, library: int) -> int:
        return int(self.do("veneer_slot", library))

    def spin_ticks(self, steps: int, repeats: int) -> List[float]:
        """What a delay in front of the target takes by itself."""
        return [float(self.do("spin_ticks", steps)) for _ in range(repeats)]

    def got_slots(self, where: str, symbols: Any) -> List[int]:
        raise LookupError("only what CPython's extension modules call through can be replaced")

    def ladder(
        self,
        call: Callable[..., Any],
        args: Tuple[Any, ...],
        loop: Any,
        empty_loop: Any,
        *,
        hooks: Optional[Dict[str, Any]] = None,
        subphases: int = 255,
        returns: str = "",
        delays: Optional[Dict[str, int]] = None,
        plain: Optional[Callable[[Any], Any]] = None,
        twin: Optional[Callable[..., Any]] = None,
        replay: Optional[int] = None,
        ready_args: Any = None,
        check: Optional[Callable[[Any], None]] = None,
        pycall: Optional[Callable[..., Any]] = None,
        pycall_loop: Any = None,
        rounds: int = 100,
        round_us: float = 100,
        wait_s: float = 1,
        quiet_ratio: float = 0,
        seed: int = 0,
        calls: int = 0,
        warm_up_s: Optional[float] = None,
    ) -> Dict[str, Any]:
        """Samples, as _probe.ladder() gives them.

        The loops given are not used, as the ones here guard against their compilers; arguments
        whose callbacks are CPython's built-ins can't be made.
        """
        seam = bool(hooks and "target" in hooks)
        if hooks and "target" in hooks:
            self.do("target", *hooks["target"])
        if delays:
            self.do("delay", delays["target"])
        result = self.once(call, args)
        if check is not None:
            check(result)
        rungs = 1 << EMPTY | 1 << REAL
        self.add_loop(REAL, call, args)
        self.add_loop(EMPTY, result, args)
        if pycall is not None:
            self.add_loop(PYCALL, pycall, args)
            rungs |= 1 << PYCALL
        if seam:
            rungs |= self.make_stubs(call, args, returns, replay, plain or (lambda value: value))
        if twin is not None:
            self.add_loop(TARGET, twin, args)
            rungs |= 1 << TARGET
        least_s, most_s = warm_up_s or WARM_UP_S.get(sys.implementation.name, DEFAULT_WARM_UP_S)
        own_loops = 1 << TARGET if twin is not None else 0
        self.nothing(50 * _NOTHINGS, *self.span)  # compiled while the calls warm up
        self.do(
            "ladder", rungs, own_loops, subphases, rounds, round_us, calls, least_s, most_s,
            wait_s, quiet_ratio, seed, self.kept,
        )  # fmt: skip
        answer: Dict[str, Any] = json.loads(self.c.pb_portable_answer(self.handle))
        if seam:
            answer["counted"] = self.count()
        answer.update(expected=result, called=self.called)
        return answer

    # --- the loops

    def add_loop(self, rung: int, f: Any, args: Tuple[Any, ...]) -> None:
        loop = make_loop(len(args), call=rung != EMPTY)
        self.loops[rung] = (loop, f, [args, args], [None], *self.span)
        # Long ones first, so that a compiler which follows one iteration follows a usual one, and
        # not the first of a span.
        calls, begin = 64, time.monotonic()
        while calls < _FIRST_CALLS and time.monotonic() - begin < _FIRST_S:
            if self.run(rung, calls):
                self.fail()
            calls *= 2

    def run(self, rung: int, calls: int) -> int:
        """Called by libprobe: no exception may leave."""
        try:
            if calls == 0:
                self.warming = False
                self.nothing(_NOTHINGS, *self.span)
                return 0
            # As often as the calls, or it is still interpreted (20 times as long) when they are
            # compiled: GraalPy takes ten seconds of it.
            if self.warming and rung == EMPTY:
                self.nothing(5 * _NOTHINGS, *self.span)
            loop, *rest = self.loops.get(rung) or self.loops[REAL]
            loop(_LEAD, _LEAD + calls, *rest)
            self.called += calls_of(calls) if rung in (REAL, FENCED) else 0
            return 0
        except BaseException as e:
            self.raised = e
            return -1

    def once(self, call: Callable[..., Any], args: Tuple[Any, ...]) -> Any:
        self.called += 1
        return call(*args)

    def make_stubs(
        self,
        call: Callable[..., Any],
        args: Tuple[Any, ...],
        returns: str,
        replay: Optional[int],
        plain: Callable[[Any], Any],
    ) -> int:
        """The mask of rungs whose stub gives back what the target gave."""
        if replay is not None:
            self.do("replay", replay)
        self.do("record_begin")
        self.once(call, args)
        self.do("record_end", returns.encode())
        # A fence would stand around the callbacks, too.
        more = [CALLBACK_STUB] if self.do("has_callbacks") else [FENCED, FENCED_TARGET]
        mask = 0
        for rung in [TARGET, *more]:
            expected = plain(self.once(call, args))
            self.do("arm", rung, 0)
            try:
                got = plain(call(*args))
                self.called += rung == FENCED
            finally:
                self.do("arm", REAL, 0)
            mask |= (1 << rung) if got == expected else 0
        return mask

    def count(self) -> int:
        """How many calls of a loop, by now compiled, reach the target."""
        self.do("count_begin")
        failed = self.run(REAL, COUNTED_CALLS)
        counted = int(self.c.pb_portable_count_end(self.handle))
        if failed:
            self.fail()
        if counted != calls_of(COUNTED_CALLS):
            raise Failed(
                "its compiler took calls out of the timed loop: %d of %d reached the target"
                % (counted, calls_of(COUNTED_CALLS))
            )
        return counted
