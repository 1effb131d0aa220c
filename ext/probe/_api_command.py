# SPDX-License-Identifier: MIT
"""The installed command `probe`: whole matrices are measured by it, each cell in processes of its
own, so that there is one place that knows how."""

import os
import pty
import re
import shutil
import signal
import subprocess
import tempfile
from typing import List, Optional, Sequence, Tuple, Union

from . import _probe
from ._api_errors import BadOption, MeasuringFailed, Missing
from ._api_progress import Progress
from ._api_results import Run

_SOME_FAILED, _INTERRUPTED, _USAGE = 3, 130, 2


def find() -> str:
    """The command: $PROBE_COMMAND, else `probe` on $PATH. Raises Missing."""
    named = os.environ.get("PROBE_COMMAND")
    found = named if named else shutil.which("probe")
    if not found or not os.access(found, os.X_OK):
        raise Missing(
            "the command `probe` is not %s: `make install` it, or set PROBE_COMMAND to it"
            % ("at %s" % named if named else "on PATH")
        )
    return found


def _said(text: str) -> str:
    """The command's own words, without colours and without its name."""
    plain = re.sub(r"\033\[[0-9;]*[A-Za-z]", "", text).strip().splitlines() or ["no message"]
    lines = [line for line in plain if line.startswith("probe: ")] or plain[-1:]
    return lines[0].replace("probe: ", "", 1).replace("error: ", "", 1)


def call(args: Sequence[str]) -> str:
    """Runs the command to its end; what it printed. Raises Missing, BadOption, MeasuringFailed."""
    done = subprocess.run(
        [find(), *args],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    if done.returncode:
        kind = BadOption if done.returncode == _USAGE else MeasuringFailed
        raise kind(_said(done.stderr))
    return done.stdout


def _watch(args: List[str], progress: Optional[bool]) -> Tuple[int, str]:
    """The same, showing its progress; it tells that only to a terminal, so it is given one.
    Ctrl-C goes to the command, which then keeps what it has. (exit status, what it said)"""
    ours, its = pty.openpty()
    said, line = "", ""
    try:
        child = subprocess.Popen(
            [find(), *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=its,
            env=dict(os.environ, TERM="dumb"),
            start_new_session=True,
        )
    finally:
        os.close(its)
    with Progress(progress) as shown:
        while True:
            try:
                data = os.read(ours, 4096).decode("utf-8", "replace")
            except KeyboardInterrupt:
                child.send_signal(signal.SIGINT)
                continue
            except OSError:  # the other end is closed
                data = ""
            if not data:
                break
            *lines, line = (line + data).replace("\r\n", "\n").split("\n")
            said += "".join(part.split("\r")[-1].rstrip() + "\n" for part in lines)
            shown.say("probe: " + line.split("\r")[-1].strip())
    os.close(ours)
    return child.wait(), said


def _text(name: str, value: object) -> str:
    """A value that the command can be given; raises BadOption."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise BadOption("%s must be text, not %.80r" % (name, value))
    try:
        os.fsencode(value)
    except UnicodeEncodeError:
        raise BadOption("%s can't be given to a command: %.80r" % (name, value))
    return value


def _names(name: str, value: Union[str, Sequence[str]]) -> str:
    """Names as the command takes them; a text is such a list already."""
    if isinstance(value, str):
        return _text(name, value)
    for each in value:
        if "," in _text(name, each):
            raise BadOption("%s: %r holds a comma; give each name on its own" % (name, each))
    return _text(name, ",".join(value))


def _count(name: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadOption("%s must be a whole number, not %.80r" % (name, value))
    return str(value)


def run(
    *workloads: str,
    args: Optional[str] = None,
    target: Optional[str] = None,
    paths: Union[None, str, Sequence[str]] = None,
    interpreters: Union[None, str, Sequence[str]] = None,
    engine: Optional[str] = None,
    preset: Optional[str] = None,
    passes: Optional[int] = None,
    rounds: Optional[int] = None,
    max_calls: Optional[int] = None,
    output: "Union[None, str, os.PathLike[str]]" = None,
    progress: Optional[bool] = None,
) -> Run:
    """Measures workloads x paths x interpreters with the command: the same Run that it writes.

    workloads: as the command takes them ('fib', 'sum:1024', a library and a prototype, 'zlib:crc32')
    with args and target as its --args and --target. paths, interpreters: names, or None for all. preset: 'fast', 'rigorous'.
    max_calls: an upper limit for how often the function is called, for each row.
    output: keeps the run file. Takes minutes; Ctrl-C ends it and keeps what is measured
    (Run.interrupted). Raises Missing, BadOption, MeasuringFailed (nothing could be measured).
    """
    if preset not in (None, "fast", "rigorous"):
        raise BadOption("preset must be 'fast' or 'rigorous'")
    options = {
        "args": args if args is None or args == "" else _text("args", args),
        "target": None if target is None else _text("target", target),
        "engine": None if engine is None else _text("engine", engine),
        "paths": None if paths is None else _names("paths", paths),
        "python": None if interpreters is None else _names("interpreters", interpreters),
        "passes": None if passes is None else _count("passes", passes),
        "rounds": None if rounds is None else _count("rounds", rounds),
        "max-calls": None if max_calls is None else _count("max_calls", max_calls),
    }
    command = ["run"] if preset is None else ["run", "--" + preset]
    command += ["--%s=%s" % (name, v) for name, v in options.items() if v is not None]
    operands = [_text("a workload", word) for word in workloads]
    with tempfile.TemporaryDirectory(prefix="probe-") as folder:
        path = os.path.join(folder, "run.json") if output is None else os.fsdecode(output)
        # Behind "--" nothing is an option, whatever it begins with.
        command += ["--output=" + _text("output", path), "--", *operands]
        status, said = _watch(command, progress)
        if status not in (0, _SOME_FAILED, _INTERRUPTED) or not os.path.exists(path):
            raise (BadOption if status == _USAGE else MeasuringFailed)(_said(said))
        return load(path)


def load(path: "Union[str, os.PathLike[str]]") -> Run:
    """Reads a run file that the command or save() wrote. FileNotFound, BadFile."""
    return Run(_probe.load(path))
