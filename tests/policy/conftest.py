# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One cluster for all tests of policies; it goes from cell to cell, and its pods stay.

The tests are sorted by their cell, so that it goes to each once, with policies in force.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.cells.cells import CELLS, Cell
from tests.cluster.conftest import labs
from tests.cluster.probes import Snapshot, snapshots

from .applied import Nodes, applying
from .model import BEGINNING, after, world
from .probing import POD_AT, Prober, counted, probing, wanted
from .vpc import EVERYTHING, inventory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.cluster import Cluster, Run
    from tests.unit.policy_evaluator import World

    from .model import Step

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests of this folder by their cell, those without one first."""

    def place(item: pytest.Item) -> int:
        cell = getattr(item, "callspec", None) and item.callspec.params.get("cell")
        return CELLS.index(cell) if cell else -1

    own = [at for at, item in enumerate(items) if HERE in item.path.parents]
    for at, item in zip(own, sorted((items[at] for at in own), key=place)):
        items[at] = item


@dataclass
class Network:
    """The cluster, what its nodes held before, and who looks at it; open once it runs."""

    cluster: Cluster
    before: dict[str, Snapshot]
    stack: contextlib.ExitStack
    cell: Cell | None = None
    prober: Prober | None = None
    #: Of the maps as they are in this cell.
    opened: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    nodes: Nodes | None = None
    #: The policies of the last run, None where something else came after it.
    brought: list[dict[str, Any]] | None = None

    def be(self, cell: Cell) -> None:
        """Bring the cluster to a cell, unless it is there."""
        if self.cell == cell:
            return
        self.opened.close()
        self.cluster.variables.update(cell.variables)
        self.cluster.play("demo").ok()
        self.cell, self.brought = cell, self.cluster.variables["podnet_network_policies"]
        if self.prober is None:
            self.prober = self.stack.enter_context(probing(self.cluster))
        self.nodes = self.opened.enter_context(applying(self.cluster))
        self.prober.drops = self.opened.enter_context(counted(self.cluster))

    def site(self, policies: list[dict[str, Any]] | None = None, *words: str) -> Run:
        """Run the playbook with these policies; None: with those that keep nobody out."""
        self.brought = policies or EVERYTHING
        self.cluster.variables["podnet_network_policies"] = self.brought
        return self.cluster.play("site", *words).ok()

    def take(self, state: Step) -> World:
        """Let the policies of a state be in force, without a run."""
        self.brought = None
        return self.nodes.take(state)

    def holds(self, *steps: Step) -> None:
        """Let policies be in force, step by step, and fail unless all pairs are as they should."""
        state = BEGINNING
        for step in steps:
            state = after(state, step)
            self.take(state)
            self._pairs_are_right(state)

    def sees(self, step: Step) -> None:
        """Fail unless all pairs are as policies that a run brought have it."""
        self._pairs_are_right(after(BEGINNING, step))

    def _pairs_are_right(self, state: Step) -> None:
        given = world(state)
        seen, right = self.prober.round(POD_AT[address] for address in given.pods), wanted(given)
        assert seen.odd == []
        assert sorted(seen.passed - right.passed) == [], "wrongly passed"
        assert sorted(right.passed - seen.passed) == [], "wrongly dropped"
        assert seen.dropped == right.dropped

    def end(self) -> None:
        """End what looks at the cluster from inside."""
        self.opened.close()
        self.stack.close()


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """The cluster, in no cell yet."""
    with labs(tmp_path_factory) as make, contextlib.ExitStack() as stack:
        cluster = make(inventory(CELLS[0]))
        found = Network(cluster, snapshots(cluster), stack)
        stack.callback(found.opened.close)
        yield found


@pytest.fixture
def standing(network: Network, cell: Cell) -> Network:
    """The cluster in the cell of the test."""
    network.be(cell)
    return network
