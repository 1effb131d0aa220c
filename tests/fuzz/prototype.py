#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The readers of prototypes and of --args: whatever they get, they return what all bindings can be
made from, or raise FunctionError with one line; nothing else, and soon.

Usage: prototype.py [--seconds N] [--seed N] CORPUS
Without --seconds: the corpus and a fixed number of changes to it. Needs pycparser. Inputs are made by
recombining tokens, as changed bytes alone seldom get past a parser. An input is a prototype, a line
"--", and arguments.
"""

import argparse
import json
import os
import random
import re
import sys
import time
import traceback
from pathlib import Path
from typing import List

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "ext" / "probe"), str(ROOT / "workloads" / "bindings")]

import _declaration  # noqa: E402
import _given  # noqa: E402
import _prototype  # noqa: E402
from _declaration import FunctionError  # noqa: E402

SLOWEST_S = 5.0
REPLAYED = 4000
TOKEN = re.compile(r"\w+|\s+|.", re.S)
WORDS = """int unsigned long short char signed float double bool void const struct enum union typedef
size_t int8_t uint64_t wchar_t va_list _Complex restrict static inline FILE * ** [ ] [3] ( ) (*) , ; {
} ... = # // /* */ & " ' \\ 0 -1 3.5 1e999 nan None True b'x' 'text' len out int32:20 float64:0
bytes:99999999999 numpy.float32:4 text:3 callback:f() (1,2) [1] 1j \x1b \u202e \x00 \n""".split(" ")


def check(text: str) -> None:
    """Raises AssertionError, or whatever should not have come out."""
    prototype, _, arguments = text.partition("\n--\n")
    begun = time.monotonic()
    try:
        declaration = _declaration.parse(prototype)
        json.dumps(_prototype.combine(declaration, _given.parse(arguments))._asdict())
    except FunctionError as e:
        assert str(e), "an error without words"
    took = time.monotonic() - begun
    assert took < SLOWEST_S, "it took %.1f s" % took


def change(rng: random.Random, corpus: List[str]) -> str:
    """An input made of two others."""
    tokens = TOKEN.findall(rng.choice(corpus))
    other = TOKEN.findall(rng.choice(corpus))
    for _ in range(rng.randint(1, 6)):
        i = rng.randrange(len(tokens) + 1)
        what = rng.randrange(6)
        if what == 0:
            del tokens[i : i + rng.randint(1, 4)]
        elif what == 1:
            tokens[i:i] = [rng.choice(WORDS)]
        elif what == 2 and other:
            j = rng.randrange(len(other))
            tokens[i:i] = other[j : j + rng.randint(1, 8)]
        elif what == 3:
            tokens[i : i + 1] = [rng.choice(WORDS)]
        elif what == 4 and tokens:
            j = rng.randrange(len(tokens))
            tokens[i:i] = tokens[j : j + 4] * rng.choice([1, 2, 40])
        else:
            tokens[i:i] = [chr(rng.choice([0, 9, 27, 92, 0x85, 0x2028, 0xD800, 0x1F600]))]
    return "".join(tokens)[:4000]


def main() -> int:
    try:
        import pycparser  # noqa: F401
    except ImportError:
        print("skipped: this Python has no pycparser: pip install pycparser")
        return 77
    parser = argparse.ArgumentParser(description="Feeds made-up prototypes to their reader.")
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("corpus", type=Path)
    options = parser.parse_args()
    corpus = [p.read_text(encoding="utf-8") for p in sorted(options.corpus.iterdir())]
    seed = options.seed if not options.seconds else int.from_bytes(os.urandom(4), "little")
    rng = random.Random(seed)
    end = time.monotonic() + options.seconds
    done = 0
    pending = list(corpus)
    while pending or (time.monotonic() < end if options.seconds else done < REPLAYED):
        text = pending.pop() if pending else change(rng, corpus)
        try:
            check(text)
        except BaseException:
            print("seed %d; this input:\n%r\n" % (seed, text))
            traceback.print_exc()
            return 1
        done += 1
    print("%d inputs" % done)
    return 0


if __name__ == "__main__":
    sys.exit(main())
