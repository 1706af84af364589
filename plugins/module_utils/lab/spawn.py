# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Start a process that outlives this one, in a place that it makes for itself."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, NoReturn

from ..engine.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: What a login over SSH would find; nothing of the caller's environment comes along.
ENVIRONMENT = {
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "LOGNAME": "root",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "SHELL": "/bin/sh",
    "USER": "root",
}


def execute(
    command: Sequence[str], environment: Mapping[str, str], *, name: str | None = None
) -> NoReturn:
    """Become a command, which shows ``name`` as its ``argv[0]``; OSError says why not."""
    # Python ignores it, which a command would inherit and then not end with its reader.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvpe(command[0], [name or command[0], *command[1:]], environment)  # noqa: S606
    except OSError as error:
        # The last place where it was looked for is not what the caller has written.
        raise OSError(f"{error.strerror}: {command[0]}") from error


def spawn(
    what: str, command: Sequence[str], prepare: Callable[[], None], *, name: str, log: str
) -> int:
    """Fork, prepare the child, run a command in it; return its number once the command runs.

    :param what: what it is, for the message when it fails.
    :param prepare: runs in the child; what it raises is raised here as a :class:`Failure`.
    :param name: what the process shows as its ``argv[0]``.
    :param log: file that its output goes to, opened before ``prepare``.
    """
    report, answer = os.pipe()
    # Twice, so that it is init's child and not ours: we need not wait for it, ever.
    child = os.fork()
    if child == 0:
        try:
            if os.fork() == 0:
                _become(command, prepare, name, log, answer)
        finally:
            os._exit(1)
    os.close(answer)
    os.waitpid(child, 0)
    with os.fdopen(report) as stream:
        pid, _newline, error = stream.read().partition("\n")
    if error or not pid:
        raise Failure(f"{what} cannot be started: {error or 'it was killed'}")
    return int(pid)


def _become(
    command: Sequence[str], prepare: Callable[[], None], name: str, log: str, answer: int
) -> None:
    # The answer is our number, then nothing: the pipe closes by itself when the command runs.
    try:
        os.write(answer, f"{os.getpid()}\n".encode())
        os.setsid()
        null = os.open("/dev/null", os.O_RDONLY)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for file, number in ((null, 0), (output, 1), (output, 2)):
            os.dup2(file, number)
        prepare()
        execute(command, ENVIRONMENT, name=name)
    except BaseException as error:
        os.write(answer, f"{error}".encode())
        raise
