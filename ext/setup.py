# SPDX-License-Identifier: MIT
"""Builds the package `probe`: libprobe and its extension module in one shared object.

The sources are the repository's (../libprobe), or in an sdist those that were copied beside this
file. Needs a C compiler, and the headers of jansson and libunwind.
"""

import glob
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from typing import Any, List

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = os.path.dirname(os.path.abspath(__file__))
IN_SDIST = os.path.isdir(os.path.join(HERE, "libprobe"))
ROOT = HERE if IN_SDIST else os.path.dirname(HERE)
LIBRARY = ["base", "sys", "hook", "stack", "stats", "engine", "result", "export", "matrix"]
# The rest of the folder are drivers that the command runs in processes of their own.
MODULES = re.compile(r"__init__|_api\w*|_html|_magics|_hooks|_callable|_few|_leaks|facts")
# The call paths whose hooks hold for a callable that probe did not build.
TABLES = ["ctypes", "ctypes-untyped", "cffi-abi", "cffi-api", "direct"]
NEEDED = [
    ("jansson.h", "-ljansson", "libjansson-dev"),
    ("libunwind.h", "-lunwind", "libunwind-dev"),
]


def libprobe(*parts: str) -> str:
    return os.path.join(ROOT, "libprobe", *parts)


def version() -> str:
    with open(libprobe("include", "probe", "probe.h"), encoding="utf-8") as f:
        found = re.search(r'#define PROBE_VERSION "([^"]+)"', f.read())
    assert found, "probe.h has lost its version"
    return found.group(1)


def sources() -> List[str]:
    machine = platform.machine()
    found = [libprobe("src", "py", "*.c"), libprobe("src", "py", "package", "*.c")]
    for layer in LIBRARY:
        found.append(libprobe("src", layer, "*.c"))
        found += [libprobe("src", layer, "arch", machine, "*" + end) for end in (".c", ".S")]
    files = [name for pattern in found for name in sorted(glob.glob(pattern))]
    # The veneer is a library of its own, made for each function that the command measures.
    return [name for name in files if os.path.basename(name) != "veneer.S"]


class BuildExtension(build_ext):
    """Takes assembly, exports nothing but the module, and says in a line what is missing."""

    def build_extensions(self) -> None:
        compiler: Any = self.compiler
        compiler.src_extensions.append(".S")
        if platform.python_implementation() != "CPython":
            raise SystemExit(
                "probe: the package measures in its own process, which takes CPython; on %s use"
                " the command `probe`" % platform.python_implementation()
            )
        if not glob.glob(libprobe("src", "hook", "arch", platform.machine(), "thunks.S")):
            raise SystemExit("probe: there are no thunks for %s processors" % platform.machine())
        for header, library, package in NEEDED:
            self.require(header, library, package)
        os.makedirs(self.build_temp, exist_ok=True)
        exports = os.path.abspath(os.path.join(self.build_temp, "exports.map"))
        with open(exports, "w", encoding="utf-8") as f:
            f.write("{ global: PyInit__probe; local: *; };\n")
        for extension in self.extensions:
            extension.extra_link_args.append("-Wl,--version-script=" + exports)
        super().build_extensions()

    def require(self, header: str, library: str, package: str) -> None:
        command = [*self.compiler.compiler_so[:1], "-x", "c", "-", library]  # type: ignore
        program = "#include <%s>\nint main(void) { return 0; }\n" % header
        with tempfile.TemporaryDirectory() as folder:
            output = os.path.join(folder, "found")
            try:
                done = subprocess.run(
                    [*command, "-o", output],
                    input=program.encode(),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                )
            except OSError:
                raise SystemExit(
                    "probe: there is no C compiler %s: apt install gcc libc6-dev" % command[0]
                )
        if done.returncode:
            raise SystemExit(
                "probe: %s or its library is missing: apt install %s" % (header, package)
            )


class BuildPython(build_py):
    """Leaves the drivers out and puts the tables of call paths in."""

    def remove_what_was(self) -> None:
        """A module that the tree no longer has is no part of the next wheel either."""
        for pattern in ("*.py", "*.pyi", "*.json"):
            for name in glob.glob(os.path.join(self.build_lib, "probe", pattern)):
                os.remove(name)

    def find_package_modules(self, package: str, package_dir: str) -> List[Any]:
        found = super().find_package_modules(package, package_dir)
        return [module for module in found if MODULES.fullmatch(module[1])]

    def run(self) -> None:
        self.remove_what_was()
        super().run()
        tables = {}
        for name in TABLES:
            file = os.path.join(ROOT, "workloads", "bindings", name, "path.json")
            with open(file, encoding="utf-8") as f:
                table = json.load(f)
            tables[name] = {key: table[key] for key in ("summary", "layers")}
        folder = os.path.join(self.build_lib, "probe")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "paths.json"), "w", encoding="utf-8") as f:
            json.dump(tables, f, indent=1)


class SourceDistribution(sdist):
    """Copies what the build reads from outside this folder."""

    def make_release_tree(self, base_dir: str, files: Any) -> None:
        super().make_release_tree(base_dir, files)
        names = ["LICENSE", "libprobe/include", "libprobe/src"]
        names += ["workloads/bindings/%s/path.json" % name for name in TABLES]
        for name in names:
            source, copy = os.path.join(ROOT, name), os.path.join(base_dir, name)
            if os.path.isdir(source):
                shutil.copytree(source, copy)
            else:
                os.makedirs(os.path.dirname(copy), exist_ok=True)
                shutil.copyfile(source, copy)


def headers() -> List[str]:
    """What makes the extension out of date, besides its sources."""
    found = glob.glob(libprobe("**", "*.h"), recursive=True)
    return sorted(found) + [os.path.abspath(__file__)]


def scratch() -> str:
    """Outside the tree's own folders, so that a build leaves nothing there. $PROBE_SCRATCH is for
    builds with other flags, which must not share what they leave."""
    folder = os.path.join(HERE if IN_SDIST else os.path.join(ROOT, "build"), "package")
    folder = os.environ.get("PROBE_SCRATCH", folder)
    os.makedirs(folder, exist_ok=True)
    return folder


def readme() -> str:
    with open(os.path.join(HERE, "README.md"), encoding="utf-8") as f:
        return f.read()


setup(
    name="probe",
    version=version(),
    description="What a call from Python into native code costs, and why",
    long_description=readme(),
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.8",
    packages=["probe"],
    package_data={"probe": ["py.typed", "_probe.pyi"]},
    extras_require={"notebook": ["ipython"], "pandas": ["pandas"]},
    ext_modules=[
        Extension(
            "probe._probe",
            sources(),
            depends=headers(),
            include_dirs=[libprobe("include"), libprobe("src")],
            define_macros=[("_GNU_SOURCE", None), ("PROBE_PACKAGE", None)],
            extra_compile_args=[
                "-std=gnu11",
                "-O2",
                "-pthread",
                "-ffunction-sections",
                "-fdata-sections",
            ],
            extra_link_args=["-pthread", "-Wl,--gc-sections"],
            libraries=["jansson", "unwind", "m", "dl"],
        )
    ],
    cmdclass={"build_ext": BuildExtension, "build_py": BuildPython, "sdist": SourceDistribution},
    options={
        "build": {"build_base": scratch()},
        "egg_info": {"egg_base": scratch()},
    },
    zip_safe=False,
    platforms=[sys.platform],
)
