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
    from typing import Any, Dict, List, Tuple


def _config(name):
    # type: (str) -> str
    value = sysconfig.get_config_var(name)
    return "" if value is None else str(value)


def base_executable():
    # type: () -> str
    """The interpreter itself: in a virtual environment, the one that it was made from."""
    path = sys.executable
    if sys.prefix != getattr(sys, "base_prefix", sys.prefix):
        base = getattr(sys, "_base_executable", None)
        if base and os.path.exists(base):
            path = base
    return os.path.realpath(path)


def _environment_program():
    # type: () -> object
    """The program of the virtual environment that this runs in; None in none."""
    if sys.prefix == getattr(sys, "base_prefix", sys.prefix):
        return None
    return os.path.abspath(sys.executable)


def _jit(implementation, config_args):
    # type: (str, str) -> Tuple[bool, bool]
    """Whether there is a JIT compiler, and whether it is on in this process."""
    if implementation == "graalpy":
        compiling = "[Interpreted" not in sys.version
        return compiling, compiling
    if implementation == "pypy":
        compiling = "pypyjit" in sys.builtin_module_names
        return compiling, compiling
    jit = getattr(sys, "_jit", None)  # since 3.14
    if jit is not None:
        return bool(jit.is_available()), bool(jit.is_enabled())
    match = re.search(r"--enable-experimental-jit(?:=([\w-]+))?", config_args)
    if not match or match.group(1) in ("no", "interpreter"):
        return False, False
    off_by_default = match.group(1) == "yes-off"
    return True, os.environ.get("PYTHON_JIT", "0" if off_by_default else "1") != "0"


def _gil_off():
    # type: () -> bool
    """Whether threads run Python at the same time in this process (PYTHON_GIL counts)."""
    is_enabled = getattr(sys, "_is_gil_enabled", None)  # since 3.13
    return is_enabled is not None and not is_enabled()


def _tail_call(config_args):
    # type: (str) -> bool
    return _config("Py_TAIL_CALL_INTERP") == "1" or "--with-tail-call-interp" in config_args


def _static_libpython():
    # type: () -> bool
    """Whether the interpreter is all in its program, as it runs: what sysconfig says is of the
    build, and distributions link their program otherwise."""
    try:
        with open("/proc/self/maps") as f:
            mapped = f.read()
        return "/libpython" not in mapped and "/libpypy" not in mapped
    except (IOError, OSError):
        return _config("Py_ENABLE_SHARED") == "0"


def _optimisation(config_args):
    # type: (str) -> str
    flags = " ".join(
        _config(name)
        for name in ("PY_CFLAGS", "PY_CFLAGS_NODIST", "PY_CORE_CFLAGS", "PY_CORE_LDFLAGS")
    )
    levels = re.findall(r"(?:^|\s)(-O\w*)", flags)
    found = [levels[-1]] if levels else []
    pgo = "--enable-optimizations" in config_args or "-fprofile-use" in flags
    lto = "--with-lto" in config_args or "-flto" in flags
    if pgo:
        found.append("PGO")
    if lto:
        found.append("LTO")
    # Debian makes profiled builds by calling make itself, and cleans the flags that it leaves.
    if not (pgo or lto or "--with-pydebug" in config_args):
        if "--with-wheel-pkg-dir=/usr/share/python-wheels" in config_args:
            found.append("PGO and LTO untold")
    if "--enable-bolt" in config_args:
        found.append("BOLT")
    if _tail_call(config_args):
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
    text = match.group(1).strip() if match else ""
    text = re.sub(r"^PyPy \S+ with ", "", text)
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
    if base_executable().startswith(("/usr/bin/", "/bin/")):
        if os.path.exists("/usr/bin/apt-get"):
            return "apt install python%s-dev" % version
        if os.path.exists("/usr/bin/dnf"):
            return "dnf install python3-devel"
    return "install the development headers that belong to it"


def _dotted(info):
    # type: (Tuple[Any, ...]) -> str
    """A version_info in the usual form: 3.15.0rc1."""
    version = "%d.%d.%d" % info[:3]
    if info[3] != "final":
        version += {"alpha": "a", "beta": "b", "candidate": "rc"}.get(info[3], info[3])
        version += str(info[4])
    return version


def _implementation():
    # type: () -> Tuple[str, str]
    """Its name and version; PyPy's own is another than that of the Python that it runs."""
    if not hasattr(sys, "implementation"):
        return "cpython", _dotted(tuple(sys.version_info))  # 2.7, which is too old anyway
    return sys.implementation.name, _dotted(tuple(sys.implementation.version))


def _is_debug():
    # type: () -> bool
    return hasattr(sys, "gettotalrefcount") or _config("Py_DEBUG") == "1"


def build_label():
    # type: () -> str
    """What stays the same whatever switches it runs with: cpython-3.13.0t."""
    suffix = "t" if _config("Py_GIL_DISABLED") == "1" else ""
    suffix += "-debug" if _is_debug() else ""
    return "%s-%s%s" % (_implementation() + (suffix,))


def facts():
    # type: () -> Dict[str, object]
    implementation, own_version = _implementation()
    config_args = _config("CONFIG_ARGS")
    free_threaded = _config("Py_GIL_DISABLED") == "1"
    gil_off = _gil_off()
    jit_built, jit = _jit(implementation, config_args)
    debug = _is_debug()
    suffix = "t" if free_threaded else ""
    suffix += "-gil" if free_threaded and not gil_off else ""
    suffix += "-jit" if jit and implementation == "cpython" else ""
    suffix += "-debug" if debug else ""
    headers = has_headers()
    # The others are measured through ctypes: they lack headers for some bindings only.
    needed = implementation == "cpython" and not headers
    return {
        "implementation": implementation,
        "version": _dotted(tuple(sys.version_info)),
        "label": "%s-%s%s" % (implementation, own_version, suffix),
        "executable": base_executable(),
        "program": _environment_program(),
        "free_threaded": free_threaded,
        "gil_off": gil_off,
        "jit": jit,
        "jit_built": jit_built,
        "debug": debug,
        "tail_call": _tail_call(config_args),
        "static_libpython": _static_libpython(),
        "optimisation": _optimisation(config_args),
        "compiler": _compiler(),
        "libc": _libc(),
        "headers": headers,
        "missing": "Python.h is missing: " + headers_fix() if needed else None,
        "config_args": config_args,
        "soabi": _config("SOABI"),
        "prefix": sys.prefix,
    }


if __name__ == "__main__":
    # On a line of its own: a sitecustomize may have printed something before.
    sys.stdout.write("\n" + json.dumps(facts(), sort_keys=True) + "\n")
