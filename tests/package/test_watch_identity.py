# SPDX-License-Identifier: MIT
"""A program can't tell by its built-ins that it is watched or measured."""

import functools
import inspect
import math
import pickle
import threading
import zlib
from typing import Any, Dict, List, Tuple

import pytest

import probe

from conftest import QUICK

FUNCTION: Any = type(len)
DIGEST = zlib.decompressobj().decompress  # its slot is that of a method descriptor, too


def told(one: Any, other: Any) -> Tuple[Any, ...]:
    """What a program can ask of two functions."""
    return (
        hash(one),
        one == other,
        one != other,
        one == one,
        one in (other, one),
        one.__hash__(),
        one.__eq__(other),
        FUNCTION.__hash__(one),
        FUNCTION.__eq__(one, one),
        FUNCTION.__ne__(one, other),
        FUNCTION.__lt__(one, other),
        one == 17,
        repr(one),
        inspect.signature(one),
        pickle.loads(pickle.dumps(one)) is one,
        one.__reduce__(),
        one.__self__ is zlib,
    )


def slots() -> List[Any]:
    from conftest import word_at

    head = object.__basicsize__
    kinds = [FUNCTION, *FUNCTION.__subclasses__()]
    # tp_hash and tp_richcompare: the 13th and 24th word behind the head of a type.
    found = [word_at(id(kind) + head + (1 + at) * 8) for kind in kinds for at in (12, 22)]
    names = ("__hash__", "__eq__", "__ne__")
    wrappers = [FUNCTION.__dict__[name] for name in names]
    return found + [word_at(id(w) + type(w).__basicsize__ - 8) for w in wrappers]


@pytest.mark.parametrize("phases", [False, True])
def test_built_ins_are_the_keys_that_they_were(phases: bool) -> None:
    kept: Dict[Any, str] = {zlib.crc32: "kept", DIGEST: "bound", len: "another's"}
    before, undone = told(zlib.crc32, zlib.adler32), slots()
    computed: List[Any] = []
    cached = functools.lru_cache(None)(computed.append)
    cached(zlib.crc32)
    with probe.watch("zlib", phases=phases) as w:
        assert told(zlib.crc32, zlib.adler32) == before
        assert kept[zlib.crc32] == "kept" and kept[DIGEST] == "bound" and kept[len]
        assert zlib.crc32 in set(kept) and zlib.adler32 not in kept
        cached(zlib.crc32)
        put_in = {zlib.adler32: 1, DIGEST: 2}
        zlib.adler32(b"x")
    assert computed == [zlib.crc32]
    assert put_in[zlib.adler32] == 1 and put_in[DIGEST] == 2
    assert told(zlib.crc32, zlib.adler32) == before and slots() == undone
    assert w["adler32"].calls == 1


def test_one_function_by_two_names_is_equal_still() -> None:
    one, other = zlib.decompressobj(), zlib.decompressobj()
    with probe.watch("zlib"):
        assert one.decompress == one.decompress and hash(one.decompress) == hash(one.decompress)
        assert one.decompress != other.decompress and one.decompress != one.flush


def test_numpys_functions_are_keys() -> None:
    numpy = pytest.importorskip("numpy")
    kept = {numpy.array: 1, numpy.add: 2, numpy.ndarray: 3, numpy.dot: 4}
    with probe.watch("numpy"):
        assert (kept[numpy.array], kept[numpy.add], kept[numpy.ndarray]) == (1, 2, 3)
        assert kept[numpy.dot] == 4


def test_a_measured_function_is_the_key_that_it_was() -> None:
    kept, wrong, undone = {math.hypot: 1}, [], slots()
    before, stop = hash(math.hypot), threading.Event()

    def look() -> None:
        while not stop.is_set():
            if kept.get(math.hypot) != 1 or hash(math.hypot) != before or math.hypot != math.hypot:
                wrong.append(1)

    class Looks:
        """Looks while the measured call runs, and so with its stubs in place."""

        def __float__(self) -> float:
            if kept.get(math.hypot) != 1:
                wrong.append(2)
            return 3.0

    thread = threading.Thread(target=look)
    thread.start()
    try:
        probe.measure(math.hypot, 3.0, 4.0, **QUICK)
        probe.measure(math.hypot, Looks(), 4.0, **QUICK)
    finally:
        stop.set()
        thread.join()
    assert not wrong and slots() == undone


def test_classes_made_in_the_block_are_as_without(watched: Any) -> None:
    with probe.watch(watched, "zlib"):

        class Sub(watched.Made):  # type: ignore[misc]
            pass

        assert type(watched.Made.__new__(Sub)) is Sub and type(Sub()) is Sub
        with pytest.raises(TypeError):
            object.__new__(Sub)
    assert type(watched.Made.__new__(Sub)) is Sub and type(Sub()) is Sub
