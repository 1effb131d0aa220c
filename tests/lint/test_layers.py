# SPDX-License-Identifier: MIT
"""The direction of includes: which layer of libprobe may know of which."""

import re
from typing import Dict, List, Set, Tuple

import pytest

from conftest import ROOT, text, tree

# Who may include whose internal headers. Everybody may include the public ones ("probe") and its
# own. Missing on purpose: sys -> hook (counters know no hooks), export -> engine (a format sees
# only the result), matrix -> hook and py (cells run in a child process, behind a file).
ALLOWED: Dict[str, Set[str]] = {
    "include": set(),
    "base": set(),
    "sys": {"base"},
    "hook": {"base", "sys"},
    "stack": {"base", "sys"},
    "stats": {"base"},
    "result": {"base", "stats"},
    "export": {"base", "result"},
    "engine": {"base", "sys", "hook", "stack", "stats", "result"},
    "matrix": {"base", "sys", "engine", "result", "export"},
    "py": {"base", "sys", "hook", "stack", "stats", "engine"},
    # What py is for CPython, for all others, and so without Python.h.
    "portable": {"base", "sys", "hook", "stack", "stats", "engine"},
    # Whole runs for a notebook: the extension's own upper floor.
    "package": {"base", "sys", "hook", "stack", "stats", "engine", "result", "matrix", "py"},
    # The command stands on the public interface alone, as any other program would.
    "cli": set(),
}

SOURCES = [n for n in tree() if n.startswith("libprobe/") and n.endswith((".c", ".h", ".S"))]
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def layer_of(name: str) -> str:
    """The layer that a file belongs to: libprobe/src/LAYER/..., libprobe/cli, libprobe/include."""
    parts = name.split("/")
    if parts[2:4] == ["py", "package"]:
        return "package"
    return parts[2] if parts[1] == "src" else parts[1]


def included(source: str) -> List[Tuple[str, str]]:
    """(layer, header) of every include; layer "" is the file's own, "<>" the system's."""
    found = []
    for bracket, header in INCLUDE.findall(source):
        first = header.split("/")[0] if "/" in header else ""
        # <sys/stat.h> is the system's, <sys/counter.h> ours.
        ours = first == "probe" or (ROOT / "libprobe" / "src" / header).exists()
        found.append(("<>" if bracket == "<" and not ours else first, header))
    return found


def violations(layer: str, source: str) -> List[str]:
    """The includes that a file of this layer must not have."""
    may = ALLOWED[layer] | {"", "<>", "probe", layer}
    wrong = [header for to, header in included(source) if to not in may]
    if layer not in ("py", "package"):
        wrong += [h for _, h in included(source) if re.match(r"(Python|structmember)\.h$", h)]
    return wrong


def test_every_layer_is_in_the_table() -> None:
    assert SOURCES
    assert {layer_of(name) for name in SOURCES} <= set(ALLOWED)


def test_the_table_has_no_cycle() -> None:
    done: Set[str] = set()
    while len(done) < len(ALLOWED):
        ready = {layer for layer, below in ALLOWED.items() if layer not in done and below <= done}
        assert ready, "a cycle among %s" % (set(ALLOWED) - done)
        done |= ready


def test_includes_point_downwards() -> None:
    wrong = {name: violations(layer_of(name), text(name)) for name in SOURCES}
    assert {name: headers for name, headers in wrong.items() if headers} == {}


@pytest.mark.parametrize(
    "layer, line",
    [
        ("base", '#include "sys/counter.h"'),
        ("sys", "# include <hook/thunk.h>"),
        ("export", '#include "engine/noise.h"'),
        ("cli", '#include "base/fail.h"'),
        ("engine", "#include <Python.h>"),
        ("matrix", '#include "py/py.h"'),
    ],
)
def test_a_wrong_include_is_seen(layer: str, line: str) -> None:
    assert violations(layer, "/* head */\n%s\n" % line)


def test_the_umbrella_includes_and_lists_every_public_header() -> None:
    folder = ROOT / "libprobe" / "include" / "probe"
    umbrella = (folder / "probe.h").read_text()
    head = umbrella[: umbrella.index("*/")]
    for header in sorted(folder.glob("*.h")):
        if header.name == "probe.h":
            continue
        assert '#include "probe/%s"' % header.name in umbrella
        assert re.search(r"^ \* %s +\S" % re.escape(header.name), head, re.MULTILINE)
