# SPDX-License-Identifier: MIT
"""Cache entries that are whole or not there, shared by several processes.

An entry is a folder with a stamp that lists its files. It is made in a temporary folder and then
renamed; a process that finds it damaged makes it again. Makers hold the lock of the parent folder.
"""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Optional

STAMP = ".probe-stamp.json"
_TEMPORARY = "tmp-"
_HASHED_BYTES = 4 << 20  # files up to this size are checked by content, larger ones by size


def digest(*parts: Any, length: int = 16) -> str:
    """A short hash of text, bytes and what JSON can say, in order and unambiguous."""
    state = hashlib.sha256()
    for part in parts:
        raw = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True).encode()
        state.update(b"%d:" % len(raw) + raw)
    return state.hexdigest()[:length]


def read_bytes(path: str) -> bytes:
    with open(path, "rb") as f:
        return f.read()


def files_below(folder: str) -> List[str]:
    """Relative paths of all files, sorted; caches of byte code and the stamp left out."""
    found = []
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(d for d in folders if d != "__pycache__")
        found += [
            os.path.relpath(os.path.join(here, name), folder)
            for name in names
            if name != STAMP and not name.endswith(".pyc")
        ]
    return sorted(found)


def _describe(path: str, by_content: bool) -> Any:
    if os.path.islink(path):
        return [os.readlink(path), os.path.exists(path)]
    size = os.path.getsize(path)
    if not by_content or size > _HASHED_BYTES:
        return size
    return [size, digest(read_bytes(path))]


def read_stamp(folder: str, by_content: bool = True) -> Optional[Dict[str, Any]]:
    """What was noted when the entry was made; None when it is absent, partial or damaged."""
    try:
        with open(os.path.join(folder, STAMP), encoding="utf-8") as f:
            stamp: Dict[str, Any] = json.load(f)
        for name, noted in stamp["files"].items():
            if _describe(os.path.join(folder, name), by_content) != noted:
                return None
        return stamp
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None


def _write_stamp(folder: str, notes: Dict[str, Any], by_content: bool) -> None:
    names = files_below(folder)
    stamp = dict(notes)
    stamp["files"] = {n: _describe(os.path.join(folder, n), by_content) for n in names}
    with open(os.path.join(folder, STAMP), "w", encoding="utf-8") as f:
        json.dump(stamp, f)


@contextmanager
def locked(parent: str) -> Iterator[None]:
    """Holds the parent's lock; what a killed maker left behind is removed first."""
    os.makedirs(parent, exist_ok=True)
    with open(os.path.join(parent, ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in os.listdir(parent):
            if name.startswith(_TEMPORARY):
                shutil.rmtree(os.path.join(parent, name), ignore_errors=True)
        yield


def make(
    parent: str,
    name: Callable[[Dict[str, Any]], str],
    build: Callable[[str], Dict[str, Any]],
    by_content: bool = True,
) -> str:
    """Makes an entry whatever is there; the caller holds the lock.

    build(folder) fills the folder and returns notes for the stamp; name(notes) names the entry.
    Whatever build raises leaves nothing behind.
    """
    temporary = tempfile.mkdtemp(prefix=_TEMPORARY, dir=parent)
    try:
        notes = build(temporary)
        _write_stamp(temporary, notes, by_content)
        final = os.path.join(parent, name(notes))
        if os.path.lexists(final):
            # Never delete in place: whoever sees the entry sees all of it or none.
            doomed = tempfile.mkdtemp(prefix=_TEMPORARY, dir=parent)
            os.rename(final, os.path.join(doomed, "old"))
            shutil.rmtree(doomed, ignore_errors=True)
        os.rename(temporary, final)
        os.chmod(final, 0o755)
        return final
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def write_json(path: str, value: Any) -> None:
    """A file that is whole or not there."""
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".new-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as f:
        json.dump(value, f)
    os.replace(temporary, path)


def note_use(folder: str) -> None:
    """What `probe cache clean --older-than` goes by: when an entry was last used."""
    try:
        os.utime(os.path.join(folder, STAMP))
    except OSError:
        pass  # another user's, or a full disk: nothing depends on it


def entry(parent: str, name: str, build: Callable[[str], None]) -> str:
    """The folder parent/name, made by build(folder) unless it is there and undamaged."""
    folder = os.path.join(parent, name)
    if read_stamp(folder) is not None:
        note_use(folder)
        return folder

    def build_noted(temporary: str) -> Dict[str, Any]:
        build(temporary)
        return {}

    with locked(parent):
        if read_stamp(folder) is None:  # someone else may have made it meanwhile
            make(parent, lambda notes: name, build_noted)
    return folder
