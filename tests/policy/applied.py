# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Policies into all nodes without a run: the planner here, the module's code on each node."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from ansible_collections.podnet.fabric.plugins.module_utils.plan.policy import options, tables

from tests.cluster.cluster import ROOT
from tests.cluster.probes import PYTHON
from tests.unit.policy_planned import held

from .model import ADDRESSES, NODES, world
from .probing import THERE, endpoint

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from tests.cluster.cluster import Cluster
    from tests.unit.policy_evaluator import World

    from .model import Step


def module_options(found: tables.Tables, node: str) -> dict[str, Any]:
    """Return the options of the module ``policy`` on a node."""
    endpoints = [
        {"name": ADDRESSES[pod], "ip": ADDRESSES[pod], "netns": endpoint(pod)}
        for pod in NODES[node]
    ]
    return {**options.of_cluster(found), **options.of_node(found, endpoints)}


class Nodes:
    """The programs on all nodes."""

    def __init__(self, programs: dict[str, subprocess.Popen[str]]) -> None:
        """:param programs: that of each node."""
        self._programs = programs
        self._wait()

    def take(self, state: Step) -> World:
        """Let the policies of a state be in force; return what the evaluator is to know."""
        given = world(state)
        found = held(given)
        for name, program in self._programs.items():
            program.stdin.write(json.dumps(module_options(found, name)) + "\n")
            program.stdin.flush()
        self._wait()
        return given

    def _wait(self) -> None:
        for name, program in self._programs.items():
            line = program.stdout.readline()
            assert line, f"{name}: {program.stderr.read()}"


@contextlib.contextmanager
def applying(cluster: Cluster) -> Iterator[Nodes]:
    """Run the programs."""
    with contextlib.ExitStack() as stack:
        programs = {}
        for name in NODES:
            words = (*PYTHON, str(THERE / "node.py"), str(ROOT / ".build/collections"))
            programs[name] = stack.enter_context(cluster.start(name, *words))
            stack.callback(programs[name].kill)
        yield Nodes(programs)
