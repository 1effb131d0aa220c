# SPDX-License-Identifier: MIT
"""The exceptions of probe. What the measured function raises is never one of them: it comes out as
it is."""

from typing import Dict, Type


class Error(Exception):
    """Every exception of probe; its text is one line that says what to do."""


class NotCallable(Error, TypeError):
    """What was to be measured can't be called."""


class Unmeasurable(Error, TypeError):
    """A call would not do what its name says: a generator function, a coroutine function."""


class BadOption(Error, ValueError):
    """An option is out of its range, or unknown."""


class Unhookable(Error):
    """A layer that was asked for can't be reached."""


class Busy(Error):
    """Another measurement is running in this process: in a thread, or around this one."""


class Forks(Error):
    """The measured function forks: its child would go on measuring."""


class Missing(Error):
    """Something that is not needed to measure is not installed: the command, pandas."""


class FileNotFound(Error, FileNotFoundError):
    """There is no such run file."""


class BadFile(Error, ValueError):
    """The file is no run file of probe, or a newer probe's."""


class MeasuringFailed(Error):
    """No figure could be taken; the text says why."""


class OutOfMemory(Error, MemoryError):
    """Memory is out: for a stub, for samples or for a result."""


class SystemFailed(Error, OSError):
    """The system refused something: a file, a mapping, a thread."""


# libprobe's codes.
_CODES: Dict[str, Type[Error]] = {
    "EINVAL": BadOption,
    "ENOMEM": OutOfMemory,
    "ESYS": SystemFailed,
    "ENOENT": FileNotFound,
    "EFORMAT": BadFile,
    "EABI": BadFile,
    "EUNHOOKABLE": Unhookable,
}


def of_code(code: str) -> Type[Error]:
    """The exception that stands for one of libprobe's error codes ("ENOENT")."""
    return _CODES.get(code, MeasuringFailed)
