# SPDX-License-Identifier: MIT
"""IPython: %load_ext probe, then %probe f(2, 3), or a cell that begins with %%probe."""

import ast
import shlex
from typing import Any, Dict, List, Optional, Tuple

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class

from ._api_measure import measure
from ._api_watch import watch

_USAGE = """%probe [OPTION...] FUNCTION(ARGUMENT, ...)

Measures what the call costs and where the time goes, as probe.measure() does.

  -o NAME          keep the result under this name
  --engine NAME    ladder, timeline, or ladder,timeline
  --rounds N       rounds wanted in each pass
  --passes N       how often all is set up anew
  --max-calls N    an upper limit for how often the function is called
  --target L:S     where an extension's native work is done

%%probe [OPTION...]

Runs the cell and shows the foreign calls that it made, as probe.watch() does.

  -o NAME          keep the result under this name
  -m MODULE        watch the native callables of this module, too; as often as wanted
  --phases         split the calls: dispatch, marshalling, compute"""

_OPTIONS = {
    "-o": ("output", str),
    "--engine": ("engine", str),
    "--rounds": ("rounds", int),
    "--passes": ("passes", int),
    "--max-calls": ("max_calls", int),
    "--target": ("target", str),
}


def split_options(line: str) -> Tuple[Dict[str, Any], str]:
    """({"rounds": 10, ...}, the rest): options stand before the call. UsageError."""
    options: Dict[str, Any] = {}
    rest = line.strip()
    while rest.startswith("-"):
        word, _, rest = rest.partition(" ")
        name, equals, value = word.partition("=")
        if name not in _OPTIONS:
            raise UsageError("unknown option %s\n\n%s" % (name, _USAGE))
        rest = rest.strip()
        if not equals:
            value, _, rest = rest.partition(" ")
        key, kind = _OPTIONS[name]
        try:
            options[key] = kind(value)
        except ValueError:
            raise UsageError("%s takes a whole number, not '%s'" % (name, value))
        if not value:
            raise UsageError("%s needs a value" % name)
        rest = rest.strip()
    return options, rest


def split_call(source: str) -> Tuple[str, List[str]]:
    """('f', ['2', '3']) of 'f(2, 3)', each a piece of Python. UsageError."""
    try:
        call = ast.parse(source, mode="eval").body
    except SyntaxError as e:
        raise UsageError("%s: %s\n\n%s" % (source, e.msg, _USAGE))
    if not isinstance(call, ast.Call):
        raise UsageError("'%s' is no call\n\n%s" % (source, _USAGE))
    if call.keywords or any(isinstance(arg, ast.Starred) for arg in call.args):
        raise UsageError(
            "keywords and *arguments go into a lambda, whose cost is then part of the figures: "
            "%%probe (lambda: %s)()" % source.strip()
        )
    pieces = [ast.get_source_segment(source, node) or "" for node in [call.func, *call.args]]
    return pieces[0], pieces[1:]


def split_cell_options(line: str) -> Tuple[Optional[str], List[str], bool]:
    """(the name to keep it under, modules, phases). UsageError."""
    words = shlex.split(line)
    output: Optional[str] = None
    modules: List[str] = []
    phases = False
    while words:
        word = words.pop(0)
        if word == "--phases":
            phases = True
        elif word in ("-m", "-o"):
            if not words:
                raise UsageError("%s needs a value" % word)
            value = words.pop(0)
            if word == "-o":
                output = value
            else:
                modules += value.split(",")
        else:
            raise UsageError("unknown option %s\n\n%s" % (word, _USAGE))
    return output, modules, phases


def _check_name(name: Optional[str]) -> None:
    if name is not None and not name.isidentifier():
        raise UsageError("-o takes a name, not '%s'" % shlex.quote(name))


@magics_class
class ProbeMagics(Magics):  # type: ignore[misc, unused-ignore]
    """The magics of probe."""

    @line_cell_magic  # type: ignore[misc, untyped-decorator, unused-ignore]
    def probe(self, line: str, cell: Optional[str] = None) -> Any:
        if cell is not None:
            return self._watch(line, cell)
        options, source = split_options(line)
        if not source:
            raise UsageError(_USAGE)
        name: Optional[str] = options.pop("output", None)
        _check_name(name)
        function, arguments = split_call(source)
        shell: Any = self.shell
        values = [
            eval(piece, shell.user_global_ns, shell.user_ns) for piece in [function, *arguments]
        ]
        found = measure(values[0], *values[1:], **options)
        if name is not None:
            shell.user_ns[name] = found
            return None
        return found

    def _watch(self, line: str, cell: str) -> Any:
        name, modules, phases = split_cell_options(line)
        _check_name(name)
        shell: Any = self.shell
        with watch(*modules, phases=phases) as found:
            shell.run_cell(cell)  # shows what the cell raises, as for any cell
        if name is not None:
            shell.user_ns[name] = found
            return None
        return found


ProbeMagics.probe.__doc__ = _USAGE
