# SPDX-License-Identifier: MIT
"""Prints the build facts of the interpreter that runs it, as one JSON object.

Written so that Python 2.7 and any other implementation can run it too: an interpreter that probe
can't use should be able to say what it is.
"""

import json
import os
import re
import sys
import sysconfig

if False:  # for type checkers: 2.7 has no typing module
    from typing import Dict, List


def _config(name):
    # type: (str) -> str
    value = sysconfig.get_config_var(name)
    return "" if value is None else str(value)


def _base_executable():
    # type: () -> str
    """The interpreter itself: in a virtual environment, the one that it was made from."""
    path = sys.executable
    if sys.prefix != getattr(sys, "base_prefix", sys.prefix):
        base = getattr(sys, "_base_executable", None)
        if base and os.path.exists(base):
            path = base
    return os.path.realpath(path)


def _jit(config_args):
    # type: (str) -> bool
    """Whether the JIT compiler is on in this process (PYTHON_JIT counts)."""
    jit = getattr(sys, "_jit", None)  # since 3.14
    if jit is not None:
        return bool(jit.is_enabled())
    match = re.search(r"--enable-experimental-jit(?:=([\w-]+))?", config_args)
    if not match or match.group(1) in ("no", "interpreter"):
        return False
    off_by_default = match.group(1) == "yes-off"
    return os.environ.get("PYTHON_JIT", "0" if off_by_default else "1") != "0"


def _optimisation(config_args):
    # type: (str) -> str
    flags = " ".join(
        _config(name)
        for name in ("PY_CFLAGS", "PY_CFLAGS_NODIST", "PY_CORE_CFLAGS", "PY_CORE_LDFLAGS")
    )
    levels = re.findall(r"(?:^|\s)(-O\w*)", flags)
    found = [levels[-1]] if levels else []
    if "--enable-optimizations" in config_args or "-fprofile-use" in flags:
        found.append("PGO")
    if "--with-lto" in config_args or "-flto" in flags:
        found.append("LTO")
    if "--enable-bolt" in config_args:
        found.append("BOLT")
    if "--with-tail-call-interp" in config_args:
        found.append("tail-call")
    return ", ".join(found)


def _libc():
    # type: () -> str
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, OSError, ValueError):
        return ""


def _compiler():
    # type: () -> str
    match = re.search(r"\[([^\]]*)\]\s*$", sys.version)
    text = match.group(1) if match else ""
    return re.sub(r"^GCC (\S+).*", r"GCC \1", text)


def include_dirs():
    # type: () -> List[str]
    """Where Python.h and pyconfig.h are said to be; the same folder twice on most builds."""
    paths = sysconfig.get_paths()
    found = []
    for key in ("include", "platinclude"):
        if paths.get(key) and paths[key] not in found:
            found.append(paths[key])
    return found


def has_headers():
    # type: () -> bool
    return any(os.path.isfile(os.path.join(d, "Python.h")) for d in include_dirs())


def headers_fix():
    # type: () -> str
    """How to get Python.h for this interpreter, in a few words."""
    version = "%d.%d" % sys.version_info[:2]
    if _base_executable().startswith(("/usr/bin/", "/bin/")):
        if os.path.exists("/usr/bin/apt-get"):
            return "apt install python%s-dev" % version
        if os.path.exists("/usr/bin/dnf"):
            return "dnf install python3-devel"
    return "install the development headers that belong to it"


def _label(implementation, version, suffix):
    # type: (str, str, str) -> str
    return "%s-%s%s" % (implementation, version, suffix)


def facts():
    # type: () -> Dict[str, object]
    if hasattr(sys, "implementation"):
        implementation = sys.implementation.name
    else:
        implementation = "cpython"  # 2.7, which is too old anyway
    info = sys.version_info
    version = "%d.%d.%d" % info[:3]
    if info[3] != "final":
        version += {"alpha": "a", "beta": "b", "candidate": "rc"}[info[3]] + str(info[4])
    config_args = _config("CONFIG_ARGS")
    free_threaded = _config("Py_GIL_DISABLED") == "1"
    jit = _jit(config_args)
    debug = hasattr(sys, "gettotalrefcount") or _config("Py_DEBUG") == "1"
    suffix = "t" if free_threaded else ""
    suffix += "-jit" if jit else ""
    suffix += "-debug" if debug else ""
    headers = has_headers()
    return {
        "implementation": implementation,
        "version": version,
        "label": _label(implementation, version, suffix),
        "executable": _base_executable(),
        "free_threaded": free_threaded,
        "jit": jit,
        "debug": debug,
        "optimisation": _optimisation(config_args),
        "compiler": _compiler(),
        "libc": _libc(),
        "headers": headers,
        "missing": None if headers else "Python.h is missing: " + headers_fix(),
        "config_args": config_args,
        "soabi": _config("SOABI"),
        "prefix": sys.prefix,
    }


if __name__ == "__main__":
    # On a line of its own: a sitecustomize may have printed something before.
    sys.stdout.write("\n" + json.dumps(facts(), sort_keys=True) + "\n")
