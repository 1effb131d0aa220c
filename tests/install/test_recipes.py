# SPDX-License-Identifier: MIT
"""Obtaining interpreters: each recipe fails alone and loudly, nothing half-made stays, and a second
run does nothing. On made-up recipes, and Debian's on a made-up apt; nothing is downloaded."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List

import pytest

ROOT = Path(__file__).resolve().parents[2]
INTERPRETERS = ROOT / "ext" / "interpreters"
RECIPES = sorted(p.stem for p in (INTERPRETERS / "recipes").glob("*.sh"))

HEAD = '# SPDX\nwhat="a %s one" cost="1 s, 1 MB" needs="%s"\nobtain() {\n%s\n}\n'
GOOD = """mkdir -p "$dest/prefix/bin"
ln -s "$REAL_PYTHON" "$dest/prefix/bin/python3"
echo ran >>"$RAN"
offer "$dest/prefix/bin/python3"
"""


class Place:
    """A copy of the driver with recipes of the test's own, and a data folder."""

    def __init__(self, folder: Path) -> None:
        self.driver = folder / "interpreters" / "obtain.sh"
        shutil.copytree(str(INTERPRETERS), str(folder / "interpreters"))
        self.recipes = folder / "interpreters" / "recipes"
        for recipe in self.recipes.iterdir():
            recipe.unlink()
        self.data = folder / "data"
        self.root = self.data / "probe" / "interpreters"
        self.ran = folder / "ran"
        self.bin = folder / "bin"
        self.bin.mkdir()

    def add(self, name: str, body: str, needs: str = "") -> None:
        (self.recipes / (name + ".sh")).write_text(HEAD % (name, needs, body))

    def program(self, name: str, body: str) -> None:
        (self.bin / name).write_text("#!/bin/sh\n%s\n" % body)
        (self.bin / name).chmod(0o755)

    def env(self, **env: str) -> Dict[str, str]:
        return {
            "PATH": "%s:%s" % (self.bin, os.environ["PATH"]),
            "HOME": str(self.data / "home"),
            "XDG_DATA_HOME": str(self.data),
            "REAL_PYTHON": os.path.realpath(sys.executable),
            "RAN": str(self.ran),
            **env,
        }

    def __call__(self, *args: str, **env: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(self.driver), *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            env=self.env(**env),
            timeout=120,
        )

    def entries(self) -> List[str]:
        return sorted(p.name for p in self.root.iterdir() if p.name != ".lock")


@pytest.fixture(name="place")
def fixture_place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def row(done: Any, name: str) -> str:
    """The line of the closing table."""
    (line,) = [text for text in done.stdout.splitlines() if text.startswith(name + " ")]
    return str(line)


def test_one_failure_stops_no_other(place: Place) -> None:
    place.add("a-refused", 'die "the shop is closed"')
    place.add("b-crashed", "echo a tool said this >&2\nfalse")
    place.add("c-good", GOOD)
    place.add("d-tool", GOOD, needs="nosuchtool:its-package")
    done = place()
    assert done.returncode == 0, done.stderr  # none was named, and one was had
    assert "the shop is closed" in row(done, "a-refused")
    assert "a tool said this" in row(done, "b-crashed")
    assert re.search(r"new +cpython \d+\.\d+\.\d+t?; \d+ MB; \d+ s", row(done, "c-good"))
    assert "needs nosuchtool: apt install its-package" in row(done, "d-tool")
    assert "a-refused: NOT had: the shop is closed" in done.stderr
    assert place.entries() == ["a-refused.log", "b-crashed.log", "c-good"]
    link = place.root / "c-good" / "bin" / "python3"
    assert subprocess.call([str(link), "-c", ""]) == 0
    assert not os.path.isabs(os.readlink(str(link)))


def test_a_second_run_does_nothing(place: Place) -> None:
    place.add("good", GOOD)
    assert " new " in row(place(), "good")
    again = place()
    assert (again.returncode, again.stderr) == (0, "")
    assert " there " in row(again, "good")
    assert place.ran.read_text() == "ran\n"


def test_what_is_named_must_be_had(place: Place) -> None:
    place.add("bad", 'die "no"')
    place.add("good", GOOD)
    assert place("good").returncode == 0
    assert place("good", "bad").returncode == 1
    assert place("bad").returncode == 1
    done = place("worse")
    assert done.returncode == 2 and "no recipe 'worse'" in done.stderr and "good" in done.stderr
    assert place("--frob").returncode == 2


def test_none_at_all_is_a_failure(place: Place) -> None:
    place.add("bad", 'die "no"')
    assert place().returncode == 1


def test_an_interpreter_that_does_not_work_is_not_kept(place: Place) -> None:
    body = 'mkdir -p "$dest/bin"; printf "#!/bin/sh\\necho rotten >&2; exit 9\\n" >"$dest/bin/x"\n'
    place.add("bad", body + 'chmod +x "$dest/bin/x"; offer "$dest/bin/x"')
    done = place()
    assert "doesn't work: rotten" in row(done, "bad")
    assert place.entries() == ["bad.log"]


def test_one_that_takes_too_long_is_ended(place: Place) -> None:
    place.add("a-slow", "sleep 600")
    place.add("b-good", GOOD)
    begin = time.monotonic()
    done = place(LANE_TIMEOUT_S="1")
    assert time.monotonic() - begin < 60
    assert "took longer than 1 s" in row(done, "a-slow") and " new " in row(done, "b-good")


def test_interruption_leaves_nothing_behind(place: Place) -> None:
    place.add("slow", 'mkdir -p "$dest/half" "$work/more"\necho ran >"$RAN"\nsleep 600')
    with subprocess.Popen([str(place.driver)], env=place.env(), stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while not place.ran.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert place.entries() == ["slow.log"]


def test_two_at_once_do_not_meet(place: Place) -> None:
    place.add("slow", 'echo ran >"$RAN"\nsleep 600')
    with subprocess.Popen([str(place.driver)], env=place.env(), stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while not place.ran.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        second = place()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert second.returncode == 1 and "another one is at work" in second.stderr


def test_dry_run_and_list_change_nothing(place: Place) -> None:
    place.add("good", GOOD)
    place.add("needy", GOOD, needs="nosuchtool:its-package")
    assert "would be a good one; about 1 s, 1 MB" in row(place("--dry-run"), "good")
    assert "needs nosuchtool" in row(place("--dry-run"), "needy")
    assert "absent" in row(place("--list"), "needy")
    assert not place.data.exists()


def test_the_data_folder_by_default_and_without_rights(place: Place) -> None:
    place.add("good", GOOD)
    done = place(XDG_DATA_HOME="relative")  # to be ignored, says its specification
    assert done.returncode == 0
    assert (place.data / "home/.local/share/probe/interpreters/good/bin/python3").exists()
    done = place(XDG_DATA_HOME="/proc/none")
    assert done.returncode == 1 and "set XDG_DATA_HOME" in done.stderr


# --- Debian's packages, on a made-up apt ---------------------------------------------------------

MIRROR = "http://mirror.example.com/debian/"
APT = r"""
echo "$*" >>"$RAN"
case " $* " in
*" indextargets "*) echo http://mirror.example.com/debian-security/; echo "$MIRROR" ;;
*" update "*)
	if [ "$BROKEN" = update ]; then echo "E: no such host" >&2; exit 100; fi
	for word; do
		case $word in Dir::Etc::sourcelist=*) cp "${word#*=}" "$RAN.sources" ;; esac
	done ;;
*" install "*)
	if [ "$BROKEN" = install ]; then echo "E: Unable to locate package" >&2; exit 100; fi
	for word; do
		case $word in Dir::Cache::archives=*) touch "${word#*=}/a.deb" ;; esac
	done ;;
*" source "*) echo "E: Failed to fetch: 404 Not Found" >&2; exit 100 ;;
esac
"""
# What a package unpacks to: as much of an interpreter as the recipe touches.
DPKG = r"""
[ "$1" = -x ] || exit 1
usr=$3/usr
mkdir -p "$usr/bin" "$usr/lib/some-triplet" "$usr/lib64" "$usr/include/some-triplet/python3.14" \
	"$usr/include/python3.14" "$usr/lib/python3.14/ensurepip" "$usr/share/doc/x"
touch "$usr/lib/some-triplet/libc.so.6" "$usr/lib64/ld-linux.so.2"
echo real >"$usr/include/some-triplet/python3.14/pyconfig.h"
echo '#include <some-triplet/python3.14/pyconfig.h>' >"$usr/include/python3.14/pyconfig.h"
echo "_DIR = '/usr/share/python-wheels'" >"$usr/lib/python3.14/ensurepip/__init__.py"
ln -s "$REAL_PYTHON" "$usr/bin/python3.14"
"""
PATCHELF = r"""
echo "patchelf $*" >>"$RAN"
[ "$1" != --print-interpreter ] || echo /lib64/ld-linux.so.2
"""


@pytest.fixture(name="debian")
def fixture_debian(place: Place) -> Place:
    if not os.path.exists("/usr/share/keyrings/debian-archive-keyring.gpg"):
        pytest.skip("needs debian-archive-keyring")
    for name in ("cpython-3.14", "cpython-3.14t"):
        shutil.copy(str(INTERPRETERS / "recipes" / (name + ".sh")), str(place.recipes))
    place.program("apt-get", APT)
    place.program("apt-cache", "printf 'Version: 3.14.9-1\\nVersion: 3.14.10-1\\n'")
    place.program("dpkg", DPKG)
    place.program("patchelf", PATCHELF)
    place.program("xz", "exit 1")  # a recipe asks for it; nothing is unpacked here
    return place


def test_a_package_is_unpacked_and_mended(debian: Place) -> None:
    done = debian("cpython-3.14", MIRROR=MIRROR)
    assert done.returncode == 0, done.stdout + done.stderr
    usr = debian.root / "cpython-3.14" / "root" / "usr"
    calls = debian.ran.read_text()
    assert "install -y --download-only --no-install-recommends python3.14-dev" in calls
    assert "--set-interpreter %s/lib64/ld-linux.so.2 --force-rpath" % usr in calls
    assert "--set-rpath %s/lib/some-triplet %s/bin/python3.14" % (usr, usr) in calls
    sources = (debian.ran.parent / "ran.sources").read_text()
    assert re.fullmatch(r"deb \[signed-by=\S+\] %s sid main\n" % re.escape(MIRROR), sources)
    assert (usr / "include/python3.14/pyconfig.h").read_text() == "real\n"
    ensurepip = (usr / "lib/python3.14/ensurepip/__init__.py").read_text()
    assert ensurepip == "_DIR = '%s/share/python-wheels'\n" % usr
    assert not (usr / "share/doc").exists()
    assert (debian.root / "cpython-3.14/bin/python3.14").exists()


@pytest.mark.parametrize(
    "broken, words", [("update", "no such host"), ("install", "Unable to locate package")]
)
def test_apt_says_why(debian: Place, broken: str, words: str) -> None:
    done = debian("cpython-3.14", MIRROR=MIRROR, BROKEN=broken)
    assert done.returncode == 1 and words in row(done, "cpython-3.14")


def test_no_mirror_is_known(debian: Place) -> None:
    done = debian("cpython-3.14", MIRROR="")
    assert "set PROBE_DEBIAN_MIRROR" in row(done, "cpython-3.14")
    done = debian("cpython-3.14", MIRROR="", PROBE_DEBIAN_MIRROR=MIRROR)
    assert done.returncode == 0, done.stdout


def test_a_source_that_is_not_served_names_the_versions_tried(debian: Place) -> None:
    done = debian("cpython-3.14t", MIRROR=MIRROR)
    assert "is not served (tried: 3.14.10-1 3.14.9-1)" in row(done, "cpython-3.14t")


# --- the recipes themselves ----------------------------------------------------------------------


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_describes_itself(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [str(INTERPRETERS / "obtain.sh"), "--list", name],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(name + r" +absent   \S.*; about \d.*\d MB\n", done.stdout)
    text = (INTERPRETERS / "recipes" / (name + ".sh")).read_text()
    assert "\nobtain() {\n" in text
    assert not re.search(r"https?://", text)  # what is used is what the machine is set up for


@pytest.mark.parametrize("file", sorted(INTERPRETERS.rglob("*.sh")), ids=lambda p: p.name)
def test_the_shell_reads_it(file: Path) -> None:
    assert subprocess.call(["bash", "-n", str(file)]) == 0
