# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Clusters on labs, which go away after the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from .cluster import ROOT, Cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def make_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Cluster]]:
    """Make labs from inventories, up but with no network of ours yet."""
    made: list[Cluster] = []

    def make(hosts_and_variables: dict[str, Any]) -> Cluster:
        made.append(Cluster(hosts_and_variables, tmp_path_factory.mktemp("cluster")))
        return made[-1].up()

    yield make
    for cluster in made:
        cluster.down()


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The demo's cluster, running; each test leaves it as it was."""
    text = (ROOT / "tests/inventories/demo.yml").read_text()
    text = text.replace("{{ inventory_dir }}/../..", str(ROOT))
    cluster = Cluster(yaml.safe_load(text), tmp_path_factory.mktemp("demo"))
    try:
        cluster.up().play("demo").ok()
        yield cluster
    finally:
        cluster.down()
