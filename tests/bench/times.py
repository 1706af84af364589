"""Seconds that whole commands take."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Command:
    """A command to time, run in the checkout; it has to succeed.

    :param before: commands that bring about what it starts from, not timed, before each run.
    :param after: commands that take away what it made, not timed, after the last run.
    :param repeat: how often; the median stands.
    :param aim: seconds that it aims at.
    """

    name: str
    argv: Sequence[str]
    before: Sequence[Sequence[str]] = ()
    after: Sequence[Sequence[str]] = ()
    repeat: int = 1
    aim: float | None = None


#: In the order of the table. A rerun is a command whose ``before`` holds the first run.
COMMANDS = (
    Command(
        "plan of 1,000 nodes, 100,000 pods",
        (sys.executable, "-m", "tests.bench.plan_of", "1000", "100000"),
        repeat=3,
    ),
)


def measure(commands: Sequence[Command]) -> list[dict[str, Any]]:
    """Run every command and return its ``name``, ``seconds``, ``aim`` and the ``runs``."""
    return [_summary(command, _runs(command)) for command in commands]


def _runs(command: Command) -> list[float]:
    runs = []
    try:
        for _ in range(command.repeat):
            for argv in command.before:
                _do(argv)
            start = time.monotonic()
            _do(command.argv)
            runs.append(time.monotonic() - start)
    finally:
        for argv in command.after:
            _do(argv)
    return runs


def _do(argv: Sequence[str]) -> None:
    done = subprocess.run(
        argv, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)} failed:\n{done.stdout[-2000:]}")


def _summary(command: Command, runs: list[float]) -> dict[str, Any]:
    return {
        "name": command.name,
        "seconds": round(statistics.median(runs), 2),
        "aim": command.aim,
        "runs": [round(run, 2) for run in runs],
    }
