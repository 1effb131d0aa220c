# SPDX-License-Identifier: MIT
"""Calls every prepared binding in the interpreter that runs this, against the bare library.

Usage: python check_bindings.py HOME ANSWER.json   (the answer of _build.py). Prints one line for
each binding that was called and exits 1 at the first thing that is wrong.
"""

import array
import ctypes
import importlib.util
import json
import os
import sys
from typing import Any, Callable, Dict, List, Tuple


def load_source(path: str, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader, path
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def doubles(n: int) -> Any:
    return array.array("d", [i * 0.5 for i in range(n)])


ARGUMENTS: Dict[str, List[Tuple[Any, ...]]] = {
    "noop": [()],
    "add": [(2, 3), (-1, 1), (2**31 - 1, -(2**31))],
    "fib": [(12,), (0,)],
    "sum": [(doubles(16), 16), (doubles(1024), 1024), (doubles(4), 0)],
}

# Calls that a careful binding refuses, and how. Run-time bindings can't know lengths, and untyped
# ctypes checks nothing.
WRONG: Dict[str, Dict[str, List[Tuple[Tuple[Any, ...], Any]]]] = {
    "capi": {
        "noop": [((1,), TypeError)],
        "add": [
            ((1,), TypeError),
            ((1, 2, 3), TypeError),
            (("1", 2), TypeError),
            ((2**31, 0), OverflowError),
            ((0, -(2**70)), OverflowError),
        ],
        "fib": [(("x",), TypeError), ((2**40,), OverflowError)],
        "sum": [
            ((doubles(4), 5), ValueError),
            ((doubles(4), -1), ValueError),
            (("text", 1), TypeError),
            ((doubles(4), "1"), TypeError),
        ],
    },
    "cffi": {
        "add": [((1,), TypeError), (("1", 2), TypeError), ((2**31, 0), OverflowError)],
        "sum": [((doubles(4), -1), (OverflowError, TypeError, ValueError))],
    },
    "ctypes": {"add": [((1,), TypeError), (("1", 2), ctypes.ArgumentError)]},
    "ctypes-untyped": {},
}


def family(path: str) -> str:
    return path if path in WRONG else path.split("-")[0]


def expect(error: Any, call: Callable[..., Any], args: Tuple[Any, ...]) -> None:
    try:
        result = call(*args)
    except error:
        return
    raise AssertionError("%r%r gave %r, %r expected" % (call, args, result, error))


def check(home: str, path: str, name: str, built: Dict[str, Any], bare: str) -> None:
    folder = os.path.join(home, "workloads", name)
    with open(os.path.join(folder, "workload.json"), encoding="utf-8") as f:
        prototype = json.load(f)["prototype"]
    reference = getattr(load_source(os.path.join(folder, name + ".py"), "_workload"), name)
    generator = os.path.join(home, "workloads", "bindings", path, "binding.py")
    binding = load_source(generator, "_binding")
    call = binding.load(prototype, built["dir"], bare, frozenset())
    arguments = getattr(binding, "arguments", lambda prototype, args: args)
    for args in ARGUMENTS[name]:
        got, expected = call(*arguments(prototype, args)), reference(*args)
        assert got == expected, (path, name, args, got, expected)
    for args, error in WRONG[family(path)].get(name, []):
        expect(error, lambda: call(*arguments(prototype, args)), ())
    if path.startswith("capi"):
        check_references(call, name)


def check_references(call: Callable[..., Any], name: str) -> None:
    """Good and bad calls leave every reference count and every buffer as it was, where there are
    reference counts."""
    if not hasattr(sys, "getrefcount"):
        return
    if name == "sum":
        values = doubles(4)
        before = sys.getrefcount(values)
        for _ in range(100):
            call(values, 4)
            expect(ValueError, call, (values, 5))
            expect(TypeError, call, (values, "x"))
        assert sys.getrefcount(values) == before, name
        values.append(1.0)  # refused while a buffer is still held
    if name in ("fib", "add"):
        number, bad = 10**4, "x" * 3
        args = (number,) * (2 if name == "add" else 1)
        wrong = (bad,) * len(args)
        if name == "fib":
            args = (5,)
        before = sys.getrefcount(number), sys.getrefcount(bad)
        for _ in range(100):
            call(*args)
            expect(TypeError, call, wrong)
        assert (sys.getrefcount(number), sys.getrefcount(bad)) == before, name


def main() -> int:
    home, answer_file = sys.argv[1:3]
    with open(answer_file, encoding="utf-8") as f:
        answer = json.load(f)
    done = []
    for path, by_workload in answer["bindings"].items():
        for name, built in by_workload.items():
            if "error" in built or "inexpressible" in built:
                continue
            bare = answer["kernels"][name]["bare"]
            ctypes.CDLL(bare, mode=ctypes.RTLD_GLOBAL)
            check(home, path, name, built, bare)
            done.append("%s/%s" % (name, path))
    print("\n".join(done))
    return 0


if __name__ == "__main__":
    sys.exit(main())
