# SPDX-License-Identifier: MIT
"""What an error message suggests must work, or lead to success in one more step: each suggestion is
read from its message and followed."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import pytest

from conftest import ROOT, Probe

# Without debug information, so that any prototype fits.
SOURCE = """\
#include <stddef.h>
struct point { double x, y; };
int one(const void *p) { return p == NULL; }
int number(int a) { return a; }
int point(struct point p) { return p.x > 0; }
int wide(const int *p) { int n = 0; while (p[n]) n++; return n; }
int bytes(const unsigned char *p) { int n = 0; while (p[n]) n++; return n; }
int last(const int *p, unsigned long n) { return p[n - 1]; }
int reads(const void *p, unsigned long n) { return ((const char *)p)[n - 1]; }
int fills(int *p) { for (int i = 0; i < 4; i++) p[i] = i; return 4; }
typedef double pair __attribute__((vector_size(16)));
int aligned(const void *p) { pair v = *(const volatile pair *)p; return v[0] > v[1]; }
"""
Functions = List[Tuple[str, str]]


@pytest.fixture(scope="module")
def ask(python: str, cache: Path, tmp_path_factory: Any) -> Any:
    """The errors of functions, (prototype, arguments), of the library above or another."""
    folder = tmp_path_factory.mktemp("hints")
    (folder / "hints.c").write_text(SOURCE)
    library = folder / "libhints.so"
    command = ["cc", "-shared", "-fPIC", "-O1", "-w", "-o", str(library), str(folder / "hints.c")]
    subprocess.run(command, check=True)
    check = str(Path(__file__).with_name("check_hints.py"))

    def run(functions: Functions, operand: Optional[str] = None) -> List[Optional[str]]:
        changes = [
            {"library": operand or str(library), "prototype": prototype, "args": args}
            for prototype, args in functions
        ]
        done = subprocess.run(
            [python, check, str(ROOT), str(cache / "probe")],
            input=json.dumps(changes),
            stdout=subprocess.PIPE,
            check=True,
            universal_newlines=True,
            cwd=str(folder),
        )
        errors: List[Optional[str]] = json.loads(done.stdout)
        return errors

    return run


def forms(text: str) -> List[str]:
    """The arguments that a part of a message says to give."""
    _, give, said = text.partition("give ")
    said = re.sub(r"\(or None.*|which is ord.*", "", said)
    found = re.findall(r".* like (\(.*\))|(b?'\w+'|[\w.]+:N|\bout\b|-?\d+)", said)
    return [re.sub(r"\bN$", "32", struct or other) for struct, other in found] if give else []


POINTERS = ["char", "signed char", "unsigned char", "uint8_t", "short", "int", "wchar_t", "double"]
POINTERS += ["uint64_t", "void", "bool", "double complex"]
WRONG = (
    [("int one(const %s *p)" % to, args) for to in POINTERS for args in ("'text'", "5")]
    + [("int one(%s *p)" % to, args) for to in POINTERS for args in ("'text'", "b'text'")]
    + [("int number(int a)", a) for a in ("1.5", "1e99", "-1e99", "'a'", "b'a'", "'ab'")]
    + [("int number(char a)", a) for a in ("1.5", "300.0", "'a'", "'\u00e9'")]
    + [("struct point {double x, y;}; int point(struct point p)", a) for a in ("1", "(1,)")]
    + [("struct s {double x;}; int number(struct s p)", "(1.0)")]
)


def test_what_to_give_can_be_given(ask: Any) -> None:
    followed: List[Tuple[str, str, str]] = []
    for (prototype, args), error in zip(WRONG, ask(WRONG)):
        if error is None:  # 'text' for const char *, say
            continue
        before, _, after = error.partition("declare it ")
        assert after or forms(before), error
        followed += [(prototype, form, error) for form in forms(before)]
        if after:
            to = after.split("*")[0]
            changed = re.sub(r"\(.*\*", "(%s*" % to, prototype)
            followed += [(changed, form, error) for form in forms(after) or [args]]
    assert len(followed) > 80
    errors = ask([(prototype, args) for prototype, args, _ in followed])
    failed = ["%s [%s] of %r: %s" % (*f, e) for f, e in zip(followed, errors) if e]
    assert not failed, "\n".join(failed)


def test_texts_for_wide_characters(ask: Any) -> None:
    args = ["'text'", "text:9", "'z\u00f6lf'", "''"]
    assert ask([("int wide(const wchar_t *p)", a) for a in args]) == [None] * len(args)


@pytest.mark.parametrize(
    "prototype, args, words, then",
    [
        # A count that is known to be too much.
        ("int reads(const void *p, size_t n)", "int32:20, 81", ["81", "80 bytes", "len"], "int32:20, len"),
        ("int reads(const void *p, int len)", "int32:20, 81", ["80 bytes"], "int32:20, 80"),
        ("int last(const int *p, size_t n)", "int32:20, 21", ["20 items"], "int32:20, 20"),
        ("int last(const int *p, size_t k)", "int32:20, 21", ["20 items"], "int32:20, 20"),
        ("int last(const int *p, long num_items)", "int32:20, 21", ["20 items"], "int32:20, len"),
        # One that only the call shows.
        ("int last(const int *p, long a)", "int32:20, 21", ["past the end of p (int32:20)"], "int32:21, 21"),
        ("int last(const int *p, long a)", "int32:3, 4", ["past the end of p (int32:3)"], "int32:4, 4"),
        ("int wide(const wchar_t *p)", "int32:8", ["'text' or text:N"], "'text'"),
        ("int bytes(const unsigned char *p)", "uint8:8", ["b'text' or bytes:N"], "b'text'"),
        ("int fills(int *p)", "out", ["past the end of p (out, one int)", "give it a buffer"], "int32:4"),
        ("int fills(int *p)", "int32:3", ["past the end of p (int32:3)", "as many items"], "int32:4"),
        ("int bytes(const unsigned char *p)", "None", ["may p be a null pointer"], "b''"),
    ],
)
def test_what_would_run_past_a_buffer(
    ask: Any, prototype: str, args: str, words: List[str], then: str
) -> None:
    error, followed = ask([(prototype, args), (prototype, then)])
    assert error and followed is None, (error, followed)
    for word in words:
        assert word in error


def test_what_is_no_count_is_no_count(ask: Any) -> None:
    """Values beside a buffer that are larger than it, and the ways out that a message names."""
    fine = [
        ("int one(const void *p, int c, size_t n)", "bytes:8, 255, 8"),
        ("int one(const int *v, int key, int n)", "int32:8, 1000, 8"),
        ("int one(const int *v, size_t n, size_t key)", "int32:8, 8, 1000"),
        ("int one(const uint64_t *words, size_t nbits)", "uint64:2, 128"),
        ("int one(const double *v, size_t elem_size, size_t n)", "float64:4, 8, 4"),
        ("int one(const float *v, size_t nbytes)", "float32:4, 16"),
        ("int one(const char *s, size_t n)", "'text', 100"),
        ("int one(const int *v, size_t n)", "None, 100"),
    ]
    assert ask(fine) == [None] * len(fine)
    wrong = [
        ("int one(const int *v, size_t n)", "int32:2, 3"),
        ("int one(const int *v, size_t k)", "int32:2, 3"),
        ("int one(const int *v, int n)", "int32:2, 3"),
    ]
    then = []
    for (prototype, args), error in zip(wrong, ask(wrong)):
        declared = re.search(r"declare it as '(.*)'", error)
        assert declared, error
        then.append((re.sub(r"(.*,) .*\)", r"\1 %s)" % declared.group(1), prototype), args))
    assert ask(then) == [None] * len(then)


def test_a_function_that_needs_an_alignment_is_no_overrun(ask: Any) -> None:
    assert ask([("int aligned(const void *p)", "int64:3")]) == [None]


def test_a_library_without_its_suffix(ask: Any) -> None:
    hypot = [("double hypot(double, double)", "3.0, 4.0")]
    for operand in ("libm", "libm.so", "m"):
        (error,) = ask(hypot, operand)
        named = re.search(r"did you mean (\S+)\?", error or "")
        if operand == "libm.so" and not error:
            continue
        assert named, error
        assert ask(hypot, named.group(1)) == [None]


@pytest.mark.parametrize(
    "args, words",
    [
        (["libm", "double hypott(double, double)", "--args", "1, 2"], ["libm", "libm.so.6"]),
        (["libm", "--args", "1, 2"], ["'libm'", "libm.so.6 'double hypot"]),
    ],
)
def test_a_library_without_its_suffix_is_no_matter_of_args(
    probe: Probe, python: str, args: List[str], words: List[str]
) -> None:
    probe("run", *args, "-i", python).one_error(2, *words)
