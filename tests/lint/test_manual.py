# SPDX-License-Identifier: MIT
"""The manual and the completions know what the command knows: each verb, each option, both ways."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Dict, List, Set

import pytest

from conftest import PROBE_BIN, ROOT

MANUAL = ROOT / "libprobe" / "man" / "probe.1"
BASH = ROOT / "libprobe" / "cli" / "completion.bash"
ZSH = ROOT / "libprobe" / "cli" / "completion.zsh"

pytestmark = pytest.mark.skipif(not PROBE_BIN.exists(), reason="build it first: make")


def printed(*args: str) -> str:
    done = subprocess.run(
        [str(PROBE_BIN), *args], stdout=subprocess.PIPE, universal_newlines=True, cwd=str(ROOT)
    )
    assert done.returncode == 0
    return done.stdout


def verbs() -> List[str]:
    """All but help itself."""
    found = re.findall(r"^  ([a-z]+) +\S", printed("help"), flags=re.M)
    assert "run" in found and "help" in found
    return [verb for verb in found if verb != "help"]


def options(verb: str) -> Set[str]:
    """Short and long, as the help of a verb prints them."""
    found: Set[str] = set()
    for line in printed("help", verb).splitlines():
        if re.match(r" {2,}-", line):
            head = re.split(r"\s{2,}", line.strip())[0]
            found.update(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", head))
    return found


def manual_sections() -> Dict[str, Set[str]]:
    """The options that the manual lists below each verb."""
    sections: Dict[str, Set[str]] = {}
    for section in re.split(r"^\.S[sh] ", MANUAL.read_text(encoding="utf-8"), flags=re.M):
        name = re.match(r"probe (\w+)", section)
        if not name:
            continue
        found = sections.setdefault(name.group(1), set())
        for line in re.findall(r"^\.It (Fl .*)$", section, flags=re.M):
            found.update("-" + option for option in re.findall(r"Fl (-?[\w-]+)", line))
    return sections


def test_the_manual_has_every_verb_and_no_other() -> None:
    assert sorted(manual_sections()) == sorted(verbs() + ["help"])
    synopsis = MANUAL.read_text(encoding="utf-8").split(".Sh SYNOPSIS")[1].split(".Sh")[0]
    assert set(re.findall(r"^\.Nm probe (\w+)", synopsis, flags=re.M)) == {*verbs(), "help"}


def test_the_manual_has_every_option_and_no_other() -> None:
    sections = manual_sections()
    for verb in verbs():
        assert options(verb) >= {"-h", "--help"}
        assert sections[verb] == options(verb), verb


def test_help_is_the_same_both_ways() -> None:
    for verb in verbs():
        assert printed("help", verb) == printed(verb, "--help") == printed(verb, "-h")


def test_the_manual_has_every_exit_code() -> None:
    told = printed("help").split("Exit codes:")[1]
    codes = re.findall(r"\b\d+(?= [a-z])", told)
    manual = MANUAL.read_text(encoding="utf-8").split(".Sh EXIT STATUS")[1].split(".Sh")[0]
    assert {"0", "2", "4", "130"} <= set(codes)
    assert re.findall(r"^\.It (\d+)$", manual, flags=re.M) == codes


def test_the_manual_is_well_formed() -> None:
    if not shutil.which("mandoc"):
        pytest.skip("mandoc is not installed")
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", str(MANUAL)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    assert done.returncode == 0, done.stdout


# --- completion ------------------------------------------------------------------------------------


def in_bash(*words: str) -> List[str]:
    """What bash would offer for the last word; words are cut at "=" and ":", as readline does."""
    line = " ".join((str(PROBE_BIN), *words))
    cut = [piece for word in words for piece in re.split("([=:])", word)]
    cut = [piece for i, piece in enumerate(cut) if piece or i == len(cut) - 1]
    script = """
source "$1"; shift
COMP_LINE=$1; COMP_POINT=${#1}; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_WORDBREAKS=' =:'
_probe && printf '%s\\n' "${COMPREPLY[@]}"
"""
    done = subprocess.run(
        ["bash", "--norc", "-c", script, "bash", str(BASH), line, str(PROBE_BIN), *cut],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        cwd=str(ROOT),
    )
    assert not done.stderr, done.stderr
    return [reply for reply in done.stdout.splitlines() if reply]


def test_bash_completes_verbs_and_options() -> None:
    if not shutil.which("bash"):
        pytest.skip("there is no bash")
    assert set(in_bash("")) == {*verbs(), "help", "--help", "--version"}
    assert set(in_bash("help", "")) == {*verbs(), "help"}
    for verb in verbs():
        assert set(in_bash(verb, "--")) == {o for o in options(verb) if o.startswith("--")}


def test_bash_completes_values() -> None:
    if not shutil.which("bash"):
        pytest.skip("there is no bash")
    assert in_bash("run", "--unit", "") == ["ns", "cycles"]
    assert in_bash("run", "--unit=c") == ["cycles"]
    assert in_bash("show", "--color", "al") == ["always"]
    assert in_bash("run", "--engine", "ladder,") == ["ladder,ladder", "ladder,timeline"]
    assert "breakdown" in in_bash("plot", "x.json", "--kind", "")
    assert in_bash("list", "c") == ["counters"]
    assert in_bash("cache", "") == ["size", "clean"]
    assert in_bash("report", "plots/sample/r") == ["plots/sample/run.json"]
    assert in_bash("report", "plots/sample/run.json", "-o", "LIC") == ["LICENSE"]
    # Seconds are not to be guessed, nor is a title a file.
    assert in_bash("run", "--timeout", "") == []
    assert in_bash("report", "--title", "") == []


def test_bash_completes_names() -> None:
    if not shutil.which("bash"):
        pytest.skip("there is no bash")
    assert in_bash("run", "ad") == ["add"]
    assert in_bash("run", "-p", "python,ctypes-") == ["python,ctypes-untyped"]
    assert in_bash("run", "--paths=cffi-ab") == ["cffi-abi"]
    colon = in_bash("run", "args:in")
    assert colon == ["int"]  # readline keeps "args:"


def in_zsh(tmp_path: Path, *words: str) -> List[str]:
    """What the function hands to zsh's own functions, which stand-ins print."""
    script = tmp_path / "complete.zsh"
    script.write_text("""
compadd() { shift; print -rl -- $@ }
_describe() { local name=$@[-1]; print -rl -- ${${(P)name}%%:*} }
_values() { shift 3; print -rl -- $@ }
_files() { print -r -- FILES }
functions[_probe]="$(<$1)"; shift
words=("$@"); CURRENT=$#
_probe
""")
    done = subprocess.run(
        ["zsh", "-f", str(script), str(ZSH), str(PROBE_BIN), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        cwd=str(ROOT),
    )
    assert not done.stderr, done.stderr
    return done.stdout.splitlines()


def test_zsh_offers_the_same(tmp_path: Path) -> None:
    if not shutil.which("zsh"):
        pytest.skip("zsh is not installed")
    assert set(in_zsh(tmp_path, "")) == {*verbs(), "help", "--help", "--version"}
    for verb in verbs():
        found = set(in_zsh(tmp_path, verb, "--"))
        assert found == {o for o in options(verb) if o.startswith("--")}
    assert in_zsh(tmp_path, "run", "--unit", "") == ["ns", "cycles"]
    assert in_zsh(tmp_path, "run", "--engine", "") == ["ladder", "timeline"]
    assert "ctypes" in in_zsh(tmp_path, "run", "-p", "")
    assert "add" in in_zsh(tmp_path, "run", "")
    assert "breakdown" in in_zsh(tmp_path, "plot", "--kind", "")
    assert in_zsh(tmp_path, "report", "") == ["FILES"]
    assert in_zsh(tmp_path, "cache", "") == ["size", "clean"]
    assert in_zsh(tmp_path, "run", "-o", "") == ["FILES"]
