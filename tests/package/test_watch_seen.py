# SPDX-License-Identifier: MIT
"""watch() says no more than what it has seen, and names what it could not see."""

import importlib
import math
import shutil
from typing import Any

import probe


def test_submodules_are_included() -> None:
    import json

    with probe.watch("json") as w:
        json.dumps("text")
        json.loads('{"a": [1, 2.5]}')
    assert any(f.library.startswith("json.") and f.calls for f in w)
    assert any("scanner" in label and label.endswith("slots") for label in w.unseen)
    assert any("not seen" in warning for warning in w.warnings)


def test_no_more_is_said_than_was_seen(watched: Any) -> None:
    made = watched.Made()
    with probe.watch(watched) as w:
        made == made
    if w.unseen:
        assert "no watched call was made; not seen: " in repr(w) and w.left_out[w.unseen[0]]
    with probe.watch("json") as w:
        __import__("json").scanner.c_make_scanner  # what is called is a slot of its object
    for text in (repr(w), w._repr_html_()):
        assert "no foreign call was made" not in text
        assert "no watched call was made; not seen: slots of" in text
    with probe.watch() as w:
        pass
    assert "no foreign call was made through ctypes or cffi" in repr(w)


def test_what_is_imported_in_the_block_is_listed(
    watched: Any, tmp_path: Any, monkeypatch: Any
) -> None:
    package = tmp_path / "watched_late"
    package.mkdir()
    (package / "__init__.py").write_text("")
    shutil.copy(watched.__file__, package)
    monkeypatch.syspath_prepend(str(tmp_path))
    with probe.watch("watched_late") as w:
        module = importlib.import_module("watched_late.watched")
        module.noargs()
    assert "imported in the block" in w.left_out["watched_late.watched"]
    assert "watched_late.watched" in repr(w) and "no foreign call" not in repr(w)
    assert any("imported in the block" in warning for warning in w.warnings)
    with probe.watch("watched_late") as w:
        module.noargs()
    assert w["noargs"].calls == 1 and w.unseen.count("watched_late.watched") == 0


def test_classes_without_a_module_are_not_the_interpreters(watched: Any) -> None:
    nameless = watched.Nameless
    assert getattr(nameless, "__module__", "builtins") == "builtins"
    with probe.watch(watched) as w:
        nameless().method()
        dict.fromkeys("ab")
    assert w["Nameless"].calls == 1 and w["Nameless.method"].calls == 1
    assert "watched.Nameless" not in w.left_out


def test_a_new_is_never_hooked(watched: Any) -> None:
    module = type(math)("_makes")
    vars(module)["new"] = watched.Made.__new__
    with probe.watch(module) as w:

        class Sub(watched.Made):  # type: ignore[misc]
            pass

        assert type(module.new(Sub)) is Sub
    assert "_makes.new" in w.unseen
