# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The write-up's cluster with masquerading on, which the tests share: each leaves it as it was.

The files run in the order of their names; what ends the cluster's life is in the last one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cluster.conftest import labs, make_module_cluster
from tests.cluster.probes import snapshots
from tests.services.conftest import Bare

from .flows import mirrors
from .vpc import OUTSIDE, inventory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.cluster import Cluster

__all__ = ["bare", "cluster", "make_module_cluster"]


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bare]:
    """The lab, and what its nodes held before anything was run."""
    with labs(tmp_path_factory) as make:
        cluster = make(inventory())
        yield Bare(cluster, snapshots(cluster))


@pytest.fixture(scope="session")
def cluster(bare: Bare) -> Iterator[Cluster]:
    """The running cluster, and mirrors on every host around it."""
    bare.cluster.play("demo").ok()
    with mirrors(bare.cluster, *OUTSIDE):
        yield bare.cluster
