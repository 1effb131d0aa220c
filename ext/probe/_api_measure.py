# SPDX-License-Identifier: MIT
"""Measuring in this process: the engines run in passes, libprobe makes figures of their samples."""

import gc
import json
import os
import random
import sys
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from . import _api_progress, _api_target, _callable, _few, _hooks, _leaks, _probe, facts
from ._api_errors import BadOption, Busy, Error, Forks, MeasuringFailed, Unhookable
from ._api_results import Breakdown, Comparison, Event, Run, Timeline

Json = Dict[str, Any]

ENGINES = ("ladder", "timeline")
# Longer calls than this are timed singly, as few as fit the time.
_LONG_CALL_S, _AGAIN_BELOW_S, _PATIENCE_S = 2e-3, 0.2, 4.0
_EVENT_LAYERS = ("entry", "detach", "attach", "invoke", "target")


class _Gate:
    """One measurement at a time in this process: two would time each other."""

    def __init__(self) -> None:
        self.forks = 0
        os.register_at_fork(after_in_parent=self.count, after_in_child=self.open)

    def count(self) -> None:
        self.forks += 1

    def open(self) -> None:
        _probe.release()

    def __enter__(self) -> "_Gate":
        collecting = gc.isenabled()  # before the claim: an interrupt must not leave it taken
        if not _probe.claim():
            raise Busy("a measurement or a watch is running in this process: it has to end first")
        self.collecting = collecting
        gc.disable()  # a finaliser that runs within a replaced layer would get its result
        return self

    def __exit__(self, *exc: Any) -> None:
        if self.collecting:
            gc.enable()
        _probe.release()


_gate = _Gate()


class _Options:
    """What the callers ask for, checked."""

    def __init__(
        self,
        engine: str = "ladder",
        rounds: Optional[int] = None,
        passes: Optional[int] = None,
        max_calls: Optional[int] = None,
        target: Optional[str] = None,
        calls: int = 0,
    ) -> None:
        self.engines = engine.split(",") if isinstance(engine, str) else []
        if not self.engines or not set(self.engines) <= set(ENGINES):
            raise BadOption("engine must be 'ladder', 'timeline' or 'ladder,timeline'")
        self.rounds = _number("rounds", rounds, 100, _few.LEAST_ROUNDS, 100000)
        self.passes = _number("passes", passes, 3, 1, 1000)
        self.max_calls = _number("max_calls", max_calls, 0, 1, 1 << 40)
        self.target = target
        self.calls = calls


def _number(name: str, value: Optional[int], default: int, low: int, high: int) -> int:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BadOption("%s must be a whole number from %d to %d" % (name, low, high))
    return value


class _Subject:
    """One callable that is being measured, with what was taken of it."""

    def __init__(self, name: str, f: Any, args: Tuple[Any, ...], options: _Options) -> None:
        _api_target.check(f)
        self.name, self.f, self.args, self.options = name, f, args, options
        self.answers: List[Tuple[str, Json]] = []
        self.events: List[Event] = []
        self.called = 0
        self.call_s = 0.0
        self.recipe = _hooks.Recipe(_callable.path_of(f))
        self.rounds, self.passes, self.calls, self.single = options.rounds, options.passes, 0, 0
        self.warnings: List[str] = []
        self.calls_back = bool(not self.recipe.pure and _callable.callbacks(args))

    def prepare(self) -> None:
        options = self.options
        limit = options.max_calls
        if limit:
            self.plan_few(limit)
        if not (self.single and limit):
            self.first_calls()
            self.plan_long()
        self.recipe = _api_target.examine(self.f, self.args, options.target, not self.single)
        self.called += self.recipe.called
        if self.calls_back and not self.single:
            self.find_callbacks()
        if not self.single or self.recipe.pure:
            self.warnings += self.recipe.reasons
        if self.single == 1:
            self.warnings.append(
                "one call, and the first: its interval is the counter's step alone"
            )
        if sys.gettrace() or sys.getprofile():
            self.warnings.append("a tracer or profiler is on: the figures hold its cost, too")

    def plan_few(self, limit: int) -> None:
        """A ladder that fits max_calls; where none does, single calls."""
        self.passes = 1
        loops = _few.RUNGS + 1 + self.calls_back + (2 if "timeline" in self.options.engines else 0)
        planned = _few.plan(limit, loops, self.options.rounds)
        if planned:
            self.calls, self.rounds = planned
            return
        self.single = limit
        self.warnings.append(_few.too_few(limit, loops))

    def plan_long(self) -> None:
        if self.options.max_calls or self.call_s < _LONG_CALL_S:
            return
        if "timeline" in self.options.engines:
            return
        self.single = max(3, min(self.options.rounds, int(_PATIENCE_S / self.call_s)))
        self.warnings.append(
            "not split: at %.2g s a call, what surrounds it is far below what can be resolved"
            % self.call_s
        )

    def first_calls(self) -> None:
        """More than one where it took long, as that may have been the core's fault."""
        self.first_call()
        for _ in range(2):
            if _LONG_CALL_S <= self.call_s < _AGAIN_BELOW_S and not self.options.max_calls:
                before_s = self.call_s
                self.first_call()
                self.call_s = min(self.call_s, before_s)

    def first_call(self) -> None:
        pid, forks, start_s = os.getpid(), _gate.forks, time.perf_counter()
        result = self.f(*self.args)
        self.call_s = time.perf_counter() - start_s
        self.called += 1
        if os.getpid() != pid:
            os._exit(0)  # the function's child: it must not go on measuring
        if _gate.forks != forks:
            raise Forks("%s forks: its children can't be measured" % self.name)
        _api_target.check_result(self.name, result)

    def take(self, engine: str, bare: bool, seed: int) -> None:
        """One pass: new loops, new stubs, new places in memory."""
        leaks, called = _leaks.Watch(), self.called
        self.measure(engine, bare, seed)
        again = None if self.options.max_calls or self.single else self.call
        for told in leaks.told(self.called - called, again):
            kind = told.split(":")[0]  # of each pass, the first stands for all
            if not any(warning.startswith(kind) for warning in self.warnings):
                self.warnings.append(told)

    def find_callbacks(self) -> None:
        self.called += 2
        self.calls_back, why = _callable.calls_back(_probe, self.f, self.args)
        if self.calls_back:
            self.recipe.subphases |= _hooks.CALLBACK | _hooks.PYTHON
        if why:
            self.warnings.append(why)
            self.calls_back = False

    def ready_args(self) -> Optional[Tuple[Any, ...]]:
        self.called += 2
        return _callable.ready_args(_probe, self.f, self.args)

    def call(self) -> None:
        self.called += 1
        self.f(*self.args)

    def measure(self, engine: str, bare: bool, seed: int) -> None:
        loop = _hooks.make_loop(len(self.args))
        if self.single:
            answer = _probe.singles(self.f, self.args, loop, _hooks.empty_loop, self.single)
            self.keep("ladder", answer)
            return
        options: Json = {
            "rounds": self.rounds,
            "calls": self.calls,
            "wait_s": -1.0 if self.calls else 0.5,
            "quiet_ratio": _probe.quiet_ratio(),
            "seed": seed,
        }
        if self.recipe.pure and not bare:
            options.update(
                pycall=_hooks.make_empty(len(self.args)),
                pycall_loop=_hooks.make_loop(len(self.args)),
            )
        elif not bare:
            options.update(
                hooks=self.recipe.hooks,
                subphases=self.recipe.subphases,
                ready_args=self.ready_args if self.calls_back else None,
                returns=self.recipe.returns,
                plain=_hooks.plain,
                guard=True,
            )
        if engine == "timeline":
            options.update(calls=self.calls, events=min(self.options.calls, 200))
        run = _probe.timeline if engine == "timeline" else _probe.ladder
        answer = run(self.f, self.args, loop, _hooks.empty_loop, **options)
        self.keep("bare" if bare else engine, answer)

    def keep(self, engine: str, answer: Json) -> None:
        del answer["expected"]
        self.called += answer.pop("called")
        self.take_events(answer.pop("events", []))
        answer["status"] = "ok"
        answer["warnings"] = self.warnings
        for reason in answer.pop("reasons"):
            if reason not in self.warnings:  # each pass looks anew
                self.warnings.append(reason)
        self.answers.append((engine, answer))

    def take_events(self, stamps: Sequence[Tuple[int, int]]) -> None:
        call = -1
        for event, ticks in stamps:
            if event == stamps[0][0]:
                call += 1
            edge = "out" if event % 2 else "in"
            self.events.append(Event(call, _EVENT_LAYERS[event // 2], edge, ticks))

    def steps(self) -> List[Tuple[str, bool]]:
        """What one pass takes: (engine, without hooks)."""
        if self.single:
            return [("ladder", False)]
        found = [(engine, False) for engine in self.options.engines]
        if "timeline" in self.options.engines and not self.recipe.hooks:
            raise Unhookable(
                "%s has no layer that a stamp could be put at: %s"
                % (self.name, "; ".join(self.recipe.reasons) or "nothing is known of it")
            )
        if "ladder" in self.options.engines and not self.recipe.pure:
            found.append(("ladder", True))
        return found


def _skeleton(subjects: Sequence[_Subject], seed: int, call: str) -> Json:
    here = dict(facts.facts())
    label = here["label"]
    return {
        "schema_version": 1,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "duration_s": 0.0,
        "seed": seed,
        "passes": max(s.passes for s in subjects),
        "interrupted": False,
        "command": call,
        "interpreters": [here],
        "cells": [],
        "facts": [{"key": "measured_in", "value": "the caller's process"}],
        "label": label,
    }


def _measure(
    subjects: List[_Subject], paths: Optional[Sequence[str]], call: str, progress: Optional[bool]
) -> Run:
    """Passes go over all subjects, so that slow drift meets them alike."""
    seed = random.SystemRandom().getrandbits(32)
    started_s = time.monotonic()
    with _gate, _api_progress.Progress(progress) as shown:
        for subject in subjects:
            shown.tell(0, 1, "looking at %s" % subject.name)
            subject.prepare()
        plans = [(s, k) for k in range(max(s.passes for s in subjects)) for s in subjects]
        plans = [(s, k) for s, k in plans if k < (1 if s.single else s.passes)]
        total = sum(len(s.steps()) for s, _ in plans)
        done = 0
        for subject, k in plans:
            for engine, bare in subject.steps():
                shown.tell(done, total, "%s, pass %d" % (subject.name, k + 1))
                subject.take(engine, bare, seed + k)
                done += 1
        run = _skeleton(subjects, seed, call)
        label = run.pop("label")
        for i, subject in enumerate(subjects):
            path = paths[i] if paths else subject.recipe.path
            name = subjects[0].name if paths else subject.name
            cell = {"workload": name, "path": path, "interpreter": label, "status": "pending"}
            cell["binding"] = subject.recipe.path  # a name decides nothing
            cell["prepared"] = _callable.prepared(subject.recipe.path, subject.args) or None
            run["cells"].append(cell)
        run["duration_s"] = time.monotonic() - started_s
        answers = [{"pure": s.recipe.pure, "answers": s.answers} for s in subjects]
        text = _probe.analyse(json.dumps(run), json.dumps(answers))
    return Run(text, [s.called for s in subjects])


def _checked(run: Run) -> Run:
    for cell in run.cells:
        if cell.status != "ok":
            raise MeasuringFailed("%s: %s" % (cell.name, cell.reason))
    return run


def measure(
    f: Callable[..., Any],
    *args: Any,
    engine: str = "ladder",
    rounds: Optional[int] = None,
    passes: Optional[int] = None,
    max_calls: Optional[int] = None,
    target: Optional[str] = None,
    name: Optional[str] = None,
    progress: Optional[bool] = None,
) -> Breakdown:
    """Measures what one call f(*args) costs, and where the time goes.

    f: any callable: a ctypes or cffi function, an extension's function or method, a ufunc, a bound
    method, a Python function. What can't be split is shown merged, and warnings say why. Keyword
    arguments go into a lambda or a functools.partial, whose cost is then part of the figures.
    engine: 'ladder' (the figures), 'timeline' (stamps in each call), or 'ladder,timeline'.
    rounds: rounds wanted in each pass, 10 to 100000 (100). passes: how often all is set up anew (3).
    max_calls: an upper limit for how often f is called; below about 1800 the call is timed singly
    and not split. target: 'library:symbol' where an extension's native work is done.
    name: how tables call it. progress: show it; by itself where somebody looks.

    f is called many times (Breakdown.calls says how often), with gc switched off meanwhile. What f
    raises comes out as it is. Raises NotCallable, Unmeasurable, BadOption, Unhookable, Busy, Forks,
    MeasuringFailed. Figures are nanoseconds per call with 95 % intervals; they are libprobe's, from
    this one process: `probe run` measures in several.
    """
    options = _Options(engine, rounds, passes, max_calls, target)
    subject = _Subject(name or _api_target.name_of(f), f, args, options)
    run = _measure([subject], None, "probe.measure(%s)" % subject.name, progress)
    if run.cells[0].status != "ok" and _was_switched(run) and not options.max_calls:
        # A call that waits, or is switched out in every round: each call alone, then.
        subject = _Subject(subject.name, f, args, options)
        subject.options.max_calls = 30
        run = _measure([subject], None, "probe.measure(%s)" % subject.name, progress)
    return _checked(run).cells[0]


def _was_switched(run: Run) -> bool:
    return "no usable round" in (run.cells[0].reason or "")


def compare(
    functions: Mapping[str, Callable[..., Any]],
    *,
    args: Sequence[Any] = (),
    engine: str = "ladder",
    rounds: Optional[int] = None,
    passes: Optional[int] = None,
    max_calls: Optional[int] = None,
    progress: Optional[bool] = None,
) -> Comparison:
    """Measures several functions with the same arguments; the first is the reference.

    functions: name -> callable, at least one. max_calls holds for each of them. The rest as in
    measure(). Their passes alternate, so that they meet the same machine.
    """
    if not isinstance(functions, Mapping) or not functions:
        raise BadOption("compare() takes a dict of at least one function: {'ctypes': f, 'cffi': g}")
    if not isinstance(args, (tuple, list)):
        raise BadOption("args must be a tuple: args=(2, 3)")
    names = [str(key) for key in functions]
    subjects = [
        _Subject(
            _api_target.name_of(f), f, tuple(args), _Options(engine, rounds, passes, max_calls)
        )
        for f in functions.values()
    ]
    call = "probe.compare(%s)" % ", ".join(names)
    return Comparison(_checked(_measure(subjects, names, call, progress)))


def timeline(
    f: Callable[..., Any],
    *args: Any,
    calls: int = 10000,
    target: Optional[str] = None,
    name: Optional[str] = None,
    progress: Optional[bool] = None,
) -> Timeline:
    """Stamps every boundary that can be reached in each of `calls` calls: distributions and events.

    calls: stamped calls, 100 to 10 million; as many again are timed without stamps, to know what
    these cost. Raises as measure(); Unhookable also where no boundary can be stamped.
    """
    options = _Options("timeline", None, 1, None, target, _number("calls", calls, 0, 100, 10**7))
    subject = _Subject(name or _api_target.name_of(f), f, args, options)
    subject.calls = min(200, calls // 10)
    subject.rounds = calls // subject.calls
    run = _checked(_measure([subject], None, "probe.timeline(%s)" % subject.name, progress))
    return Timeline(run.cells[0], subject.events)


__all__ = ["measure", "compare", "timeline", "Error"]
