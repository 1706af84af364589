# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""After teardown a node is as it was before the first run, and what is not ours was left alone."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.waiting import wait_for

from .cluster import HERE, inventory
from .probes import difference, differences, everybody_reaches_everybody, snapshots

#: What the user of a host may have there before us; the network works beside it.
OWN = """
mount -t bpf bpf /sys/fs/bpf
ip link add own0 type veth peer name own1
for own in own0 own1; do
  echo 1 > /proc/sys/net/ipv6/conf/$own/disable_ipv6  # whose addresses come a second later
  ip link set $own up
done
ip address add 192.0.2.1/24 dev own0
ip route add 198.51.100.0/24 via 192.0.2.2 proto static
ip route add 10.111.170.0/24 via 10.111.0.1
ip rule add from 192.0.2.0/24 table 100
ip neighbour add 192.0.2.2 lladdr 02:00:00:00:00:02 dev own0
ip netns add own
ip -n own link add eth0 type veth peer name own2
clang -O2 -target bpf -c {here}/own_program.c -o /root/own.o
bpftool prog load /root/own.o /sys/fs/bpf/own type classifier
nft add table ip own
mkdir -p /etc/systemd/networkd.conf.d
echo '[Network]' > /etc/systemd/networkd.conf.d/10-own.conf
"""
ATTACH_OWN = {
    "tcx": "python3 -I {here}/own_tcx.py",
    "clsact": """
tc qdisc add dev eth0 clsact
tc filter add dev eth0 ingress prio 7 handle 1 bpf direct-action object-pinned /sys/fs/bpf/own
tc filter add dev eth0 egress prio 200 handle 1 bpf direct-action object-pinned /sys/fs/bpf/own
""",
}


def maps_of(cluster, node):
    """Return the numbers of the maps pinned on a node."""
    pins = cluster.exec(node, "find", "/sys/fs/bpf/podnet/maps", "-type", "f").split()
    shown = [cluster.json(node, "bpftool", "-j", "map", "show", "pinned", pin) for pin in pins]
    assert shown
    return {each["id"] for each in shown}


def wait_until_gone(cluster, maps):
    """Wait until the kernel has none of these maps; it frees them a moment after the last user."""
    end = time.monotonic() + 60
    while left := [
        n
        for n in maps
        if cluster.try_exec("node-1", "bpftool", "map", "show", "id", str(n)).returncode == 0
    ]:
        assert time.monotonic() < end, f"maps that stay in the kernel: {left}"
        time.sleep(0.05)


@pytest.mark.parametrize("mode", ["tcx", "clsact"])
def test_nothing_of_ours_stays_and_nothing_of_others_goes(make_cluster, mode):
    cluster = make_cluster(inventory(podnet_attach_mode=mode))
    script = (OWN + ATTACH_OWN[mode]).format(here=HERE / "there")
    cluster.exec("node-1", "sh", "-e", stdin=script)
    before = snapshots(cluster)
    theirs = len(before["node-1"]["programs"])
    assert theirs

    cluster.play("site").ok()
    running = snapshots(cluster)
    everybody_reaches_everybody(cluster)
    gone = [line for line in difference(before["node-1"], running["node-1"]) if line[0] == "-"]
    assert gone == [], "site took away"
    # eth0, pn_host, and each of two pods and the health endpoint.
    assert len(running["node-2"]["programs"]) == 5
    assert len(running["node-1"]["programs"]) == 5 + theirs
    maps = {number for node in cluster.nodes for number in maps_of(cluster, node)}

    cluster.play("teardown").ok()
    assert differences(before, snapshots(cluster)) == {}
    # Unpinned and detached, and so gone from the kernel, as soon as nobody reads them any more.
    wait_until_gone(cluster, maps)
    assert cluster.play("teardown").ok().changed == {}
    assert differences(before, snapshots(cluster)) == {}


def test_a_node_that_was_left_half_made(make_cluster):
    cluster = make_cluster(inventory())
    before = snapshots(cluster)
    run = cluster.start_play("site", journal=cluster.folder / "killed")

    def begun() -> bool:
        assert run.poll() is None, run.communicate()[0]
        return any("pn_host" in cluster.exec(name, "ip", "link") for name in cluster.nodes)

    wait_for("the first device", begun)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    assert cluster.pods() == {}

    cluster.play("teardown").ok()
    assert differences(before, snapshots(cluster)) == {}

    # Nothing is there, and status says so, once for both nodes.
    said = "the pod network is not on this node; the playbook site brings it up"
    run = cluster.play("status", "-e", "podnet_status_fail=true")
    lines = run.result("node-1", "Show the cluster")["msg"]
    assert lines[1:3] == [
        "Verdict:                1 problem",
        f"  all 2 nodes: not usable: {said}",
    ]
    assert "Nodes:                  0/2 usable" in lines
    assert "Pods:                   0/4 ready, 0 pending" in lines
    assert {*run.errors} == {f"The pod network is not as planned: all 2 nodes: not usable: {said}."}
    assert run.status != 0
    assert differences(before, snapshots(cluster)) == {}
