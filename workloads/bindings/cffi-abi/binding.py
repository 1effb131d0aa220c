# SPDX-License-Identifier: MIT
"""cffi in-line ABI mode, as its documentation shows it: cdef() and dlopen()."""

import os
import sys
from typing import Any, Callable, Dict, FrozenSet, List, Optional, Sequence, Tuple

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import _cffi_model
import _model

# By prototype, the ffi and the library: a library object unloads its library when it goes, and a
# function doesn't hold it.
_loaded: Dict[str, Tuple[Any, Any]] = {}


def _values(prototype: Dict[str, Any]) -> List[str]:
    """The types that go through libffi by value, struct fields included."""
    direct = [prototype["returns"]]
    for param in prototype["params"]:
        if _model.role(param) == "value":
            direct.append(param["type"])
        elif _model.role(param) == "callback":
            direct += [param["callback"]["returns"], *param["callback"]["params"]]
    fields = [_model.fields(prototype, ctype) or [] for ctype in direct]
    return direct + [field["type"] for of_one in fields for field in of_one]


def load(
    prototype: Dict[str, Any], out_dir: Optional[str], library: str, options: FrozenSet[str]
) -> Callable[..., Any]:
    import cffi

    _cffi_model.check(prototype)
    if any("_Complex" in ctype for ctype in _values(prototype)):
        raise _model.Inexpressible("cffi passes complex numbers in API mode only, not by libffi")
    ffi = cffi.FFI()
    ffi.cdef(_model.declarations(prototype))
    lib = ffi.dlopen(library)
    _loaded[_cffi_model.key(prototype)] = ffi, lib
    try:
        function: Callable[..., Any] = getattr(lib, prototype["name"])
    except KeyError as e:  # before 2.0: complex types, also where only their address is passed
        raise _model.Inexpressible("this cffi does not know the type %s in ABI mode" % e)
    return function


def arguments(prototype: Dict[str, Any], args: Sequence[Any]) -> Tuple[Any, ...]:
    ffi, _ = _loaded[_cffi_model.key(prototype)]
    # API mode has the better way, extern "Python", which needs a compiler.
    return _cffi_model.arguments(
        ffi, prototype, args, lambda param, call: ffi.callback(param["type"], call)
    )


def plain(prototype: Dict[str, Any], result: Any, args: Sequence[Any]) -> Any:
    ffi, _ = _loaded[_cffi_model.key(prototype)]
    return _cffi_model.plain(ffi, prototype, result, args)
