# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Masquerading that cannot be is refused in one sentence, before anything is touched."""

from __future__ import annotations

import pytest

from tests.cluster.test_bad_input import refuses

from .flows import seen
from .vpc import INTERNET, NETPOD, NODES

AGENT = {"nonMasqueradeCIDRs": ["10.0.0.0/8"]}


@pytest.mark.parametrize(
    ("variables", "nodes", "parts"),
    [
        pytest.param(
            {"podnet_masquerade_nodes": True},
            {},
            ("podnet_masquerade_nodes", "True", "native_routing", "False"),
            id="nodes in a native network",
        ),
        pytest.param(
            {"podnet_ip_masq_agent": AGENT, "podnet_non_masquerade_cidrs": ["10.0.0.0/8"]},
            {},
            ("podnet_ip_masq_agent", "podnet_non_masquerade_cidrs", "either"),
            id="two lists",
        ),
        pytest.param(
            {"podnet_ip_masq_agent": {"nonMasqueradeCIDRs": ["10.0.0.1/8"]}},
            {},
            ("podnet_ip_masq_agent", "10.0.0.1/8", "10.0.0.0/8"),
            id="a prefix with host bits",
        ),
        pytest.param(
            {"podnet_ip_masq_agent": {"nonMasqueradeCidrs": []}},
            {},
            ("podnet_ip_masq_agent", "nonMasqueradeCidrs", "nonMasqueradeCIDRs"),
            id="a word that the agent does not have",
        ),
        pytest.param(
            {},
            {"k8s-w1": {"podnet_masquerade_devices": ["eth0", "bond7"]}},
            ("podnet_masquerade_devices", "k8s-w1", "bond7"),
            id="a device that is not there",
        ),
    ],
)
def test_a_running_cluster_refuses_and_runs_on(cluster, variables, nodes, parts):
    refuses(cluster, variables, nodes, parts)
    assert seen(cluster, NETPOD, INTERNET) == NODES["k8s-s"]
