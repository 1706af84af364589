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

from .parts import BUILD, LIGHT, PARTS, ROOT, Gate

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

#: A gate that hangs fails after so many seconds.
PATIENCE = 1200


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
    """Run all parts, those that need no kernel beside the others; show each one's output whole."""
    with ThreadPoolExecutor(1) as beside:
        light = beside.submit(_run_logged, LIGHT)
        results = _run_logged(part for part in PARTS if part not in LIGHT)
        return light.result() + results


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
    passed = _succeeds(gate, log)
    seconds = time.monotonic() - start
    counts = _count(gate.report) if gate.report and gate.report.exists() else (0, 0)
    if not passed and not counts[1]:  # it failed beside its tests, or has none
        counts = (counts[0], 1)
    return Result(part, gate.name, counts[0] or int(passed), counts[1], seconds)


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
    suites = ElementTree.parse(report).getroot().iter("testsuite")
    passed = failed = 0
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
