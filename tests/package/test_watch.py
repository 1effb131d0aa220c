# SPDX-License-Identifier: MIT
"""watch() misses no call, changes none, and leaves nothing behind."""

import ctypes
import gc
import inspect
import json
import math
import os
import threading
import time
import zlib
from typing import Any, List

import pytest

import probe

from conftest import word_at

BASE: Any = getattr(ctypes, "_CFuncPtr").__mro__[1]
if "CFuncPtr" not in BASE.__name__:
    BASE = getattr(ctypes, "_CFuncPtr")
CALLBACK: Any = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
LIBC = ctypes.CDLL(None)
# ASan has a strlen of its own in front of libc's.
STRLEN_IN = "libasan" if "libasan" in os.environ.get("LD_PRELOAD", "") else "libc"
BOTH = pytest.mark.parametrize("phases", [False, True], ids=["totals", "phases"])


def tp_call(kind: Any) -> Any:
    """A type's tp_call: the fourteenth word behind its head."""
    return word_at(id(kind) + object.__basicsize__ + (1 + 13) * ctypes.sizeof(ctypes.c_void_p))


def every(kind: Any) -> List[Any]:
    return [kind] + [one for sub in type.__subclasses__(kind) for one in every(sub)]


@pytest.fixture(autouse=True)
def _undone() -> Any:
    """No test leaves a hook in a type of ctypes, nor in a built-in."""
    before = tp_call(BASE)
    method = word_at(word_at(id(zlib.crc32) + object.__basicsize__) + 8)
    yield
    gc.collect()
    assert {tp_call(kind) for kind in every(BASE)} == {before}
    assert word_at(word_at(id(zlib.crc32) + object.__basicsize__) + 8) == method


# --- what is counted


@BOTH
def test_every_ctypes_call_is_counted(strlen: Any, phases: bool) -> None:
    with probe.watch(phases=phases) as w:
        for _ in range(1000):
            assert strlen(b"abc") == 3
        strlen(*(b"x",))
        strlen.__call__(b"x")
        list(map(strlen, [b"a"] * 10))
        late = ctypes.CDLL("libm.so.6").fabs  # its type is made inside the block
        late.restype, late.argtypes = ctypes.c_double, [ctypes.c_double]
        for _ in range(7):
            assert late(-1.0) == 1.0

        class Derived(BASE):  # type: ignore[misc]
            _flags_ = 1
            _restype_ = ctypes.c_int

        Derived(("getpid", LIBC))()
        ctypes.string_at(b"abc")
    strlen(b"abc")
    assert w["strlen"].calls == w["strlen"].returned == 1012
    assert w["fabs"].calls == 7
    assert w["string_at"].calls == 1
    assert [f.calls for f in w if f.name.endswith("getpid")] == [1]  # or libc's own name for it
    assert w["strlen"].library.startswith(STRLEN_IN) and w["strlen"].path == "ctypes"
    assert w["strlen"].mean_ns is not None and w.calls == 1021


def test_calls_that_raise_are_counted(strlen: Any) -> None:
    def refuse(result: Any, *rest: Any) -> Any:
        raise LookupError("its own")

    abs_ = ctypes.CDLL(None).abs
    abs_.errcheck = refuse
    with probe.watch() as w:
        for _ in range(5):
            with pytest.raises(ctypes.ArgumentError):
                strlen(17.5)
            with pytest.raises(LookupError, match="its own"):
                abs_(1)
        strlen(b"")
    assert (w["strlen"].calls, w["strlen"].raised) == (6, 5)
    assert (w["abs"].calls, w["abs"].raised) == (5, 5)


@BOTH
def test_callbacks_and_nested_calls_are_counted(strlen: Any, phases: bool) -> None:
    @CALLBACK  # type: ignore[misc, untyped-decorator, unused-ignore]
    def back(n: int) -> int:
        strlen(b"abc")
        return apply(n - 1) if n > 0 else 0

    apply = CALLBACK(ctypes.cast(back, ctypes.c_void_p).value or 0)
    with probe.watch(phases=phases) as w:
        for _ in range(20):
            apply(4)
    assert w["strlen"].calls == 100
    assert sum(f.calls for f in w if f.name != "strlen") == 100
    assert not [text for text in w.warnings if "preempted" not in text]  # the machine is shared


def test_many_threads_are_counted(strlen: Any) -> None:
    def work() -> None:
        for _ in range(2000):
            strlen(b"abc")
            zlib.crc32(b"abc")

    with probe.watch("zlib") as w:
        for _ in range(3):
            threads = [threading.Thread(target=work) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert w["strlen"].calls == w["strlen"].returned == 48000
    assert w["crc32"].calls == w["crc32"].returned == 48000


def test_a_call_that_runs_on_is_told() -> None:
    usleep = ctypes.CDLL(None).usleep
    with probe.watch() as w:
        thread = threading.Thread(target=usleep, args=(300000,))
        thread.start()
        time.sleep(0.1)
    assert (w["usleep"].calls, w["usleep"].returned) == (1, 0)
    assert w["usleep"].total_ns is None
    assert any("1 of 1 calls did not return" in text for text in w.warnings), w.warnings
    with probe.watch() as second:
        thread.join()  # returns into a watch that it did not begin in
    assert len(second) == 0


@BOTH
def test_cffi_in_its_abi_mode(phases: bool) -> None:
    cffi = pytest.importorskip("cffi")
    ffi = cffi.FFI()
    ffi.cdef("double cos(double); int abs(int); typedef int (*back)(int);")
    lib = ffi.dlopen("libm.so.6")
    with probe.watch(phases=phases) as w:
        for _ in range(50):
            assert lib.cos(0.0) == 1.0
        f = ffi.callback("int(int)", lambda n: n)
        assert f(3) == 3
        with pytest.raises(TypeError):
            lib.cos("x")
    assert (w["cos"].calls, w["cos"].raised, w["cos"].path) == (51, 1, "cffi-abi")
    assert w.calls == 52


def test_cffi_in_its_api_mode(tmp_path: Any, monkeypatch: Any) -> None:
    cffi = pytest.importorskip("cffi")
    pytest.importorskip("setuptools")
    name = "watched_by_%d" % os.getpid()
    ffi = cffi.FFI()
    ffi.cdef('int add(int, int); int apply(int (*)(int), int); extern "Python" int back(int);')
    ffi.set_source(
        name,
        "static int add(int a, int b) { return a + b; }\n"
        "static int apply(int (*f)(int), int n) { return n ? f(n) + apply(f, n - 1) : 0; }\n",
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    ffi.compile()
    module: Any = None
    for phases in (False, True, False):
        with probe.watch(phases=phases) as w:
            module = module or __import__(name)  # made, and found, inside the block
            lib = module.lib
            module.ffi.def_extern("back")(lambda n: lib.add(n, 1))
            for _ in range(100):
                lib.add(1, 2)
            add = lib.add
            assert add(1, 2) == 3
            assert lib.apply(lib.back, 10) == 65
            with pytest.raises(TypeError):
                add(1)
        assert (w["add"].calls, w["add"].raised, w["add"].path) == (112, 1, "cffi-api")
        assert w["apply"].calls == 1 and w["add"].library == name
        if phases:
            assert [part.name for part in w["add"].phases] == ["dispatch", "marshalling", "compute"]
            assert w["apply"].split + w["apply"].preempted == 1
    with probe.watch() as w:
        add(1, 2)
    assert w["add"].calls == 1


# --- named modules


@BOTH
def test_callables_of_every_kind(watched: Any, phases: bool) -> None:
    class Sub(watched.Made):  # type: ignore[misc]
        pass

    with probe.watch(watched, phases=phases) as w:
        for _ in range(20):
            watched.noargs()
            watched.o(1)
            assert watched.varargs(1, 2) == 2
            assert watched.keywords(1, k=2) == 2
            assert watched.fastcall(1, 2, 3) == 3
            assert watched.fastcall_keywords(1, k=2) == 2
            assert watched.function(1, 2) == 2
            assert watched.function(*(1, 2)) == 2
            assert watched.called(1) == 1
            assert watched.called.__call__(1) == 1
            watched.other()
            made = watched.Made()
            assert made.method() is made
            assert watched.Made.of_class() is watched.Made
            Sub().method()
            watched.detaches()
            with pytest.raises(LookupError):
                watched.raises()
    counts = {f.name: f.calls for f in w if f.library == "watched"}
    assert counts == {
        "noargs": 20,
        "o": 20,
        "varargs": 20,
        "keywords": 20,
        "fastcall": 20,
        "fastcall_keywords": 20,
        "function": 40,
        "called": 40,
        "other": 20,
        "Made": 20,
        "Made.method": 40,
        "Made.of_class": 20,
        "detaches": 20,
        "raises": 20,
    }
    assert w["raises"].raised == 20
    assert w.how["watched.noargs"] == "ml_meth" and w.how["watched.function"] == "vectorcall"
    assert w.how["watched.called"] == w.how["watched.Made"] == "tp_call"
    assert watched.called(1) == 1 and type(Sub().method()) is Sub
    if phases and w["detaches"].split:
        names = [part.name for part in w["detaches"].phases]
        assert names == ["dispatch", "marshalling+compute"]


@BOTH
def test_exceptions_of_cpp_and_longjmp_go_through(watched: Any, phases: bool) -> None:
    """They leave hooked calls without a return: what is left behind must not be believed."""
    assert watched.catches(watched.throws) and watched.lands(watched.leaps)
    with probe.watch(watched, phases=phases) as w:
        for _ in range(100):
            assert watched.catches(watched.throws) is True
            assert watched.lands(watched.leaps) is True
            assert watched.catches(watched.noargs) is False
    for name in ("throws", "leaps"):
        assert (w[name].calls, w[name].returned, w[name].mean_ns) == (100, 0, None)
    assert w["catches"].returned == 200 and w["lands"].returned == 100
    assert w["noargs"].returned == 100
    if phases:  # a preempted call is not split
        assert w["noargs"].split + w["noargs"].preempted == 100
    assert any("did not return" in warning for warning in w.warnings)
    assert watched.catches(watched.throws) is True


def test_bound_methods_are_told_apart() -> None:
    import random

    one, other = random.Random(1), random.Random(2)
    module = type(math)("_bound")
    vars(module)["draw"] = one.random
    vars(module)["partly"] = __import__("functools").partial(zlib.crc32, b"x")
    with probe.watch(module) as w:
        for _ in range(5):
            one.random()
            other.random()
            module.draw()
            module.partly()
    assert w["draw"].calls == 10
    assert w["partly"].calls == 5


def test_bound_methods_are_counted_by_their_function() -> None:
    from types import MethodType

    module = type(math)("_bound_twice")
    original = MethodType(MethodType(zlib.crc32, b"abc"), 0)
    vars(module)["bound"] = original
    with probe.watch(module) as w:
        assert vars(module)["bound"] is original
        assert module.bound() == zlib.crc32(b"abc", 0)
    assert w["bound"].calls == 2 and w.how["_bound_twice.bound"] == "ml_meth"


def test_numpy() -> None:
    numpy = pytest.importorskip("numpy")
    with probe.watch("numpy") as w:
        a = numpy.arange(10.0)
        for _ in range(30):
            numpy.add(a, a)
            numpy.dot(a, a)
            a.mean()
            numpy.float64(1.0)
    assert w["add"].calls >= 30 and w["ndarray.mean"].calls == 30
    if not inspect.isfunction(numpy.dot):  # before 1.25 it was written in Python
        assert w["dot"].calls == 30
    assert w.how["numpy.add"] == "vectorcall" and "Python code" in w.left_out.values()


def test_what_is_left_out_is_said() -> None:
    module = type(math)("_mixed")
    vars(module).update(f=lambda: None, sqrt=math.sqrt, Python=type("Python", (), {}))
    with probe.watch(module) as w:
        module.f()
        math.sqrt(2.0)
    assert w.left_out["_mixed.f"] == "Python code" and len(w) == 0
    assert "math" in w.left_out["_mixed.sqrt"] and "_mixed.Python" in w.left_out


# --- phases


def test_phases_of_ctypes_add_up_to_the_call(strlen: Any) -> None:
    with probe.watch(phases=True) as w:
        for _ in range(3000):
            strlen(b"abc")
    f = w["strlen"]
    assert f.split + f.preempted == f.returned == 3000 and f.mean_ns is not None
    assert abs(sum(part.value.value for part in f.parts) - f.mean_ns) < 0.02 * f.mean_ns + 1
    names = [part.name for part in f.phases]
    assert names in (["dispatch", "marshalling", "compute"], ["dispatch+marshalling+compute"])


def test_what_the_target_takes_is_compute(strlen: Any) -> None:
    usleep = ctypes.CDLL(None).usleep
    with probe.watch(phases=True) as w:
        for _ in range(20):
            usleep(2000)
    f = w["usleep"]
    assert f.mean_ns is not None and f.mean_ns > 2e6
    if len(f.phases) == 3:
        assert f.phases[2].name == "compute"
        assert f.phases[2].value.value > 0.9 * f.mean_ns


def test_hooks_cost_is_taken_out(watched: Any) -> None:
    """A call that makes many cheap ones, which cost two to three times as much when watched."""
    bare, told = [], []
    for _ in range(15):
        start = time.perf_counter()
        watched.repeats(watched.noargs)
        bare.append((time.perf_counter() - start) * 1e9)
        with probe.watch(watched) as w:
            watched.repeats(watched.noargs)
        assert w["noargs"].calls == 10000
        told.append(w["repeats"].total_ns or 0.0)
    assert 0.3 < min(told) / min(bare) < 1.8


# --- in and out


def test_hooks_are_undone_after_whatever_happens(strlen: Any) -> None:
    for kind in (ValueError, KeyboardInterrupt, SystemExit, GeneratorExit):
        with pytest.raises(kind):
            with probe.watch("zlib") as w:
                strlen(b"abc")
                raise kind
        assert w["strlen"].calls == 1


def test_interrupts_at_any_time(strlen: Any) -> None:
    import signal

    def interrupt(*args: Any) -> None:
        raise KeyboardInterrupt

    old = signal.signal(signal.SIGALRM, interrupt)
    interrupted = 0
    try:
        for k in range(60):
            try:
                # Again half a second later: Python swallows what is raised in a finaliser.
                signal.setitimer(signal.ITIMER_REAL, 0.0003 * (k % 20 + 1), 0.5)
                with probe.watch("zlib", "math"):
                    while True:
                        strlen(b"abc")
            except KeyboardInterrupt:
                signal.setitimer(signal.ITIMER_REAL, 0)
                interrupted += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert interrupted == 60
    with probe.watch() as w:
        strlen(b"abc")
    assert w.calls == 1


def test_an_abandoned_block_is_left(strlen: Any) -> None:
    def abandoned() -> Any:
        with probe.watch() as w:
            yield w

    generator = abandoned()
    next(generator)
    del generator
    gc.collect()
    with probe.watch() as w:
        strlen(b"abc")
    assert w.calls == 1


def test_one_watch_at_a_time(strlen: Any) -> None:
    with probe.watch() as w:
        with pytest.raises(probe.Busy, match="running in this process"):
            with probe.watch():
                pass
        with pytest.raises(probe.Busy):
            probe.measure(math.sqrt, 2.0, max_calls=1, progress=False)
        strlen(b"abc")
    assert w.calls == 1
    with pytest.raises(probe.Busy, match="has been used"):
        with w:
            pass

    def within() -> None:
        with probe.watch():
            pass

    with pytest.raises(probe.Busy):
        probe.measure(within, max_calls=1, progress=False)


def test_another_interpreter_is_refused() -> None:
    try:
        import _interpreters as interpreters  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        pytest.skip("this Python has no module for interpreters of its own GIL")
    code = "import probe\ntry:\n    probe.watch().__enter__()\nexcept probe.Busy:\n    pass\n"
    code += "else:\n    raise SystemError('not refused')\n"
    other = interpreters.create()
    try:
        with probe.watch():
            failed = interpreters.exec(other, code)
        assert failed is None, failed
    finally:
        interpreters.destroy(other)


def test_a_fork_inside_the_block(strlen: Any) -> None:
    with probe.watch() as w:
        strlen(b"abc")
        pid = os.fork()
        if pid == 0:
            strlen(b"abc")
            w.__exit__(None, None, None)
            fine = w["strlen"].calls == 2
            with probe.watch() as again:
                strlen(b"abc")
            os._exit(0 if fine and again.calls == 1 else 1)
        assert os.waitpid(pid, 0)[1] == 0
    assert w["strlen"].calls == 1


def test_a_watch_without_a_name_lasts_as_long_as_its_block(strlen: Any) -> None:
    with probe.watch():
        gc.collect()
        with pytest.raises(probe.Busy):
            probe.measure(math.sqrt, 2.0, max_calls=1, progress=False)


@pytest.mark.parametrize("wrong", [17, None, math.sqrt, ["zlib"]])
def test_what_is_no_module(wrong: Any) -> None:
    with pytest.raises(probe.NotCallable, match="modules"):
        probe.watch(wrong)


def test_modules_that_cant_be_watched() -> None:
    with pytest.raises(ImportError):
        probe.watch("no_such_module")
    with pytest.raises(probe.Unhookable, match="inlined"):
        probe.watch("builtins")
    with pytest.raises(probe.MeasuringFailed, match="with"):
        probe.watch().functions


# --- what is shown


def test_results_in_every_form(strlen: Any, tmp_path: Any) -> None:
    with probe.watch("zlib", phases=True) as w:
        assert "not entered" not in repr(w)  # so far
        strlen(b"abc")
        assert w["strlen"].calls == 1
        for _ in range(1000):
            strlen(b"abc")
            zlib.crc32(b"<&>")
    assert json.loads(json.dumps(w.to_dict()))["functions"][0]["calls"] >= 1000
    lines = w.to_csv(tmp_path / "watch.csv").splitlines()
    assert len(lines) == 3 and lines[0].startswith("function,library,path")
    assert (tmp_path / "watch.csv").read_text() == w.to_csv()
    html = w._repr_html_()
    assert "<svg" in html and "<script" not in html and "strlen" in html
    assert "strlen" in repr(w) and "1001" in repr(w) and "strlen" in repr(w[0]) + repr(w[1])
    assert w.wall_ns > 0 and sum(w.cost_ns) > 0
    with pytest.raises(KeyError, match="strlen"):
        w["strnlen"]


def test_a_block_without_calls() -> None:
    with probe.watch() as w:
        pass
    assert len(w) == 0 and "no foreign call" in repr(w) and "no foreign call" in w._repr_html_()
    assert "not entered" in repr(probe.watch())


def test_pandas(strlen: Any) -> None:
    pytest.importorskip("pandas")
    with probe.watch() as w:
        strlen(b"abc")
    assert list(w.to_pandas()["calls"]) == [1]
