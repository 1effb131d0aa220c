# SPDX-License-Identifier: MIT
"""The smallest generator: functions of two ints, by PyArg_ParseTuple."""

import importlib.util
import os
from typing import Any, Callable, Dict, FrozenSet, Optional

SOURCE = """\
#include <Python.h>
int %(name)s(int, int);
static PyObject *call(PyObject *self, PyObject *args)
{
	int a, b, result;
	(void)self;
	if (!PyArg_ParseTuple(args, "ii", &a, &b))
		return NULL;
	%(begin)s
	result = %(name)s(a, b);
	%(end)s
	return PyLong_FromLong(result);
}
static PyMethodDef methods[] = {{"%(name)s", call, METH_VARARGS, ""}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "toy", NULL, 0, methods};
PyMODINIT_FUNC PyInit_toy(void) { return PyModuleDef_Init(&module); }
"""


def build(
    prototype: Dict[str, Any], out_dir: str, cc: Any, lib_dir: str, options: FrozenSet[str]
) -> None:
    source = os.path.join(out_dir, "toy.c")
    nogil = "nogil" in options
    with open(source, "w", encoding="utf-8") as f:
        f.write(
            SOURCE
            % {
                "name": prototype["name"],
                "begin": "Py_BEGIN_ALLOW_THREADS" if nogil else "",
                "end": "Py_END_ALLOW_THREADS" if nogil else "",
            }
        )
    library = "probe_target_" + prototype["name"]
    cc.extension("toy", [source], out_dir, library_dirs=[lib_dir], libraries=[library])


def load(
    prototype: Dict[str, Any], out_dir: Optional[str], library: str, options: FrozenSet[str]
) -> Callable[..., Any]:
    assert out_dir
    (file,) = [f for f in os.listdir(out_dir) if f.endswith(".so")]
    spec = importlib.util.spec_from_file_location("toy", os.path.join(out_dir, file))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function: Callable[..., Any] = getattr(module, prototype["name"])
    return function
