# SPDX-License-Identifier: MIT
"""A C extension module in the Limited API: one file for this Python and later ones."""

import os
import sys
import sysconfig
from typing import Any, Dict, List

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import _capi
import _model
from _capi_roles import Roles, accepted

# PyObject_Vectorcall() came to the Limited API with 3.12, later than all versions asked for here.
_CALL = """
/* Takes over the arguments, of which one that could not be made is NULL. */
static PyObject *$function(PyObject *callable, PyObject *const *args, Py_ssize_t count)
{
	PyObject *tuple = $tuple_of(args, count);
	PyObject *got = tuple ? PyObject_CallObject(callable, tuple) : NULL;
	Py_XDECREF(tuple);
	return got;
}
"""

_FUNCTIONS_FOR_MACROS = """
#define PyTuple_GET_ITEM PyTuple_GetItem
#define PyTuple_GET_SIZE PyTuple_Size
#define PyTuple_SET_ITEM PyTuple_SetItem
"""


def limited_api(prototype: Dict[str, Any]) -> int:
    """The oldest Limited API that has what the prototype needs and that this Python knows."""
    roles = [_model.role(p) for p in prototype["params"]]
    if sysconfig.get_config_var("Py_GIL_DISABLED") == 1:
        raise _model.Inexpressible("free-threaded builds of Python don't load abi3 extensions")
    if "buffer" in roles:
        if sys.version_info < (3, 11):
            raise _model.Inexpressible("the Limited API has no buffers before Python 3.11")
        return 0x030B0000
    if sys.version_info >= (3, 10):
        return 0x030A0000  # the first with METH_FASTCALL
    for param in prototype["params"]:
        if _model.role(param) == "string" and len(accepted(param)) > 1:
            raise _model.Inexpressible(
                "the Limited API has no PyUnicode_AsUTF8AndSize before Python 3.10"
            )
    return 0x03080000


class _Roles(Roles):
    def define_call(self) -> str:
        return self.dialect.define("call", _CALL, tuple_of=self.dialect.tuple_of())


class _Generator(_capi.Generator):
    roles = _Roles
    head = _capi.Generator.head + _FUNCTIONS_FOR_MACROS

    def flags(self, prototype: Dict[str, Any]) -> List[str]:
        return ["-DPy_LIMITED_API=0x%08X" % limited_api(prototype)]


_generator = _Generator(
    "capi-abi3", _capi.FASTCALL if sys.version_info >= (3, 10) else _capi.VARARGS
)
build = _generator.build
load = _generator.load
