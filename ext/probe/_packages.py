# SPDX-License-Identifier: MIT
"""Pinned packages in a virtual environment of probe's own: no environment of the user is touched."""

import glob
import importlib
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from typing import Dict, Iterable, List, Optional, Tuple

import _cache
import facts
from _toolchain import BuildError, write_log

_PIP_TIMEOUT_S = 600
# A missing network should be told soon, not after pip's five patient retries.
_PIP_OPTIONS = ["--disable-pip-version-check", "--no-input", "--retries", "1", "--timeout", "15"]
_NETWORK = re.compile(
    "NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|Max retries|ProxyError"
    "|Connection refused|Network is unreachable|Temporary failure in name resolution"
)
# Settings of the user that would send packages elsewhere.
_UNWANTED = ("PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PYTHONPATH")


def _python_matches(condition: str) -> bool:
    """ ">=3.9,<3.13" against the running interpreter; "" is always true."""
    for part in filter(None, (p.strip() for p in condition.split(","))):
        match = re.fullmatch(r"(>=|<=|==|<|>)\s*(\d+)\.(\d+)", part)
        if not match:
            raise BuildError("requirements.json: '%s' is no version condition" % part)
        wanted = (int(match.group(2)), int(match.group(3)))
        have = sys.version_info[:2]
        if not {
            ">=": have >= wanted,
            "<=": have <= wanted,
            "==": have == wanted,
            "<": have < wanted,
            ">": have > wanted,
        }[match.group(1)]:
            return False
    return True


def _row(name: str, tables: List[Dict[str, List[Dict[str, str]]]]) -> Dict[str, str]:
    """What the first file that pins a package says of it for this interpreter.

    "python": for these versions; "implementation": for this one alone; "bundled": a module that the
    interpreter itself has, as another one would not fit or takes too long to be built.
    """
    rows: List[Dict[str, str]] = next((table[name] for table in tables if name in table), [])
    own = sys.implementation.name
    for row in rows:
        if _python_matches(row.get("python", "")) and row.get("implementation", own) == own:
            return row
    raise BuildError(
        "no version of %s is pinned for Python %d.%d: add one to requirements.json"
        % (name, *sys.version_info[:2])
    )


def _tables(files: Iterable[str]) -> List[Dict[str, List[Dict[str, str]]]]:
    tables: List[Dict[str, List[Dict[str, str]]]] = []
    for path in files:
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                tables.append(json.load(f))
    return tables


def pins(names: Iterable[str], files: Iterable[str]) -> Dict[str, str]:
    """The version of each package that has to be installed, by the first file that pins it.

    A name with "==" pins itself; what has to be the interpreter's own is left out.
    """
    tables = _tables(files)
    found: Dict[str, str] = {}
    for name in names:
        if "==" in name:
            package, version = name.split("==", 1)
            found[package] = version
            continue
        row = _row(name, tables)
        if "version" in row:
            found[name] = row["version"]
        elif importlib.util.find_spec(row["bundled"]) is None:
            raise BuildError(
                "there is no %s in this %s, and probe installs none into it"
                % (name, sys.implementation.name)
            )
    return found


def bundled(names: Iterable[str], files: Iterable[str]) -> Dict[str, str]:
    """The versions of those that are the interpreter's own."""
    tables = _tables(files)
    found: Dict[str, str] = {}
    for name in names:
        module = "" if "==" in name else _row(name, tables).get("bundled", "")
        if module and importlib.util.find_spec(module) is not None:
            version = getattr(importlib.import_module(module), "__version__", None)
            found[name] = "%s, bundled" % version if version else "bundled"
    return found


def _bundled_pip() -> Optional[str]:
    """The wheel of pip that came with the interpreter; it runs without being installed."""
    folders = [sysconfig.get_config_var("WHEEL_PKG_DIR") or ""]
    try:
        import ensurepip

        folders.append(os.path.join(os.path.dirname(ensurepip.__file__), "_bundled"))
    except ImportError:
        pass  # Debian without python3-venv
    for folder in filter(None, folders):
        wheels = sorted(glob.glob(os.path.join(glob.escape(folder), "pip-*.whl")))
        if wheels:
            return wheels[-1]
    return None


def _can_serve_others(pip: List[str]) -> bool:
    """Whether this pip is recent enough (22.3) to install for another interpreter."""
    try:
        done = subprocess.run(
            [*pip, "--version"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    match = re.match(rb"pip (\d+)\.(\d+)", done.stdout)
    return bool(match and (int(match.group(1)), int(match.group(2))) >= (22, 3))


def _pip_for(python: str) -> List[str]:
    """A command that installs into the environment of that python."""
    wheel = _bundled_pip()
    if wheel:
        return [python, os.path.join(wheel, "pip")]
    candidates = [[sys.executable, "-m", "pip"]]
    candidates += [[p] for p in (shutil.which("pip3"), shutil.which("pip")) if p]
    for pip in candidates:
        if _can_serve_others(pip):
            return [*pip, "--python", python]
    raise BuildError(
        "there is no pip for %s: %s"
        % (
            sys.executable,
            (
                "apt install python3-venv"
                if os.path.exists("/usr/bin/apt-get")
                else "install pip 22.3 or later"
            ),
        )
    )


_COMPILE_ERROR = re.compile(r":\d+:\d+: (fatal )?error: ")


def _explain(text: str, wanted: str, log: str) -> str:
    if _NETWORK.search(text):
        return (
            "%s can't be downloaded: connect to a network, or point PIP_INDEX_URL at an index that "
            "can be reached, and run again (log: %s)" % (wanted, log)
        )
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if any("No matching distribution" in line for line in lines):
        return "there is no %s for Python %d.%d (log: %s)" % (wanted, *sys.version_info[:2], log)
    # The compiler's first error, else what a package's own build said last, say more than pip.
    compiled = [line for line in lines if _COMPILE_ERROR.search(line)]
    own = [before for before, line in zip(lines, lines[1:]) if line == "[end of output]"]
    errors = [line for line in lines if line.lower().startswith("error")]
    last = (compiled[:1] or own or errors or lines or ["it said nothing"])[-1]
    return "pip can't install %s: %s (log: %s)" % (wanted, last, log)


def _install(python: str, packages: Dict[str, str], log_dir: str) -> None:
    wanted = ["%s==%s" % item for item in sorted(packages.items())]
    command = [*_pip_for(python), "install", *_PIP_OPTIONS, "--prefer-binary", *wanted]
    environment = {k: v for k, v in os.environ.items() if k not in _UNWANTED}
    # Some packages take every warning for an error: those of Python's own headers are not theirs.
    own_headers = [shlex.quote("-isystem" + folder) for folder in facts.include_dirs()]
    environment["CFLAGS"] = " ".join([environment.get("CFLAGS", ""), *own_headers]).strip()
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_PIP_TIMEOUT_S,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        raise BuildError("pip did not end in %d s: is the network slow?" % _PIP_TIMEOUT_S)
    except OSError as e:
        raise BuildError("can't run %s: %s" % (command[0], e.strerror))
    if done.returncode:
        text = done.stdout.decode("utf-8", "replace")
        log = write_log(log_dir, "pip", command, text)
        raise BuildError(_explain(text, " ".join(wanted), log))


def find(parent: str, packages: Dict[str, str]) -> Optional[Tuple[str, Dict[str, str]]]:
    """An undamaged environment that has these packages."""
    for folder in sorted(glob.glob(os.path.join(glob.escape(parent), "venv-*"))):
        stamp = _cache.read_stamp(folder, by_content=False)
        has = stamp.get("packages", {}) if stamp else {}
        if stamp and all(has.get(name) == version for name, version in packages.items()):
            _cache.note_use(folder)
            return folder, has
    return None


def environment(
    parent: str, packages: Dict[str, str], offline: bool, log_dir: str
) -> Tuple[str, Dict[str, str]]:
    """A virtual environment with these packages and what it has in all.

    Made below parent unless one is there; one that is there is never changed, as another process
    may be measuring in it. Raises BuildError.
    """
    found = find(parent, packages)
    if found:
        return found
    wanted = " ".join("%s==%s" % item for item in sorted(packages.items()))
    if offline:
        raise BuildError("%s is not in the cache, and downloads are switched off" % wanted)

    def build(folder: str) -> Dict[str, object]:
        import venv  # needed when something is missing only

        try:
            venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
        except (OSError, subprocess.SubprocessError) as e:
            raise BuildError("can't make a virtual environment for %s: %s" % (sys.executable, e))
        _install(python_in(folder), packages, log_dir)
        return {"packages": packages}

    with _cache.locked(parent):
        found = find(parent, packages)  # someone else may have made it meanwhile
        if found:
            return found
        name = "venv-" + _cache.digest(packages, length=8)
        return _cache.make(parent, lambda notes: name, build, by_content=False), packages


def python_in(folder: str) -> str:
    return os.path.join(folder, "bin", "python")


def site_packages(folder: str) -> str:
    """Where an environment of the running interpreter keeps its modules."""
    return sysconfig.get_path("purelib", "posix_prefix", {"base": folder})
