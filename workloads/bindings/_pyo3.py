# SPDX-License-Identifier: MIT
"""Builds a Rust extension module around one function with PyO3 and maturin, as PyO3's guide advises.

Everything that one interpreter's builds have in common (PyO3 itself above all) is compiled once, in
a folder that they share.
"""

import fcntl
import glob
import os
import re
import shutil
import sys
import sysconfig
import zipfile
from contextlib import contextmanager
from typing import Any, Callable, Dict, FrozenSet, Iterator, NamedTuple, Optional, Tuple

import _extension
import _pyo3_rust
from _model import Inexpressible

_TEMPLATES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_pyo3")

# The release profile is cargo's own: PyO3's guide asks for no other.
_MANIFEST = """\
[package]
name = "probe-binding"
version = "0.0.0"
edition = "2021"

[lib]
name = "%(module)s"
crate-type = ["cdylib"]

[dependencies]
num-complex = "=0.4.6"
pyo3 = { version = "=%(pyo3)s", features = [%(features)s] }

# No crate in a folder above is its parent.
[workspace]
"""


class _Pin(NamedTuple):
    pyo3: str
    rust: Tuple[int, int]  # the oldest Rust that compiles it


_NEWEST = _Pin("0.30.1", (1, 85))
_FOR_3_8 = _Pin("0.29.3", (1, 83))  # the last one for 3.8
_FOR_3_13T = _Pin("0.28.3", (1, 83))  # the last one for the free-threaded build of 3.13


def _free_threaded() -> bool:
    return bool(sysconfig.get_config_var("Py_GIL_DISABLED") == 1)


def _pin() -> _Pin:
    """The newest PyO3 for the running interpreter; raises BuildError where there is none."""
    from _toolchain import BuildError

    version, name = sys.version_info[:2], sys.implementation.name
    if name == "cpython" and not (3, 8) <= version <= (3, 15):
        raise BuildError("PyO3 is for CPython 3.8 to 3.15, not %d.%d" % version)
    if name == "pypy" and version < (3, 11):
        raise BuildError("PyO3 %s is for PyPy 3.11 and later, not %d.%d" % (_NEWEST.pyo3, *version))
    if version == (3, 8):
        return _FOR_3_8
    return _FOR_3_13T if version == (3, 13) and _free_threaded() else _NEWEST


def _abi3_feature(options: FrozenSet[str]) -> str:
    """PyO3's name for the stable ABI of the oldest Python that it can have."""
    if sys.implementation.name != "cpython":
        raise Inexpressible("the stable ABI is CPython's own")
    if _free_threaded():
        if sys.version_info < (3, 15):
            raise Inexpressible("free-threaded CPython has no stable ABI before 3.15")
        return "abi3t-py315"
    if "py311" in options:
        if sys.version_info < (3, 11):
            raise Inexpressible("an extension for the stable ABI of 3.11 needs 3.11 or later")
        return "abi3-py311"
    return "abi3-py38" if sys.version_info < (3, 9) else "abi3-py39"


def _require_rust(cc: Any, pin: _Pin) -> None:
    from _toolchain import BuildError

    said = cc.run(["rustc", "--version"], "rustc", "rustc")
    match = re.search(r"rustc (\d+)\.(\d+)", said)
    if not match or (int(match.group(1)), int(match.group(2))) < pin.rust:
        raise BuildError(
            "PyO3 %s needs Rust %d.%d, and this is %s: install a newer Rust with rustup"
            % (pin.pyo3, *pin.rust, said.strip().split("(")[0].strip())
        )


def _maturin() -> str:
    """The maturin of the environment that probe made for this interpreter."""
    import importlib.metadata

    from _toolchain import BuildError

    try:
        files = importlib.metadata.distribution("maturin").files or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "maturin" and file.parent.name == "bin":
            return str(file.locate())
    raise BuildError("maturin is not installed for %s" % sys.executable)


@contextmanager
def _locked(folder: str) -> Iterator[None]:
    """cargo locks its own folder, but not the crate that is built there, nor what comes out."""
    with open(os.path.join(folder, ".probe-lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def _wheel(cc: Any, crate: str, out_dir: str, lib_dir: str, module: str) -> None:
    """Runs maturin on the crate; its wheel goes to out_dir."""
    target = os.path.join(os.path.dirname(crate), "target")
    environment = {"CARGO_TARGET_DIR": target, "PYO3_PYTHON": sys.executable}
    # What an earlier function left behind goes ("cargo clean" would want the network); PyO3 stays.
    for pattern in (".fingerprint/probe-binding-*", "deps/*_pb_pyo3*", "lib_pb_pyo3*"):
        for path in glob.glob(
            os.path.join(glob.escape(target), "**", "release", pattern), recursive=True
        ):
            shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
    build = [_maturin(), "build", "--release", "--locked", "--interpreter", sys.executable]
    # A repaired wheel would bring a copy of the target's library.
    build += ["--auditwheel", "skip", "--compatibility", "linux", "--out", out_dir]
    build += ["--offline"] if cc.offline else []
    build += ["--", "-L", "native=" + lib_dir]
    cc.run(build, "maturin", module, cwd=crate, env=environment)


def _unpack(out_dir: str) -> str:
    """Takes the extension module out of the wheel; returns its file."""
    (wheel,) = [f for f in os.listdir(out_dir) if f.endswith(".whl")]
    wheel = os.path.join(out_dir, wheel)
    with zipfile.ZipFile(wheel) as archive:
        (member,) = [n for n in archive.namelist() if n.endswith(".so")]
        output = os.path.join(out_dir, os.path.basename(member))
        with archive.open(member) as source, open(output, "wb") as target:
            shutil.copyfileobj(source, target)
    os.chmod(output, 0o755)
    os.remove(wheel)
    return output


def _calls(cc: Any, extension: str, name: str, static: bool) -> bool:
    """Whether the extension still calls that function, outside of it or linked in."""
    symbols = cc.run(["nm", "-P", *([] if static else ["-D", "-u"]), extension], "nm", name)
    return name in {line.split(" ")[0].split("@")[0] for line in symbols.splitlines()}


def _write_lock(cc: Any, crate: str, pin: _Pin) -> None:
    """Our pinned versions and checksums, from the registry that cargo takes crates from here."""
    lock = os.path.join(crate, "Cargo.lock")
    with open(os.path.join(_TEMPLATES, "pyo3-%s.lock" % pin.pyo3), encoding="utf-8") as f:
        pinned = f.read()
    kept = os.path.join(os.path.dirname(crate), "registry")
    if not os.path.exists(kept):
        if os.path.exists(lock):
            os.remove(lock)
        offline = ["--offline"] if cc.offline else []
        cc.run(["cargo", "generate-lockfile", *offline], "cargo", "cargo", cwd=crate)
        with open(lock, encoding="utf-8") as f:
            match = re.search(r'^source = "(registry\+[^"]+)"$', f.read(), re.MULTILINE)
        if not match:
            raise Inexpressible("cargo takes no crates from a registry here")
        _write(kept, match.group(1))
    with open(kept, encoding="utf-8") as f:
        _write(lock, pinned.replace("@registry@", f.read()))


def _extension_of(
    cc: Any, rust: str, manifest: str, pin: _Pin, module: str, out_dir: str, lib_dir: str
) -> str:
    """Builds the crate in the folder that builds share; returns the extension module in out_dir."""
    # For whoever wants to read what was built.
    _write(os.path.join(out_dir, "lib.rs"), rust)
    _write(os.path.join(out_dir, "Cargo.toml"), manifest)
    shared = cc.shared_dir("cargo-pyo3")
    crate = os.path.join(shared, "crate")
    with _locked(shared):
        os.makedirs(os.path.join(crate, "src"), exist_ok=True)
        _write(os.path.join(crate, "src", "lib.rs"), rust)
        _write(os.path.join(crate, "Cargo.toml"), manifest)
        _write_lock(cc, crate, pin)
        _wheel(cc, crate, out_dir, lib_dir, module)
    return _unpack(out_dir)


class Generator:
    """build() and load() of a path whose modules are called prefix + function."""

    def __init__(self, prefix: str, abi3: bool) -> None:
        self.prefix = prefix
        self.abi3 = abi3

    def build(
        self,
        prototype: Dict[str, Any],
        out_dir: str,
        cc: Any,
        lib_dir: str,
        options: FrozenSet[str],
    ) -> None:
        module = self.prefix + prototype["name"]
        pin = _pin()
        feature = _abi3_feature(options) if self.abi3 else ""
        features = ["num-complex", *filter(None, [feature])]
        manifest = _MANIFEST % {
            "module": module,
            "pyo3": pin.pyo3,
            "features": ", ".join('"%s"' % f for f in features),
        }
        _require_rust(cc, pin)
        # The compiler, or Rust's runtime, may take the place of a function that has C's name.
        for no_builtins in (False, True):
            rust = _pyo3_rust.source(prototype, module, feature, options, no_builtins)
            extension = _extension_of(cc, rust, manifest, pin, module, out_dir, lib_dir)
            if _calls(cc, extension, prototype["name"], "static" in options):
                return
        raise Inexpressible("Rust puts a %s of its own into every module" % prototype["name"])

    def load(
        self,
        prototype: Dict[str, Any],
        out_dir: Optional[str],
        library: str,
        options: FrozenSet[str],
    ) -> Callable[..., Any]:
        module = _extension.load(self.prefix + prototype["name"], out_dir)
        function: Callable[..., Any] = getattr(module, prototype["name"])
        return function
