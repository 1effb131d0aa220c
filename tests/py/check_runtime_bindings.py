# SPDX-License-Identifier: MIT
"""Calls functions of every type and role through ctypes and cffi, in the interpreter that runs this.

Usage: python check_runtime_bindings.py HOME FOLDER   (FOLDER: an empty one, for what is compiled).
Prints one line for each call path and case, "ctypes/echo_int called" or "cffi-abi/text refused: why",
and exits 1 at the first thing that is wrong. Needs cffi; NumPy's cases run where it is installed.
Workloads are called too, each with its own arguments and against its own Python.
"""

import array
import ctypes
import gc
import importlib.util
import json
import os
import sys
from typing import Any, Callable, Dict, Iterator

from runtime_cases import (
    DOT,
    SOURCE,
    Case,
    buffer,
    cases,
    doubles,
    numpy_cases,
    p,
    scalar_source,
)

NO_OPTIONS = frozenset()  # type: ignore[var-annotated]
PATHS = ["ctypes", "ctypes-untyped", "cffi-abi", "cffi-api"]
WORKLOADS = ["noop", "sum", "strlen", "dot", "struct", "callback", "io"]


def load_source(file: str, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec and spec.loader, file
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Scene:
    """The generators, one library with all functions, and the folder of what is built."""

    def __init__(self, home: str, folder: str) -> None:
        self.home = home
        self.folder = folder = os.path.abspath(folder)
        for part in ("ext/probe", "workloads/bindings"):
            sys.path.insert(0, os.path.join(home, part))
        import _model
        import _toolchain

        self.model = _model
        self.cc = _toolchain.Toolchain(os.environ.get("CC", "cc"), os.path.join(folder, "logs"))
        self.library = os.path.join(folder, "libprobe_target_all.so")
        source = os.path.join(folder, "all.c")
        with open(source, "w", encoding="utf-8") as f:
            f.write(_model.HEADERS + SOURCE + scalar_source(_model))
        soname = "-Wl,-soname," + os.path.basename(self.library)
        self.cc.shared(self.library, [source], flags=["-O2", "-fPIC", "-shared", soname])
        # As the driver does: bindings that are linked find it by its soname.
        self.handle = ctypes.CDLL(self.library, mode=ctypes.RTLD_GLOBAL)
        self.bindings = {path: self.generator(path) for path in PATHS}

    def generator(self, path: str) -> Any:
        file = os.path.join(self.home, "workloads/bindings", path, "binding.py")
        return load_source(file, "_binding_" + path.replace("-", "_"))

    def load(
        self, path: str, name: str, prototype: Dict[str, Any], options: Any, library: str = ""
    ) -> Any:
        """The callable; may raise Inexpressible."""
        binding = self.bindings[path]
        library = library or self.library
        if not hasattr(binding, "build"):
            return binding.load(prototype, None, library, options)
        out_dir = os.path.join(self.folder, path, name)
        link = os.path.join(self.folder, "libprobe_target_%s.so" % prototype["name"])
        if not os.path.exists(link):
            os.symlink(library, link)
        os.makedirs(out_dir)
        binding.build(prototype, out_dir, self.cc, self.folder, options)
        return binding.load(prototype, out_dir, library, options)

    def check(self, path: str, one: Case, options: Any = NO_OPTIONS) -> str:
        try:
            call = self.load(path, one.name, one.prototype, options)
        except self.model.Inexpressible as e:
            assert path in one.refusing, "%s should do %s: %s" % (path, one.name, e)
            assert str(e) and "\n" not in str(e)
            return "refused: %s" % e
        assert path not in one.refusing, "%s should refuse %s" % (path, one.name)
        binding = self.bindings[path]
        for args, expected in one.calls:
            made = binding.arguments(one.prototype, args)
            gc.collect()  # what the arguments don't hold is gone now
            for _ in range(3):
                got = binding.plain(one.prototype, call(*made), made)
                same = type(got) is type(expected) and got == expected
                assert same, "%s/%s%r gave %r" % (path, one.name, args, got)
        return "called"


def expect(error: Any, call: Callable[..., Any], *args: Any) -> None:
    try:
        result = call(*args)
    except error:
        return
    raise AssertionError("%r%r gave %r, %r expected" % (call, args, result, error))


def check_buffers(scene: Scene, path: str) -> None:
    """Writable memory is shared, not copied; bytes are kept alive; what would crash is refused."""
    binding = scene.bindings[path]
    params = [buffer("values", "double", const=False, length="n"), p("n", "size_t")]
    prototype = {"name": "negate", "returns": "void", "params": params}
    call = scene.load(path, "negate", prototype, NO_OPTIONS)
    values = doubles(4)
    for given in (values, memoryview(values), bytearray(values.tobytes())):
        made = binding.arguments(prototype, (given, 4))
        before = memoryview(given).tobytes()
        call(*made)
        assert memoryview(given).tobytes() != before, "%s copied %r" % (path, given)
        call(*made)
        assert memoryview(given).tobytes() == before
    make = binding.arguments
    expect(ValueError, make, prototype, (values, 5))
    expect(ValueError, make, prototype, (values, -1))
    expect(TypeError, make, prototype, (values,))
    expect(TypeError, make, prototype, (values.tobytes(), 4))
    expect(TypeError, make, prototype, (array.array("f", [1.0] * 8), 4))
    expect(TypeError, make, prototype, ("text", 1))
    expect(TypeError, make, prototype, (None, 0))
    expect(ValueError, make, prototype, (bytearray(9), 1))
    expect(ValueError, make, prototype, (memoryview(values)[::2], 2))

    prototype = {"name": "dot", "returns": "double", "params": DOT}
    raw = doubles(8).tobytes()
    before_count = sys.getrefcount(raw)
    made = binding.arguments(prototype, (raw, raw, 8))
    assert sys.getrefcount(raw) > before_count, "%s doesn't keep the bytes" % path
    del made
    gc.collect()
    assert sys.getrefcount(raw) == before_count, "%s leaks" % path


def check_wrong(scene: Scene, path: str) -> None:
    """Wrong arguments of the call itself, as far as the binding looks at them."""
    params = [p("a", "int"), p("b", "int")]
    prototype = {"name": "add", "returns": "int", "params": params}
    call = scene.load(path, "add_wrong", prototype, NO_OPTIONS)
    wrong: Any = (TypeError, ctypes.ArgumentError)
    expect(wrong, call, 1.5, 2)
    if path != "ctypes-untyped":
        expect(TypeError, call, 1)
        expect(wrong, call, "1", 2)
    if path.startswith("cffi"):
        expect(OverflowError, call, 2**31, 0)
        expect(TypeError, call, 1, 2, 3)


def check_gil(scene: Scene, path: str, one: Case) -> None:
    """The option keeps the GIL, also around a callback, and gives the same results."""
    scene.check(path, one, frozenset(["gil"]))
    plain = scene.load(path, "", one.prototype, NO_OPTIONS)
    kept = scene.load(path, "", one.prototype, frozenset(["gil"]))
    assert not plain._flags_ & ctypes._FUNCFLAG_PYTHONAPI  # type: ignore[attr-defined]
    assert kept._flags_ & ctypes._FUNCFLAG_PYTHONAPI  # type: ignore[attr-defined]


def workloads(home: str) -> Iterator[Dict[str, Any]]:
    """Each of the workloads; members one by one."""
    for name in WORKLOADS:
        folder = os.path.join(home, "workloads", name)
        with open(os.path.join(folder, "workload.json"), encoding="utf-8") as f:
            whole = json.load(f)
        for member in whole.get("members", [{}]):
            one = {**whole, **member, "dir": folder}
            one["name"] = ":".join(filter(None, (whole["name"], member.get("name"))))
            yield one


def check_workload(scene: Scene, one: Dict[str, Any], library: str) -> Iterator[str]:
    """Through all paths and for all variants, the result of the Python beside it."""
    import _arguments  # of ext/probe

    prototype = one["prototype"]
    own = load_source(os.path.join(one["dir"], one["python"]), "_workload")
    reference = getattr(own, prototype["name"])
    for path in PATHS:
        place = "workload-" + one["name"]
        try:
            call = scene.load(path, place, prototype, NO_OPTIONS, library)
        except scene.model.Inexpressible as e:
            yield "%s/%s refused: %s" % (path, one["name"], e)
            continue
        binding = scene.bindings[path]
        for variant in one.get("variants") or [None]:
            args = _arguments.make(one["args"], variant, own, scene.folder)
            expected = reference(*args)
            made = binding.arguments(prototype, args)
            got = binding.plain(prototype, call(*made), made)
            assert got == expected, (path, one["name"], variant, got, expected)
        yield "%s/%s called" % (path, one["name"])


def check_workloads(scene: Scene) -> Iterator[str]:
    import _toolchain  # of ext/probe

    libraries: Dict[str, str] = {}
    for one in workloads(scene.home):
        missing = [name for name in one.get("pip", []) if not importlib.util.find_spec(name)]
        if missing:
            yield "%s left out: there is no %s" % (one["name"], missing[0])
            continue
        if one["dir"] not in libraries:
            name = "libprobe_target_workload_%s.so" % os.path.basename(one["dir"])
            made = libraries[one["dir"]] = os.path.join(scene.folder, name)
            flags = [*_toolchain.KERNEL_FLAGS, "-Wl,-soname," + name]
            scene.cc.shared(made, [os.path.join(one["dir"], one["source"])], flags=flags)
            ctypes.CDLL(made, mode=ctypes.RTLD_GLOBAL)
        yield from check_workload(scene, one, libraries[one["dir"]])


def main() -> int:
    scene = Scene(*sys.argv[1:3])
    complex_in_ctypes = hasattr(ctypes, "c_double_complex")
    import cffi

    all_cases = list(cases(scene.model, complex_in_ctypes, cffi.__version_info__ >= (2,)))
    try:
        import numpy
    except ImportError:
        pass
    else:
        all_cases += numpy_cases(numpy)
    for path in PATHS:
        for one in all_cases:
            print("%s/%s %s" % (path, one.name, scene.check(path, one)))
        check_buffers(scene, path)
        check_wrong(scene, path)
        print("%s/buffers called" % path)
    for path in ("ctypes", "ctypes-untyped"):
        for one in all_cases:
            if one.name in ("add", "apply", "split"):
                check_gil(scene, path, one)
                print("%s+gil/%s called" % (path, one.name))
    for line in check_workloads(scene):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
