# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Masquerading that cannot be is refused in one sentence, before anything is touched."""

from __future__ import annotations

from tests.cluster.test_bad_input import refuses

from .flows import seen
from .vpc import INTERNET, NETPOD, NODES


def test_a_running_cluster_refuses_and_runs_on(cluster):
    """By what a node has; all that is refused is in tests/unit/test_plan_masquerade.py."""
    nodes = {"k8s-w1": {"podnet_masquerade_devices": ["eth0", "bond7"]}}
    refuses(cluster, {}, nodes, ("podnet_masquerade_devices", "k8s-w1", "bond7"))
    assert seen(cluster, NETPOD, INTERNET) == NODES["k8s-s"]
