# SPDX-License-Identifier: MIT
"""The file that has the user's function: a shared library by path or by name, or a .c file that is
compiled here. What is wrong with it is said before anything is built on it."""

import difflib
import importlib
import os
import platform
import re
import shlex
from typing import Any, Dict, List, Optional, Type

from _cache import read_bytes
from _declaration import FunctionError, own_name
from _toolchain import KERNEL_FLAGS, BuildError, Toolchain

# Of a user's source, beside KERNEL_FLAGS: its warnings are not for here.
SOURCE_FLAGS = ["-w"]
# platform.machine() -> what pyelftools calls it.
_MACHINES = {"x86_64": "x64", "aarch64": "AArch64"}


def is_source(operand: str) -> bool:
    return operand.endswith(".c")


def locate(operand: str) -> str:
    """A library that is a file by its absolute path; one like libm.so.6 is the loader's to find."""
    if os.path.exists(operand) or "/" in operand or is_source(operand):
        path = os.path.abspath(operand)
        if not os.path.exists(path):
            raise FunctionError("there is no file %s" % operand)
        if not os.path.isfile(path):
            raise FunctionError("%s is no file" % operand)
        if not os.access(path, os.R_OK):
            raise FunctionError("%s can't be read" % operand)
        return path
    return operand


def load_failed(library: str, said: str) -> str:
    """What the loader said, and the name that it knows the library by, if there is one."""
    hint = ""
    if "/" not in library:
        util = importlib.import_module("ctypes.util")
        found = util.find_library(re.sub(r"^lib|\.(so|a)\b.*$", "", library))
        hint = ": did you mean %s?" % found if found and found != library else (
            ": a library that the loader does not find is named by its path, like ./%s" % library
        )
    return "can't load the library: %s%s" % (said, hint)


# --- source files


def preprocess(cc: Toolchain, path: str, symbol: str, output: str) -> None:
    """Writes the source with its includes resolved, so that it can be compiled from anywhere, and
    the name under which bindings know the function."""
    cc.require()
    flags = [f for f in KERNEL_FLAGS if not f.startswith("-Wl,") and f != "-shared"]
    include = "-I" + os.path.dirname(path)
    cc.run(
        [*cc.command, *flags, "-E", include, "-o", output, path],
        "the C compiler",
        os.path.basename(path),
    )
    with open(output, "a", encoding="utf-8") as f:
        f.write('\n# 1 "probe"\n')
        f.write(
            'extern __typeof__(%s) %s __attribute__((alias("%s")));\n'
            % (symbol, own_name(symbol), symbol)
        )


def compile_source(cc: Toolchain, source: str, path: str, symbol: str, output: str) -> None:
    """Compiles what preprocess() wrote. -z defs: a function that is nowhere is told of now."""
    try:
        cc.shared(
            output, [source], flags=[*KERNEL_FLAGS, *SOURCE_FLAGS, "-Wl,-z,defs"], link=["-lm"]
        )
    except BuildError as e:
        text = str(e)
        if re.search(r"\bprobe:\d", text):  # the line that preprocess() added
            names = _functions_of_source(path)
            raise FunctionError(
                "%s defines no function '%s'%s"
                % (os.path.basename(path), symbol, near(symbol, names))
            )
        raise FunctionError("%s: %s" % (os.path.basename(path), text))


def _functions_of_source(path: str) -> List[str]:
    """Names that look like definitions in the file itself; for a hint only."""
    text = read_bytes(path).decode("utf-8", "replace")
    words = re.findall(r"^[\w\s*]*?\b(\w+)\s*\([^;{}]*\)\s*\{", text, re.M)
    return [w for w in words if w not in ("if", "for", "while", "switch", "return")]


# --- shared libraries


def open_elf(file: Any) -> Any:
    """An ELF file as pyelftools reads it."""
    return importlib.import_module("elftools.elf.elffile").ELFFile(file)


def elf_error() -> Type[Exception]:
    found: Type[Exception] = importlib.import_module("elftools.common.exceptions").ELFError
    return found


def check_file(path: str) -> None:
    """That the loader could take this file here. Needs pyelftools."""
    name = os.path.basename(path)
    with open(path, "rb") as f:
        head = f.read(8)
        f.seek(0)
        if head.startswith(b"!<arch>"):
            raise FunctionError(
                "%s is a static library: link it to a shared one, cc -shared -o lib.so "
                "-Wl,--whole-archive %s -Wl,--no-whole-archive" % (name, shlex.quote(path))
            )
        try:
            elf = open_elf(f)
            machine, kind, bits = elf.get_machine_arch(), elf["e_type"], elf.elfclass
        except (elf_error(), ValueError, KeyError, IndexError):
            hint = ": it is a linker's script" if head.startswith((b"/* GNU", b"GROUP")) else ""
            raise FunctionError("%s is no shared library%s" % (name, hint))
    wanted = _MACHINES.get(platform.machine())
    if wanted and (machine != wanted or bits != 64):
        raise FunctionError(
            "%s is for %s processors (%d bits), this machine is %s: build it for this one"
            % (name, machine, bits, platform.machine())
        )
    if kind != "ET_DYN":
        what = {"ET_REL": "an object file", "ET_EXEC": "a program"}.get(kind, "something else")
        raise FunctionError("%s is no shared library but %s" % (name, what))


def symbols(path: str) -> Dict[str, str]:
    """The dynamic symbols: name -> "function", "data" or "imported". Needs pyelftools."""
    found: Dict[str, str] = {}
    try:
        with open(path, "rb") as f:
            table = open_elf(f).get_section_by_name(".dynsym")
            for symbol in table.iter_symbols() if table else []:
                if not symbol.name:
                    continue
                if symbol["st_shndx"] == "SHN_UNDEF":
                    found.setdefault(symbol.name, "imported")
                elif symbol["st_info"]["type"] in ("STT_FUNC", "STT_LOOS", "STT_NOTYPE"):
                    found[symbol.name] = "function"
                else:
                    found[symbol.name] = "data"
    except (OSError, elf_error(), ValueError, KeyError, IndexError, AttributeError):
        pass  # only good for hints; the loader has the last word
    return found


def check_symbol(path: str, symbol: str) -> None:
    """That a library has the function; in doubt (no table to be read) it passes."""
    table = symbols(path)
    kind = table.get(symbol)
    if kind == "data":
        raise FunctionError(
            "%s of %s is a variable, no function" % (symbol, os.path.basename(path))
        )
    if table and kind != "function":
        raise missing(path, symbol, table)


def missing(path: str, symbol: str, table: Optional[Dict[str, str]] = None) -> FunctionError:
    """The error for a function that is not in the library."""
    table = symbols(path) if table is None else table
    functions = [name for name, kind in table.items() if kind == "function"]
    mangled = [f for f in functions if re.match(r"_Z\w*%d%s" % (len(symbol), re.escape(symbol)), f)]
    hint = near(symbol, functions)
    if mangled:
        hint = ': it is there as a C++ function (%s): declare it extern "C"' % mangled[0]
    elif table.get(symbol) == "imported":
        hint = ": it only uses one of that name from another library"
    return FunctionError("%s has no function '%s'%s" % (os.path.basename(path), symbol, hint))


def near(wanted: str, names: List[str]) -> str:
    """ ": did you mean hypot or hypotf?"; "" where nothing is near."""
    public = sorted({n for n in names if not n.startswith("_") or wanted.startswith("_")})
    close = difflib.get_close_matches(wanted, public, 3, 0.7)
    return ": did you mean %s?" % " or ".join(close) if close else ""
