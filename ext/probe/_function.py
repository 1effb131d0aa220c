# SPDX-License-Identifier: MIT
"""Makes a workload of a function that the user brings: a C function of a library or a .c file, or a
Python callable.

Usage: python _function.py SPEC.json. All that can be wrong with the prototype, the library or the
arguments is said here, in one line, before anything is built for timing. Says "step: ..." on stderr
and one JSON object on stdout: {"folder": the workload's, "facts": {...}} or {"error": "..."}.
"""

import importlib
import json
import os
import re
import select
import signal
import sys
import tempfile
import types
from typing import Any, Callable, Dict, List, Optional, Tuple

_here = os.path.dirname(os.path.abspath(__file__))
if _here not in sys.path:  # python -P
    sys.path.insert(0, _here)
sys.path.append(os.path.join(_here, "..", "..", "workloads", "bindings"))

import _arguments
import _build
import _cache
import _callable
import _debug
import _declaration
import _given
import _library
import _oracle
import _packages
import _prototype
from _declaration import FunctionError
from _toolchain import BuildError, explain_os

sys.dont_write_bytecode = True

Json = Dict[str, Any]

# What reads prototypes and libraries; pinned beside the bindings' packages.
_TOOLS = ["pycparser", "pyelftools"]


class Maker:
    """One run: spec is that of _build.py with "library" and "prototype", or "callable"; "args",
    "target", "import_from" (folders for callbacks and callables) and "timeout_s"."""

    def __init__(self, spec: Json) -> None:
        self.spec = spec
        self.builder = _build.Builder(spec)
        self.folder = os.path.join(spec["cache"], "functions")
        self.import_from: List[str] = [os.path.abspath(f) for f in spec["import_from"]]
        self.given = _given.parse(spec.get("args") or "")

    def tools(self) -> None:
        """Makes pycparser and pyelftools importable."""
        home = os.path.join(self.spec["home"], "workloads/bindings")
        pins = _packages.pins(_TOOLS, [os.path.join(home, "requirements.json")])
        folder, _ = self.builder.environment(pins)
        sys.path.insert(1, _packages.site_packages(folder))

    def save(self, workload: Json, files: Dict[str, str]) -> str:
        """The workload's folder, in the cache by its contents. files: name -> the file to copy."""
        contents = {name: _cache.read_bytes(path) for name, path in files.items()}
        key = _cache.digest(workload, *(part for item in sorted(contents.items()) for part in item))
        label = re.sub(r"[^\w.+-]", "_", workload["name"])

        def build(out: str) -> None:
            folder = os.path.join(out, workload["name"])
            os.mkdir(folder)
            for name, raw in contents.items():
                with open(os.path.join(folder, name), "wb") as copy:
                    copy.write(raw)
            with open(os.path.join(folder, "workload.json"), "w", encoding="utf-8") as f:
                json.dump(workload, f, indent=2, allow_nan=False)

        _build.check_name(label)
        made = _cache.entry(self.folder, "%s-%s" % (label, key), build)
        return os.path.join(made, workload["name"])

    # --- a C function

    def native(self, scratch: str) -> Json:
        operand = self.spec["library"]
        path = _library.locate(operand)  # the quickest of all checks
        self.tools()
        declaration = _declaration.parse(self.spec["prototype"])
        combined = _prototype.combine(declaration, self.given)
        self.check_callbacks(combined.args)
        symbol, name = declaration.name, os.path.basename(operand)
        files: Dict[str, str] = {}
        if _library.is_source(operand):
            _build.step("compiling %s" % name)
            source = os.path.join(scratch, symbol + ".i")
            loaded, asked = os.path.join(scratch, "lib%s.so" % symbol), _declaration.own_name(
                symbol
            )
            _library.preprocess(self.builder.cc, path, symbol, source)
            _library.compile_source(self.builder.cc, source, path, symbol, loaded)
            files[symbol + ".i"] = source
            origin: Json = {
                "source": symbol + ".i",
                "cflags": _library.SOURCE_FLAGS,
                "link": ["-lm"],
            }
        else:
            if os.path.isabs(path):
                _library.check_file(path)
                _library.check_symbol(path, symbol)
            loaded, asked = path, symbol
            origin = {"library": path, "symbol": symbol}
        if os.path.isabs(loaded):
            _debug.check(loaded, name, declaration)
        _build.step("asking C what %s gives" % symbol)
        found = _oracle.ask(
            self.builder.cc,
            loaded,
            asked,
            symbol,
            combined.prototype,
            combined.args,
            combined.labels,
            combined.past,
            scratch,
            float(self.spec.get("timeout_s") or 60),
        )
        if found.elsewhere:
            raise FunctionError(
                "%s has no function '%s' of its own: it is one of %s"
                % (name, symbol, found.elsewhere)
            )
        if not found.has_symbol:
            raise _library.missing(found.library or loaded, symbol)
        workload: Json = {
            "name": symbol,
            "summary": "%s, from %s" % (declaration.text, name),
            "declaration": declaration.text,
            "given": self.spec.get("args") or "",
            "prototype": combined.prototype,
            "args": combined.args,
            "expected": found.expected,
            "expected_by": "a C program that calls it",
            "variants": None,
            "import_from": self.import_from,
            **origin,
        }
        if combined.pip:
            workload["pip"] = combined.pip
        files.update(found.witness)
        if found.unchecked:
            workload["unchecked"] = found.unchecked
        facts = {"declaration": declaration.text, "args": workload["given"]}
        facts["library"] = found.library if "library" in origin else path
        facts["expected"] = found.unchecked or json.dumps(found.expected)[:400]
        return {"folder": self.save(workload, files), "facts": facts}

    def check_callbacks(self, args: List[Any]) -> None:
        for arg in args:
            if isinstance(arg, dict) and "callback" in arg:
                problem = callback_problem(arg, self.import_from)
                if problem:
                    raise FunctionError(problem)

    # --- a Python callable

    def callable(self, scratch: str) -> Json:
        text = self.spec["callable"]
        function = self.find_callable(text)
        for number, given in enumerate(self.given):
            if given.kind in ("len", "out"):
                raise FunctionError(
                    "--args: argument %d, %s, is for native functions: %s takes Python objects"
                    % (number + 1, given.text, text)
                )
        described = [g.described for g in self.given]
        self.check_callbacks(described)
        try:
            args = _arguments.make(described, None, None, scratch)
        except (ImportError, _arguments.ArgumentError) as e:
            raise FunctionError("--args can't be made here: %s" % e)
        why = _callable.runs_nothing(function)
        if why:
            raise FunctionError("%s is %s" % (text, why))
        try_call(text, function, args, float(self.spec.get("timeout_s") or 60))
        target = self.target(text, function)
        workload: Json = {
            "name": text,
            "summary": "%s(%s) as it is" % (text, self.spec.get("args") or ""),
            "given": self.spec.get("args") or "",
            "callable": text,
            "args": described,
            "target": target,
            "variants": None,
            "import_from": self.import_from,
        }
        facts = {"callable": text, "args": workload["given"]}
        if sys.prefix != sys.base_prefix:
            facts["environment"] = sys.prefix
        if target:
            facts["target"] = self.spec["target"]
        return {"folder": self.save(workload, {}), "facts": facts}

    def find_callable(self, text: str) -> Callable[..., Any]:
        module, _, attributes = text.partition(":")
        sys.path += [f for f in self.import_from if f not in sys.path]
        where = "%s (%s)" % (self.spec["interpreter_label"], sys.executable)
        try:
            found: Any = importlib.import_module(module)
        except ImportError as e:
            raise FunctionError(
                "%s can't be imported by %s: %s (and there is no workload of that name)"
                % (module, where, e)
            )
        except Exception as e:
            raise FunctionError("importing %s raised %s: %s" % (module, type(e).__name__, e))
        for name in attributes.split("."):
            try:
                found = getattr(found, name)
            except AttributeError:
                names = [n for n in dir(found) if callable(getattr(found, n, None))]
                raise FunctionError(
                    "%s has no '%s'%s" % (module, attributes, _library.near(name, names))
                )
        if not callable(found):
            raise FunctionError("%s is not callable: it is %.80r" % (text, found))
        return found  # type: ignore[no-any-return]

    def target(self, text: str, function: Callable[..., Any]) -> Any:
        """Where compute begins: a function of another library, that the callable's own imports."""
        wanted = self.spec.get("target")
        if not wanted:
            return None
        library, _, symbol = wanted.rpartition(":")
        if not library or not re.fullmatch(r"\w+", symbol):
            raise FunctionError(
                "--target: '%s' is not LIBRARY:FUNCTION, like libz.so.1:crc32" % wanted
            )
        owner = shared_object(function)
        if owner is None:
            raise FunctionError(
                "--target: %s is no native function of an extension module, so it has no calls "
                "that could be hooked: leave --target out" % text
            )
        self.tools()
        path = _library.locate(library)
        if os.path.isabs(path):
            _library.check_file(path)
            _library.check_symbol(path, symbol)
        table = _library.symbols(owner)
        if table.get(symbol) != "imported":
            imported = [name for name, kind in table.items() if kind == "imported"]
            hint = _library.near(symbol, imported) or ": leave --target out"
            raise FunctionError(
                "--target: %s calls no '%s' of another library%s"
                % (os.path.basename(owner), symbol, hint)
            )
        return {"object": path, "symbols": [symbol]}


def shared_object(function: Any) -> Any:
    """The file of a native callable's code; None where it has none of its own."""
    if _callable.is_python(function):
        return None
    owner = getattr(function, "__self__", None)
    name = getattr(function, "__module__", None)
    module = owner if isinstance(owner, types.ModuleType) else sys.modules.get(name or "")
    if module is None:
        return None
    path = getattr(module, "__file__", None)
    if path is None and module.__name__ in sys.builtin_module_names:
        return os.path.realpath(sys.executable)
    return path if path and path.endswith(".so") else None


def callback_problem(spec: Json, folders: List[str]) -> Optional[str]:
    """Imports a callback as the measuring process will; None, or what is wrong."""
    module, _, name = spec["callback"].rpartition(":")
    sys.path += [f for f in folders if f not in sys.path]
    try:
        found = getattr(importlib.import_module(module), name)
    except ImportError as e:
        return "can't import %s for the callback: %s (looked in %s)" % (
            module,
            e,
            ", ".join(os.path.abspath(f) for f in folders),
        )
    except AttributeError:
        return "%s has no '%s' for the callback" % (module, name)
    except Exception as e:
        return "importing %s for the callback raised %s: %s" % (module, type(e).__name__, e)
    return None if callable(found) else "%s:%s is not callable" % (module, name)


def try_call(
    name: str, function: Callable[..., Any], args: Tuple[Any, ...], limit_s: float
) -> None:
    """Calls it once, in a process of its own: it may crash or never return."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        said = ""
        pid, forks = os.getpid(), []  # type: int, List[int]
        os.register_at_fork(after_in_parent=lambda: forks.append(1))
        try:
            result = function(*args)
            if os.getpid() != pid:
                os._exit(0)  # the function's child: it must not go on
            why = _callable.has_not_run(result)
            said = " gives %s" % why if why else ""
            if forks:
                said = " forks: its children can't be measured"
        except BaseException as e:
            said = " raised %s: %s" % (type(e).__name__, e)
        os.write(write_end, b"." + said.encode("utf-8", "replace")[:2000])
        os._exit(0)
    os.close(write_end)
    ready = select.select([read_end], [], [], limit_s)[0]
    answer = os.read(read_end, 4096) if ready else b""
    if not ready:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(read_end)
    if not ready:
        raise FunctionError("%s did not return within %g s: see --timeout" % (name, limit_s))
    if not answer:
        end = "exit code %d" % os.WEXITSTATUS(status)
        if os.WIFSIGNALED(status):
            end = signal.Signals(os.WTERMSIG(status)).name
        raise FunctionError("%s crashed with these arguments (%s)" % (name, end))
    if answer != b".":
        raise FunctionError(name + answer[1:].decode("utf-8", "replace"))


def one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def run(spec: Json) -> Json:
    # Where the spec is: whoever made that folder removes it, whatever ends this process.
    folder = os.path.dirname(os.path.abspath(sys.argv[1]))
    with tempfile.TemporaryDirectory(prefix="probe-function-", dir=folder) as scratch:
        try:
            maker = Maker(spec)
            return maker.callable(scratch) if spec.get("callable") else maker.native(scratch)
        except (FunctionError, BuildError, _arguments.ArgumentError) as e:
            return {"error": one_line(e)}
        except OSError as e:
            return {"error": " ".join(explain_os(e).split())}


def main() -> int:
    # Whatever is imported or called may print: stdout is for the answer alone.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        with open(sys.argv[1], encoding="utf-8") as f:
            result = run(json.load(f))
    except KeyboardInterrupt:
        return 130
    with answer:
        json.dump(result, answer)
        answer.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
