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


def files_below(folder: str, compiled: bool = False) -> List[str]:
    """Relative paths of all files, sorted; the stamp left out, and byte code unless compiled."""
    found = []
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(d for d in folders if compiled or d != "__pycache__")
        found += [
            os.path.relpath(os.path.join(here, name), folder)
            for name in names
            if name != STAMP and (compiled or not name.endswith(".pyc"))
        ]
    return sorted(found)


def _describe(path: str) -> Any:
    """By content: a size stays the same where a byte is not."""
    if os.path.islink(path):
        return [os.readlink(path), os.path.exists(path)]
    raw = read_bytes(path)
    return [len(raw), hashlib.sha256(raw).hexdigest()]


def read_notes(folder: str) -> Dict[str, Any]:
    """What was noted when the entry was made, damaged or not; {} when nothing can be read."""
    try:
        with open(os.path.join(folder, STAMP), encoding="utf-8") as f:
            stamp = json.load(f)
        return stamp if isinstance(stamp, dict) else {}
    except (OSError, ValueError):
        return {}


def damage(folder: str) -> Optional[str]:
    """What differs from what was noted when the entry was made; "" when nothing does; None when
    there is no entry."""
    if not os.path.lexists(folder):
        return None
    files = read_notes(folder).get("files")
    if not isinstance(files, dict):
        return "its list of files can't be read"
    for name, noted in files.items():
        try:
            if _describe(os.path.join(folder, name)) != noted:
                return "%s has changed" % name
        except OSError as e:
            return "%s can't be read, %s" % (name, e.strerror)
    return ""


def _write_stamp(folder: str, notes: Dict[str, Any]) -> None:
    stamp = dict(notes)
    stamp["files"] = {
        n: _describe(os.path.join(folder, n)) for n in files_below(folder, compiled=True)
    }
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


def discard(folder: str) -> None:
    """Removes an entry; the caller holds the parent's lock."""
    # Never delete in place: whoever sees the entry sees all of it or none.
    doomed = tempfile.mkdtemp(prefix=_TEMPORARY, dir=os.path.dirname(folder))
    os.rename(folder, os.path.join(doomed, "old"))
    shutil.rmtree(doomed, ignore_errors=True)


def make(
    parent: str,
    name: Callable[[Dict[str, Any]], str],
    build: Callable[[str], Dict[str, Any]],
) -> str:
    """Makes an entry whatever is there; the caller holds the lock.

    build(folder) fills the folder and returns notes for the stamp; name(notes) names the entry.
    Whatever build raises leaves nothing behind.
    """
    temporary = tempfile.mkdtemp(prefix=_TEMPORARY, dir=parent)
    try:
        notes = build(temporary)
        _write_stamp(temporary, notes)
        final = os.path.join(parent, name(notes))
        if os.path.lexists(final):
            discard(final)
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


def remade(folder: str, what: str) -> str:
    """The sentence for a damaged entry that was made again."""
    return "%s in the cache was damaged (%s) and was made again" % (os.path.basename(folder), what)


def entry(
    parent: str,
    name: str,
    build: Callable[[str], None],
    tell: Callable[[str], None] = lambda note: None,
) -> str:
    """The folder parent/name, made by build(folder) unless it is there and undamaged.

    tell(note) is called when it was there, but damaged.
    """
    folder = os.path.join(parent, name)
    if damage(folder) == "":
        note_use(folder)
        return folder

    def build_noted(temporary: str) -> Dict[str, Any]:
        build(temporary)
        return {}

    with locked(parent):
        found = damage(folder)  # someone else may have made it meanwhile
        if found != "":
            make(parent, lambda notes: name, build_noted)
    if found:
        tell(remade(folder, found))
    return folder


def newest(parent: str, prefix: str) -> Optional[str]:
    """The undamaged entry of that beginning that was used last."""
    try:
        names = [n for n in os.listdir(parent) if n.startswith(prefix)]
    except OSError:
        return None
    whole = [f for f in (os.path.join(parent, n) for n in names) if damage(f) == ""]
    return max(whole, key=lambda f: os.stat(os.path.join(f, STAMP)).st_mtime_ns, default=None)
