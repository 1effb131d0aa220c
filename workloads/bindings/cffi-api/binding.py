# SPDX-License-Identifier: MIT
"""cffi out-of-line API mode: set_source(), and the C file that cffi writes, compiled."""

import itertools
import os
import sys
import sysconfig
from typing import Any, Callable, Dict, FrozenSet, Iterator, Optional, Sequence, Tuple

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import _cffi_model
import _extension
import _model

# By prototype, the module's ffi and lib, and which of its callbacks comes next.
_loaded: Dict[str, Tuple[Any, Any, Iterator[int]]] = {}


def module_name(prototype: Dict[str, Any]) -> str:
    return "_pb_cffi_api_%s" % prototype["name"]


def _callback_name(param: Dict[str, Any], which: int) -> str:
    return "pb_callback_%s_%d" % (param["name"], which)


def _definitions(prototype: Dict[str, Any]) -> str:
    """For cdef(): callbacks are extern "Python" functions, as the documentation advises.

    Such a function has one Python callable at a time. There are two of each, so that two sets of
    arguments can exist side by side.
    """
    lines = [_model.declarations(prototype)]
    for param in prototype["params"]:
        if _model.role(param) == "callback":
            made = param["callback"]
            params = ", ".join(made["params"]) or "void"
            for which in range(2):
                name = _model.variable(made["returns"], _callback_name(param, which))
                lines.append('extern "Python" %s(%s);\n' % (name, params))
    return "".join(lines)


def build(
    prototype: Dict[str, Any], out_dir: str, cc: Any, lib_dir: str, options: FrozenSet[str]
) -> None:
    import cffi

    _cffi_model.check(prototype)
    name = module_name(prototype)
    ffi = cffi.FFI()
    ffi.cdef(_definitions(prototype))
    ffi.set_source(name, _model.HEADERS + _model.declarations(prototype))
    source = os.path.join(out_dir, name + ".c")
    ffi.emit_c_code(source)
    # cffi's own build step says the same for free-threaded builds, which had no stable ABI yet.
    free_threaded = sysconfig.get_config_var("Py_GIL_DISABLED") == 1
    cc.extension(
        name,
        [source],
        out_dir,
        flags=["-D_CFFI_NO_LIMITED_API"] if free_threaded and sys.version_info < (3, 15) else [],
        library_dirs=[lib_dir],
        libraries=["probe_target_" + prototype["name"]],
    )


def load(
    prototype: Dict[str, Any], out_dir: Optional[str], library: str, options: FrozenSet[str]
) -> Callable[..., Any]:
    module = _extension.load(module_name(prototype), out_dir)
    _loaded[_cffi_model.key(prototype)] = module.ffi, module.lib, itertools.cycle(range(2))
    function: Callable[..., Any] = getattr(module.lib, prototype["name"])
    return function


def arguments(prototype: Dict[str, Any], args: Sequence[Any]) -> Tuple[Any, ...]:
    ffi, lib, order = _loaded[_cffi_model.key(prototype)]
    which = next(order)

    def callback(param: Dict[str, Any], call: Any) -> Any:
        name = _callback_name(param, which)
        ffi.def_extern(name=name)(call)
        return getattr(lib, name)

    return _cffi_model.arguments(ffi, prototype, args, callback)


def plain(prototype: Dict[str, Any], result: Any, args: Sequence[Any]) -> Any:
    ffi, _, _ = _loaded[_cffi_model.key(prototype)]
    return _cffi_model.plain(ffi, prototype, result, args)
