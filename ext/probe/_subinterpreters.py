# SPDX-License-Identifier: MIT
"""Measures a cell in a sub-interpreter that has a GIL of its own (PEP 684, CPython from 3.12).

So many of them as asked for are made in this one process, one after the other; each loads the
binding, stays alive, and the call is measured in the last. They run on one thread, never at once:
the hooks are the process's, and what the ladder puts there belongs to one interpreter.
"""

import json
import os
import sys
import tempfile
from typing import Any, Callable, Dict, Tuple

Json = Dict[str, Any]

# What is run there: sys.path is its own, and it has only what it imports.
_SCRIPT = """
import sys
sys.path.insert(0, %(folder)r)
import _cell
_answer = _cell.%(function)s(%(spec)r)
with open(%(out)r, "w", encoding="utf-8") as f:
    import json
    json.dump(_answer, f)
"""


class NoSubinterpreters(Exception):
    """This interpreter has none with a GIL of their own."""


def _interpreters() -> Tuple[Callable[[], Any], Callable[[Any, str], str]]:
    """create() -> id, and run(id, script) -> "" or what it raised."""
    try:
        import _interpreters as new  # type: ignore[import-not-found]  # since 3.13

        def run_new(which: Any, script: str) -> str:
            raised = new.run_string(which, script)
            return "" if raised is None else "%s: %s" % (raised.type.__name__, raised.msg)

        return lambda: new.create("isolated"), run_new
    except ImportError:
        pass
    try:
        import _xxsubinterpreters as old  # type: ignore[import-not-found]
    except ImportError:
        raise NoSubinterpreters("its sub-interpreters have no GIL of their own") from None

    def run_old(which: Any, script: str) -> str:
        try:
            old.run_string(which, script)
        except old.RunFailedError as e:
            return str(e)
        return ""

    return lambda: old.create(isolated=True), run_old


def _ask(run: Callable[[Any, str], str], which: Any, function: str, spec: str) -> Json:
    """What _cell.function(spec) answers in that sub-interpreter."""
    folder = os.path.dirname(os.path.abspath(__file__))
    descriptor, out = tempfile.mkstemp(prefix="probe-", dir=os.path.dirname(os.path.abspath(spec)))
    os.close(descriptor)
    try:
        values = {"folder": folder, "function": function, "spec": spec, "out": out}
        raised = run(which, _SCRIPT % values)
        if raised:
            return {"status": "failed", "reason": raised}
        with open(out, encoding="utf-8") as f:
            answer: Json = json.load(f)
        return answer
    finally:
        os.unlink(out)


def measure(spec: str, count: int, load_here: Callable[[], Json]) -> Json:
    """The answer for a cell whose spec is in that file.

    A binding that can be imported into the main interpreter and not into these is inapplicable, and
    its own words are the reason. load_here() tells the former; it comes last, as the main one must
    not have loaded what these are asked to.
    """
    try:
        create, run = _interpreters()
    except NoSubinterpreters as e:
        return {"status": "inapplicable", "reason": str(e)}
    answer: Json = {}
    for i in range(count):
        last = i + 1 == count
        answer = _ask(run, create(), "answer" if last else "load", spec)
        if answer["status"] != "ok":
            # What an earlier one could load is not broken: it is loaded but once in a process.
            if answer.get("import") and (i or load_here()["status"] == "ok"):
                answer["status"] = "inapplicable"
            which = (
                "a sub-interpreter" if count == 1 else "sub-interpreter %d of %d" % (i + 1, count)
            )
            answer["reason"] = "in %s: %s" % (which, answer["reason"])
            break
    return answer


def leave() -> None:
    """Ends the process as it is: what an extension does when a sub-interpreter ends is not what is
    measured, and the answer is out."""
    sys.stderr.flush()
    os._exit(0)
