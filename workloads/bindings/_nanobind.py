# SPDX-License-Identifier: MIT
"""Builds nanobind's extension modules as the notes in its nb_combined.cpp and its CMake rules do.

Its own part, libnanobind, is compiled once for an interpreter and linked into every module.
"""

import fcntl
import hashlib
import os
import sys
import sysconfig
from typing import Any, Dict, List

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
import _cpp

FREE_THREADED = sysconfig.get_config_var("Py_GIL_DISABLED") == 1

# -fno-stack-protector and gnu2, the faster way to thread-local variables: what its CMake rules add.
_COMMON = ["-std=c++17", "-fvisibility=hidden", "-DNDEBUG", "-DNB_COMPACT_ASSERTIONS", "-g0"]
_COMMON += ["-fno-stack-protector"]
_SECTIONS = ["-ffunction-sections", "-fdata-sections"]
_OWN_PART = ["-O3", "-fPIC", "-fno-strict-aliasing", *_SECTIONS, "-DNB_BUILD", "-c"]
_OWN_PART += ["-mtls-dialect=gnu2"] if os.uname().machine == "x86_64" else []
_EXTENSION = ["-Os", "-fno-stack-protector", *_SECTIONS, "-Wl,--gc-sections"]


def _buffer(param: Dict[str, Any]) -> _cpp.Buffer:
    """nb::ndarray as its documentation declares arrays that C code reads."""
    const = "const" in param["type"].split()
    if param["item"] == "void":
        take = "nb::ndarray<%snb::c_contig, nb::device::cpu>" % ("nb::ro, " if const else "")
        return _cpp.Buffer(take, [], "@.data()", "@.nbytes()")
    take = "nb::ndarray<%s%s, nb::ndim<1>, nb::c_contig, nb::device::cpu>" % (
        "const " if const else "",
        _cpp.cpp_type(param["item"]),
    )
    return _cpp.Buffer(take, [], "@.data()", "@.size()")


LIBRARY = _cpp.Library(
    space="nb",
    includes={
        "core": "<nanobind/nanobind.h>",
        "buffer": "<nanobind/ndarray.h>",
        "complex": "<nanobind/stl/complex.h>",
        "tuple": "<nanobind/stl/tuple.h>",
    },
    helpers="",
    module="NB_MODULE(@, m)",
    init='.def("__init__", [](%(type)s *self, %(params)s) { new (self) %(type)s{%(names)s}; })',
    local="",  # NB_DOMAIN does that
    member="def_rw",
    property="def_prop_rw",
    callable="callable",
    text={"str": "const char *", "bytes": "nb::bytes"},
    direct_text=("str",),
    # Without the first it copies an array of another type or layout, and a write goes to the copy.
    annotations={"buffer": ".noconvert()", "null": ".none()"},
    docstring=False,
    buffer=_buffer,
)


def _own_part(cc: Any, flags: List[str]) -> str:
    """libnanobind as an object file, from the cache of this interpreter."""
    import nanobind

    sources = nanobind.source_dir()
    include = [nanobind.include_dir(), os.path.join(sources, "../ext/robin_map/include")]
    include += [sysconfig.get_path("include"), sysconfig.get_path("platinclude")]
    made_with = [nanobind.__version__, cc.identity(), *_COMMON, *_OWN_PART, *flags]
    key = hashlib.sha256(repr(made_with).encode()).hexdigest()[:16]
    folder = cc.shared_dir("nanobind")
    made = os.path.join(folder, key + ".o")
    with open(made + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(made):
            partial = made + ".part"
            cc.shared(
                partial,
                [os.path.join(sources, "nb_combined.cpp")],
                flags=[*_COMMON, *_OWN_PART, *flags],
                include=include,
                language="c++",
            )
            os.replace(partial, made)
    return made


def build(
    generator: _cpp.Generator,
    prototype: Dict[str, Any],
    out_dir: str,
    cc: Any,
    lib_dir: str,
    options: Any,
    abi: List[str],
) -> None:
    """abi: the macros that choose an ABI, the same for the module and nanobind's part in it."""
    import nanobind

    abi = [*abi, *(["-DNB_FREE_THREADED"] if "freethreading" in options and FREE_THREADED else [])]
    source = generator.write(prototype, out_dir, options)
    split = any("NB_BACKEND_MODULE" in flag for flag in abi)
    cc.extension(
        generator.module(prototype),
        [source] if split else [source, _own_part(cc, abi)],
        out_dir,
        flags=[*_COMMON, *_EXTENSION, *abi, "-DNB_DOMAIN=" + generator.module(prototype)],
        include=[nanobind.include_dir()],
        library_dirs=[lib_dir],
        libraries=["probe_target_" + prototype["name"]],
        language="c++",
        abi3=any(flag.startswith("-DPy_LIMITED_API") for flag in abi),
    )
