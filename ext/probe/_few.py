# SPDX-License-Identifier: MIT
"""How a limited number of calls is spent: by the package, and by the command's processes."""

from typing import Any, Dict, NamedTuple, Optional, Tuple

# A ladder with so few calls on a rung, in so few rounds, still gives intervals.
LEAST_CALLS, LEAST_ROUNDS = 8, 10
RUNGS = 8  # of a ladder, at most, that make the call
_AROUND = 128  # calls besides the rounds: the first, what it reaches and where, recording, checking
_WARM = 16  # calls before each that is timed


def plan(limit: int, loops: int, rounds: int) -> Optional[Tuple[int, int]]:
    """(calls in a loop, rounds) of at most so many calls in all, where a round has so many loops that
    make calls; None where they are too few for a ladder."""
    for calls in (64, 32, 16, LEAST_CALLS):
        each = calls + min(_WARM, calls)
        fit = (limit - _AROUND) // (loops * each) - 1
        if fit >= (LEAST_ROUNDS if calls == LEAST_CALLS else 2 * LEAST_ROUNDS):
            return calls, min(fit, rounds)
    return None


def too_few(limit: int, loops: int) -> str:
    enough = (LEAST_ROUNDS + 1) * loops * 2 * LEAST_CALLS + _AROUND
    return (
        "not split: %d calls leave none for replacing layers (about %d do)"
        % (limit, enough)
    )


class Few(NamedTuple):
    """What a process of the command may do."""

    limit: int
    calls: int  # in a loop; 0: each alone
    rounds: int
    told: str


def plan_for(spec: Dict[str, Any]) -> Optional[Few]:
    """By a cell's specification; None: as many calls as it takes."""
    limit = spec.get("max_calls") or 0
    if not limit:
        return None
    loops = 2 if spec["engine"] == "timeline" else RUNGS
    calls, rounds = plan(limit, loops, spec["rounds"]) or (0, 0)
    return Few(limit, calls, rounds, too_few(limit, loops))
