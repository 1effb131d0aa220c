# SPDX-License-Identifier: MIT
"""Measures one cell: one workload through one path in this interpreter, in a process of its own.

Usage: python _cell.py SPEC.json   (result: one JSON object on file descriptor 3; a native backtrace
on descriptor 4 if the process crashes). Runs on the standard library and `_probe` alone; where that
can't be (not CPython), on _portable.py.
"""

import importlib
import importlib.util
import json
import os
import struct
import sys
import tempfile
from typing import Any, Callable, Dict, List, Optional, Tuple

_here = os.path.dirname(os.path.abspath(__file__))
if _here not in sys.path:  # python -P
    sys.path.insert(0, _here)
sys.path.append(os.path.join(_here, "..", "..", "workloads", "bindings"))
import _arguments
import _callable
import _few
import _hooks
import _leaks
import _model
import _subinterpreters
import _threads
import _values
from _hooks import ALWAYS, CALLBACK, PYTHON, Failed, empty_loop, find_hooks, make_empty, make_loop

RESULT_FD = 3
CRASH_FD = 4
_LEAK_CALLS = 32  # where calls are few

_loaded: List["Target"] = []


class CellError(Exception):
    """One line that says why this cell can't be measured."""


def load_source(path: str, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise CellError("can't load %s" % path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Target:
    """What is called: a binding's callable, its arguments, what it must give, how to hook it."""

    def __init__(self, probe: Any, spec: Dict[str, Any]) -> None:
        workload = spec["workload"]
        self.probe = probe
        self.spec = spec
        self.prototype = workload.get("prototype")
        self.warnings: List[str] = []
        self.own = None
        if "python" in workload:
            self.own = load_source(
                os.path.join(spec["workload_dir"], workload["python"]), "_workload"
            )
        # Where the user's own modules lie: after all others, as none of them is to be hidden.
        sys.path += [f for f in workload.get("import_from", []) if f not in sys.path]
        scratch = spec.get("scratch") or tempfile.gettempdir()
        given = _arguments.make(workload["args"], spec.get("variant"), self.own, scratch)
        self.expected: Any = None
        self.checked = True
        if self.own is not None:
            # A function may write to its arguments: the reference gets its own.
            twin = _arguments.make(workload["args"], spec.get("variant"), self.own, scratch)
            self.reference = getattr(self.own, self.prototype["name"])
            self.expected = self.reference(*twin)
        else:
            self.checked = "expected" in workload and "unchecked" not in workload
            if "expected" in workload:
                self.expected = _arguments.make_one(workload["expected"], None, None, scratch)
            if "unchecked" in workload:
                self.warnings.append("its result " + workload["unchecked"])
        self.hooks: Optional[Dict[str, Any]] = None
        self.veneer: Optional[Tuple[int, int]] = None
        self.subphases = ALWAYS
        self.plain: Optional[Callable[[Any], Any]] = None
        self.twin: Optional[Callable[..., Any]] = None
        self.replay: Optional[int] = None
        self.ready_args: Optional[Callable[[], Optional[Tuple[Any, ...]]]] = None
        self.args = given
        self.prepared = ""
        self.binding = ""
        self.pure = bool(spec["path"].get("pure"))
        self.recipe: Optional[_hooks.Recipe] = None
        self.adapt: Callable[[Tuple[Any, ...]], Tuple[Any, ...]] = lambda args: args
        self.name = spec["path"]["name"]
        self.load = self.load_python
        if spec["path"].get("pure"):
            if self.own is None:
                raise _model.Inexpressible("%s is not there in Python" % workload["name"])
            self.call = self.reference
        else:
            self.bind()

    def connect(self) -> None:
        """Lets it be called outside a measurement."""
        if self.veneer:
            import ctypes

            slot, function = self.veneer
            ctypes.c_void_p.from_address(slot).value = function

    def bind(self) -> None:
        spec, probe = self.spec, self.probe
        path, kernel, bare = spec["path"], spec.get("kernel"), spec["engine"] == "bare"
        library, target = "", None  # type: str, Optional[Tuple[int, int]]
        if kernel:
            library = kernel["bare" if bare else "veneer"]
            handle = probe.open_library(library)
            if not bare and not path.get("twin"):
                real = probe.open_library(kernel["kernel"], local=True)
                symbol = spec["workload"].get("symbol", self.prototype["name"])
                target = (probe.veneer_slot(handle), probe.symbol(real, symbol))
                self.veneer = target
        binding = load_source(os.path.join(spec["path_dir"], "binding.py"), "_binding")
        options = frozenset(path.get("chosen", [])) - {"static"}
        what = self.prototype or spec["workload"]
        self.load = lambda: binding.load(what, spec.get("artifact"), library, options)
        self.call = self.load()
        given = self.args
        if path.get("callables"):
            self.take_as_it_is(bare)
            return
        if hasattr(binding, "arguments"):
            self.adapt = lambda args: binding.arguments(self.prototype, args)
            self.args = self.adapt(given)
            self.prepared = _model.prepared(self.prototype, given, self.args)
        if hasattr(binding, "plain"):
            prototype, args = self.prototype, self.args
            self.plain = lambda result: binding.plain(prototype, result, args)
        if bare:
            return
        if path.get("twin"):
            self.make_twin(binding, what, options)
        self.hooks, self.subphases, warnings = find_hooks(probe, spec, target, self.call)
        self.warnings += warnings
        if kernel and target and "replay" in kernel:
            replay = probe.open_library(kernel["replay"], local=True)
            self.replay = probe.symbol(replay, "pb_replay")
        if any(_model.role(p) == "callback" for p in (self.prototype or {}).get("params", [])):
            self.subphases |= CALLBACK | PYTHON
            self.ready_args = lambda: self.make_ready(binding, given)

    def take_as_it_is(self, bare: bool) -> None:
        """Somebody else's callable is what it is, with the layers of that, as in the package."""
        spec, probe = self.spec, self.probe
        self.name = self.binding = _callable.path_of(self.call)
        recipe = self.recipe = _hooks.Recipe(self.binding)
        self.pure = recipe.pure
        self.prepared = _callable.prepared(self.binding, self.args)
        if bare:
            return
        if not hasattr(probe, "reached"):  # not CPython: see _portable.py
            if not self.pure:
                self.hooks, self.subphases, recipe.reasons = find_hooks(probe, spec, None, self.call)
        else:
            table = os.path.join(spec["path_dir"], os.pardir, self.binding, "path.json")
            layers, target = read_spec(table)["layers"], spec["workload"].get("target")
            naming = "--target LIBRARY:FUNCTION"
            _hooks.examine(probe, self.call, self.args, recipe, layers, target, naming, True)
            self.hooks, self.subphases = recipe.hooks, recipe.subphases
            if not self.pure:
                self.find_callbacks()
        self.warnings += recipe.reasons

    def find_callbacks(self) -> None:
        back, why = _callable.calls_back(self.probe, self.call, self.args)
        if back:
            self.subphases |= CALLBACK | PYTHON
        if why:
            self.warnings.append(why)
        elif back:
            self.ready_args = lambda: _callable.ready_args(self.probe, self.call, self.args)

    def load_python(self) -> Callable[..., Any]:
        workload = self.spec["workload"]
        own = load_source(os.path.join(self.spec["workload_dir"], workload["python"]), "_workload")
        call: Callable[..., Any] = getattr(own, self.prototype["name"])
        return call

    def another(self) -> Tuple[Callable[..., Any], Tuple[Any, ...]]:
        """The callable loaded once more, and its arguments made once more."""
        spec = self.spec
        call, scratch = self.load(), spec.get("scratch") or tempfile.gettempdir()
        args = _arguments.make(spec["workload"]["args"], spec.get("variant"), self.own, scratch)
        return call, self.adapt(args)

    def make_ready(self, binding: Any, given: Tuple[Any, ...]) -> Optional[Tuple[Any, ...]]:
        """Arguments whose callbacks are built-ins that return what the real ones did, at once.

        Called when the hooks are open and nothing is in their place: it runs the call.
        """
        params = enumerate(_model.passed(self.prototype))
        called_back = {i: given[i] for i, p in params if _model.role(p) == "callback"}
        replaced = _callable.Replaced(self.probe, called_back)
        args = tuple(replaced.ready.get(i, value) for i, value in enumerate(given))
        if hasattr(binding, "arguments"):
            args = binding.arguments(self.prototype, args)
        self.call(*args)
        called = replaced.counts()
        self.call(*self.args)
        if replaced.counts() != called:
            # One callback a function: the second took the first one's place, and gives it back.
            binding.arguments(self.prototype, given)
            self.warnings.append("callback and python can't be told apart: one callback at a time")
            return None
        return args if replaced.settle() and all(called) else None

    def make_twin(self, binding: Any, what: Dict[str, Any], options: Any) -> None:
        """The same binding around an empty body that returns what the function does."""
        returns = what["returns"]
        scalar = _model.SCALARS.get(returns)
        if not self.checked or returns == "long double" or (scalar is None and returns != "void"):
            self.warnings.append("no twin: an empty body can't return this %s" % returns)
            return
        if scalar is not None:
            # Where the twin's twin reads it as it is loaded: see _kernel.py.
            os.environ["PROBE_TWIN_VALUE"] = packed(self.expected, scalar).hex()
        self.twin = binding.load(what, self.spec["twin"], "", options)
        self.warnings.append(
            "compute is the difference to an empty-bodied twin: this function has no seam"
        )

    def registers(self) -> str:
        """Which registers the target's result comes in: "void", "int", "float"; "" = any."""
        if self.recipe:
            return self.recipe.returns
        returns = self.prototype["returns"] if self.prototype else ""
        scalar = _model.SCALARS.get(returns)
        kinds = {"int": "int", "bool": "int", "float": "" if returns == "long double" else "float"}
        return kinds.get(scalar.kind, "") if scalar else returns if returns == "void" else ""

    def comparable(self, result: Any) -> Any:
        """A result as == can compare it: a NaN equals a NaN. Of what differs from call to call, a
        stub gives back another one, but of the same type."""
        if self.recipe:
            return _hooks.plain(result)
        if not self.checked:
            return type(result)
        return without_nan(self.plain(result) if self.plain else result)

    def answer(self, samples: Dict[str, Any]) -> Dict[str, Any]:
        """What the parent gets: the samples, and what is to be known of them."""
        samples.update(status="ok", warnings=self.warnings, prepared=self.prepared)
        samples["binding"] = self.binding
        return samples

    def check(self, result: Any) -> None:
        """Called with the first result, before anything is timed."""
        got = self.plain(result) if self.plain else result
        if not self.checked or same(got, self.expected):
            return
        if self.own is None and self.prototype:
            # C was asked in another process: perhaps this one has another pid, or C library.
            symbol = self.spec["workload"].get("symbol", self.prototype["name"])
            here = _values.ask_here(self.probe, self.spec, symbol)
            again = self.call(*self.args)
            again = self.plain(again) if self.plain else again
            if here and not (same(here[0], here[1]) and same(got, again)):
                self.checked = False
                self.warnings.append("its result " + _values.DIFFERS)
                return
            if here:
                self.expected = here[0]
        if not same(got, self.expected):
            raise CellError(
                "wrong result: %r through %s, %r expected"
                % (got, self.spec["path"]["name"], self.expected)
            )


def without_nan(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(without_nan(v) for v in value)
    return "nan" if isinstance(value, (float, complex)) and value != value else value


def packed(value: Any, scalar: Any) -> bytes:
    """A number's bytes as its C type has them."""
    size = scalar.bits // 8
    if scalar.kind in ("int", "bool"):
        return (int(value) & ((1 << scalar.bits) - 1)).to_bytes(size, sys.byteorder)
    if scalar.kind == "complex":
        return struct.pack("ff" if scalar.bits == 64 else "dd", value.real, value.imag)
    return struct.pack("f" if scalar.bits == 32 else "d", value)


def same(got: Any, expected: Any) -> bool:
    """Equality; a NaN equals a NaN, and a C float its value in double precision."""
    if isinstance(expected, tuple):
        return (
            isinstance(got, tuple)
            and len(got) == len(expected)
            and all(same(g, e) for g, e in zip(got, expected))
        )
    if isinstance(expected, float) and isinstance(got, float):
        return got == expected or (got != got and expected != expected)
    return bool(got == expected)


def import_probe(spec: Dict[str, Any]) -> Any:
    """The measuring core that was built for this interpreter: an extension module or a library."""
    if not os.path.exists(os.path.join(spec["ext"], "_probe.so")):
        # Here alone: it brings in ctypes, which is to be measured, and not everywhere to be had.
        return importlib.import_module("_portable").Core(spec["ext"])
    if spec["ext"] not in sys.path:
        sys.path.insert(0, spec["ext"])
    try:
        return importlib.import_module("_probe")
    except ImportError as e:
        if "failed to map segment" in str(e):
            raise CellError(
                "no library can be loaded from %s: its file system is mounted noexec; set "
                "XDG_CACHE_HOME to a folder on another" % spec["ext"]
            )
        raise


def measure(spec: Dict[str, Any]) -> Dict[str, Any]:
    _probe = import_probe(spec)
    _probe.catch_crashes(CRASH_FD)
    threads = spec["engine"].startswith("threads-")
    refused: Optional[str] = None
    if spec.get("cpu", -1) >= 0 and not threads:
        refused = _probe.pin(spec["cpu"])
    had_gil = _threads.gil_is_on()
    few = _few.plan_for(spec)
    # Calls timed alone go to the function itself: nothing is there to be replaced.
    target = Target(_probe, dict(spec, engine="bare") if few and not few.calls else spec)
    if refused:
        target.warnings.append(
            "%s: it may have moved between CPUs, which makes figures noisier" % refused
        )
    if threads:
        result = _threads.measure(target, spec, had_gil)
        return target.answer(result)
    options: Dict[str, Any] = {
        key: spec[key] for key in ("rounds", "round_us", "wait_s", "quiet_ratio", "seed")
    }
    loop = make_loop(len(target.args))
    if target.pure:
        if spec["engine"] != "bare":
            empty = make_empty(len(target.args))
            options.update(pycall=empty, pycall_loop=make_loop(len(target.args)))
    elif spec["engine"] != "bare":
        options.update(
            hooks=target.hooks,
            subphases=target.subphases,
            returns=target.registers(),
            delays=spec["workload"].get("delays"),
            plain=target.comparable,
            twin=target.twin,
            replay=target.replay,
            ready_args=target.ready_args,
        )
        if target.recipe and hasattr(_probe, "reached"):
            options["guard"] = True  # its module may have threads
    options["check"] = target.check
    if few:
        engine = "ladder" if target.pure else spec["engine"]
        return target.answer(measure_few(target, few, engine, loop, options))
    stamped = spec["engine"] == "timeline" and not target.pure
    run = _probe.timeline if stamped else _probe.ladder
    leaks = _leaks.Watch() if spec["engine"] == "bare" else None
    result = run(target.call, target.args, loop, empty_loop, **options)
    del result["expected"]
    target.warnings += result.pop("reasons", [])
    if leaks:  # in the process in which the function can be called as it is
        target.warnings += leaks.told(result["called"], lambda: target.call(*target.args))
    if result.get("compiling"):
        target.warnings.append(
            "its compiler was still at work when the rounds began: the figures may be too high"
        )
    return target.answer(result)


def measure_few(
    target: Target, few: "_few.Few", engine: str, loop: Any, options: Dict[str, Any]
) -> Dict[str, Any]:
    """With so many calls at most; where they are too few to replace anything, each is timed alone."""
    probe, limit = target.probe, few.limit
    leaks = _leaks.Watch()
    if not hasattr(probe, "singles"):
        raise CellError("max_calls can be kept on CPython only")
    if few.calls:
        options.update(calls=few.calls, rounds=few.rounds, wait_s=-1.0)
        run = probe.timeline if engine == "timeline" else probe.ladder
        result: Dict[str, Any] = run(target.call, target.args, loop, empty_loop, **options)
    elif engine == "timeline":
        raise CellError(few.told)
    else:
        if limit > 4 and target.checked:  # what the check may take
            target.check(target.call(*target.args))
            limit -= 4
        target.warnings.append(few.told)
        result = probe.singles(target.call, target.args, loop, empty_loop, limit)
    del result["expected"]
    target.warnings += result.pop("reasons", [])
    called = result["called"]
    if few.calls:  # many of these met a stub
        target.connect()
        leaks, called = _leaks.Watch(), max(0, min(_LEAK_CALLS, limit - called))
        for _ in range(called):
            target.call(*target.args)
    target.warnings += leaks.told(called)
    return result


def told(make: Callable[[], Dict[str, Any]]) -> Dict[str, Any]:
    """What make() returns, or the status and one line of what it raised."""
    try:
        return make()
    except (CellError, Failed, _hooks.Unreachable, _arguments.ArgumentError) as e:
        return {"status": "failed", "reason": str(e)}
    except _model.Inexpressible as e:
        return {"status": "inapplicable", "reason": " ".join(str(e).split())}
    except Exception as e:
        importing = isinstance(e, ImportError)
        while importing and isinstance(e.__cause__, ImportError):
            e = e.__cause__  # NumPy wraps what went wrong in a page of advice
        reason = "%s: %s" % (type(e).__name__, " ".join(str(e).split()))
        return {"status": "failed", "reason": reason, "import": importing}


def read_spec(path: str) -> Dict[str, Any]:
    with open(path, encoding="utf-8") as f:
        spec: Dict[str, Any] = json.load(f)
    return spec


def answer(spec_path: str) -> Dict[str, Any]:
    """The cell's samples, or its status and a reason."""
    return told(lambda: measure(read_spec(spec_path)))


def load(spec_path: str) -> Dict[str, Any]:
    """Whether the binding can be loaded into this interpreter, where it then stays."""

    def make() -> Dict[str, Any]:
        spec = read_spec(spec_path)
        _loaded.append(Target(import_probe(spec), spec))
        return {"status": "ok"}

    return told(make)


def main() -> int:
    spec_path = sys.argv[1]
    count = read_spec(spec_path).get("subinterpreters", 0)
    try:
        if count:
            result = _subinterpreters.measure(spec_path, count, lambda: load(spec_path))
        else:
            result = answer(spec_path)
    except KeyboardInterrupt:
        return 130
    with os.fdopen(RESULT_FD, "w", encoding="utf-8") as out:
        json.dump(result, out)
    if count:
        _subinterpreters.leave()
    return 0


if __name__ == "__main__":
    sys.exit(main())
