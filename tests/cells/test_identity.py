# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Nobody speaks as somebody else, in each cell: not a pod, not a host of the VPC, not a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cluster.senders import assert_pods_have_no_vlan, assert_strangers_reach_no_pod

if TYPE_CHECKING:
    from tests.cluster.cluster import Cluster

    from .conftest import Running

GATEWAY = "10.111.160.126"


@pytest.fixture
def lab(running: Running) -> Cluster:
    """The cluster, whether or not it has services by now."""
    return running.cluster


@pytest.fixture
def hooks(running: Running) -> tuple[str, str]:
    """The programs at the pods' devices and at the node's."""
    ebpf = running.cell.datapath == "ebpf"
    return ("from_container", "from_netdev") if ebpf else ("guard", "nodeport")


def test_a_pod_has_no_vlan(lab: Cluster, hooks: tuple[str, str]) -> None:
    (far,) = lab.pods("node-2").values()
    assert_pods_have_no_vlan(lab, lab.pods("node-1"), far, hooks[0])


def test_strangers_reach_no_pod(lab: Cluster, hooks: tuple[str, str]) -> None:
    assert_strangers_reach_no_pod(lab, lab.pods("node-1"), GATEWAY, hooks[1])
