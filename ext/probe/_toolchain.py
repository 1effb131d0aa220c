# SPDX-License-Identifier: MIT
"""The C compiler, as kernels, the extension and the bindings' generators use it."""

import errno
import importlib.machinery
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

import facts

# What a kernel is: the same code whether it is called through the veneer or directly, and its own
# calls (fib) stay inside although another library exports the same name.
KERNEL_FLAGS = ["-O2", "-g", "-fPIC", "-shared", "-Wl,-Bsymbolic"]
BINDING_FLAGS = ["-O2", "-g", "-fPIC", "-shared", "-DNDEBUG", "-Wall", "-fwrapv"]

_COMPILE_TIMEOUT_S = 300
_TOOL_TIMEOUT_S = 1200  # a first cargo build compiles the whole of PyO3
_ERROR_LINE = re.compile(
    r"(?:fatal )?error(?:\[E\d+\])?: |undefined reference|cannot find |Error: "
)
# What stands further down, under an error that has many causes.
_CAUSE = re.compile(r"failed to verify the checksum of")
# What the first error line says -> how to mend it.
_FIXES = [
    (r"libunwind\.h|-lunwind", "apt install libunwind-dev"),
    (r"crti?\.o|stdio\.h|stddef\.h|bits/", "apt install gcc libc6-dev"),
    (r"No space left", "free some disk space"),
    (r"File name too long", "give the function a shorter name"),
    (r"linker `cc` not found", "apt install gcc libc6-dev"),
    (
        r"failed to (?:download|get `)|no matching package named",
        "connect to a network, so that cargo can get its crates once",
    ),
    (
        r"checksum (?:for|of) `",
        "the crate was changed on its way: check the registry or mirror that cargo uses",
    ),
]


class BuildError(Exception):
    """One line that says what could not be built, why, and how to mend it."""


class MissingTool(BuildError):
    """What would build it is not there; what was built before may still be."""


def explain_os(e: OSError) -> str:
    """One line for what the system refused, with a cure where a limit or a mount is the reason."""
    said = e.strerror or str(e)
    if e.filename:
        said += ": %s" % os.fsdecode(e.filename)
    cure = _CURES.get(e.errno or 0)
    return "%s; %s" % (said, cure) if cure else said


_CURES = {
    errno.EMFILE: "raise the limit on open files, `ulimit -n 1024`",
    errno.ENFILE: "the system has no more open files to give: close some programs",
    errno.EAGAIN: "the limit on processes is reached: raise it, `ulimit -u`, or end some",
    errno.ENAMETOOLONG: "the function's name is too long for a binding: give it a shorter one",
    errno.ENOSPC: "free some disk space",
    errno.EDQUOT: "free some of your disk quota",
}


def run_tool(
    command: Sequence[str],
    what: str,
    timeout_s: float,
    *,
    cwd: Optional[str] = None,
    env: Optional[Mapping[str, str]] = None,
    slow: str = "",
) -> Tuple[int, str]:
    """Runs a program and returns its exit status, and what it printed on both its outputs.

    what: its name in messages; slow: the likely reason where it does not end. Raises BuildError.
    """
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            cwd=cwd,
            env=env,
        )
    except subprocess.TimeoutExpired:
        raise BuildError("%s did not end in %g s%s" % (what, timeout_s, slow and ": " + slow))
    except OSError as e:
        raise BuildError("can't run %s (%s): %s" % (what, command[0], explain_os(e)))
    return done.returncode, done.stdout.decode("utf-8", "replace")


class Toolchain:
    """A compiler with the folder for its logs.

    Generators use extension() and run(); shared() is for what has nothing to do with Python.
    """

    def __init__(self, cc: str, log_dir: str, cxx: str = "c++", offline: bool = False) -> None:
        self.command: List[str] = shlex.split(cc) or ["cc"]
        self.cxx: List[str] = shlex.split(cxx) or ["c++"]
        self.log_dir = log_dir
        self.offline = offline  # a tool that downloads must do without
        self._versions: Dict[str, str] = {}

    def shared_dir(self, name: str) -> str:
        """A folder for what all builds for this interpreter share, as a build tool's own cache.

        Other processes and threads may be using it: whoever writes there takes a lock.
        """
        folder = os.path.join(os.path.dirname(self.log_dir), name)
        os.makedirs(folder, exist_ok=True)
        return folder

    def identity(self) -> List[object]:
        """What a cached result depends on besides its sources and flags: both compilers."""
        found: List[object] = []
        for command in (self.command, self.cxx):
            found.append(command)
            program = shutil.which(command[0])
            if program is not None:
                real = os.path.realpath(program)
                info = os.stat(real)
                found += [real, info.st_mtime_ns, info.st_size]
        return found

    def version_of(self, tool: str) -> str:
        """What a program says of its version; a file's date won't do, as rustup's are stand-ins."""
        if tool not in self._versions:
            try:
                self._versions[tool] = self.run([tool, "--version"], tool, tool, timeout_s=30)
            except BuildError:
                self._versions[tool] = "unknown"
        return self._versions[tool]

    def require(self, language: str = "c") -> None:
        cxx = language == "c++"
        command = self.cxx if cxx else self.command
        if shutil.which(command[0]) is None:
            raise MissingTool(
                "there is no %s compiler '%s': apt install %s libc6-dev, or set %s"
                % (
                    "C++" if cxx else "C",
                    command[0],
                    "g++" if cxx else "gcc",
                    "CXX" if cxx else "CC",
                )
            )

    def require_headers(self) -> None:
        if not facts.has_headers():
            raise MissingTool(
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
        libraries: Iterable[str] = (),
        language: str = "c",
        abi3: bool = False,
    ) -> str:
        """Compiles an extension module for the running interpreter; returns its file.

        abi3 names the file for the stable ABI; the flags must ask for it (Py_LIMITED_API).
        """
        self.require(language)
        self.require_headers()
        if abi3 and ".abi3.so" not in importlib.machinery.EXTENSION_SUFFIXES:
            raise BuildError("this interpreter loads no extension for the stable ABI (.abi3.so)")
        suffix = ".abi3.so" if abi3 else sysconfig.get_config_var("EXT_SUFFIX") or ".so"
        output = os.path.join(out_dir, name + suffix)
        self.shared(
            output,
            sources,
            flags=[*BINDING_FLAGS, *flags],
            include=[*include, *facts.include_dirs()],
            link=[*("-L" + d for d in library_dirs), *("-l" + l for l in libraries)],
            language=language,
        )
        return output

    def shared(
        self,
        output: str,
        sources: Sequence[str],
        *,
        flags: Iterable[str],
        include: Iterable[str] = (),
        link: Iterable[str] = (),
        language: str = "c",
    ) -> None:
        """Compiles sources to a shared library. Raises BuildError; the log stays in log_dir."""
        self.require(language)
        command = [
            *(self.cxx if language == "c++" else self.command),
            *flags,
            *("-I" + folder for folder in include),
            "-o",
            output,
            *sources,
            *link,
        ]
        what = "the %s compiler" % language.upper()
        self.run(command, what, os.path.basename(output), timeout_s=_COMPILE_TIMEOUT_S)

    def run(
        self,
        command: Sequence[str],
        what: str,
        name: str,
        *,
        cwd: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
        timeout_s: float = _TOOL_TIMEOUT_S,
    ) -> str:
        """Runs a build tool and returns what it printed.

        what: its name in messages ("cargo"); name: of what it makes, for the log's file; env: what
        differs from this process's environment. Raises BuildError, with the first error line.
        """
        code, text = run_tool(
            command, what, timeout_s, cwd=cwd, env=dict(_tool_environment(), **(env or {}))
        )
        if not code:
            return text
        log = write_log(self.log_dir, name, command, text)
        line = _first_error(text) or "it ended with %d and said nothing" % code
        if "-o" in command:
            folder = os.path.dirname(command[list(command).index("-o") + 1])
            line = line.replace(folder + os.sep, "")
        fix = next((fix for pattern, fix in _FIXES if re.search(pattern, line)), None)
        raise BuildError("%s failed: %s%s (log: %s)" % (what, line, ": " + fix if fix else "", log))


def _tool_environment() -> Dict[str, str]:
    """English messages, as their first error line is searched for."""
    return dict(os.environ, LC_ALL="C")


def _first_error(text: str) -> Optional[str]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for pattern in (_CAUSE, _ERROR_LINE):
        for line in lines:
            if pattern.search(line):
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
