# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run gates, to the end whatever fails, and count."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree

from .parts import AT_ONCE, BUILD, PARTS, PATIENT, ROOT, WAITING, Gate

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

#: A gate that hangs fails after so many seconds.
PATIENCE = 1800

#: The niceness of who goes behind all others.
LAST = 19

#: For all gates each source is compiled once, and each module packed once for Ansible.
PACKED = BUILD / "packed"
SHARED = {"PODNET_OBJECT_CACHE": str(BUILD / "objects"), "PACKED_PATH": str(PACKED)}
#: Where it is set, Python reads a module that Ansible pipes to it byte by byte, for a second each.
SHARED["PYTHONUNBUFFERED"] = ""

#: So many of the slowest tests are named.
SHOWN = 10

#: What pytest calls a test that did not pass; one that was skipped showed nothing.
NOT_PASSED = ("failure", "error", "skipped")

#: So much of what a failed test said is repeated at the end.
WIDTH = 300


class Test(NamedTuple):
    """How long one test of a gate took, and what it said where it did not pass."""

    seconds: float
    name: str
    fault: str = ""


@dataclass(frozen=True)
class Result:
    """What came of a gate."""

    part: str
    gate: str
    passed: int
    failed: int
    seconds: float
    tests: tuple[Test, ...] = ()


def run_part(part: str, log: IO[str] | None = None) -> list[Result]:
    """Run all gates of a part, with their output to the terminal or to a log."""
    return [_run(part, gate, log) for gate in PARTS[part]]


def run_at_once(parts: Iterable[str]) -> list[Result]:
    """Run parts, a few at once and begun in this order; show each one's output whole at its end.

    Beside them runs what mostly waits, and then, with what the others leave of the processors, what
    waits for nobody: a tenth is left, since each part waits now and then.
    """
    usual, waiting, patient = deque[str](), deque[str](), deque[str]()
    for part in parts:
        (waiting if part in WAITING else patient if part in PATIENT else usual).append(part)
    found: dict[str, list[Result]] = {}
    with ThreadPoolExecutor(AT_ONCE + 1) as pool:
        lanes = [pool.submit(_run_all, found, usual, patient) for _lane in range(AT_ONCE)]
        lanes.append(pool.submit(_run_beside_them, found, waiting, patient))
    for lane in lanes:
        lane.result()
    return [result for part in PARTS if part in found for result in found[part]]


def _run_all(found: dict[str, list[Result]], *queues: deque[str]) -> None:
    for queue in queues:
        with contextlib.suppress(IndexError):
            while True:
                part = queue.popleft()
                found[part] = _run_logged(part)


def _run_beside_them(
    found: dict[str, list[Result]], waiting: deque[str], patient: deque[str]
) -> None:
    _run_all(found, waiting)
    # Of this thread alone, whose gates inherit it.
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LAST)
    _run_all(found, patient)


def _run_logged(part: str) -> list[Result]:
    path = BUILD / "gates" / f"{part}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w+") as log:
        results = run_part(part, log)
        log.seek(0)
        print(f"\n===== {part} =====\n{log.read()}", flush=True)
    return results


def _run(part: str, gate: Gate, log: IO[str] | None) -> Result:
    print(f"--- {gate.name}: {' '.join(gate.command)}", file=log, flush=True)
    if gate.report:
        gate.report.unlink(missing_ok=True)
    PACKED.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    succeeded = _succeeds(gate, log)
    seconds = time.monotonic() - start
    suites = _suites(gate.report) if gate.report else []
    passed, failed = _count(suites) if gate.report else (int(succeeded), 0)
    if not succeeded:  # perhaps beside its tests, or before them
        failed = max(failed, 1)
    return Result(part, gate.name, passed, failed, seconds, _tests(gate, suites))


def _succeeds(gate: Gate, log: IO[str] | None) -> bool:
    try:
        done = subprocess.run(
            gate.command,
            cwd=ROOT,
            env={**os.environ, **SHARED, **gate.environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT if log else None,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        print(f"{gate.name} was ended after {PATIENCE} s", file=log, flush=True)
        return False
    except FileNotFoundError as error:
        print(error, file=log, flush=True)
        return False
    return done.returncode == 0


def _suites(report: Path) -> list[ElementTree.Element]:
    """Return what pytest has left; nothing where it did not come to that."""
    return list(ElementTree.parse(report).getroot().iter("testsuite")) if report.exists() else []


def _tests(gate: Gate, suites: Iterable[ElementTree.Element]) -> tuple[Test, ...]:
    """Return the tests of a gate, each with what was made for it first and taken away last."""
    return tuple(
        Test(float(case.get("time", 0)), f"{gate.name}: {case.get('name')}", _fault(case))
        for suite in suites
        for case in suite.iter("testcase")
    )


def _fault(case: ElementTree.Element) -> str:
    """What a test said that did not pass, in one line of ``WIDTH`` characters at most."""
    said = [f"{kind.tag}: {kind.get('message')}" for kind in case if kind.tag in NOT_PASSED]
    return " ".join(" ".join(said).split())[:WIDTH]


def _count(suites: Iterable[ElementTree.Element]) -> tuple[int, int]:
    """Passed and failed tests; one that was skipped showed nothing, and counts as failed."""
    passed = failed = 0
    for suite in suites:
        bad = sum(int(suite.get(key, 0)) for key in ("failures", "errors", "skipped"))
        passed += int(suite.get("tests", 0)) - bad
        failed += bad
    return passed, failed


def table(results: list[Result]) -> str:
    """Return a line for each gate, the slowest tests, all that failed, and last of all the sum."""
    width = max(len(result.gate) for result in results)
    lines = [f"\n{'part':<12} {'gate':<{width}}  passed  failed  seconds"]
    lines += [
        f"{result.part:<12} {result.gate:<{width}}  {result.passed:>6}  {result.failed:>6}"
        f"  {result.seconds:>7.1f}"
        for result in results
    ]
    passed = sum(result.passed for result in results)
    failed = sum(result.failed for result in results)
    slowest = sorted((test for result in results for test in result.tests), reverse=True)[:SHOWN]
    if slowest:
        lines += [f"\nThe {len(slowest)} slowest tests, in seconds"]
        lines += [f"{test.seconds:>7.1f}  {test.name}" for test in slowest]
    if failed:
        lines += ["\nNot passed", *(line for result in results for line in _faults(result))]
    return "\n".join([*lines, "", f"{passed} passed, {failed} failed"])


def _faults(result: Result) -> list[str]:
    """Two lines for each test that failed; for a gate that failed by itself, where it says why."""
    named = [f"  {test.name}\n    {test.fault}" for test in result.tests if test.fault]
    if result.failed and not named:
        return [f"  {result.gate}\n    see its output above"]
    return named
