# SPDX-License-Identifier: MIT
"""A total is what the call costs where each result is dropped, as timeit drops it."""

import sqlite3
import timeit
from typing import Any, List

import pytest

import probe
from conftest import QUICK

TRIES = 5  # the machine is shared
ALLOWED = 0.05


def test_a_pooled_result_costs_what_it_costs() -> None:
    """While a cursor lives, the connection has to make another statement for each call."""
    execute = sqlite3.connect(":memory:").execute
    timer = timeit.Timer("f('select 1')", globals={"f": execute})
    seen: List[float] = []
    for _ in range(TRIES):
        before = min(timer.repeat(20, 500))
        total = probe.measure(execute, "select 1", **QUICK).total
        after = min(timer.repeat(20, 500))
        assert total is not None
        seen.append(total.value * 1e-9 * 500 / ((before + after) / 2))
        if abs(seen[-1] - 1) <= ALLOWED:
            return
    pytest.fail("measure() over timeit: %s" % seen)


class Pool:
    """Gives the one object that it has, and makes another, slowly, while that is in use."""

    def __init__(self) -> None:
        self.made = 0
        self.alive = 0

    def take(self) -> Any:
        self.made += self.alive > 0
        return Taken(self)


class Taken:
    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        pool.alive += 1

    def __del__(self) -> None:
        self.pool.alive -= 1


@pytest.mark.parametrize("engine", ["ladder", "timeline"])
def test_no_result_lives_on_while_others_are_made(engine: str) -> None:
    """But for the few that are compared, in which one lies beside the next."""
    import operator

    pool = Pool()
    f = operator.methodcaller("take")
    found = probe.measure(f, pool, engine=engine, **QUICK)
    assert found.calls and found.calls > 1000
    assert pool.made <= 150 and pool.alive == 0
