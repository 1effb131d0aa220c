# SPDX-License-Identifier: MIT
"""The C compiler, as kernels, the extension and the bindings' generators use it."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from typing import Dict, Iterable, List, Optional, Sequence

import facts

# What a kernel is: the same code whether it is called through the veneer or directly, and its own
# calls (fib) stay inside although another library exports the same name.
KERNEL_FLAGS = ["-O2", "-g", "-fPIC", "-shared", "-Wl,-Bsymbolic"]
BINDING_FLAGS = ["-O2", "-g", "-fPIC", "-shared", "-DNDEBUG", "-Wall", "-fwrapv"]

_COMPILE_TIMEOUT_S = 300
_ERROR_LINE = re.compile(r"(?:fatal )?error: |undefined reference|cannot find |Error: ")
# What the first error line says -> how to mend it.
_FIXES = [
    (r"libunwind\.h|-lunwind", "apt install libunwind-dev"),
    (r"crti?\.o|stdio\.h|stddef\.h|bits/", "apt install gcc libc6-dev"),
    (r"No space left", "free some disk space"),
]


class BuildError(Exception):
    """One line that says what could not be built, why, and how to mend it."""


class Toolchain:
    """A compiler with the folder for its logs.

    Generators use extension(); shared() is for what has nothing to do with Python.
    """

    def __init__(self, cc: str, log_dir: str) -> None:
        self.command: List[str] = shlex.split(cc) or ["cc"]
        self.log_dir = log_dir

    def identity(self) -> List[object]:
        """What a cached result depends on besides its sources and flags."""
        found = shutil.which(self.command[0])
        if found is None:
            return [self.command]
        real = os.path.realpath(found)
        info = os.stat(real)
        return [self.command, real, info.st_mtime_ns, info.st_size]

    def require(self) -> None:
        if shutil.which(self.command[0]) is None:
            raise BuildError(
                "there is no C compiler '%s': apt install gcc libc6-dev, or set CC"
                % self.command[0]
            )

    def require_headers(self) -> None:
        if not facts.has_headers():
            raise BuildError(
                "Python.h of %s is missing: %s" % (sys.executable, facts.headers_fix())
            )

    def extension(
        self,
        name: str,
        sources: Sequence[str],
        out_dir: str,
        *,
        flags: Iterable[str] = (),
        include: Iterable[str] = (),
        library_dirs: Iterable[str] = (),
        libraries: Iterable[str] = ()
    ) -> str:
        """Compiles an extension module for the running interpreter; returns its file."""
        self.require()
        self.require_headers()
        suffix = sysconfig.get_config_var("EXT_SUFFIX") or ".so"
        output = os.path.join(out_dir, name + suffix)
        self.shared(
            output,
            sources,
            flags=[*BINDING_FLAGS, *flags],
            include=[*include, *facts.include_dirs()],
            link=[*("-L" + d for d in library_dirs), *("-l" + l for l in libraries)],
        )
        return output

    def shared(
        self,
        output: str,
        sources: Sequence[str],
        *,
        flags: Iterable[str],
        include: Iterable[str] = (),
        link: Iterable[str] = ()
    ) -> None:
        """Compiles sources to a shared library. Raises BuildError; the log stays in log_dir."""
        self.require()
        command = [
            *self.command,
            *flags,
            *("-I" + folder for folder in include),
            "-o",
            output,
            *sources,
            *link,
        ]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=_COMPILE_TIMEOUT_S,
                env=_compiler_environment(),
            )
        except subprocess.TimeoutExpired:
            raise BuildError("%s did not end in %d s" % (self.command[0], _COMPILE_TIMEOUT_S))
        except OSError as e:
            raise BuildError("can't run the C compiler %s: %s" % (self.command[0], e.strerror))
        if done.returncode == 0:
            return
        text = done.stdout.decode("utf-8", "replace")
        log = write_log(self.log_dir, os.path.basename(output), command, text)
        line = _first_error(text) or "it ended with %d and said nothing" % done.returncode
        line = line.replace(os.path.dirname(output) + os.sep, "")
        fix = next((fix for pattern, fix in _FIXES if re.search(pattern, line)), None)
        raise BuildError(
            "the C compiler failed: %s%s (log: %s)" % (line, ": " + fix if fix else "", log)
        )


def _compiler_environment() -> Dict[str, str]:
    """English messages, as their first error line is searched for."""
    return dict(os.environ, LC_ALL="C")


def _first_error(text: str) -> Optional[str]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in lines:
        if _ERROR_LINE.search(line):
            return line
    return lines[0] if lines else None


def write_log(log_dir: str, name: str, command: Sequence[str], text: str) -> str:
    """Keeps a failed command's output; returns the file, or why it could not be kept."""
    path = os.path.join(log_dir, re.sub(r"[^\w.+-]", "_", name) + ".log")
    try:
        os.makedirs(log_dir, exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(" ".join(shlex.quote(word) for word in command) + "\n" + text)
    except OSError as e:
        return "not kept, %s" % e.strerror
    return path
