# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is in the way between nodes is known before there is any network of pods."""

from __future__ import annotations

from .cluster import inventory
from .probes import differences, snapshots


def test_nodes_without_a_network_are_asked_and_left_as_they_were(make_cluster):
    cluster = make_cluster(inventory(podnet_network_type="overlay"))
    before = snapshots(cluster)
    run = cluster.play("underlay").ok()
    shown = run.result("node-1", "Show what is in the way")["msg"]
    assert shown[:2] == ["Between the nodes:      2 ways", "Verdict:                OK"]
    assert differences(before, snapshots(cluster)) == {}
    cluster.exec("node-2", "nft", "add table ip t")
    cluster.exec("node-2", "nft", "add chain ip t c { type filter hook input priority 0; }")
    cluster.exec("node-2", "nft", "add rule ip t c udp dport 8472 drop")
    run = cluster.play("underlay")
    assert run.status != 0
    shown = run.result("node-1", "Show what is in the way")["msg"]
    assert shown[2].endswith(
        "node-1 -> node-2: the packet arrives, and the node's own firewall drops it: let it take "
        "UDP port 8472 of the tunnel"
    )
