# SPDX-License-Identifier: MIT
"""What a function gives when C itself calls it: the value that every binding's result is held to.

A small C program is written from the model, loads the library in a process of its own, calls the
function twice with fresh arguments each time, and says what came out. Callbacks are answered from
here, through a pipe. A crash or a wrong type ends that program, before anything is timed.
"""

import operator
import os
import select
import signal
import subprocess
import time
from typing import Any, Dict, List, NamedTuple, Optional

import _arguments
import _model
import _values
from _declaration import FunctionError
from _given import describe
from _library import load_failed
from _oracle_program import Callback, Program
from _toolchain import Toolchain
from _values import DIFFERS

Json = Dict[str, Any]


class Found(NamedTuple):
    library: str  # the file that was loaded
    elsewhere: str  # another library, where the function is in that one
    has_symbol: bool
    expected: Any  # as in a workload.json
    unchecked: Optional[str]  # why results can't be compared, or None
    witness: Dict[str, str]  # files that _witness.py asks in the measuring process


def ask(
    cc: Toolchain,
    library: str,
    symbol: str,
    name: str,
    prototype: Json,
    args: List[Any],
    labels: List[str],
    past: List[str],
    scratch: str,
    timeout_s: float,
) -> Found:
    """Raises FunctionError, BuildError. symbol: the function's name in the library, name: in
    messages, as labels are of its parameters; past: for each, what to do if the function runs past
    it; scratch: a folder of its own."""
    made = [make(a, scratch) for a in args]
    program = Program(prototype, made, scratch)
    source, binary = os.path.join(scratch, "oracle.c"), os.path.join(scratch, "oracle")
    with open(source, "w", encoding="utf-8") as f:
        f.write(program.text())
    # cc.shared() without -shared: a plain program.
    cc.shared(binary, [source], flags=["-O1", "-w", "-std=gnu11"], link=["-ldl", "-lm"])
    for roomy in (False, True):
        talk = _Talk(name, labels, program.callbacks, timeout_s)
        talk.run([binary, library, symbol], roomy, os.path.join(scratch, "stderr"))
        if not talk.unaligned:
            break
    if talk.past is not None:
        what = (name, labels[talk.past], past[talk.past])
        raise FunctionError("%s reads or writes past the end of %s when C calls it: %s" % what)
    if talk.load_error:
        raise FunctionError(load_failed(library, talk.load_error))
    found = talk.found(prototype)
    if program.callbacks or found.unchecked or not found.has_symbol:
        return found
    return found._replace(witness=_build_witness(cc, prototype, made, scratch))


def _build_witness(cc: Toolchain, prototype: Json, made: List[Any], scratch: str) -> Dict[str, str]:
    """The same program, to be loaded by a process that is measured."""
    program = Program(prototype, made, scratch)
    source, library = os.path.join(scratch, "witness.c"), os.path.join(scratch, "witness.so")
    with open(source, "w", encoding="utf-8") as f:
        f.write(program.text(witness=True))
    flags = ["-O1", "-w", "-std=gnu11", "-shared", "-fPIC"]
    cc.shared(library, [source], flags=flags, link=["-ldl", "-lm"])
    return {name: os.path.join(scratch, name) for name in ["witness.so", *program.files]}


def make(described: Any, scratch: str) -> Any:
    """An argument as it will be measured; what NumPy would hold, as an array of the same items."""
    if isinstance(described, dict) and described.get("of") == "numpy":
        described = dict(described, of="array")
    return _arguments.make_one(described, None, None, scratch)


def _answer(ctype: str, value: Any) -> str:
    if ctype == "void":
        return ""
    kind = _model.SCALARS[ctype].kind
    if kind == "complex":
        return "%s,%s" % (complex(value).real.hex(), complex(value).imag.hex())
    return float(value).hex() if kind == "float" else "%d" % operator.index(value)


class _Talk:
    """Runs the program, answers its callbacks, keeps what it says."""

    def __init__(
        self, name: str, labels: List[str], callbacks: List[Callback], timeout_s: float
    ) -> None:
        self.name = name
        self.nulls = [label.split()[0] for label in labels if label.endswith("(None)")]
        self.callbacks = callbacks
        self.timeout_s = timeout_s
        self.library = ""
        self.load_error = ""
        self.elsewhere = ""
        self.calls: List[List[str]] = []  # the values that each call printed
        self.ended = False
        self.past: Optional[int] = None  # the argument that the function ran past
        self.unaligned = False

    def run(self, command: List[str], roomy: bool, stderr_path: str) -> None:
        (read_end, their_out), (their_in, write_end) = os.pipe(), os.pipe()
        folder = os.path.dirname(stderr_path)
        try:
            with open(stderr_path, "wb") as stderr:
                process = subprocess.Popen(
                    [*command, str(their_out), str(their_in), str(int(roomy)), folder],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=stderr,
                    pass_fds=(their_out, their_in),
                )
        except PermissionError:
            raise FunctionError(
                "no program can be run in %s: it is on a file system that is mounted noexec; set "
                "TMPDIR to a folder on another" % folder
            )
        finally:
            os.close(their_out)
            os.close(their_in)
        try:
            self.listen(read_end, write_end)
        except BaseException:
            process.kill()
            raise
        finally:
            os.close(read_end)
            os.close(write_end)
            code = process.wait()
        if not self.ended and self.calls and self.past is None and not self.unaligned:
            raise FunctionError(self.death(code, stderr_path))

    def listen(self, read_end: int, write_end: int) -> None:
        deadline = time.monotonic() + self.timeout_s
        pending = b""
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([read_end], [], [], left)[0]:
                raise FunctionError(
                    "%s did not return within %g s when C called it with these arguments: "
                    "choose others, or a larger --timeout" % (self.name, self.timeout_s)
                )
            got = os.read(read_end, 65536)
            if not got:
                return
            pending += got
            while b"\n" in pending:
                line, pending = pending.split(b"\n", 1)
                self.line(line.decode("utf-8", "replace"), write_end)

    def line(self, text: str, write_end: int) -> None:
        word, _, rest = text.partition(" ")
        if word == "library":
            self.library = rest
        elif word == "elsewhere":
            self.elsewhere = rest
        elif word == "error":
            self.load_error = rest
        elif word == "call":
            self.calls.append([])
        elif word == "value":
            self.calls[-1].append(rest)
        elif word == "past":
            self.past = int(rest)
        elif word == "unaligned":
            self.unaligned = True
        elif word == "end":
            self.ended = True
        elif word == "callback":
            os.write(write_end, (self.call_back(rest.split(" ")) + "\n").encode())

    def call_back(self, words: List[str]) -> str:
        described, function = self.callbacks[int(words[0])]
        args = [_values.value(t, w) for t, w in zip(described["params"], words[1:])]
        try:
            return _answer(described["returns"], function(*args))
        except Exception as e:
            raise FunctionError(
                "the callback %s, called with %s, raised %s: %s"
                % (
                    getattr(function, "__name__", "?"),
                    ", ".join(map(repr, args)) or "nothing",
                    type(e).__name__,
                    e,
                )
            )

    def death(self, code: int, stderr_path: str) -> str:
        with open(stderr_path, "rb") as f:
            lines = f.read()[-2000:].decode("utf-8", "replace").strip().splitlines()
        said = ": " + lines[-1] if lines else ""
        if code < 0:
            try:
                name = signal.Signals(-code).name
            except ValueError:
                name = "signal %d" % -code
            nulls = ", and may %s be a null pointer" % " and ".join(self.nulls)
            return (
                "%s itself crashed with these arguments (%s, called from C)%s: is its prototype "
                "right%s?" % (self.name, name, said, nulls if self.nulls else "")
            )
        return "%s ended the process with exit code %d when C called it%s" % (
            self.name,
            code,
            said,
        )

    def found(self, prototype: Json) -> Found:
        if not self.calls:
            return Found(self.library, self.elsewhere, False, None, None, {})
        first, second = self.calls
        try:
            expected = describe_result(_values.read(prototype, first))
        except UnicodeDecodeError:
            raise FunctionError("%s returns text that is not UTF-8" % self.name)
        unchecked = None
        if first != second:
            unchecked = DIFFERS
        return Found(self.library, self.elsewhere, True, expected, unchecked, {})


def describe_result(value: Any) -> Any:
    """A result as a workload.json says it: tuples as "struct", at every depth."""
    if isinstance(value, tuple):
        return {"struct": [describe_result(v) for v in value]}
    return describe(value)
