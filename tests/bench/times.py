"""Seconds that whole commands take."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import BUILD, CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Command:
    """A command to time, run in the checkout; it has to succeed.

    :param before: commands that bring about what it starts from, not timed, before each run.
    :param after: commands that take away what it made, not timed, after the last run.
    :param repeat: how often; the median stands.
    :param aim: seconds that it aims at.
    :param own_clock: its last line says how many seconds it took: what it needs before cannot
        outlive it.
    """

    name: str
    argv: Sequence[str]
    before: Sequence[Sequence[str]] = ()
    after: Sequence[Sequence[str]] = ()
    repeat: int = 1
    aim: float | None = None
    own_clock: bool = False


LAB = "bench-times"
INVENTORY = BUILD / "lab.yml"
#: The demo, in a lab of its own.
MAKE_INVENTORY = (
    "sed",
    "-e",
    f"s/podnet_lab: demo/podnet_lab: {LAB}/",
    "-e",
    "s#{{ inventory_dir }}/../..#{{ playbook_dir }}/..#",
    "-e",
    f"w {INVENTORY}",
    "playbooks/inventories/demo.yml",
)
UP = ("./lab", "up", "-i", str(INVENTORY))
DOWN = ("./lab", "down", LAB)
SITE = ("ansible-playbook", "-i", str(INVENTORY), "podnet.fabric.site")
#: With what a cloud does: the VPC routes pods' addresses, also to and from who is outside.
DEMO = ("ansible-playbook", "-i", str(INVENTORY), "podnet.fabric.demo")
CONNECTIVITY = ("ansible-playbook", "-i", str(INVENTORY), "podnet.fabric.connectivity")

#: In the order of the table. A rerun is a command whose ``before`` holds the first run.
COMMANDS = (
    Command(
        "plan of 1,000 nodes, 100,000 pods",
        (sys.executable, "-m", "tests.bench.plan_of", "1000", "100000"),
        repeat=3,
    ),
    Command(
        "250 pods on a node, in one call",
        (sys.executable, "-m", "tests.bench.pods_of", "250"),
        repeat=3,
        own_clock=True,
    ),
    Command(
        "site run of the demo: 3 nodes, 20 pods",
        SITE,
        before=(DOWN, MAKE_INVENTORY, UP),
        repeat=3,
        aim=30,
    ),
    Command("rerun of it", SITE, repeat=3, aim=12),
    Command("connectivity test of it", CONNECTIVITY, before=(DEMO,), after=(DOWN,), repeat=3),
)


def measure(commands: Sequence[Command]) -> list[dict[str, Any]]:
    """Run every command and return its ``name``, ``seconds``, ``aim`` and the ``runs``."""
    return [_summary(command, _runs(command)) for command in commands]


def _runs(command: Command) -> list[float]:
    runs = []
    try:
        for _turn in range(command.repeat):
            for argv in command.before:
                _do(argv)
            start = time.monotonic()
            said = _do(command.argv)
            took = time.monotonic() - start
            runs.append(float(said.split()[-1]) if command.own_clock else took)
    finally:
        for argv in command.after:
            _do(argv)
    return runs


def _do(argv: Sequence[str]) -> str:
    done = subprocess.run(
        argv, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)} failed:\n{done.stdout[-2000:]}")
    return done.stdout


def _summary(command: Command, runs: list[float]) -> dict[str, Any]:
    return {
        "name": command.name,
        "seconds": round(statistics.median(runs), 2),
        "aim": command.aim,
        "runs": [round(run, 2) for run in runs],
    }
