# SPDX-License-Identifier: MIT
"""Measures one cell: one workload through one path in this interpreter, in a process of its own.

Usage: python _cell.py SPEC.json   (result: one JSON object on file descriptor 3; a native backtrace
on descriptor 4 if the process crashes). Runs on the standard library and `_probe` alone.
"""

import array
import importlib
import importlib.util
import json
import os
import sys
from typing import Any, Callable, Dict, List, Optional, Tuple

RESULT_FD = 3
CRASH_FD = 4

# enum probe_subphase as bits, and which of them each layer of a path stands for.
CALL, MARSHAL_IN, DETACH, INVOKE, COMPUTE, ATTACH, MARSHAL_OUT, RETURN = (1 << i for i in range(8))
ALWAYS = CALL | MARSHAL_IN | COMPUTE | MARSHAL_OUT | RETURN
LAYER_BITS = {"entry": 0, "detach": DETACH, "invoke": INVOKE, "attach": ATTACH, "target": 0}


class CellError(Exception):
    """One line that says why this cell can't be measured."""


def load_source(path: str, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise CellError("can't load %s" % path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_loop(arity: int) -> Callable[..., None]:
    """The timed bytecode: nothing but the call. Compiled anew for every callable, because call
    sites specialise on what they call."""
    names = "".join(", a%d" % i for i in range(arity))
    source = "def loop(it, f%s):\n    for _ in it:\n        f(%s)\n" % (names, names[2:])
    scope: Dict[str, Any] = {}
    exec(source, scope)
    return scope["loop"]


def empty_loop(it: Any) -> None:
    for _ in it:
        pass


def make_empty(arity: int) -> Callable[..., None]:
    scope: Dict[str, Any] = {}
    exec("def empty(%s):\n    pass\n" % ", ".join("a%d" % i for i in range(arity)), scope)
    return scope["empty"]


def make_args(described: List[Any], variant: Optional[int]) -> Tuple[Any, ...]:
    """Arguments as a workload describes them: literals, the variant's number "N", buffers."""

    def number(value: Any) -> Any:
        return variant if value == "N" else value

    out: List[Any] = []
    for item in described:
        if isinstance(item, dict):
            if item.get("buffer") != "double":
                raise CellError("unknown buffer type %r in the workload" % item.get("buffer"))
            out.append(array.array("d", [i * 0.5 for i in range(int(number(item["length"])))]))
        else:
            out.append(number(item))
    return tuple(out)


def shared_object(name: str, artifact: Optional[str]) -> str:
    """The file whose GOT a layer is hooked in."""
    if name == "@binding":
        found = sorted(f for f in os.listdir(artifact or ".") if f.endswith(".so"))
        if not found:
            raise LookupError("the binding has no shared object")
        return os.path.join(artifact or ".", found[0])
    module = importlib.import_module(name)
    path = getattr(module, "__file__", None)
    if not path:
        raise LookupError("%s is built into the interpreter" % name)
    return path


def find_hooks(probe: Any, spec: Dict[str, Any], target: List[int]) -> Tuple[Dict[str, Any], int, List[str]]:
    hooks: Dict[str, Any] = {}
    subphases = ALWAYS
    warnings: List[str] = []
    for layer in spec["path"]["layers"]:
        name = layer["layer"]
        subphases |= LAYER_BITS[name]
        if name == "target":
            hooks[name] = target
        elif name == "entry":
            hooks[name] = []
        else:
            try:
                where = shared_object(layer["object"], spec.get("artifact"))
                hooks[name] = probe.got_slots(where, tuple(layer["symbols"]))
            except LookupError as e:
                warnings.append("%s can't be told apart: %s" % (name, e))
    return hooks, subphases, warnings


def measure(spec: Dict[str, Any]) -> Dict[str, Any]:
    sys.path.insert(0, spec["ext"])
    import _probe  # type: ignore[import-not-found]

    _probe.catch_crashes(CRASH_FD)
    if spec.get("cpu", -1) >= 0:
        _probe.pin(spec["cpu"])
    workload, path = spec["workload"], spec["path"]
    prototype = workload["prototype"]
    source = os.path.join(spec["workload_dir"], workload["python"])
    reference = getattr(load_source(source, "_workload"), prototype["name"])
    args = make_args(workload["args"], spec.get("variant"))
    expected = reference(*args)
    options: Dict[str, Any] = {
        key: spec[key] for key in ("rounds", "round_us", "wait_s", "quiet_ratio", "seed")
    }
    loop = make_loop(len(args))
    warnings: List[str] = []

    if path.get("pure"):
        empty = make_empty(len(args))
        if spec["engine"] != "bare":
            options.update(pycall=empty, pycall_loop=make_loop(len(args)))
        call = reference
    else:
        engine = spec["engine"]
        kernel = spec["kernel"]
        library = kernel["bare" if engine == "bare" else "veneer"]
        handle = _probe.open_library(library)
        if engine != "bare":
            real = _probe.symbol(
                _probe.open_library(kernel["kernel"], local=True), prototype["name"]
            )
            target = [_probe.veneer_slot(handle), real]
        binding = load_source(os.path.join(spec["path_dir"], "binding.py"), "_binding")
        call = binding.load(prototype, spec.get("artifact"), library)
        if hasattr(binding, "adapt"):
            params = prototype["params"]
            args = tuple(binding.adapt(a, p["type"]) for a, p in zip(args, params))
        if engine != "bare":
            hooks, subphases, warnings = find_hooks(_probe, spec, target)
            options.update(
                hooks=hooks,
                subphases=subphases,
                returns=prototype["returns"],
                delays=workload.get("delays"),
            )

    run = _probe.timeline if spec["engine"] == "timeline" else _probe.ladder
    result = run(call, args, loop, empty_loop, **options)
    got = result.pop("expected")
    if got != expected:
        raise CellError("wrong result: %r through %s, %r expected" % (got, path["name"], expected))
    result.update(status="ok", warnings=warnings)
    return result


def main() -> int:
    with open(sys.argv[1], encoding="utf-8") as f:
        spec = json.load(f)
    try:
        result = measure(spec)
    except KeyboardInterrupt:
        return 130
    except CellError as e:
        result = {"status": "failed", "reason": str(e)}
    except Exception as e:
        text = " ".join(str(e).split())
        result = {"status": "failed", "reason": "%s: %s" % (type(e).__name__, text)}
    with os.fdopen(RESULT_FD, "w", encoding="utf-8") as out:
        json.dump(result, out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
