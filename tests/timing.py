# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What tests and fixtures cost: ``pytest -p tests.timing …`` writes a table to its report's end.

A line for each fixture that was made and each test: seconds; seconds of processors, of this process
and of those that it has waited for; playbooks that ran, forks, commands. What a fixture asks for
stands in a line of its own. ``TIMING=FILE`` writes them all to a file, by tabs, instead.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

#: So many lines are shown where no file is named.
SHOWN = 40


class Cost(NamedTuple):
    """Of one fixture, or of one part of a test."""

    processors: float
    seconds: float
    playbooks: int
    forks: int
    commands: int
    name: str


COSTS: list[Cost] = []
_COUNTS: Counter[str] = Counter()
#: Of processors, for runs of Ansible that are no children of this process.
_ELSEWHERE: list[float] = []


def _count(event: str, arguments: tuple[object, ...]) -> None:
    if event == "subprocess.Popen":
        words = arguments[1]
        first = words if isinstance(words, str) else " ".join(map(str, words[:2]))  # type: ignore[index]
        _COUNTS["playbook" if "ansible-playbook" in first else "command"] += 1
    elif event == "tests.cluster.warm":
        _COUNTS["playbook"] += 1
        _ELSEWHERE.append(float(arguments[0]))  # type: ignore[arg-type]
    elif event == "os.fork":
        _COUNTS["fork"] += 1


sys.addaudithook(_count)


def _now() -> tuple[float, float, int, int, int]:
    took = os.times()
    return (
        sum(took[:4]) + sum(_ELSEWHERE),
        time.monotonic(),
        _COUNTS["playbook"],
        _COUNTS["fork"],
        _COUNTS["command"],
    )


@contextmanager
def _timed(name: str) -> Iterator[None]:
    before = _now()
    yield
    COSTS.append(Cost(*(b - a for a, b in zip(before, _now())), name))


@pytest.hookimpl(hookwrapper=True)
def pytest_fixture_setup(fixturedef, request):
    with _timed(f"fixture {fixturedef.argname} for {request.node.nodeid}"):
        yield


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    with _timed(item.nodeid):
        yield


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_teardown(item):
    with _timed(f"teardown {item.nodeid}"):
        yield


def _line(cost: Cost, between: str) -> str:
    return between.join(
        (f"{cost.processors:.2f}", f"{cost.seconds:.2f}", *map(str, cost[2:5]), cost.name)
    )


@pytest.hookimpl
def pytest_terminal_summary(terminalreporter):
    ordered = sorted(COSTS, reverse=True)
    if "TIMING" in os.environ:
        lines = [_line(cost, "\t") for cost in COSTS]
        Path(os.environ["TIMING"]).write_text("\n".join([*lines, ""]))
        return
    terminalreporter.write_line("processors seconds playbooks forks commands")
    for cost in ordered[:SHOWN]:
        terminalreporter.write_line(_line(cost, "  "))
