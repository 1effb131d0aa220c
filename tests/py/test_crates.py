# SPDX-License-Identifier: MIT
"""A crate that was changed on its way is refused: cargo is called with our lock file and --locked."""

import hashlib
import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any, Dict, List, NamedTuple

import pytest

from conftest import ROOT
from test_pyo3_binding import build, needs_cargo

import _pyo3  # test_pyo3_binding puts its folder on the path
from _toolchain import BuildError, Toolchain

FEATURES = ["num-complex", "abi3-py38", "abi3-py39", "abi3-py311", "abi3t-py315"]


class Crate(NamedTuple):
    name: str
    version: str
    checksum: str
    needs: List[str]


def locked_crates(text: str) -> List[Crate]:
    """What a lock file takes from a registry."""
    found = []
    for package in text.split("[[package]]")[1:]:
        fields = dict(re.findall(r'^(name|version|checksum) = "(.*)"$', package, re.M))
        needs = re.findall(r'^ "([^ "]+)', package, re.M)
        if "checksum" in fields:
            found.append(Crate(fields["name"], fields["version"], fields["checksum"], needs))
    return found


def write_crate(file: Path, crate: Crate) -> str:
    """An empty crate under that name; returns its checksum."""
    folder = "%s-%s/" % (crate.name, crate.version)
    manifest = '[package]\nname = "%s"\nversion = "%s"\n' % (crate.name, crate.version)
    with tarfile.open(str(file), "w:gz") as tar:
        for name, content in {"Cargo.toml": manifest, "src/lib.rs": ""}.items():
            member = tarfile.TarInfo(folder + name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content.encode()))
    return hashlib.sha256(file.read_bytes()).hexdigest()


def place_in_index(name: str) -> str:
    if len(name) < 4:
        return "%d/%s%s" % (len(name), name[0] + "/" if len(name) == 3 else "", name)
    return "%s/%s/%s" % (name[:2], name[2:4], name)


def make_registry(folder: Path, crates: List[Crate], true_index: bool) -> Dict[str, str]:
    """A registry of empty crates; its index says so, or has the true checksums. Returns what the
    checksum of each file is."""
    changed: Dict[str, str] = {}
    for crate in crates:
        file = folder / ("%s-%s.crate" % (crate.name, crate.version))
        changed[crate.checksum] = write_crate(file, crate)
        needs = [{"name": need, "req": "*", "kind": "normal", "target": None} for need in crate.needs]
        entry = {
            "name": crate.name,
            "vers": crate.version,
            "deps": [
                dict(need, features=[], optional=False, default_features=True) for need in needs
            ],
            "cksum": crate.checksum if true_index else changed[crate.checksum],
            "features": {f: [] for f in FEATURES if crate.name == "pyo3"},
            "yanked": False,
        }
        index = folder / "index" / place_in_index(crate.name)
        index.parent.mkdir(parents=True, exist_ok=True)
        index.write_text(json.dumps(entry) + "\n")
    return changed


@needs_cargo
@pytest.mark.parametrize("changed", ["nothing", "the file", "the file and the index"])
def test_a_tampered_crate_is_refused(tmp_path: Path, monkeypatch: Any, changed: str) -> None:
    lock = ROOT / "workloads" / "bindings" / "_pyo3" / ("pyo3-%s.lock" % _pyo3._pin().pyo3)
    home, place = tmp_path / "cargo", tmp_path / "registry"
    home.mkdir()
    place.mkdir()
    (home / "config.toml").write_text(
        '[source.crates-io]\nreplace-with = "near"\n[source.near]\nlocal-registry = "%s"\n' % place
    )
    monkeypatch.setenv("CARGO_HOME", str(home))
    text = lock.read_text()
    sums = make_registry(place, locked_crates(text), true_index=changed == "the file")
    if changed == "nothing":  # then the empty crates are those that are pinned
        for true, empty in sums.items():
            text = text.replace(true, empty)
        (tmp_path / lock.name).write_text(text)
        monkeypatch.setattr(_pyo3, "_TEMPLATES", str(tmp_path))
    maturin = tmp_path / "maturin"
    maturin.write_text("#!/bin/sh\ncargo metadata --locked && echo 'error: all taken' >&2; exit 1\n")
    maturin.chmod(0o755)
    monkeypatch.setattr(_pyo3, "_maturin", lambda: str(maturin))
    with pytest.raises(BuildError) as refusal:
        build(Toolchain("cc", str(tmp_path / "logs")), tmp_path)
    if changed == "nothing":
        assert "all taken" in str(refusal.value)
        return
    assert "checksum" in str(refusal.value), refusal.value
    assert "changed on its way: check the registry or mirror" in str(refusal.value)
