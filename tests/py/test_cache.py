# SPDX-License-Identifier: MIT
"""`probe cache`: what lies there, for whom, and removing what is of no more use."""

import fcntl
import json
import os
import pwd
import shutil
import struct
import time
from pathlib import Path
from typing import Any, Dict, Iterator, Set

import pytest

from conftest import ROOT, Probe

DAY_S = 86400
STAMP = ".probe-stamp.json"
QUICK = ["--passes", "1", "--rounds", "10"]


@pytest.fixture
def home(probe: Probe, tmp_path: Path) -> Path:
    """A cache folder that probe is pointed at; it is not made."""
    probe.env["XDG_CACHE_HOME"] = str(tmp_path)
    return tmp_path / "probe"


def entry(folder: Path, name: str, days: float = 0, size: int = 10000) -> Path:
    """An entry that was last used so many days ago."""
    made = folder / name
    made.mkdir(parents=True)
    (made / "content").write_bytes(b"x" * size)
    (made / STAMP).write_text("{}")
    at = time.time() - days * DAY_S
    os.utime(made / STAMP, (at, at))
    return made


def interpreter(home: Path, name: str, program: Path) -> Path:
    """The folder of an interpreter that lies there as it is now."""
    folder = home / "interpreters" / name
    folder.mkdir(parents=True)
    info = program.stat()
    note = {
        "executable": str(program),
        "files": [[str(program), info.st_mtime_ns, info.st_size]],
    }
    (folder / "interpreter.json").write_text(json.dumps(note))
    return folder


@pytest.fixture
def filled(home: Path, tmp_path: Path) -> Path:
    """Four interpreters, one of each state, and what all share."""
    for name in ("present", "gone", "replaced"):
        program = tmp_path / name
        program.write_text(name)
        folder = interpreter(home, "cpython-" + name, program)
        entry(folder, "ext-1", days=40)
        entry(folder, "venv-1", days=2, size=100000)
        entry(folder / "bindings", "ctypes-add-1", days=2)
        entry(folder / "bindings", "ctypes-add-2", days=40)
        (folder / "bindings" / ".lock").touch()
        (folder / "bindings" / "tmp-killed").mkdir()
    (tmp_path / "gone").unlink()
    (tmp_path / "replaced").write_text("another")
    entry(home / "interpreters" / "cpython-unknown", "ext-1")
    entry(home / "kernels", "add-1")
    entry(home / "kernels", "add-2", days=40)
    entry(home / "functions", "mine-1", days=2)
    (home / "kernels" / "tmp-killed").mkdir()
    (home / "quiet.json").write_text("{}")
    return home


def names(folder: Path) -> Set[str]:
    return {p.name for p in folder.iterdir() if not p.name.startswith(".")}


def owners(probe: Probe) -> Dict[Any, Dict[str, Any]]:
    done = probe("cache", "size", "--json")
    assert done.code == 0, done.err
    return {o["name"]: o for o in json.loads(done.out)["owners"]}


def test_size_by_interpreter_and_kind(probe: Probe, filled: Path) -> None:
    found = owners(probe)
    states = {name: owner["state"] for name, owner in found.items()}
    assert states == {
        None: None,
        "cpython-present": "present",
        "cpython-gone": "gone",
        "cpython-replaced": "replaced",
        "cpython-unknown": "unknown",
    }
    kinds = found["cpython-present"]["disk_bytes_by_kind"]
    assert set(kinds) == {"extension", "packages", "bindings", "other"}
    assert kinds["packages"] >= 100000 > kinds["bindings"] > kinds["extension"] >= 10000
    assert set(found[None]["disk_bytes_by_kind"]) == {"kernels", "functions", "other"}
    for owner in found.values():
        assert owner["disk_bytes"] == sum(owner["disk_bytes_by_kind"].values())
    whole = json.loads(probe("cache", "size", "--json").out)
    assert whole["disk_bytes"] == sum(o["disk_bytes"] for o in found.values())
    assert abs(found["cpython-present"]["used_unix_s"] - (time.time() - 2 * DAY_S)) < 60


def test_size_as_a_table(probe: Probe, filled: Path) -> None:
    done = probe("cache", "size")
    assert done.code == 0
    assert max(len(line) for line in done.out.splitlines()) <= 100
    for word in ("cpython-gone", "2 days ago", "replaced", "packages 1", str(filled)):
        assert word in done.out, word


def test_no_cache_is_empty_and_not_made(probe: Probe, home: Path) -> None:
    assert probe("cache", "size").out == "nothing in %s\n" % home
    assert probe("cache", "clean").out == "removed 0 entries, nothing\n"
    assert not home.exists()


def test_clean_removes_what_no_run_can_use(probe: Probe, filled: Path) -> None:
    done = probe("cache", "clean", "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["entries"] == 5 and told["disk_bytes"] > 250000
    assert names(filled / "interpreters") == {"cpython-present"}
    assert names(filled / "kernels") == {"add-1", "add-2"}
    bindings = filled / "interpreters" / "cpython-present" / "bindings"
    assert names(bindings) == {"ctypes-add-1", "ctypes-add-2"}
    assert (bindings / ".lock").exists() and (filled / "quiet.json").exists()
    assert json.loads(probe("cache", "clean", "--json").out) == {"disk_bytes": 0, "entries": 0}


def test_clean_by_age(probe: Probe, filled: Path) -> None:
    done = probe("cache", "clean", "--older-than", "30")
    assert done.code == 0, done.err
    mine = filled / "interpreters" / "cpython-present"
    assert names(mine) == {"interpreter.json", "bindings", "venv-1"}
    assert names(mine / "bindings") == {"ctypes-add-1"}
    assert names(filled / "kernels") == {"add-1"} and names(filled / "functions") == {"mine-1"}
    assert probe("cache", "clean", "--older-than", "0").code == 0
    assert names(filled / "interpreters") == names(filled / "kernels") == set()
    assert names(filled) == {"interpreters", "kernels", "functions", "quiet.json"}


def test_clean_stays_inside(probe: Probe, filled: Path, tmp_path: Path) -> None:
    """Neither links nor what is not probe's."""
    outside = entry(tmp_path / "outside", "precious", days=100)
    (filled / "kernels" / "link-1").symlink_to(outside)
    (filled / "interpreters" / "cpython-link").symlink_to(tmp_path / "outside")
    shelf = filled / "interpreters" / "cpython-present" / "bindings" / "ctypes-add-2"
    (shelf / "link").symlink_to(outside)
    (filled / "notes.txt").write_text("mine")
    (filled / "elsewhere").mkdir()
    assert probe("cache", "clean", "--older-than", "0").code == 0
    assert names(outside) == {"content"} and (outside / STAMP).exists()
    assert names(filled) >= {"notes.txt", "elsewhere"}


def test_clean_follows_no_linked_shelf(probe: Probe, filled: Path, tmp_path: Path) -> None:
    (filled / "functions" / "mine-1" / STAMP).unlink()
    (filled / "functions").rename(tmp_path / "outside")
    (filled / "functions").symlink_to(tmp_path / "outside")
    assert probe("cache", "clean", "--older-than", "0").code == 0
    assert names(tmp_path / "outside") == {"mine-1"}


def test_clean_refuses_while_a_run_goes_on(fake: Probe, python: str, tmp_path: Path) -> None:
    home = tmp_path / "cache" / "probe"
    entry(home / "kernels", "add-1")
    state = tmp_path / "state"
    state.mkdir()
    command = ["run", "slow", "-p", "good", "-i", python, *QUICK]
    process = fake.popen(*command, FAKE_STATE=str(state))
    deadline = time.monotonic() + 60
    while not (state / "log").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    fake("cache", "clean", "--older-than", "0").one_error(1, "a probe run is using", str(home))
    assert fake("cache", "size").code == 0
    assert process.wait(timeout=60) == 0 and names(home / "kernels") == {"add-1"}
    process.communicate()
    assert fake("cache", "clean", "--older-than", "0").code == 0
    assert names(home / "kernels") == set()


def test_a_run_waits_while_the_cache_is_cleaned(fake: Probe, python: str, tmp_path: Path) -> None:
    home = tmp_path / "cache" / "probe"
    home.mkdir(parents=True)
    with open(home / ".in-use", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = fake.popen("run", "add", "-p", "good", "-i", python, *QUICK)
        time.sleep(1)
        assert process.poll() is None
        fcntl.flock(lock, fcntl.LOCK_UN)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err


def test_a_run_notes_its_interpreter_and_its_use(probe: Probe, home: Path, python: str) -> None:
    command = ["run", "noop", "-p", "capi-varargs", "-i", python, *QUICK]
    assert probe(*command).code == 0
    found = owners(probe)
    (name,) = [n for n in found if n]
    assert found[name]["state"] == "present"
    assert found[name]["executable"] == os.path.realpath(python)
    assert {"extension", "bindings"} <= set(found[name]["disk_bytes_by_kind"])
    for stamp in home.glob("**/" + STAMP):
        os.utime(stamp, (1, 1))
    assert owners(probe)[name]["used_unix_s"] == 1
    assert probe(*command).code == 0
    assert {int(s.stat().st_mtime) == 1 for s in home.glob("**/" + STAMP)} == {False}
    done = probe("cache", "clean", "--older-than", "1")
    assert done.out == "removed 0 entries, nothing\n", done.out


@pytest.mark.parametrize(
    "arguments, word",
    [
        ([], "size or clean?"),
        (["sweep"], "size or clean?"),
        (["size", "clean"], "size or clean?"),
        (["size", "--older-than", "3"], "--older-than belongs to"),
        (["clean", "--older-than", "-1"], "--older-than"),
        (["clean", "--older-than", "soon"], "--older-than"),
        (["clean", "--older-than"], "needs a value"),
        (["clean", "--all"], "--all"),
    ],
)
def test_usage(probe: Probe, arguments: Any, word: str) -> None:
    probe("cache", *arguments).one_error(2, word)


# --- whose it is ---------------------------------------------------------------------------------


def own_cache() -> str:
    return str(Path(pwd.getpwuid(os.geteuid()).pw_dir) / ".cache" / "probe")


@pytest.mark.parametrize("where", ["folder", "above", "through a link"])
def test_a_cache_that_others_can_write_is_not_used(
    probe: Probe, home: Path, tmp_path: Path, where: str
) -> None:
    home.mkdir()
    open_folder = home if where == "folder" else tmp_path
    open_folder.chmod(0o777)
    if where == "through a link":
        (tmp_path / "mine").mkdir(mode=0o700)
        (tmp_path / "mine" / "link").symlink_to(tmp_path)
        probe.env["XDG_CACHE_HOME"] = str(tmp_path / "mine" / "link")
    entry(home / "kernels", "planted-1", days=40)
    # `clean` would work on the user's own cache, which a run may be using.
    done = probe("cache", "size")
    assert done.code == 0
    (line,) = done.error_lines
    assert "%s can be written by everyone (chmod go-w)" % open_folder in line, line
    assert str(home) not in done.out
    open_folder.chmod(0o755)
    probe.env["XDG_CACHE_HOME"] = str(tmp_path)
    assert owners(probe).keys() == {None}


def acl(*entries: Any) -> bytes:
    """An access control list as the kernel keeps it, of (tag, permissions, id)."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


OWNER, USER, GROUP_OBJ, GROUP, MASK, OTHER = 1, 2, 4, 8, 16, 32
NOBODY = 0xFFFFFFFF


@pytest.mark.parametrize("kind", ["access", "default"])
@pytest.mark.parametrize("where", ["folder", "above"])
def test_a_cache_that_an_access_control_list_opens_is_not_used(
    probe: Probe, home: Path, tmp_path: Path, where: str, kind: str
) -> None:
    """The mode alone looks like that of a group of the user's own."""
    if where == "folder":
        entry(home / "kernels", "planted-1", days=40)
    folder = home if where == "folder" else tmp_path
    plain = [(OWNER, 7, NOBODY), (GROUP_OBJ, 5, NOBODY), (MASK, 7, NOBODY), (OTHER, 5, NOBODY)]
    for others in (USER, GROUP):
        entries = sorted([*plain, (others, 7, 54321)])
        try:
            os.setxattr(folder, "system.posix_acl_" + kind, acl(*entries))
        except OSError as e:
            pytest.skip("no access control lists on this file system: %s" % e)
        done = probe("cache", "size")
        (line,) = done.error_lines
        words = "default access control list" if kind == "default" else "access control list"
        assert words in line and str(folder) in line, line
        assert str(home) not in done.out
    # Masked, of the user's own, or for reading alone: nobody else can write.
    (owner, group, mask, other) = plain
    for harmless in (
        [owner, (USER, 7, 54321), group, (MASK, 5, NOBODY), other],
        [owner, (USER, 7, os.geteuid()), group, mask, other],
        [owner, (USER, 5, 54321), group, mask, other],
    ):
        os.setxattr(folder, "system.posix_acl_" + kind, acl(*harmless))
        assert probe("cache", "size").error_lines == []


def test_a_run_warns_of_a_cache_that_others_can_write(
    fake: Probe, python: str, tmp_path: Path
) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(0o777)
    out = tmp_path / "run.json"
    # What crashes teaches nothing about this CPU: the user's own cache stays as it is.
    done = fake("run", "crash", "-p", "good", "-i", python, "-o", out, *QUICK)
    assert done.code == 1, done.err
    (warning,) = json.loads(out.read_text())["probe"]["warnings"]
    assert "can't be trusted" in warning and "is used instead" in warning
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.fixture
def anothers(tmp_path: Path) -> Iterator[Path]:
    """The home folder of another user."""
    if os.geteuid():
        pytest.skip("only root can give a folder to another user")
    folder = tmp_path / "anothers"
    folder.mkdir()
    os.chown(folder, 54321, 54321)
    yield folder
    assert list(folder.rglob("*")) == []


def test_the_home_of_another_user_is_left_alone(probe: Probe, anothers: Path) -> None:
    probe.env["HOME"] = str(anothers)
    del probe.env["XDG_CACHE_HOME"]
    done = probe("cache", "size")
    (line,) = done.error_lines
    assert str(anothers) + " belongs to user 54321" in line
    assert own_cache() in line and own_cache() in done.out


def test_builds_leave_nothing_in_the_home_of_another_user(
    probe: Probe, python: str, anothers: Path, tmp_path: Path
) -> None:
    """cargo, pip and ccache keep files in HOME."""
    bindings = tmp_path / "bindings"
    shutil.copytree(ROOT / "workloads" / "bindings" / "capi-varargs", bindings / "told")
    description = json.loads((bindings / "told" / "path.json").read_text())
    (bindings / "told" / "path.json").write_text(json.dumps({**description, "name": "told"}))
    (bindings / "told" / "binding.py").write_text(
        "import os\n\ndef build(*args):\n"
        "    raise RuntimeError([os.environ.get(n) for n in ('HOME', 'CARGO_HOME')])\n"
    )
    probe.env.update(HOME=str(anothers), CARGO_HOME=str(anothers / "cargo"))
    done = probe(
        *["run", "add", "-p", "told", "-i", python, *QUICK],
        PROBE_BINDINGS=str(bindings),
    )
    done.one_error(1, "RuntimeError: ['%s', None]" % pwd.getpwuid(0).pw_dir)
