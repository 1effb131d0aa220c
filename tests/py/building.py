# SPDX-License-Identifier: MIT
"""Running _build.py as the command does, for the tests of what it builds."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Dict, List, Optional

from conftest import PROBE_BIN, ROOT

WORKLOADS = ["noop", "add", "fib", "sum"]
PATHS = [
    "python",
    "ctypes",
    "ctypes-untyped",
    "cffi-abi",
    "cffi-api",
    "capi-varargs",
    "capi-o",
    "capi-fastcall",
]


def described(folder: str, file: str) -> Dict[str, Any]:
    """A workload or path as the command tells the driver of it."""
    found: Dict[str, Any] = json.loads((Path(folder) / file).read_text(encoding="utf-8"))
    return {**found, "dir": folder}


class Built:
    """One run of _build.py: its answer, and what it said while it worked."""

    def __init__(self, done: "subprocess.CompletedProcess[str]") -> None:
        assert done.returncode == 0, done.stderr
        self.answer: Dict[str, Any] = json.loads(done.stdout)
        self.said = done.stderr
        self.steps: List[str] = [
            line[len("step: ") :] for line in done.stderr.splitlines() if line.startswith("step: ")
        ]

    def error(self, path: str, workload: str) -> str:
        """Why that binding was not built: one line."""
        error: str = self.answer["bindings"][path][workload]["error"]
        assert error and "\n" not in error
        return error


class Build:
    """Builds with one interpreter into one cache."""

    def __init__(self, python: str, cache: Path) -> None:
        self.python = python
        self.cache = cache
        self.home = ROOT

    def spec(self, paths: List[str], workloads: List[str], **changes: Any) -> str:
        bindings = self.home / "workloads" / "bindings"
        spec = {
            "home": str(self.home),
            "cache": str(self.cache),
            "library": str(PROBE_BIN.parent / "libprobe.a"),
            "include": [str(self.home / "libprobe" / d) for d in ("include", "src")],
            "cc": "cc",
            "interpreter_label": "cpython-test#2",
            "paths": [described(p if "/" in p else str(bindings / p), "path.json") for p in paths],
            "workloads": [
                described(w if "/" in w else str(self.home / "workloads" / w), "workload.json")
                for w in workloads
            ],
            "jobs": 1,
            "offline": False,
        }
        spec.update(changes)
        self.cache.mkdir(parents=True, exist_ok=True)
        file = self.cache / ("spec-%d.json" % len(list(self.cache.glob("spec-*.json"))))
        file.write_text(json.dumps(spec), encoding="utf-8")
        return str(file)

    def start(self, spec: str, **env: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [self.python, str(self.home / "ext" / "probe" / "_build.py"), spec],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **env},
            text=True,
        )

    def __call__(
        self,
        paths: List[str],
        workloads: Optional[List[str]] = None,
        env: Optional[Dict[str, str]] = None,
        **changes: Any,
    ) -> Built:
        spec = self.spec(paths, WORKLOADS if workloads is None else workloads, **changes)
        return self.finish(self.start(spec, **(env or {})))

    @staticmethod
    def finish(process: "subprocess.Popen[str]") -> Built:
        out, err = process.communicate(timeout=600)
        done = subprocess.CompletedProcess(process.args, process.returncode, out, err)
        return Built(done)
