# SPDX-License-Identifier: MIT
"""cffi out-of-line API mode: set_source(), and the C file that cffi writes, compiled."""

import os
import sys
import sysconfig
from typing import Any, Callable, Dict, List, Optional

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import _declare
import _extension

_loaded: List[Any] = []


def module_name(prototype: Dict[str, Any]) -> str:
    return "_pb_cffi_api_" + prototype["name"]


def build(prototype: Dict[str, Any], out_dir: str, cc: Any, lib_dir: str) -> None:
    import cffi

    name = module_name(prototype)
    ffi = cffi.FFI()
    ffi.cdef(_declare.function(prototype))
    ffi.set_source(name, "#include <stddef.h>\n" + _declare.function(prototype) + "\n")
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


def load(prototype: Dict[str, Any], out_dir: Optional[str], library: str) -> Callable[..., Any]:
    module = _extension.load(module_name(prototype), out_dir)
    _loaded.append(module.lib)
    return getattr(module.lib, prototype["name"])


def adapt(arg: Any, ctype: str) -> Any:
    if ctype == "const double *":
        import cffi

        return cffi.FFI().from_buffer("double[]", arg)
    return arg
