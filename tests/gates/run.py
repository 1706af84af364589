# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run gates, to the end whatever fails, and count."""

from __future__ import annotations

import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING
from xml.etree import ElementTree

from .parts import BUILD, PARTS, ROOT, STAGES, Gate

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

#: A gate that hangs fails after so many seconds.
PATIENCE = 1800


@dataclass(frozen=True)
class Result:
    """What came of a gate."""

    part: str
    gate: str
    passed: int
    failed: int
    seconds: float


def run_part(part: str, log: IO[str] | None = None) -> list[Result]:
    """Run all gates of a part, with their output to the terminal or to a log."""
    return [_run(part, gate, log) for gate in PARTS[part]]


def run_all() -> list[Result]:
    """Run all parts, as the stages say; show each one's output whole when it is through."""
    results: list[Result] = []
    for rows in STAGES:
        with ThreadPoolExecutor(len(rows)) as pool:
            for of_row in pool.map(_run_logged, rows):
                results += of_row
    return results


def _run_logged(parts: Iterable[str]) -> list[Result]:
    results = []
    for part in parts:
        path = BUILD / "gates" / f"{part}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w+") as log:
            results += run_part(part, log)
            log.seek(0)
            print(f"\n===== {part} =====\n{log.read()}", flush=True)
    return results


def _run(part: str, gate: Gate, log: IO[str] | None) -> Result:
    print(f"--- {gate.name}: {' '.join(gate.command)}", file=log, flush=True)
    if gate.report:
        gate.report.unlink(missing_ok=True)
    start = time.monotonic()
    succeeded = _succeeds(gate, log)
    seconds = time.monotonic() - start
    passed, failed = _count(gate.report) if gate.report else (int(succeeded), 0)
    if not succeeded:  # perhaps beside its tests, or before them
        failed = max(failed, 1)
    return Result(part, gate.name, passed, failed, seconds)


def _succeeds(gate: Gate, log: IO[str] | None) -> bool:
    try:
        done = subprocess.run(
            gate.command,
            cwd=ROOT,
            env={**os.environ, **gate.environment},
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


def _count(report: Path) -> tuple[int, int]:
    """Passed and failed tests; one that was skipped showed nothing, and counts as failed."""
    passed = failed = 0
    if not report.exists():
        return passed, failed
    suites = ElementTree.parse(report).getroot().iter("testsuite")
    for suite in suites:
        bad = sum(int(suite.get(key, 0)) for key in ("failures", "errors", "skipped"))
        passed += int(suite.get("tests", 0)) - bad
        failed += bad
    return passed, failed


def table(results: list[Result]) -> str:
    """Return what came of each gate, a line each, and as the last line the sum."""
    width = max(len(result.gate) for result in results)
    lines = [f"\n{'part':<12} {'gate':<{width}}  passed  failed  seconds"]
    lines += [
        f"{result.part:<12} {result.gate:<{width}}  {result.passed:>6}  {result.failed:>6}"
        f"  {result.seconds:>7.1f}"
        for result in results
    ]
    passed = sum(result.passed for result in results)
    failed = sum(result.failed for result in results)
    return "\n".join([*lines, "", f"{passed} passed, {failed} failed"])
