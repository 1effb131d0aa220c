# SPDX-License-Identifier: MIT
"""The on-demand build: cached, repaired, shared, and clear about what is missing."""

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, Dict, List

import pytest

from building import Build
from conftest import ROOT

sys.path.insert(0, str(ROOT / "ext" / "probe"))

NO_INDEX = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_NO_CACHE_DIR": "1"}


@pytest.fixture
def build(python: str, tmp_path: Path) -> Build:
    return Build(python, tmp_path / "cache")


def leftovers(build: Build) -> List[Path]:
    return list(build.cache.glob("**/tmp-*"))


def broken_workload(folder: Path) -> str:
    """A copy of add whose C does not compile."""
    made = folder / "broken"
    shutil.copytree(ROOT / "workloads" / "add", made)
    description = json.loads((made / "workload.json").read_text())
    description["name"] = description["prototype"]["name"] = "broken"
    (made / "workload.json").write_text(json.dumps(description))
    (made / "add.c").write_text("int broken(int a, int b)\n{\n\treturn a +;\n}\n")
    return str(made)


def test_a_second_run_builds_nothing(build: Build) -> None:
    first = build(["ctypes", "capi-fastcall"], ["add"])
    assert any("capi-fastcall" in step for step in first.steps)
    second = build(["ctypes", "capi-fastcall"], ["add"])
    assert second.steps == []
    assert second.answer == first.answer
    assert not leftovers(build)


def test_without_packages_the_interpreter_itself_is_used(build: Build) -> None:
    answer = build(["python", "ctypes"], ["add"]).answer
    assert os.path.realpath(answer["python"]) == os.path.realpath(build.python)
    assert "venv" not in answer["python"]
    assert answer["packages"] == {}
    assert answer["bindings"] == {"ctypes": {"add": {"dir": None}}}


@pytest.mark.parametrize("harm", ["cut", "changed", "removed", "no stamp", "emptied"])
@pytest.mark.parametrize("which", ["kernel", "binding", "ext"])
def test_a_damaged_entry_is_made_again(build: Build, which: str, harm: str) -> None:
    first = build(["capi-fastcall"], ["add"]).answer
    entry = {
        "kernel": Path(first["kernels"]["add"]["kernel"]).parents[1],
        "binding": Path(first["bindings"]["capi-fastcall"]["add"]["dir"]),
        "ext": Path(first["ext"]),
    }[which]
    victim = next(entry.glob("**/*.so"))
    good = victim.read_bytes()
    if harm == "cut":
        victim.write_bytes(good[: len(good) // 2])
    elif harm == "changed":
        victim.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    elif harm == "removed":
        victim.unlink()
    elif harm == "emptied":
        shutil.rmtree(entry)
        entry.mkdir()
    else:
        (entry / ".probe-stamp.json").unlink()
    second = build(["capi-fastcall"], ["add"])
    assert len(second.steps) == 1
    (note,) = second.answer.pop("notes")
    assert note.startswith(entry.name + " in the cache was damaged ("), note
    assert note.endswith(") and was made again"), note
    assert harm in ("no stamp", "emptied") or victim.name in note
    assert first.pop("notes") == [] and second.answer == first
    assert victim.stat().st_size == len(good)
    assert not leftovers(build)


def test_a_killed_maker_leaves_no_trace(build: Build) -> None:
    first = build(["ctypes"], ["add"]).answer
    trash = Path(first["kernels"]["add"]["kernel"]).parents[2] / "tmp-killed"
    trash.mkdir()
    (trash / "half").write_text("x")
    build(["ctypes"], ["add", "noop"])
    assert not leftovers(build)


def test_two_at_once_build_once(build: Build) -> None:
    paths, workloads = ["capi-varargs", "capi-fastcall"], ["add", "noop"]
    specs = [build.spec(paths, workloads) for _ in range(2)]
    processes = [build.start(spec) for spec in specs]
    first, second = (build.finish(p) for p in processes)
    assert first.answer == second.answer
    assert first.answer["ext"], first.answer["ext_error"]
    together = first.steps + second.steps
    assert len(together) == len(set(together)) == 7  # 2 kernels, the extension, 4 bindings
    assert not leftovers(build)


def test_a_changed_source_is_built_anew(build: Build, tmp_path: Path) -> None:
    mine = tmp_path / "w" / "add"
    shutil.copytree(ROOT / "workloads" / "add", mine)
    first = build(["ctypes"], [str(mine)]).answer
    with open(mine / "add.c", "a") as f:
        f.write("/* changed */\n")
    second = build(["ctypes"], [str(mine)])
    assert second.steps == ["compiling the kernel of add"]
    assert second.answer["kernels"] != first["kernels"]


def test_no_compiler(build: Build) -> None:
    built = build(["python", "ctypes", "capi-fastcall"], ["add"], cc="no-such-compiler -O9")
    for error in (
        built.answer["kernels"]["add"]["error"],
        built.answer["ext_error"],
        built.error("ctypes", "add"),
        built.error("capi-fastcall", "add"),
    ):
        assert "no-such-compiler" in error and "apt install gcc" in error


def test_without_a_compiler_what_was_built_is_used(build: Build) -> None:
    first = build(["ctypes", "capi-fastcall"], ["add"]).answer
    built = build(["ctypes", "capi-fastcall"], ["add", "noop"], cc="no-such-compiler")
    for name in ("ext", "python"):
        assert built.answer[name] == first[name]
    assert built.answer["kernels"]["add"] == first["kernels"]["add"]
    for path in ("ctypes", "capi-fastcall"):
        assert built.answer["bindings"][path]["add"] == first["bindings"][path]["add"]
        assert "no-such-compiler" in built.error(path, "noop")
    (note,) = built.answer["notes"]
    assert note.startswith("what was built before is used, as there is no C compiler"), note


def test_a_name_that_is_too_long(build: Build, tmp_path: Path) -> None:
    made = tmp_path / "long"
    shutil.copytree(ROOT / "workloads" / "add", made)
    description = json.loads((made / "workload.json").read_text())
    name = description["prototype"]["name"] = "f" * 240
    (made / "workload.json").write_text(json.dumps({**description, "name": name}))
    (made / "add.c").write_text("int %s(int a, int b)\n{\n\treturn a + b;\n}\n" % name)
    built = build(["ctypes"], [str(made)])
    error = built.error("ctypes", name)
    assert "too long for a binding" in error and "a shorter name" in error, error
    assert len(error) < 250


def test_a_kernel_that_does_not_compile(build: Build, tmp_path: Path) -> None:
    broken = broken_workload(tmp_path)
    built = build(["ctypes", "capi-fastcall"], ["add", broken])
    error = built.answer["kernels"]["broken"]["error"]
    assert "add.c:3:" in error and "error:" in error
    log = error[error.index("(log: ") + 6 : -1]
    assert "return a +;" in Path(log).read_text()
    assert built.error("capi-fastcall", "broken") == error
    assert "dir" in built.answer["bindings"]["capi-fastcall"]["add"]
    assert not leftovers(build)


def test_no_network(build: Build) -> None:
    built = build(["cffi-abi", "cffi-api", "capi-fastcall"], ["add"], env=NO_INDEX)
    for path in ("cffi-abi", "cffi-api"):
        error = built.error(path, "add")
        assert "can't be downloaded" in error and "PIP_INDEX_URL" in error
        assert Path(error[error.index("(log: ") + 6 : -1]).exists()
    assert "dir" in built.answer["bindings"]["capi-fastcall"]["add"]
    assert os.path.realpath(built.answer["python"]) == os.path.realpath(build.python)
    assert not list(build.cache.glob("**/venv-*")) and not leftovers(build)
    # One try for both paths: a missing network should not be waited for twice.
    assert len([s for s in built.steps if s.startswith("installing")]) == 1


def test_offline(build: Build) -> None:
    built = build(["cffi-abi"], ["add"], offline=True)
    assert "downloads are switched off" in built.error("cffi-abi", "add")


def test_one_package_that_is_not_to_be_had_spoils_no_other_path(
    build: Build, tmp_path: Path
) -> None:
    """Two paths with packages of their own; a local folder stands for the index."""
    wheel = tmp_path / "wheels"
    wheel.mkdir()
    good = hashed(make_wheel(wheel, "pbgood", "1.0"))
    paths = [
        path_with(tmp_path / "bindings" / "good", "pbgood==1.0 " + good),
        path_with(tmp_path / "bindings" / "bad", "pbbad==1.0 " + good),
    ]
    env = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheel)}
    built = build(paths, ["add"], env=env)
    assert "pbbad==1.0" in built.error("bad", "add")
    assert built.answer["bindings"]["good"] == {"add": {"dir": None}}
    assert built.answer["packages"] == {"pbgood": "1.0"}
    done = subprocess.run([built.answer["python"], "-c", "import pbgood"])
    assert done.returncode == 0
    # What could be had is in the cache: no index is needed any more.
    again = build(paths[:1], ["add"], env=NO_INDEX)
    assert again.steps == [] and again.answer["packages"] == {"pbgood": "1.0"}
    # A damaged environment is made again, also where nothing but a byte has changed.
    installed = next(build.cache.glob("**/site-packages/pbgood.py"))
    good = installed.read_bytes()
    flip(installed)
    repaired = build(paths[:1], ["add"], env=env)
    (note,) = repaired.answer["notes"]
    assert "pbgood.py has changed" in note and "was made again" in note
    assert len(repaired.steps) == 1 and installed.read_bytes() == good
    assert build(paths[:1], ["add"], env=NO_INDEX).answer["notes"] == []
    # Byte code, which Python prefers to the source, is looked at, too; and what was damaged does
    # not stay beside the new one.
    (venv,) = build.cache.glob("**/venv-*")
    venv.rename(venv.with_name("venv-other"))
    flip(next(build.cache.glob("**/site-packages/__pycache__/pbgood.*.pyc")))
    (note,) = build(paths[:1], ["add"], env=env).answer["notes"]
    assert "pbgood." in note and ".pyc has changed" in note
    assert list(build.cache.glob("**/venv-*")) == [venv]


def flip(file: Path) -> None:
    """The last byte, as a failing disk would; size and time stay."""
    good, info = file.read_bytes(), file.stat()
    file.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    os.utime(file, ns=(info.st_atime_ns, info.st_mtime_ns))


def path_with(folder: Path, package: str) -> str:
    """A path of nothing but a package."""
    folder.mkdir(parents=True)
    (folder / "path.json").write_text(
        json.dumps({"name": folder.name, "summary": "", "layers": [], "pip": [package]})
    )
    (folder / "binding.py").write_text("")
    return str(folder)


def hashed(*files: Path) -> str:
    return " ".join("--hash=sha256:" + hashlib.sha256(f.read_bytes()).hexdigest() for f in files)


def test_a_tampered_wheel_is_refused(build: Build, tmp_path: Path) -> None:
    """An index that a file was changed in; a local folder stands for it."""
    wheel = make_wheel(tmp_path, "pbgood", "1.0")
    path = path_with(tmp_path / "bindings" / "good", "pbgood==1.0 " + hashed(wheel))
    with zipfile.ZipFile(wheel, "a") as z:
        z.writestr("pbgood.pth", "import os; os.mkdir(%r)\n" % str(tmp_path / "owned"))
    env = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_NO_CACHE_DIR": "1"}
    built = build([path], ["add"], env=env)
    error = built.error("good", "add")
    assert error.startswith("pbgood==1.0 was refused: its SHA-256 is none of those"), error
    assert "changed" in error and "index or mirror" in error
    log = Path(error[:-1].split("log: ")[1]).read_text()
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() in log
    assert not list(build.cache.glob("**/venv-*")) and not leftovers(build)
    assert not (tmp_path / "owned").exists()


def test_a_package_without_a_hash_is_refused(build: Build, tmp_path: Path) -> None:
    make_wheel(tmp_path, "pbgood", "1.0")
    path = path_with(tmp_path / "bindings" / "good", "pbgood==1.0")
    built = build([path], ["add"], env={"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)})
    assert "no hash is known of pbgood 1.0" in built.error("good", "add")
    assert "--hash=sha256:" in built.error("good", "add")


def make_source(folder: Path, name: str, version: str, backend: str) -> Path:
    """A source distribution that the backend builds."""
    made = folder / ("%s-%s" % (name, version))
    made.mkdir()
    (made / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["%s"]\nbuild-backend = "%s"\n' % (backend, backend)
    )
    (made / "PKG-INFO").write_text(
        "Metadata-Version: 2.1\nName: %s\nVersion: %s\n" % (name, version)
    )
    archive = Path(shutil.make_archive(str(made), "gztar", folder, made.name))
    shutil.rmtree(made)
    return archive


@pytest.mark.parametrize("harm", [False, True])
def test_what_is_built_from_source_has_pinned_tools(
    build: Build, tmp_path: Path, harm: bool
) -> None:
    """pip itself would take a build's requirements from the index without a look at their hash."""
    backend = make_wheel(tmp_path, "pbback", "2.0", BACKEND)
    source = make_source(tmp_path, "pbsrc", "1.0", "pbback")
    bindings = tmp_path / "bindings"
    path = path_with(bindings / "src", "pbsrc")
    tables = {
        "pbsrc": [{"version": "1.0", "build": ["pbback"]}],
        "pbback": [{"version": "2.0"}],
    }
    (bindings / "requirements.json").write_text(json.dumps(tables))
    hashes = {"pbsrc==1.0": source, "pbback==2.0": backend}
    (bindings / "hashes.json").write_text(
        json.dumps({k: [hashlib.sha256(f.read_bytes()).hexdigest()] for k, f in hashes.items()})
    )
    if harm:
        make_wheel(tmp_path, "pbback", "2.0", BACKEND + "import sys\n")
    env = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_NO_CACHE_DIR": "1"}
    built = build([path], ["add"], env=env)
    if harm:
        assert built.error("src", "add").startswith("pbback==2.0 was refused"), built.answer
        return
    assert built.answer["packages"] == {"pbsrc": "1.0"}, built.answer
    code = "import pbsrc, importlib.util as u; assert not u.find_spec('pbback')"
    assert subprocess.run([built.answer["python"], "-c", code]).returncode == 0


BACKEND = """
import zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(folder + "/pbsrc-1.0-py3-none-any.whl", "w") as z:
        info = "pbsrc-1.0.dist-info/"
        z.writestr("pbsrc.py", "")
        z.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: pbsrc\\nVersion: 1.0\\n")
        z.writestr(info + "WHEEL",
            "Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        z.writestr(info + "RECORD",
            "".join(i + ",,\\n" for i in ["pbsrc.py", info + "METADATA", info + "WHEEL"])
            + info + "RECORD,,\\n")
    return "pbsrc-1.0-py3-none-any.whl"
"""


def make_wheel(folder: Path, name: str, version: str, content: str = "here = True\n") -> Path:
    info = "%s-%s.dist-info" % (name, version)
    file = folder / ("%s-%s-py3-none-any.whl" % (name, version))
    with zipfile.ZipFile(file, "w") as z:
        z.writestr("%s.py" % name, content)
        z.writestr(
            info + "/METADATA", "Metadata-Version: 2.1\nName: %s\nVersion: %s\n" % (name, version)
        )
        z.writestr(
            info + "/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        z.writestr(
            info + "/RECORD",
            "%s.py,,\n%s/METADATA,,\n%s/WHEEL,,\n%s/RECORD,,\n" % (name, info, info, info),
        )
    return file


def in_build(build: Build, before: str, paths: List[str]) -> Dict[str, Any]:
    """_build.py in a process where something was changed before."""
    code = (
        "import sys; sys.path.insert(0, %r)\n%s\nimport _build\nsys.argv = ['', %r]\n"
        "sys.exit(_build.main())"
        % (str(ROOT / "ext" / "probe"), before, build.spec(paths, ["add"]))
    )
    done = subprocess.run([build.python, "-c", code], stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0
    answer: Dict[str, Any] = json.loads(done.stdout)
    return answer


def test_no_headers(build: Build) -> None:
    before = "import facts; facts.include_dirs = lambda: ['/nowhere']"
    answer = in_build(build, before, ["ctypes", "capi-fastcall"])
    assert "Python.h" in answer["ext_error"] and answer["ext"] is None
    assert "Python.h" in answer["bindings"]["capi-fastcall"]["add"]["error"]
    assert answer["bindings"]["ctypes"]["add"] == {"dir": None}


def test_no_pip(build: Build) -> None:
    before = "import _pip; _pip._bundled_pip = lambda: None\n"
    before += "_pip._can_serve_others = lambda pip: False"
    answer = in_build(build, before, ["ctypes", "cffi-abi"])
    error = answer["bindings"]["cffi-abi"]["add"]["error"]
    assert "there is no pip for" in error and "install" in error
    assert answer["bindings"]["ctypes"]["add"] == {"dir": None}


def test_an_unexpected_fault_is_told_and_the_rest_goes_on(build: Build, tmp_path: Path) -> None:
    odd = tmp_path / "bindings" / "odd"
    odd.mkdir(parents=True)
    (odd / "path.json").write_text(
        json.dumps({"name": "odd", "summary": "", "layers": [], "compiler": True})
    )
    (odd / "binding.py").write_text("print('noise')\nraise RuntimeError('two\\nlines')\n")
    built = build([str(odd), "capi-fastcall"], ["add"])
    assert built.error("odd", "add") == "RuntimeError: two lines"
    assert "dir" in built.answer["bindings"]["capi-fastcall"]["add"]
    assert not leftovers(build)


@pytest.mark.parametrize(
    "condition, matches",
    [("", True), (">=3.0", True), (">=3.0,<3.1", False), ("<3.0", False), (">3.0", True)],
)
def test_version_conditions(condition: str, matches: bool) -> None:
    import _packages

    assert _packages._python_matches(condition) is matches


def test_a_package_says_itself_why_it_does_not_build() -> None:
    import _pip

    said = """  error: subprocess-exited-with-error
  | [2 lines of output]
      Traceback (most recent call last):
      RuntimeError: this Python is too new for spam.
      [end of output]
  note: This error originates from a subprocess, and is likely not a problem with pip.
ERROR: Failed to build 'spam' when getting requirements to build wheel
"""
    reason = _pip._explain(said, "spam==1", "pip.log")
    assert reason == (
        "pip can't install spam==1: RuntimeError: this Python is too new for spam. (log: pip.log)"
    )
    line = "spam.c:7:2: error: unknown type name 'egg'"
    said = said.replace("Traceback (most recent call last):", line)
    assert line in _pip._explain(said, "spam==1", "pip.log")


def test_a_warning_does_not_stop_a_package(tmp_path: Path) -> None:
    """HPy compiles itself with -Werror; GCC 16 warns of more than the GCC that it was written with."""
    import _pip

    pip = _pip._Pip(sys.executable, str(tmp_path), str(tmp_path))
    options = shlex.split(pip.environment["CFLAGS"])
    compiler = shlex.split(os.environ.get("CC", "cc"))
    warned = "const char *a(void);\nchar *b(void) { return a(); }\n"
    for flags, fails in (([], True), (options, False)):
        command = [*compiler, *flags, "-Wall", "-Werror", "-fsyntax-only", "-x", "c", "-"]
        done = subprocess.run(command, input=warned.encode(), stderr=subprocess.PIPE)
        assert (done.returncode != 0) == fails, done.stderr.decode()


def test_every_package_is_pinned_for_every_version() -> None:
    import _packages

    pins = json.loads((ROOT / "workloads" / "bindings" / "requirements.json").read_text())
    until = {"numpy": 15}  # 3.15 has no wheel yet: those workloads say so there
    since = {"nanobind-backend": 10}  # what nanobind's stable ABI needs: it says so before
    for package in pins:
        for minor in range(since.get(package, 8), until.get(package, 16)):
            rows = [r for r in pins[package] if _matches(r.get("python", ""), (3, minor))]
            assert rows, (package, minor)
    with pytest.raises(Exception, match="no version of nosuch is pinned"):
        _packages.pins(["nosuch"], [])
    assert _packages.pins(["x==1.2"], []) == {"x": "1.2"}


def test_every_pinned_version_has_hashes() -> None:
    """Of all its files, as .ci/hashes.py writes them; and so has what builds it."""
    folder = ROOT / "workloads" / "bindings"
    pins = json.loads((folder / "requirements.json").read_text())
    hashes = json.loads((folder / "hashes.json").read_text())
    rows = [(name, row) for name in pins for row in pins[name] if "version" in row]
    assert set(hashes) == {"%s==%s" % (name, row["version"]) for name, row in rows}
    for digests in hashes.values():
        assert digests == sorted(set(digests))
        assert all(re.fullmatch("[0-9a-f]{64}", d) for d in digests)
    assert all(set(row.get("build", [])) <= set(pins) for _, row in rows)


def test_every_crate_is_locked_with_its_checksum() -> None:
    """cargo refuses what differs, as it is called with --locked."""
    folder = ROOT / "workloads" / "bindings"
    locks = sorted((folder / "_pyo3").glob("*.lock"))
    assert len(locks) == 3
    for lock in locks:
        crates = lock.read_text().split("[[package]]")[1:]
        outside = [c for c in crates if "\nsource = " in c]
        assert len(crates) - len(outside) == 1  # the binding itself
        assert all(re.search('\nchecksum = "[0-9a-f]{64}"\n', c) for c in outside)
    assert '"--locked"' in (folder / "_pyo3.py").read_text()


def _matches(condition: str, version: Any) -> bool:
    import _packages

    kept = sys.version_info
    try:
        sys.version_info = version
        return _packages._python_matches(condition)
    finally:
        sys.version_info = kept
