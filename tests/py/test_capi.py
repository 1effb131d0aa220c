# SPDX-License-Identifier: MIT
"""The C-API, the Limited API and HPy: every type and role, options, and what can't be expressed."""

import importlib.util
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from building import Build
from conftest import ROOT
from test_bindings import interpreters

BINDINGS = ROOT / "workloads" / "bindings"
sys.path[:0] = [str(BINDINGS)]

import _capi  # noqa: E402
import _model  # noqa: E402

SOME = ["capi-varargs+nogil", "capi-fastcall", "capi-o", "capi-abi3+keywords+nogil"]
SOME += ["hpy-universal+nogil"]
ALL = [*SOME, "capi-varargs+keywords", "capi-fastcall+keywords+nogil", "capi-abi3"]
ALL += ["hpy-universal+keywords", "hpy-cpython", "hpy-cpython+keywords+nogil"]
BUFFERS = {"total", "fill", "invert", "first", "keywords"}
# What a path can't express, by its name without options; a METH_O function has one argument.
REFUSED = {
    "capi-varargs": set(),
    "capi-fastcall": set(),
    "capi-o": {"echo", "total", "fill", "invert", "later", "either", "threads", "each"}
    | {"nothing", "keywords", "signature"},
    "capi-abi3": set(),
    "hpy-universal": BUFFERS,
    "hpy-cpython": BUFFERS,
}  # type: Dict[str, Any]


def check(executable: str, cache: Path, paths: List[str]) -> Dict[str, Dict[str, str]]:
    """What the checker said, by path and function; in an environment with HPy and NumPy."""
    built = Build(executable, cache / "probe")(["hpy-cpython"], ["dot"])
    if "hpy" not in built.answer["packages"]:
        paths = [path for path in paths if not path.startswith("hpy")]
    folder = cache / "capi" / re.sub(r"\W", "_", executable)
    folder.mkdir(parents=True, exist_ok=True)
    checker = str(ROOT / "tests" / "py" / "check_capi.py")
    done = subprocess.run(
        [built.answer["python"], checker, str(ROOT), str(folder), *paths],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-300:] + done.stderr[-3000:]
    said = {path: {} for path in paths}  # type: Dict[str, Dict[str, str]]
    for line in done.stdout.splitlines():
        path, name, what = line.split(" ", 2)
        said[path][name.rstrip(":")] = what
    return said


def refused(by_function: Dict[str, str]) -> Any:
    return {name for name, what in by_function.items() if what != "ok"}


def test_default_interpreter(python: str, cache: Path) -> None:
    said = check(python, cache, SOME)
    assert len(said) == len(SOME)
    for path, by_function in said.items():
        assert len(by_function) == 19
        assert refused(by_function) == REFUSED[path.split("+")[0]], path


@pytest.mark.slow
@pytest.mark.parametrize("executable", interpreters())
def test_every_interpreter(executable: str, cache: Path) -> None:
    said = check(executable, cache, ALL)
    version = subprocess.check_output([executable, "-c", "import sys; print(sys.hexversion)"])
    for path, by_function in said.items():
        wanted = set(REFUSED[path.split("+")[0]])
        if path.startswith("capi-abi3") and int(version) < 0x030B0000:
            wanted |= BUFFERS
            wanted |= {"both"} if int(version) < 0x030A0000 else set()
        assert refused(by_function) == wanted, path
    if len(said) < len(ALL):
        pytest.skip("the paths of HPy: its package can't be installed")


def version_of(executable: str) -> Tuple[int, int]:
    code = "import sys; print('%d %d' % sys.version_info[:2])"
    major, minor = subprocess.check_output([executable, "-c", code], text=True).split()
    return int(major), int(minor)


def test_an_older_pythons_abi3_file_loads_in_a_newer(cache: Path, tmp_path: Path) -> None:
    found = [i.values[0] for i in interpreters() if not i.marks]
    usable = sorted((version_of(e), e) for e in found if e)
    usable = [(v, e) for v, e in usable if v >= (3, 10)]
    if len(usable) < 2:
        pytest.skip("needs two versions of Python from 3.10 on")
    code = """if True:
        import sys
        home, folder, step = sys.argv[1:]
        sys.path[:0] = [home + "/ext/probe", home + "/workloads/bindings/capi-abi3"]
        import binding
        from _toolchain import Toolchain
        add = {"name": "add", "returns": "int",
               "params": [{"name": "a", "type": "int"}, {"name": "b", "type": "int"}]}
        if step == "build":
            with open(folder + "/add.c", "w") as f:
                f.write("int add(int a, int b) { return a + b; }")
            library = folder + "/libprobe_target_add.so"
            Toolchain("cc", folder).shared(library, [folder + "/add.c"],
                flags=["-shared", "-fPIC", "-Wl,-soname," + library])
            binding.build(add, folder, Toolchain("cc", folder), folder, frozenset())
        call = binding.load(add, folder, folder + "/libprobe_target_add.so", frozenset())
        print(call(2, 3), sys.version_info[1])
        """
    for step, (version, executable) in (("build", usable[0]), ("load", usable[-1])):
        command = [executable, "-c", code, str(ROOT), str(tmp_path), step]
        said = subprocess.check_output(command, text=True, timeout=60)
        assert said.split() == ["5", str(version[1])]
    assert [f for f in os.listdir(tmp_path) if f.startswith("_pb_") and f.endswith(".so")] == [
        "_pb_capi_abi3_add.abi3.so"
    ]


def p(ctype: str, name: str, **more: Any) -> Any:
    return dict(type=ctype, name=name, **more)


def prototype(*params: Any, **more: Any) -> Any:
    return dict({"name": "f", "returns": "int", "params": list(params)}, **more)


BUFFER = p("const double *", "values", role="buffer", item="double")
STRING = p("const char *", "text", role="string", accepts=["str", "bytes"])


def load_abi3() -> Any:
    file = BINDINGS / "capi-abi3" / "binding.py"
    spec = importlib.util.spec_from_file_location("_binding", str(file))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def limited_api(monkeypatch: Any, version: Any, free_threaded: int, param: Any) -> int:
    binding = load_abi3()
    monkeypatch.setattr(sys, "version_info", version)
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: free_threaded)
    found: int = binding.limited_api(prototype(param))
    return found


@pytest.mark.parametrize(
    "version, free_threaded, param, expected",
    [
        ((3, 8, 0), 0, p("int", "a"), 0x03080000),
        ((3, 9, 0), 0, dict(STRING, accepts="bytes"), 0x03080000),
        ((3, 10, 0), 0, STRING, 0x030A0000),
        ((3, 13, 0), 0, p("int", "a"), 0x030A0000),
        ((3, 13, 0), 0, BUFFER, 0x030B0000),
        ((3, 10, 0), 0, BUFFER, "no buffers before Python 3.11"),
        ((3, 9, 0), 0, STRING, "no PyUnicode_AsUTF8AndSize before Python 3.10"),
        ((3, 13, 0), 1, p("int", "a"), "free-threaded"),
    ],
)
def test_versions_of_the_limited_api(
    monkeypatch: Any, version: Any, free_threaded: int, param: Any, expected: Any
) -> None:
    if isinstance(expected, int):
        assert limited_api(monkeypatch, version, free_threaded, param) == expected
    else:
        with pytest.raises(_model.Inexpressible, match=expected):
            limited_api(monkeypatch, version, free_threaded, param)


def source(convention: Any, *params: Any, **more: Any) -> str:
    return _capi.Generator("capi", convention).source(prototype(*params, **more), frozenset())


@pytest.mark.parametrize("param", [p("long double", "x"), p("struct nothing", "s")])
def test_unknown_types_are_told(param: Any) -> None:
    with pytest.raises(_model.Inexpressible, match=param["type"]):
        source(_capi.FASTCALL, param)


def test_only_what_is_needed_is_written() -> None:
    """PyArg_ParseTuple has a unit for int: no function of our own, and no warning about it."""
    assert "as_int" not in source(_capi.VARARGS, p("int", "a"))
    assert "as_int" in source(_capi.FASTCALL, p("int", "a"))
