# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A running cluster of each cell, which all tests of cells share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.cluster.conftest import labs, make_module_cluster
from tests.cluster.predictions import predicted_then_done
from tests.cluster.probes import Snapshot, snapshots

from .cells import Cell, small_vpc
from .scope import ALIKE, LIVED
from .state import states

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.cluster import Cluster

__all__ = ["make_module_cluster", "running"]


def pytest_configure(config: pytest.Config) -> None:
    """Name this folder's mark."""
    config.addinivalue_line("markers", "alike: each cell goes through it alike, see scope.py")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test in each cell that is chosen for it."""
    if "running" in metafunc.fixturenames:
        alike = metafunc.definition.get_closest_marker("alike")
        cells = [cell for cell in LIVED if not alike or cell in ALIKE]
        metafunc.parametrize("running", cells, indirect=True, ids=str, scope="session")


@dataclass(frozen=True)
class Running:
    """A cluster of a cell, what its nodes held before, and their state since."""

    cell: Cell
    cluster: Cluster
    before: dict[str, Snapshot]
    fresh: dict[str, Snapshot]

    def site(self) -> None:
        """Run the playbook; where each cell's run is alike, one holds a check against it."""
        if self.cell in ALIKE:
            predicted_then_done(self.cluster)
        else:
            self.cluster.play("site").ok()


@pytest.fixture(scope="session")
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """A cluster that came up, in one cell as a check had said, with the routes of a cloud."""
    with labs(tmp_path_factory) as make:
        cluster = make(small_vpc(request.param))
        before = snapshots(cluster)
        if request.param in ALIKE:
            predicted_then_done(cluster, "demo")
        else:
            cluster.play("demo").ok()
        yield Running(request.param, cluster, before, states(cluster))
