# SPDX-License-Identifier: MIT
"""What this machine can measure, and what would make that better."""

import html
import json
from typing import Any, Dict, List

from . import _probe
from ._api_errors import BadOption


class Diagnosis:
    """counter, facts, findings (worst first, each with its fix) and noise, as `probe doctor` has
    them; data holds it all."""

    def __init__(self, data: Dict[str, Any]) -> None:
        self.data = data
        self.counter: Dict[str, Any] = data["counter"]
        self.facts: Dict[str, str] = data["facts"]
        self.findings: List[Dict[str, str]] = data["findings"]
        self.noise: Dict[str, Any] = data["noise"]

    @property
    def contended(self) -> bool:
        """Whether a cell measured now would be marked so."""
        return bool(self.noise["contended"])

    def _lines(self) -> List[str]:
        counter, noise = self.counter, self.noise
        lines = [
            "counter  %s: %s" % (counter["kind"], counter["unit"]),
            "         " + counter["why"],
        ]
        for finding in self.findings:
            lines.append("%-8s %s" % (finding["severity"], finding["what"]))
            if finding["fix"]:
                lines.append("         fix: %s" % finding["fix"])
        if noise["quiet_share"] is not None:
            lines.append("noise    %.0f %% quiet" % (100 * noise["quiet_share"]))
        verdict = "contended: something else works on this core"
        lines.append("verdict  " + (verdict if self.contended else "quiet enough to measure"))
        return lines

    def to_dict(self) -> Dict[str, Any]:
        """All of it, as plain objects."""
        return self.data

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _repr_html_(self) -> str:
        style = "color:inherit;background:transparent;white-space:pre-wrap"
        return '<pre style="%s">%s</pre>' % (style, html.escape("\n".join(self._lines())))


def doctor(seconds: float = 0.5) -> Diagnosis:
    """Says which counter is used and why not a better one, what would help, and how noisy this core
    is, watched for so many seconds (0.05 to 600). BadOption."""
    if isinstance(seconds, bool) or not 0.05 <= seconds <= 600:
        raise BadOption("seconds must be from 0.05 to 600")
    return Diagnosis(json.loads(_probe.doctor(seconds)))
