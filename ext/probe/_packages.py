# SPDX-License-Identifier: MIT
"""Pinned packages in a virtual environment of probe's own: no environment of the user is touched."""

import glob
import importlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import sysconfig
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

import _cache
from _pip import Pin, install
from _toolchain import BuildError

def _python_matches(condition: str) -> bool:
    """ ">=3.9,<3.13" against the running interpreter; "" is always true."""
    for part in filter(None, (p.strip() for p in condition.split(","))):
        match = re.fullmatch(r"(>=|<=|==|<|>)\s*(\d+)\.(\d+)", part)
        if not match:
            raise BuildError("requirements.json: '%s' is no version condition" % part)
        wanted = (int(match.group(2)), int(match.group(3)))
        have = sys.version_info[:2]
        if not {
            ">=": have >= wanted,
            "<=": have <= wanted,
            "==": have == wanted,
            "<": have < wanted,
            ">": have > wanted,
        }[match.group(1)]:
            return False
    return True


Tables = List[Dict[str, List[Dict[str, Any]]]]


def _row(name: str, tables: Tables) -> Dict[str, Any]:
    """What the first file that pins a package says of it for this interpreter.

    "python": for these versions; "implementation": for this one alone; "bundled": a module that the
    interpreter itself has, as another one would not fit or takes too long to be built; "build": what
    builds it where it has no wheel, pinned likewise.
    """
    rows: List[Dict[str, Any]] = next((table[name] for table in tables if name in table), [])
    own = sys.implementation.name
    for row in rows:
        if _python_matches(row.get("python", "")) and row.get("implementation", own) == own:
            return row
    raise BuildError(
        "no version of %s is pinned for Python %d.%d: add one to requirements.json"
        % (name, *sys.version_info[:2])
    )


def _load(path: str) -> Any:
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def _known_hashes(files: Iterable[str]) -> Dict[str, List[str]]:
    """ "name==version" -> the SHA-256 of its files: hashes.json beside each requirements.json."""
    known: Dict[str, List[str]] = {}
    for path in files:
        known.update(_load(os.path.join(os.path.dirname(path), "hashes.json")))
    return known


def _pin(version: str, hashes: Iterable[str]) -> Pin:
    pin = Pin(version)
    pin.hashes = tuple(hashes)
    return pin


def pins(names: Iterable[str], files: Iterable[str]) -> Dict[str, Pin]:
    """The version of each package that has to be installed, by the first file that pins it.

    A name with "==" pins itself, with hashes as pip's own files have them; what has to be the
    interpreter's own is left out.
    """
    files = list(files)
    tables, known = [_load(path) for path in files], _known_hashes(files)
    found: Dict[str, Pin] = {}
    for name in names:
        if "==" in name:
            wanted, *hashes = name.split()
            package, version = wanted.split("==", 1)
            given = [h[len("--hash=sha256:") :] for h in hashes if h.startswith("--hash=sha256:")]
            found[package] = _pin(version, given or known.get(wanted, []))
            continue
        row = _row(name, tables)
        if "version" in row:
            version = row["version"]
            found[name] = _pin(version, known.get("%s==%s" % (name, version), []))
            found[name].tools = pins(row.get("build", []), files)
        elif importlib.util.find_spec(row["bundled"]) is None:
            raise BuildError(
                "there is no %s in this %s, and probe installs none into it"
                % (name, sys.implementation.name)
            )
    return found


def bundled(names: Iterable[str], files: Iterable[str]) -> Dict[str, str]:
    """The versions of those that are the interpreter's own."""
    tables = [_load(path) for path in files]
    found: Dict[str, str] = {}
    for name in names:
        module = "" if "==" in name else _row(name, tables).get("bundled", "")
        if module and importlib.util.find_spec(module) is not None:
            version = getattr(importlib.import_module(module), "__version__", None)
            found[name] = "%s, bundled" % version if version else "bundled"
    return found


def _fitting(parent: str, packages: Mapping[str, str]) -> Iterator[Tuple[str, Dict[str, str]]]:
    """Environments that have these packages, damaged or not, and all that they have."""
    for folder in sorted(glob.glob(os.path.join(glob.escape(parent), "venv-*"))):
        has = _cache.read_notes(folder).get("packages", {})
        if all(has.get(name) == version for name, version in packages.items()):
            yield folder, has


def find(parent: str, packages: Mapping[str, str]) -> Optional[Tuple[str, Mapping[str, str]]]:
    """An undamaged environment that has these packages."""
    for folder, has in _fitting(parent, packages):
        if _cache.damage(folder) == "":
            _cache.note_use(folder)
            return folder, has
    return None


def environment(
    parent: str,
    packages: Mapping[str, Pin],
    offline: bool,
    log_dir: str,
    tell: Callable[[str], None] = lambda note: None,
) -> Tuple[str, Mapping[str, str]]:
    """A virtual environment with these packages and what it has in all.

    Made below parent unless one is there; one that is there and whole is never changed, as another
    process may be measuring in it. tell(note) is called when one was there, but damaged. Raises
    BuildError.
    """
    found = find(parent, packages)
    if found:
        return found
    wanted = " ".join("%s==%s" % item for item in sorted(packages.items()))
    if offline:
        raise BuildError("%s is not in the cache, and downloads are switched off" % wanted)

    def build(folder: str) -> Dict[str, object]:
        import venv  # needed when something is missing only

        try:
            venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
        except (OSError, subprocess.SubprocessError) as e:
            raise BuildError("can't make a virtual environment for %s: %s" % (sys.executable, e))
        install(python_in(folder), packages, log_dir)
        return {"packages": packages}

    name = "venv-" + _cache.digest(packages, length=8)
    with _cache.locked(parent):
        found = find(parent, packages)  # someone else may have made it meanwhile
        if found:
            return found
        damaged = {folder: _cache.damage(folder) for folder, _ in _fitting(parent, packages)}
        own = os.path.join(parent, name)
        if os.path.lexists(own):  # its list of packages may be what was damaged
            damaged[own] = _cache.damage(own)
        made = _cache.make(parent, lambda notes: name, build)
        for folder, what in damaged.items():
            if folder != made:
                _cache.discard(folder)
            tell(_cache.remade(folder, what or ""))
    return made, packages


def python_in(folder: str) -> str:
    return os.path.join(folder, "bin", "python")


def site_packages(folder: str) -> str:
    """Where an environment of the running interpreter keeps its modules."""
    return sysconfig.get_path("purelib", "posix_prefix", {"base": folder})
