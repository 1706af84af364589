# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Clusters on labs, which go away after the tests."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from .cluster import ROOT, Cluster, inventory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def labs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Cluster]]:
    made: list[Cluster] = []

    def make(hosts_and_variables: dict[str, Any]) -> Cluster:
        made.append(Cluster(hosts_and_variables, tmp_path_factory.mktemp("cluster")))
        return made[-1].up()

    try:
        yield make
    finally:
        for cluster in made:
            cluster.down()


@pytest.fixture
def make_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Cluster]]:
    """Make labs from inventories, up but with no network of ours yet."""
    with labs(tmp_path_factory) as make:
        yield make


@pytest.fixture(scope="module")
def make_module_cluster(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Cluster]]:
    """Make labs that the tests of a module share."""
    with labs(tmp_path_factory) as make:
        yield make


@pytest.fixture(scope="module")
def pair(make_module_cluster: Callable[..., Cluster]) -> Cluster:
    """A running cluster of two nodes and four pods, which the tests of a module share."""
    cluster = make_module_cluster(inventory())
    cluster.play("site").ok()
    return cluster


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The demo's cluster, running; each test leaves it as it was."""
    text = (ROOT / "playbooks/inventories/demo.yml").read_text()
    text = text.replace("{{ inventory_dir }}/../..", str(ROOT))
    with labs(tmp_path_factory) as make:
        cluster = make(yaml.safe_load(text))
        # As a user sees a first check: on fresh nodes, by Ansible's default output.
        cluster.first_check = cluster.play(
            "site", "--check", "--diff", ANSIBLE_CALLBACK_RESULT_FORMAT="json"
        ).ok()
        cluster.screen = cluster.demo()
        yield cluster
