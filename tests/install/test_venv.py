# SPDX-License-Identifier: MIT
"""The tests' own environment: made once, whoever asks for it at the same time."""

import os
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / ".ci" / "venv.sh"
# Stands in for Python: makes an environment slowly, and tells of a second that is made meanwhile.
PYTHON = """#!/bin/sh
case "$*" in
"-m venv "*)
	mkdir "$STATE/busy" || echo "two at once" >>"$STATE/made"
	echo made >>"$STATE/made"
	mkdir -p "$3/bin"
	cp "$0" "$3/bin/python"
	sleep 0.5
	rmdir "$STATE/busy"
	;;
esac
"""


def test_two_at_once_make_one_environment(tmp_path: Path) -> None:
    python, state = tmp_path / "python", tmp_path / "state"
    python.write_text(PYTHON)
    python.chmod(0o755)
    state.mkdir()
    (tmp_path / "requirements.txt").write_text("")
    command = ["/bin/sh", SCRIPT, tmp_path / "new" / "venv", tmp_path / "requirements.txt", python]
    environment = dict(os.environ, STATE=str(state))
    both = [subprocess.Popen(command, env=environment) for _ in range(2)]
    assert [process.wait(timeout=60) for process in both] == [0, 0]
    assert (state / "made").read_text() == "made\n"
