# SPDX-License-Identifier: MIT
"""pybind11: m.def("add", &add), compiled with the flags of its documentation."""

import os
import sys
from typing import Any, Dict

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import _cpp

# As its introduction compiles (-O3), and as its setup helpers do: hidden symbols, no debug
# information, which would double the time of a build.
_FLAGS = ["-O3", "-std=c++17", "-fvisibility=hidden", "-g0"]

_HELPERS = """\
static void check_contiguous(const py::buffer_info &info)
{
	if (info.ndim != 1 || (info.shape[0] > 1 && info.strides[0] != info.itemsize))
		throw py::type_error("a contiguous buffer of one dimension is needed");
}

template <typename T> static void check_items(const py::buffer_info &info)
{
	if (!info.item_type_is_equivalent_to<T>())
		throw py::type_error("the buffer's items are of another type");
}
"""


def _buffer(param: Dict[str, Any]) -> _cpp.Buffer:
    """py::buffer takes every object with a buffer; what is in it is checked by hand, as its
    documentation does."""
    const = "const" in param["type"].split()
    request = "py::buffer_info @info = @.request(%s);" % ("" if const else "true")
    checks = [request, "check_contiguous(@info);"]
    if param["item"] == "void":
        return _cpp.Buffer(
            "py::buffer", checks, "@info.ptr", "static_cast<size_t>(@info.size * @info.itemsize)"
        )
    item = _cpp.cpp_type(param["item"])
    checks.append("check_items<%s>(@info);" % item)
    data = "static_cast<%s%s *>(@info.ptr)" % ("const " if const else "", item)
    return _cpp.Buffer("py::buffer", checks, data, "static_cast<size_t>(@info.size)")


_generator = _cpp.Generator(
    "_pb_pybind11_",
    _cpp.Library(
        space="py",
        includes={
            "core": "<pybind11/pybind11.h>",
            "buffer": "",
            "complex": "<pybind11/complex.h>",
            "tuple": "",
        },
        helpers=_HELPERS,
        module="PYBIND11_MODULE(@, m, py::mod_gil_not_used())",
        init=".def(py::init([](%(params)s) { return %(type)s{%(names)s}; }))",
        local=", py::module_local()",
        member="def_readwrite",
        property="def_property",
        callable="function",
        text={"str": "const char *", "bytes": "const char *"},
        direct_text=("str", "bytes"),
        annotations={"string": ".none(false)"},  # None would be NULL
        docstring=True,
        buffer=_buffer,
    ),
)
load = _generator.load
arguments = _generator.arguments
plain = _generator.plain


def build(prototype: Dict[str, Any], out_dir: str, cc: Any, lib_dir: str, options: Any) -> None:
    import pybind11

    cc.extension(
        _generator.module(prototype),
        [_generator.write(prototype, out_dir, options)],
        out_dir,
        flags=_FLAGS,
        include=[pybind11.get_include()],
        library_dirs=[lib_dir],
        libraries=["probe_target_" + prototype["name"]],
        language="c++",
    )
