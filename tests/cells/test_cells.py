# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Each cell of the table on whole clusters: one cluster a cell, from its first run to its teardown.

The order of the files and of the tests is that of a cluster's life. Services come here and stay;
then pods are masqueraded (test_masquerade.py), both go, and the network goes (test_upkeep.py).
"""

from __future__ import annotations

import contextlib

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.names import endpoint_device
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Ether

from tests.cluster.capture import capture
from tests.cluster.cluster import HERE, INTERNET, SERVER
from tests.cluster.probes import (
    PYTHON,
    probe,
    silent,
)
from tests.masquerade.flows import flow, mirrors
from tests.services.clients import SILENT, Client

from .cells import (
    CIDRS,
    DATAGRAM_NODE_PORT,
    HEALTH,
    HOST,
    HOST_NODE_PORT,
    IPERF_NODE_PORT,
    NODE_IPS,
    SERVICES,
    VNI,
    VTEP_MACS,
    WEB,
    WEB_NODE_PORT,
)
from .counts import counts
from .listings import LISTINGS, listings
from .servers import transfer, visitors
from .underlay import Tunnelled, bare, tunnelled

#: How often each program is attached on a node with two pods and the health endpoint.
ATTACHED = {
    "ebpf": {"from_container": 3, "from_netdev": 1, "from_host": 1},
    "bridge": {"guard": 3, "nodeport": 1},
    "routed": {"guard": 3, "nodeport": 1},
}


def one_pod_a_node(cluster):
    """Return the place and the address of the first pod of each node."""
    return [next(iter(cluster.pods(node).items())) for node in cluster.nodes]


def ping(cluster, place, address, size=84):
    """Send one echo request of so many bytes, IP header and all, that must not be cut."""
    words = ("ping", "-n", "-c", "1", "-W", "2", "-M", "do", "-s", str(size - 28), address)
    return cluster.try_exec(place, *words)


def test_everybody_reaches_everybody_and_is_seen_as_who_he_is(running):
    cluster = running.cluster
    pods = cluster.pods()
    assert [len(cluster.pods(node)) for node in cluster.nodes] == [2, 1, 1]
    hosts = [*cluster.nodes, "vpc-server", "internet"]
    addresses = [*pods.values(), *NODE_IPS.values(), SERVER, INTERNET]
    with visitors(cluster, [*pods, *hosts]):
        found = probe(cluster, pods, [*addresses, *HEALTH], addresses)
        others = probe(cluster, hosts, [*pods.values(), *HEALTH], pods.values())
    assert silent(found) == []
    assert silent(others) == []
    for place, own in pods.items():
        assert found[place]["http"] == dict.fromkeys(addresses, own), place


def test_what_passes_between_nodes_is_what_the_network_type_says(running):
    cluster, cell = running.cluster, running.cell
    (one, one_ip), (_two, two_ip), (_three, three_ip) = one_pod_a_node(cluster)
    with (
        capture(cluster.lab, "switch", "subnet") as first,
        capture(cluster.lab, "switch", "more") as second,
    ):
        for address in (two_ip, three_ip):
            assert ping(cluster, one, address, size=1000).returncode == 0
    there, back = (one_ip, three_ip), (three_ip, one_ip)
    inside = {(one_ip, two_ip), (two_ip, one_ip), there, back}
    if not cell.overlay:
        assert tunnelled([*first, *second]) == set()
        assert bare(first) == inside
        assert bare(second) == {there, back}
        return

    def frame(source, target):
        ips = {one_ip: "node-1", two_ip: "node-2", three_ip: "node-3"}
        ends = (NODE_IPS[ips[source]], NODE_IPS[ips[target]])
        return Tunnelled(ends, VNI, (source, target), VTEP_MACS[ips[target]])

    assert bare([*first, *second]) == set()
    assert tunnelled(first) == {frame(*ends) for ends in inside}
    assert tunnelled(second) == {frame(*there), frame(*back)}


def test_listings_read_like_those_of_the_write_ups(running):
    assert listings(running.cluster, "node-1") == LISTINGS[running.cell]


def test_status_and_health_say_what_the_cell_is(running):
    cluster, cell = running.cluster, running.cell
    seen = cluster.play("status").ok().result("node-1", "Read the node's status")
    status, words = seen["status"], " ".join(seen["report"].split())
    peers = [{"prefix": CIDRS[name], "endpoint": NODE_IPS[name]} for name in ("node-2", "node-3")]
    assert "Usable: Yes" in words, status["missing"]
    assert status["tunnels"] == (peers if cell.overlay else [])
    assert {one["state"] for one in status["endpoints"]} == {"ready"}
    places = {one["name"]: len(one["attached"]) for one in status["programs"]}
    tunnel = {"from_overlay": 1} if cell.external else {"nodeport": 2}  # the underlay is eth0, too
    assert places == ATTACHED[cell.datapath] | (tunnel if cell.overlay else {})
    host = {"ebpf": "BPF", "bridge": "Bridge", "routed": "Routed"}[cell.datapath]
    assert f"Routing: Network: {'VXLAN' if cell.overlay else 'Native'} Host: {host}" in words
    if cell.overlay:
        tunnel = "Tunnel: VXLAN VNI 7 10.111.0.11:8472 [eth0] Tunnel Value"
        assert f"{tunnel} 10.111.160.128/25 10.111.0.12:8472" in words
    cluster.play("health").ok()


def test_the_largest_packet_passes_whole_and_one_byte_more_is_answered(running):
    cluster, mtu = running.cluster, running.cell.mtu
    (one, _one_ip), *others = one_pod_a_node(cluster)
    (link,) = cluster.json(one, "ip", "-j", "link", "show", "eth0")
    assert link["mtu"] == mtu
    with capture(cluster.lab, "switch", "subnet") as wire:
        for _place, address in others:
            assert ping(cluster, one, address, mtu).returncode == 0
            said = ping(cluster, one, address, mtu + 1)
            assert f"message too long, mtu={mtu}" in said.stdout + said.stderr
    sizes = {packet[IP].len for packet in wire if IP in packet}
    assert sizes == {1500}, "cut, or not sent"

    # A pod that believes in more is told by its node.
    outer = link["link_index"]
    (device,) = (
        each["ifname"]
        for each in cluster.json("node-1", "ip", "-j", "link")
        if each["ifindex"] == outer
    )
    with wider(cluster, ("node-1", device), (one, "eth0")):
        for address, most in (*((address, mtu) for _place, address in others), (INTERNET, 1500)):
            said = ping(cluster, one, address, 1528)
            assert f"Frag needed and DF set (mtu = {most})" in said.stdout, said
    cluster.exec(one, "ip", "route", "flush", "cache")


@contextlib.contextmanager
def wider(cluster, *devices):
    """Let devices take larger packets than the network does."""
    before = {}
    for place, device in devices:
        (link,) = cluster.json(place, "ip", "-j", "link", "show", device)
        before[place, device] = str(link["mtu"])
        cluster.exec(place, "ip", "link", "set", device, "mtu", "1600")
    yield
    for (place, device), mtu in before.items():
        cluster.exec(place, "ip", "link", "set", device, "mtu", mtu)


@contextlib.contextmanager
def narrow(cluster, mtu="1300"):
    """Let the gateway pass no more than so much to the second subnet, and to the pods there."""
    routes = {
        dst: cluster.exec("gateway", "ip", "route", "show", dst).split()
        for dst in ("10.111.1.0/24", CIDRS["node-3"])
    }
    for words in routes.values():
        cluster.exec("gateway", "ip", "route", "replace", *words, "mtu", "lock", mtu)
    yield
    for words in routes.values():
        cluster.exec("gateway", "ip", "route", "replace", *words)


def test_a_stream_does_not_stall_on_a_path_with_a_smaller_mtu(running):
    cluster = running.cluster
    (one, _one_ip), (two, two_ip), (three, three_ip) = one_pod_a_node(cluster)
    transfer(cluster, one, two, two_ip, "20M")
    with narrow(cluster):
        transfer(cluster, one, three, three_ip, "20M")
        transfer(cluster, "node-1", three, three_ip, "20M")


#: What becomes of the frames below: five with another's address, one that is not IPv4. The program
#: that answers ARP itself has no use for answers.
DROPS = {
    "from_container": {"spoofed_source": 6, "unanswered_arp": 1, "unsupported_l3": 1},
    "guard": {"spoofed_source": 7, "unsupported_l3": 1},
}


def test_a_pod_sends_as_itself_alone(running):
    cluster = running.cluster
    hook = "from_container" if running.cell.datapath == "ebpf" else "guard"
    (place, own), (other_place, other) = cluster.pods("node-1").items()
    (link,) = cluster.json(place, "ip", "-j", "link", "show", "eth0")
    gateway_mac, gateway = "0e:58:0a:6f:a0:7e", "10.111.160.126"
    frame = Ether(src=link["address"], dst=gateway_mac)
    stranger = Ether(src="02:00:00:00:00:01", dst=gateway_mac)
    marked = UDP(sport=4711, dport=4711) / b"must not pass"
    asks = {"op": "who-has", "hwsrc": link["address"], "pdst": gateway}
    tells = {"op": "is-at", "hwsrc": link["address"], "pdst": other}
    everybody = Ether(src=link["address"], dst="ff:ff:ff:ff:ff:ff")
    frames = [
        frame / IP(src=other, dst=SERVER) / marked,
        frame / IP(src="192.0.2.1", dst=SERVER) / marked,
        frame / IP(src=NODE_IPS["node-1"], dst=SERVER) / marked,
        stranger / IP(src=own, dst=SERVER) / marked,
        everybody / ARP(**{**asks, "psrc": other}),
        everybody / ARP(**{**asks, "psrc": own, "hwsrc": stranger.src}),
        everybody / ARP(**{**tells, "psrc": gateway}),
        frame / IPv6(src="2001:db8::1", dst="2001:db8::2") / marked,
    ]
    before = counts(cluster, "node-1")
    with (
        capture(cluster.lab, "switch", "subnet") as wire,
        capture(cluster.lab, "node-1", endpoint_device(other_place.split("/")[1])) as neighbor,
    ):
        lines = "\n".join(bytes(each).hex() for each in frames)
        cluster.exec(place, *PYTHON, str(HERE / "there/send.py"), stdin=lines)
        passes = frame / IP(src=own, dst=SERVER) / ICMP() / b"may pass"
        cluster.exec(place, *PYTHON, str(HERE / "there/send.py"), stdin=bytes(passes).hex())
    after = counts(cluster, "node-1")
    drops = {
        verdict: packets - before.get((where, verdict), 0)
        for (where, verdict), packets in after.items()
        if where == hook and verdict in DROPS[hook]
    }
    assert drops == DROPS[hook]
    assert any(b"may pass" in bytes(packet) for packet in wire)
    assert not any(b"must not pass" in bytes(packet) for packet in wire)
    assert [packet for packet in neighbor if packet.src in (frame.src, stranger.src)] == []


def test_services_come(running):
    running.cluster.variables.update(SERVICES)
    running.site()


def visit(client, address, port=80):
    """Ask a web server; return as whom it sees its visitor."""
    return client.say("curl", "-sS", "-m", "3", f"http://{address}:{port}/")


@pytest.mark.parametrize("raw", [False, True], ids=["by sockets", "by packets"])
def test_a_service_of_a_pod_is_reached_by_pods(raw, running):
    cluster = running.cluster
    pods = cluster.pods()
    with visitors(cluster, ["node-1/app-1"]):
        probe(cluster, ["node-2"], [], [pods["node-1/app-1"]])  # it is there
        seen = {place: visit(Client(cluster, place, raw), WEB) for place in pods}
        if not raw:
            for node in cluster.nodes:
                visit(Client(cluster, node), WEB)
    if raw:
        # A pod that reaches itself has to be somebody else for its reply to come back this way.
        assert seen.pop("node-1/app-1") == "10.111.160.126"
    assert seen == {place: pods[place] for place in seen}


def test_a_service_of_a_pod_is_reached_from_outside_by_every_node(running):
    cluster = running.cluster
    internet = Client(cluster, "internet")
    with visitors(cluster, ["node-1/app-1"]):
        probe(cluster, ["node-2"], [], [cluster.pods()["node-1/app-1"]])
        seen = {node: visit(internet, ip, WEB_NODE_PORT) for node, ip in NODE_IPS.items()}
    # At its own node the pod sees who it is; from the others replies have to come back there.
    assert seen == {**NODE_IPS, "node-1": INTERNET}
    for node in ("node-1", "node-2", "node-3"):
        transfer(cluster, "internet", "node-1/app-1", NODE_IPS[node], "5M", IPERF_NODE_PORT)


@pytest.mark.parametrize("size", [32, 1440, 1472, 4000])
def test_a_service_takes_datagrams_of_any_size_from_outside(size, running):
    cluster = running.cluster
    with mirrors(cluster, "node-1/app-1"):
        for node, ip in NODE_IPS.items():
            with flow(cluster, "internet", "udp", ip, DATAGRAM_NODE_PORT) as one:
                assert one.seen(size)[0] == (INTERNET if node == "node-1" else ip)


def test_a_service_of_a_process_of_a_node(running):
    cluster, pods = running.cluster, running.cluster.pods()
    internet = Client(cluster, "internet")
    with visitors(cluster, ["node-2"]):
        probe(cluster, ["node-1"], [], [NODE_IPS["node-2"]])
        for place in [*pods, *cluster.nodes]:
            assert visit(Client(cluster, place), HOST) in {pods.get(place), *NODE_IPS.values()}
        seen = {node: visit(internet, ip, HOST_NODE_PORT) for node, ip in NODE_IPS.items()}
        assert seen == {**NODE_IPS, "node-2": INTERNET}
        for place in pods:
            if place == "node-2/app-2" and running.cell.datapath != "ebpf":
                # Its reply would pass by no program.
                before = counts(cluster, "node-2").get(("guard", "host_backend"), 0)
                assert Client(cluster, place, raw=True).fail(HOST).status == SILENT
                assert counts(cluster, "node-2")["guard", "host_backend"] > before
            else:
                assert visit(Client(cluster, place, raw=True), HOST) == pods[place]
