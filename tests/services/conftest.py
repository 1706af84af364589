# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The write-up's cluster, which all tests of services share: each leaves it as it was.

The files run in the order of their names; what ends the cluster's life is in the last one.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.cluster.conftest import labs
from tests.cluster.probes import Snapshot, nginx, snapshots

from .write_up import inventory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.cluster import Cluster


@dataclass(frozen=True)
class Bare:
    """A lab on which nothing was run, and what its nodes held then."""

    cluster: Cluster
    before: dict[str, Snapshot]


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bare]:
    """The lab."""
    with labs(tmp_path_factory) as make:
        cluster = make(inventory())
        yield Bare(cluster, snapshots(cluster))


@pytest.fixture(scope="session")
def cluster(bare: Bare) -> Cluster:
    """The running cluster, with its services, its programs in the pods, and the cloud's routes."""
    bare.cluster.play("demo").ok()
    return bare.cluster


@pytest.fixture(scope="session")
def web_server(cluster: Cluster) -> Iterator[None]:
    """A web server on the node k8s-m itself, which a service has for a backend."""
    with _web_server(cluster, "k8s-m"):
        yield


@pytest.fixture(scope="session")
def web_outside(cluster: Cluster) -> Iterator[None]:
    """A web server on the host outside, whose address a service claims."""
    with _web_server(cluster, "internet"):
        yield


@contextmanager
def _web_server(cluster: Cluster, place: str) -> Iterator[None]:
    patiently = ("--retry", "100", "--retry-delay", "0", "--retry-connrefused", "--max-time", "10")
    with nginx(cluster, place):
        cluster.exec(place, "curl", "-s", *patiently, "http://127.0.0.1/")
        yield
