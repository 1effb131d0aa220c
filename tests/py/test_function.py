# SPDX-License-Identifier: MIT
"""A function of the user's own: of a library or a .c file through several bindings, and a Python
callable as it is. What is wrong with it is told in one line, before anything is measured."""

import json
import shutil
import struct
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any, Dict, List

import pytest

from conftest import ROOT, Done, Probe, cells

NOTHING, USAGE = 1, 2
QUICK = ["--passes", "1", "--rounds", "10"]
PATHS = ["-p", "ctypes,cffi-api,capi-fastcall"]
POINT = "struct point {double x, y;}; "

SOURCE = """\
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "factor.h"
typedef struct point { double x, y; } point;
double norm(struct point p) { return p.x * p.x + p.y * p.y; }
point scale(const point *p, float f) { point q = {p->x * f, p->y * f}; return q; }
size_t count(const char *text, char c)
{ size_t n = 0; for (; *text; text++) n += *text == c; return n; }
double total(const double *v, size_t n)
{ double s = 0; for (size_t i = 0; i < n; i++) s += v[i]; return s * FACTOR; }
uint32_t checksum(const void *bytes, uint32_t n)
{ const uint8_t *b = bytes; uint32_t s = 1; while (n--) s = s * 31 + *b++; return s; }
int apply(int (*f)(int), int x) { return f(x) + f(x + 1); }
int divide(int a, int b, int *quotient, int *rest) { *quotient = a / b; *rest = a % b; return 7; }
static int hidden(int a) { return 2 * a; }
long double half(long double x, int n) { return x / n; }
uint64_t same(uint64_t a) { return a; }
const char *name(bool none) { return none ? NULL : "zw\\xc3\\xb6lf"; }
int counter(void) { static int n; return ++n; }
double hypot(double x, double y) { return 42 + x - y; }
int crash(const int *p) { return *p; }
int ends(int a) { exit(a); }
int spins(volatile int a) { while (a) ; return a; }
"""
CALLBACKS = """\
def twice(x):
    return 2 * x

def fails(x):
    raise ValueError("not %d" % x)

value = 3
"""


@pytest.fixture
def own(probe: Probe, python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs `probe run` in a folder with a .c file, as its user would."""
    (tmp_path / "mine.c").write_text(SOURCE)
    (tmp_path / "factor.h").write_text("#define FACTOR 2\n")
    (tmp_path / "mymodule.py").write_text(CALLBACKS)
    monkeypatch.chdir(tmp_path)

    def run(*args: str, **env: str) -> Done:
        return probe("run", *args, "-i", python, *QUICK, "-o", "run.json", **env)

    return run


def facts(run_file: Path) -> Dict[str, str]:
    run = json.loads(run_file.read_text())["probe"]
    told = {fact["key"]: fact["value"] for fact in run["facts"]}
    return {key: value for key, value in told.items() if key.startswith("function.")}


def parts(cell: Dict[str, Any]) -> Dict[str, float]:
    """The ticks of each part, by its sub-phases."""
    return {"+".join(p["subphases"]): p["value"]["ticks"] for p in cell["ladder"]["parts"]}


def build_library(folder: Path, name: str, *flags: str) -> Path:
    library = folder / name
    compiler = shutil.which("cc")
    assert compiler
    command = [compiler, "-shared", "-fPIC", "-w", *flags, "-o", str(library), "mine.c"]
    subprocess.run(command, cwd=folder, check=True)
    return library


# --- it works: every binding gives what C gives --------------------------------------------------

# Prototype, arguments, what C gives as the run file says it, the paths that can't express it.
FUNCTIONS = [
    (POINT + "double norm(struct point p)", "(3.0, 4)", 25.0, []),
    (
        "typedef struct {double x, y;} point; point scale(const point *p, float f)",
        "(1.5, -2.0), 2",
        {"struct": [3.0, -4.0]},
        [],
    ),
    ("size_t count(const char *text, char c)", "'hello', 108", 2, ["cffi-api"]),
    ("size_t count(const char *text, char c)", "b'hello', 108", 2, []),
    ("double total(const double *v, size_t n)", "float64:4, len", 6.0, []),
    ("uint32_t checksum(const void *bytes, uint32_t n)", "b'a\\0b', len", 123106, []),
    ("int apply(int (*f)(int), int x)", "callback:mymodule:twice, 3", 14, []),
    (
        "int divide(int a, int b, int *quotient, int *rest)",
        "17, 5",
        {"struct": [7, 3, 2]},
        [],
    ),
    ("int hidden(int)", "-4", -8, []),
    ("long double half(long double x, int n)", "7, 2", 3.5, ["capi-fastcall"]),
    ("uint64_t same(uint64_t a)", str(2**64 - 1), {"literal": str(2**64 - 1)}, []),
    ("const char *name(bool none)", "False", "zw\u00f6lf", []),
]


@pytest.mark.parametrize("prototype, args, expected, cannot", FUNCTIONS)
def test_functions_of_a_source_file(
    own: Any, prototype: str, args: str, expected: Any, cannot: List[str]
) -> None:
    done = own("./mine.c", prototype, "--args", args, *PATHS)
    assert done.code == 0, done.err
    name = prototype.split("(")[0].split()[-1].lstrip("*")
    found = cells(Path("run.json"))
    for path in PATHS[1].split(","):
        cell = found["%s/%s" % (name, path)]
        assert cell["status"] == ("inapplicable" if path in cannot else "ok"), cell["reason"]
    assert json.loads(facts(Path("run.json"))["function.expected"]) == expected


def test_system_library_by_name(own: Any) -> None:
    done = own("libm.so.6", "double hypot(double, double)", "--args", "3.0, 4.0", *PATHS)
    assert done.code == 0, done.err
    told = facts(Path("run.json"))
    assert json.loads(told["function.expected"]) == 5.0
    assert told["function.declaration"] == "double hypot(double, double)"
    assert told["function.args"] == "3.0, 4.0"
    assert Path(told["function.library"]).is_absolute()
    run = json.loads(Path("run.json").read_text())["probe"]
    assert (
        "'double hypot(double, double)' --args '3.0, 4.0'" in run["command"]
    )  # can be typed again


@pytest.mark.parametrize("library", ["mine.c", "./libown.so"])
def test_its_own_function_and_not_one_of_that_name(own: Any, library: str, tmp_path: Path) -> None:
    """Interpreters bring libm's hypot with them, which the loader would find first."""
    build_library(tmp_path, "libown.so")
    args = ["double hypot(double x, double y)", "--args", "3.0, 4.0"]
    done = own(library, *args, *PATHS, "--engine", "ladder,timeline")
    assert done.code == 0, done.err
    assert json.loads(facts(Path("run.json"))["function.expected"]) == 41.0


def test_all_that_the_call_is_split_into(own: Any) -> None:
    done = own("./mine.c", "int hidden(int a)", "--args", "1", "-p", "capi-fastcall,python")
    assert done.code == 0, done.err
    found = cells(Path("run.json"))
    assert found["hidden/python"]["status"] == "inapplicable"
    assert list(parts(found["hidden/capi-fastcall"])) == [
        "call+return",
        "marshal_in+marshal_out",
        "compute",
    ]


def test_results_that_differ_from_call_to_call(own: Any) -> None:
    done = own("./mine.c", "int counter(void)", "-p", "capi-fastcall")
    assert done.code == 0, done.err
    assert "not checked" in done.out + done.err


def test_a_changed_source_is_built_again(own: Any, tmp_path: Path) -> None:
    prototype = "double total(const double *v, size_t n)"
    for factor in (2, 3):
        (tmp_path / "factor.h").write_text("#define FACTOR %d\n" % factor)
        done = own("mine.c", prototype, "--args", "float64:4, 4", "-p", "capi-fastcall")
        assert done.code == 0, done.err
        assert json.loads(facts(Path("run.json"))["function.expected"]) == 3.0 * factor


# --- what is wrong is told before anything is measured -------------------------------------------

NO = [
    ("libm.so.6", None, None, ["prototype"]),
    ("./mine.c", "double norm(", "", ["line 1, column 13"]),
    ("./mine.c", "double norm(thing x)", "1", ["line 1, column 19", "'thing'", "typedef"]),
    ("./mine.c", "int f(long double _Complex x)", "1", ["can't pass a long double _Complex"]),
    ("./mine.c", "int printf(const char *f, ...)", "''", ["variable number"]),
    ("./mine.c", "int a(void), b(void)", "", ["one function", "a, b"]),
    ("./mine.c", "void *hidden(int)", "1", ["void *"]),
    ("./mine.c", "int hidden(int a)", "", ["1 argument (int a)", "gives 0"]),
    ("./mine.c", "int hidden(int a)", "1, 2", ["1 argument (int a)", "gives 2"]),
    ("./mine.c", "int hidden(int a)", "(1", ["not closed"]),
    ("./mine.c", "int hidden(int a)", "x", ["argument 1, x,"]),
    ("./mine.c", "int hidden(int a)", "1.5", ["1.5", "integer"]),
    ("./mine.c", "int hidden(int a)", "'a'", ["give 97, which is ord('a')"]),
    ("./mine.c", "int hidden(int a)", "2147483648", ["-2147483648 to 2147483647"]),
    ("./mine.c", "uint64_t same(uint64_t a)", "-1", ["0 to 18446744073709551615"]),
    ("./mine.c", "double hypot(double x, double y)", "'3', 4", ["'3'", "x (double)"]),
    ("./mine.c", POINT + "double norm(struct point p)", "(1.0,)", ["2 fields"]),
    ("./mine.c", "size_t count(const char *t, char c)", "5, 5", ["t (const char *)"]),
    ("./mine.c", "size_t count(const char *t, char c)", "b'a\\0', 5", ["null"]),
    ("./mine.c", "double total(const double *v, size_t n)", "float32:8, 8", ["float64:N"]),
    ("./mine.c", "double total(double *v, size_t n)", "bytes:8, 8", ["float64:N", "out"]),
    ("./mine.c", "int apply(int (*f)(int), int x)", "callback:mymodule:none, 3", ["'none'"]),
    ("./mine.c", "int apply(int (*f)(int), int x)", "callback:mymodule:value, 3", ["callable"]),
    ("./mine.c", "int apply(int (*f)(int), int x)", "callback:mymodule:fails, 3", ["not 3"]),
    ("./mine.c", "int apply(int (*f)(int), int x)", "3, 3", ["callback:MODULE:FUNCTION"]),
    ("./mine.c", "int hidde(int a)", "1", ["no function 'hidde'", "did you mean hidden"]),
    ("./mine.c", "int hidden(double a)", "1", ["does not fit", "int hidden(int)"]),
    ("./mine.c", "float total(const double *v, size_t n)", "None, 0", ["what it returns"]),
    ("./mine.c", "double total(const float *v, size_t n)", "float32:1, 1", ["parameter 1"]),
    ("./mine.c", "int crash(const int *p)", "None", ["crash itself crashed", "SIGSEGV"]),
    ("./mine.c", "int ends(int a)", "3", ["exit code 3"]),
    ("./none.c", "int f(void)", "", ["no file ./none.c"]),
    ("libm.so.6", "double hypott(double, double)", "1, 2", ["did you mean hypot"]),
    ("libm.so.6", "double malloc(double)", "1", ["no function 'malloc'"]),
    ("libnone.so.6", "double f(double)", "1", ["libnone.so.6", "No such file"]),
    ("./mymodule.py", "int f(void)", "", ["no shared library"]),
]


@pytest.mark.parametrize("library, prototype, args, words", NO)
def test_what_is_wrong(own: Any, library: str, prototype: str, args: str, words: List[str]) -> None:
    operands = [library] + ([prototype] if prototype else [])
    done = own(*operands, *(["--args", args] if args is not None else []), "-p", "ctypes")
    done.one_error(USAGE, *words)
    assert not Path("run.json").exists()


def test_a_function_called_like_a_workload(own: Any, tmp_path: Path) -> None:
    (tmp_path / "other.c").write_text("int add(int a, int b) { return a - b; }\n")
    args = ["other.c", "int add(int a, int b)", "--args", "3, 1", "-p", "capi-fastcall"]
    own("add", *args).one_error(USAGE, "add", "one after another")
    done = own("noop", *args)
    assert done.code == 0, done.err
    assert sorted(cells(Path("run.json"))) == ["add/capi-fastcall", "noop/capi-fastcall"]
    assert facts(Path("run.json"))["function.expected"] == "2"


def test_a_function_that_does_not_return(own: Any) -> None:
    begin = time.monotonic()
    done = own("./mine.c", "int spins(int a)", "--args", "1", "--timeout", "1", "-p", "ctypes")
    done.one_error(USAGE, "spins did not return within 1 s", "--timeout")
    assert time.monotonic() - begin < 30


def test_a_source_that_does_not_compile(own: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.c").write_text("int f(int a)\n{\n\treturn a +;\n}\n")
    own("bad.c", "int f(int)", "--args", "1").one_error(USAGE, "bad.c:3", "expected expression")
    (tmp_path / "bad.c").write_text("int g(int);\nint f(int a) { return g(a); }\n")
    own("bad.c", "int f(int)", "--args", "1").one_error(USAGE, "bad.c", "g")


MACHINES = {"x86_64": (62, 183), "aarch64": (183, 62)}


def test_a_library_of_another_architecture(own: Any, tmp_path: Path) -> None:
    """The loader itself only says that there is no such file."""
    library = build_library(tmp_path, "libother.so")
    here, there = MACHINES[sysconfig.get_platform().split("-")[-1]]
    raw = bytearray(library.read_bytes())
    assert struct.unpack_from("<H", raw, 18)[0] == here  # e_machine
    struct.pack_into("<H", raw, 18, there)
    library.write_bytes(raw)
    own("./libother.so", "int same(int)", "--args", "1").one_error(
        USAGE, "libother.so is for", "processors", "this machine"
    )


def test_files_that_are_no_shared_library(own: Any, tmp_path: Path) -> None:
    (tmp_path / "text.so").write_text("not a library\n")
    own("./text.so", "int f(int)", "--args", "1").one_error(USAGE, "text.so is no shared library")
    subprocess.run(["cc", "-c", "-w", "mine.c", "-o", "object.so"], cwd=tmp_path, check=True)
    own("./object.so", "int f(int)", "--args", "1").one_error(USAGE, "an object file")
    library = build_library(tmp_path, "libstripped.so", "-s")
    own("./" + library.name, "int hidden(int)", "--args", "1").one_error(USAGE, "'hidden'")


# --- Python callables ----------------------------------------------------------------------------


def test_callable_as_it_is(own: Any) -> None:
    done = own("zlib:crc32", "--args", "bytes:1024")
    assert done.code == 0, done.err
    (cell,) = cells(Path("run.json")).values()
    assert (cell["workload"], cell["path"]) == ("zlib:crc32", "direct")
    assert list(parts(cell)) == ["call+return", "marshal_in+compute+marshal_out"]
    assert facts(Path("run.json")) == {
        "function.callable": "zlib:crc32",
        "function.args": "bytes:1024",
    }


def test_callable_with_a_target(own: Any) -> None:
    args = ["zlib:crc32", "--args", "bytes:65536", "--target", "libz.so.1:crc32"]
    done = own(*args)
    if done.code == USAGE and "calls no 'crc32'" in done.err:
        pytest.skip("this interpreter has zlib linked in")
    assert done.code == 0, done.err
    found = parts(cells(Path("run.json"))["zlib:crc32/direct"])
    assert found["compute"] > 10 * found["call+return"]
    assert found["compute"] > 10 * found["marshal_in+marshal_out"]


def test_callable_of_the_users_folder(own: Any) -> None:
    done = own("mymodule:twice", "--args", "21")
    assert done.code == 0, done.err
    assert cells(Path("run.json"))["mymodule:twice/python"]["status"] == "ok"


def test_callable_found_by_pythonpath(own: Any, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "faraway.py").write_text("def f():\n    print('noise')\n")
    done = own("faraway:f", PYTHONPATH=str(tmp_path / "far"))
    assert done.code == 0, done.err


CALLABLES = [
    (["nomodule:f"], ["nomodule", "no workload"]),
    (["zlib:crc31"], ["did you mean crc32"]),
    (["zlib:DEFLATED"], ["not callable"]),
    (["zlib:crc32", "--args", "1"], ["TypeError"]),
    (["zlib:crc32", "--args", "b'a', len"], ["len"]),
    (["os:abort"], ["crashed", "SIGABRT"]),
    (["zlib:crc32", "--args", "b'a'", "-p", "ctypes"], ["direct"]),
    (["zlib:crc32", "--args", "b'a'", "--target", "crc32"], ["LIBRARY:FUNCTION"]),
    (["json:dumps", "--args", "1", "--target", "libz.so.1:crc32"], ["no native function"]),
    (["zlib:crc32", "add"], ["without other workloads"]),
    (["add", "--args", "1"], ["--args"]),
    (["add", "-p", "direct"], ["direct"]),
]


@pytest.mark.parametrize("operands, words", CALLABLES)
def test_what_is_wrong_with_a_callable(own: Any, operands: List[str], words: List[str]) -> None:
    own(*operands).one_error(USAGE, *words)
    assert not Path("run.json").exists()


# --- _function.py itself fails -------------------------------------------------------------------


@pytest.mark.parametrize(
    "mode, code, words",
    [
        ("die", USAGE, ["failed", "no such thing"]),
        ("crash", USAGE, ["signal 6"]),
        ("garbage", USAGE, ["failed"]),
        ("refuse", USAGE, ["it is ", "not right"]),
    ],
)
def test_driver_fails(fake: Probe, python: str, mode: str, code: int, words: List[str]) -> None:
    done = fake("run", "libm.so.6", "int f(int)", "-i", python, *QUICK, FAKE_FUNCTION=mode)
    done.one_error(code, *words)
    assert "\x1b" not in done.err  # nothing reaches the terminal as a command


def test_driver_answers(fake: Probe, python: str, tmp_path: Path) -> None:
    out = tmp_path / "run.json"
    args = ["libm.so.6", "int f(int)", "--args", "1", "-p", "good", "-i", python, "-o", out]
    assert fake("run", *args, *QUICK).code == 0
    assert list(cells(out)) == ["add/good"]
    assert facts(out)["function.prototype"] == "int f(int)"


# --- the arguments' grammar ----------------------------------------------------------------------


def given(text: str) -> List[Any]:
    """What --args gives, as a workload.json says it; parsed by this interpreter."""
    code = (
        "import sys, json; sys.path[:0] = sys.argv[2:]; import _given\n"
        "print(json.dumps([[g.kind, g.described] for g in _given.parse(sys.argv[1])]))"
    )
    folders = [str(ROOT / "ext" / "probe"), str(ROOT / "workloads" / "bindings")]
    done = subprocess.run(
        [sys.executable, "-c", code, text, *folders], stdout=subprocess.PIPE, check=True
    )
    found: List[Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    "text, kinds, values",
    [
        ("", [], []),
        ("3, -1.5, 'a,b', None", ["literal"] * 4, [3, -1.5, "a,b", None]),
        ("(1, 2.0), 1\n,2,", ["literal"] * 3, [{"struct": [1, 2.0]}, 1, 2]),
        (
            "1e999, 'N', 2+1j",
            ["literal"] * 3,
            [{"float": "inf"}, {"literal": "'N'"}, {"complex": [2.0, 1.0]}],
        ),
        ("len, out", ["len", "out"], [None, None]),
        ("bytes:1_024, text:5", ["bytes", "text"], [{"bytes": 1024}, {"text": 5}]),
        ("numpy.int32:8", ["buffer"], [{"buffer": "int32", "length": 8, "of": "numpy"}]),
        ("bytearray:8", ["buffer"], [{"buffer": "uint8", "length": 8, "of": "bytearray"}]),
        ("callback:a.b:c", ["callback"], [{"callback": "a.b:c"}]),
    ],
)
def test_arguments(text: str, kinds: List[str], values: List[Any]) -> None:
    found = given(text)
    assert [kind for kind, _ in found] == kinds
    assert [value for _, value in found] == values


def test_what_is_advised_for_a_static_library_works(
    probe: Probe, python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    (folder / "one.c").write_text("int one(int n) { return n + 1; }\n")
    for command in (["cc", "-fPIC", "-c", "one.c"], ["ar", "rcs", "libone.a", "one.o"]):
        subprocess.run(command, cwd=str(folder), check=True)
    monkeypatch.chdir(tmp_path)
    call = ["int one(int n)", "--args", "3", "-i", python, "-p", "ctypes", *QUICK]
    refused = probe("run", folder / "libone.a", *call)
    refused.one_error(USAGE, "is a static library")
    subprocess.run(refused.err[refused.err.index("cc -shared") :], shell=True, check=True)
    done = probe("run", "./lib.so", *call)
    assert done.code == 0, done.err
