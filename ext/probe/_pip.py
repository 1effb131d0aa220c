# SPDX-License-Identifier: MIT
"""Running pip: exactly the files whose hashes are pinned are installed, and nothing else is run."""

import glob
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from typing import List, Mapping, Optional, Tuple

from _toolchain import BuildError, run_tool, write_log

_PIP_TIMEOUT_S = 600
# A missing network should be told soon, not after pip's five patient retries.
_PIP_OPTIONS = ["--disable-pip-version-check", "--no-input", "--retries", "1", "--timeout", "15"]
# What a package depends on is pinned, too: pip has nothing to look for.
_PIP_OPTIONS += ["--require-hashes", "--no-deps"]
_NETWORK = re.compile(
    "NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|Max retries|ProxyError"
    "|Connection refused|Network is unreachable|Temporary failure in name resolution"
)
# Settings of the user that would send packages elsewhere, or bring more of them.
_UNWANTED = ("PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PYTHONPATH")
_UNWANTED += ("PIP_CONSTRAINT", "PIP_REQUIREMENT", "PIP_NO_BINARY", "PIP_ONLY_BINARY")


class Pin(str):
    """A version; the hashes of its files, and what builds it where it has no wheel."""

    hashes: Tuple[str, ...] = ()
    tools: Mapping[str, "Pin"] = {}


def _bundled_pip() -> Optional[str]:
    """The wheel of pip that came with the interpreter; it runs without being installed."""
    folders = [sysconfig.get_config_var("WHEEL_PKG_DIR") or ""]
    try:
        import ensurepip

        folders.append(os.path.join(os.path.dirname(ensurepip.__file__), "_bundled"))
    except ImportError:
        pass  # Debian without python3-venv
    for folder in filter(None, folders):
        wheels = sorted(glob.glob(os.path.join(glob.escape(folder), "pip-*.whl")))
        if wheels:
            return wheels[-1]
    return None


def _can_serve_others(pip: List[str]) -> bool:
    """Whether this pip is recent enough (22.3) to install for another interpreter."""
    try:
        done = subprocess.run(
            [*pip, "--version"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    match = re.match(rb"pip (\d+)\.(\d+)", done.stdout)
    return bool(match and (int(match.group(1)), int(match.group(2))) >= (22, 3))


def _pip_for(python: str) -> List[str]:
    """A command that installs into the environment of that python."""
    wheel = _bundled_pip()
    if wheel:
        return [python, os.path.join(wheel, "pip")]
    candidates = [[sys.executable, "-m", "pip"]]
    candidates += [[p] for p in (shutil.which("pip3"), shutil.which("pip")) if p]
    for pip in candidates:
        if _can_serve_others(pip):
            return [*pip, "--python", python]
    raise BuildError(
        "there is no pip for %s: %s"
        % (
            sys.executable,
            (
                "apt install python3-venv"
                if os.path.exists("/usr/bin/apt-get")
                else "install pip 22.3 or later"
            ),
        )
    )


_COMPILE_ERROR = re.compile(r":\d+:\d+: (fatal )?error: ")
_MISSING = re.compile(r"No matching distribution found for (\S+)")


def _explain(text: str, wanted: str, log: str) -> str:
    if _NETWORK.search(text):
        return (
            "%s can't be downloaded: connect to a network, or point PIP_INDEX_URL at an index that "
            "can be reached, and run again (log: %s)" % (wanted, log)
        )
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if "DO NOT MATCH THE HASHES" in text:
        changed = [line for line in lines if line.startswith(tuple(wanted.split()))]
        return (
            "%s was refused: its SHA-256 is none of those that probe knows, so the file was changed "
            "on its way; check the index or mirror that pip uses (log: %s)"
            % (changed[0].split(" ")[0] if changed else wanted, log)
        )
    missing = _MISSING.search(text)
    if missing:
        return "there is no %s for Python %d.%d on %s, and none that probe can build (log: %s)" % (
            missing.group(1),
            *sys.version_info[:2],
            platform.machine(),
            log,
        )
    # The compiler's first error, else what a package's own build said last, say more than pip.
    compiled = [line for line in lines if _COMPILE_ERROR.search(line)]
    own = [before for before, line in zip(lines, lines[1:]) if line == "[end of output]"]
    errors = [line for line in lines if line.lower().startswith("error")]
    last = (compiled[:1] or own or errors or lines or ["it said nothing"])[-1]
    return "pip can't install %s: %s (log: %s)" % (wanted, last, log)


def _requirements(packages: Mapping[str, Pin], scratch: str) -> str:
    """A file as pip reads it: every version with the hashes of its files."""
    lines = []
    for name, version in sorted(packages.items()):
        if not version.hashes:
            raise BuildError(
                "no hash is known of %s %s: write '%s==%s --hash=sha256:...', as `pip hash` prints it"
                % (name, version, name, version)
            )
        hashes = " ".join("--hash=sha256:" + h for h in version.hashes)
        lines.append("%s==%s %s\n" % (name, version, hashes))
    path = os.path.join(scratch, "requirements.txt")
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(lines)
    return path


class _Pip:
    """pip for one environment, with a scratch folder."""

    def __init__(self, python: str, scratch: str, log_dir: str) -> None:
        self.command = [*_pip_for(python), "install", *_PIP_OPTIONS]
        self.scratch = scratch
        self.log_dir = log_dir
        self.environment = {k: v for k, v in os.environ.items() if k not in _UNWANTED}
        # Some packages take every warning for an error, and a newer compiler, C library or Python has
        # warnings that they do not know.
        self.environment["CFLAGS"] = " ".join([os.environ.get("CFLAGS", ""), "-w"]).strip()

    def install(
        self, packages: Mapping[str, Pin], options: List[str], may_lack: bool = False
    ) -> bool:
        """False when a package has no file that the options allow and may_lack says so, too."""
        command = [*self.command, *options, "-r", _requirements(packages, self.scratch)]
        code, text = run_tool(
            command, "pip", _PIP_TIMEOUT_S, env=self.environment, slow="is the network slow?"
        )
        if not code or (may_lack and _MISSING.search(text) and not _NETWORK.search(text)):
            return not code
        log = write_log(self.log_dir, "pip", command, text)
        raise BuildError(_explain(text, " ".join("%s==%s" % p for p in sorted(packages.items())), log))


def install(python: str, packages: Mapping[str, Pin], log_dir: str) -> None:
    """Installs into the environment of that python. Raises BuildError.

    Wheels, as they run nothing when they are installed. What has none for this interpreter is built
    from source with its pinned tools, which pip would take from the index unseen.
    """
    tools = {name: pin for p in packages.values() for name, pin in p.tools.items()}
    with tempfile.TemporaryDirectory(prefix="probe-pip-") as scratch:
        pip = _Pip(python, scratch, log_dir)
        wheels_only = ["--only-binary", ":all:"]
        if pip.install(packages, wheels_only, may_lack=bool(tools)):
            return
        folder = os.path.join(scratch, "tools")
        pip.install(tools, [*wheels_only, "--target", folder])
        pip.environment["PYTHONPATH"] = folder
        wheels_only = ["--only-binary=" + name for name, p in packages.items() if not p.tools]
        pip.install(packages, ["--no-build-isolation", *wheels_only])
