# SPDX-License-Identifier: MIT
"""Writes the Rust source of a PyO3 module around one function, with the checks of a careful author.

The C function is declared in a module of its own, "native", with the C types that it has.
"""

import re
from typing import Any, Dict, FrozenSet, List, Tuple

import _model
from _pyo3_arguments import NEVER_NAMES, RUST, Argument, Arguments, identifier, tuple_of

# What else the written code may name -> where it comes from.
_NAMES = {
    "CStr": "std::ffi::CStr",
    "CString": "std::ffi::CString",
    "Cell": "std::cell::Cell",
    "Complex": "num_complex::Complex",
    "Cow": "std::borrow::Cow",
    "PyBuffer": "pyo3::buffer::PyBuffer",
    "PyBufferError": "pyo3::exceptions::PyBufferError",
    "PyNone": "pyo3::types::PyNone",
    "PyString": "pyo3::types::PyString",
    "PyTypeError": "pyo3::exceptions::PyTypeError",
    "PyUntypedBuffer": "pyo3::buffer::PyUntypedBuffer",
    "PyValueError": "pyo3::exceptions::PyValueError",
    "ptr": "std::ptr",
}

_TRAMPOLINE = """\
/// A Python callable while the C function may call it.
struct Callback {
    callable: Py<PyAny>,
    error: Option<PyErr>,
}
"""

_CALLBACK = """\

thread_local! {
    static %(slot)s: Cell<*mut Callback> = const { Cell::new(ptr::null_mut()) };
}

extern "C" fn %(function)s(%(params)s)%(arrow)s {
    let callback = %(slot)s.get();
    // Null in a thread that the C function started itself.
    if callback.is_null() {
        return Default::default();
    }
    Python::attach(|py| {
        let callback = unsafe { &mut *callback };
        if callback.error.is_some() {
            return Default::default();
        }
        let result = callback.callable.call1(py, (%(arguments)s));
        match result.and_then(|r| %(extract)s) {
            Ok(value) => value,
            Err(error) => {
                callback.error = Some(error);
                Default::default()
            }
        }
    })
}
"""


class _Writer(Arguments):
    def native(self, arguments: List[Argument]) -> List[str]:
        lines = []
        for struct in self.prototype.get("structs", []):
            lines += ["#[repr(C)]", "#[derive(Clone, Copy, Default)]"]
            lines.append("pub struct %s {" % self.struct_name(struct["type"]))
            for field in struct["fields"]:
                lines.append("    pub %s: %s," % (identifier(field["name"]), RUST[field["type"]]))
            lines += ["}", ""]
        params = ", ".join(
            "%s: %s" % (identifier(p["name"]), a.native)
            for p, a in zip(self.prototype["params"], arguments)
        )
        name = self.prototype["name"]
        lines += ['#[link(name = "probe_target_%s")]' % name, 'extern "C" {']
        if name in NEVER_NAMES:
            lines.append('    #[link_name = "%s"]' % name)
        arrow = self.native_return()
        lines += ["    pub fn %s(%s)%s;" % (identifier(name), params, arrow), "}"]
        return lines

    def native_return(self) -> str:
        returns: str = self.prototype["returns"]
        if returns == "void":
            return ""
        if returns == "const char *":
            return " -> *const c_char"
        return " -> " + (RUST[returns] if returns in RUST else self.struct_name(returns))

    def call(self, arguments: List[Argument]) -> str:
        """The call itself, detached where that is asked for; what it gives may cross threads."""
        call = "native::%s(%s)" % (
            identifier(self.prototype["name"]),
            ", ".join(a.passed for a in arguments),
        )
        expression = "unsafe { %s }" % call
        if self.prototype["returns"] == "const char *":
            expression = "unsafe { ptr::NonNull::new(%s.cast_mut())" % call
            expression += ".map(|text| CStr::from_ptr(text.as_ptr())) }"
        return "pb_py.detach(|| %s)" % expression if "nogil" in self.options else expression

    def results(self) -> List[Tuple[str, str]]:
        """(Rust type, expression) of every value that Python gets."""
        returns = self.prototype["returns"]
        found: List[Tuple[str, str]] = []
        if returns == "const char *":
            found.append(("Option<Bound<'_, PyString>>", "pb_result"))
        elif returns in RUST:
            found.append((RUST[returns], "pb_result"))
        elif returns != "void":
            found.append((self.struct_tuple_type(returns), self.to_tuple(returns, "pb_result")))
        for param in _model.outs(self.prototype):
            item, name = param["item"], identifier(param["name"])
            if item in RUST:
                found.append((RUST[item], name))
            else:
                found.append((self.struct_tuple_type(item), self.to_tuple(item, name)))
        return found

    def function(self, arguments: List[Argument]) -> List[str]:
        prototype = self.prototype
        text = prototype["returns"] == "const char *"
        passed = [(p, a) for p, a in zip(prototype["params"], arguments) if a.python]
        params = ["%s: %s" % (identifier(p["name"]), a.python) for p, a in passed]
        if text or "nogil" in self.options:
            params.insert(0, "pb_py: Python<'_>")
        results = self.results()
        fails = text or any(a.fails for a in arguments)
        types, values = [t for t, _ in results], [v for _, v in results]
        given = tuple_of(types) if len(types) > 1 else "".join(types)
        value = tuple_of(values) if len(values) > 1 else "".join(values)
        if fails:
            given, value = "PyResult<%s>" % (given or "()"), "Ok(%s)" % (value or "()")

        before = [line for a in arguments for line in a.before]
        before += [line for a in arguments for line in a.enter]
        after = [line for a in arguments for line in a.leave]
        after += [line for a in arguments for line in a.after]
        call = self.call(arguments)
        if prototype["returns"] == "void":
            body = [*before, call + ";", *after]
            body += [value] if value else []
        else:
            if text:
                after.append("let pb_result = pb_result")
                after.append("    .map(|text| PyString::from_bytes(pb_py, text.to_bytes()))")
                after.append("    .transpose()?;")
            if value == "pb_result" and not after:
                body = [*before, call]
            else:
                body = [*before, "let pb_result = %s;" % call, *after, value]

        name = identifier(prototype["name"])
        lines = ["/// " + _model.function(prototype), "#[pyfunction]"]
        if name.endswith("_") and prototype["name"] in NEVER_NAMES:
            lines.append('#[pyo3(name = "%s")]' % prototype["name"])
        if "positional" in self.options and passed:
            names = "".join(identifier(p["name"]) + ", " for p, _ in passed)
            lines.append("#[pyo3(signature = (%s/))]" % names)
        lifetime = ""
        if text:
            # More than one argument may have a lifetime: the string's is the interpreter's.
            lifetime = "<'py>"
            params[0] = "pb_py: Python<'py>"
            given = given.replace("Bound<'_, PyString>", "Bound<'py, PyString>")
        arrow = " -> " + given if given else ""
        lines.append("fn %s%s(%s)%s {" % (name, lifetime, ", ".join(params), arrow))
        lines += ["    " + line for line in body]
        return [*lines, "}"]

    def callbacks(self) -> str:
        text = ""
        for param in self.prototype["params"]:
            if _model.role(param) != "callback":
                continue
            wanted = param["callback"]
            returns = wanted["returns"]
            names = ["a%d" % i for i in range(len(wanted["params"]))]
            text += (_CALLBACK if text else _TRAMPOLINE + _CALLBACK) % {
                "slot": self.slot(param),
                "function": "pb_call_" + param["name"],
                "params": ", ".join(
                    "%s: %s" % (n, RUST[t]) for n, t in zip(names, wanted["params"])
                ),
                "arrow": "" if returns == "void" else " -> " + RUST[returns],
                "arguments": "".join(n + ", " for n in names).rstrip(" "),
                "extract": (
                    "{ let _ = r; Ok(()) }"
                    if returns == "void"
                    else "r.extract::<%s>(py)" % RUST[returns]
                ),
            }
        return text


def _uses(text: str, indent: str = "") -> str:
    words = set(re.findall(r"\b\w+\b", text))
    paths = ["std::ffi::" + w for w in words if re.fullmatch(r"c_[a-z]+", w)]
    paths += [path for name, path in _NAMES.items() if name in words]
    return "".join("%suse %s;\n" % (indent, path) for path in sorted(paths))


def source(
    prototype: Dict[str, Any],
    module: str,
    abi3: str,
    options: FrozenSet[str],
    no_builtins: bool = False,
) -> str:
    """The whole lib.rs; abi3 is PyO3's feature for the stable ABI, or "".

    no_builtins: the compiler knows nothing of C functions by name; it would compute abs() in place.
    Raises Inexpressible.
    """
    writer = _Writer(prototype, abi3, options)
    arguments = [writer.argument(p) for p in prototype["params"]]
    native = "".join("    %s\n" % line if line else "\n" for line in writer.native(arguments))
    callbacks = writer.callbacks()
    function = "\n".join(writer.function(arguments)) + "\n"
    parts = [
        "#![no_builtins]\n" if no_builtins else "",
        "#![allow(non_camel_case_types, non_snake_case)]\n\n",
        "use pyo3::prelude::*;\n",
        _uses(callbacks + function),
        "\nmod native {\n" + _uses(native, "    ") + "\n" + native + "}\n\n",
        callbacks + "\n" if callbacks else "",
        function,
        "\n#[pymodule]\nmod %s {\n    #[pymodule_export]\n" % module,
        "    use super::%s;\n}\n" % identifier(prototype["name"]),
    ]
    return "".join(parts)
