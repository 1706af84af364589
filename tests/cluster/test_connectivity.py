# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who reaches whom, by which way, and what the packets look like on it."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from itertools import permutations

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from .capture import capture
from .cluster import GATEWAY, HERE, INTERNET, SERVER, host, inventory
from .probes import PYTHON, everybody_reaches_everybody, nginx, probe, silent
from .senders import (
    assert_no_redirect_is_believed,
    assert_pods_have_no_vlan,
    assert_strangers_reach_no_pod,
)

#: Pod CIDRs of the demo, by node in the order of the inventory.
CIDRS = {
    "node-e6e4d": "10.111.160.0/25",
    "node-63344": "10.111.160.128/25",
    "node-39206": "10.111.161.0/25",
}
TUNNEL_PORTS = {8472, 4789, 6081}
TCP_, UDP_, ICMP_ = 6, 17, 1


def pod_on(cluster, node, number=0):
    """Return the place and the address of a pod on a node."""
    return list(cluster.pods(node).items())[number]


def mac(prefix, address):
    """Return the MAC address that follows from an address."""
    return ":".join(f"{byte:02x}" for byte in prefix + ip_address(address).packed)


def test_pods_stand_in_the_cidr_of_their_node(demo):
    counts = {}
    for node, cidr in CIDRS.items():
        pods = demo.pods(node)
        counts[node] = len(pods)
        outside = {p: ip for p, ip in pods.items() if ip_address(ip) not in ip_network(cidr)}
        assert outside == {}, f"outside {cidr} of {node}"
        assert demo.json(node, "ip", "-j", "route", "show", cidr)[0]["dev"] == "pn_host"
        for place, ip in pods.items():
            (device,) = demo.json(place, "ip", "-j", "address", "show", "eth0")
            assert device["address"] == mac(b"\x0a\x58", ip), place
            assert [a["prefixlen"] for a in device["addr_info"] if a["family"] == "inet"] == [32]
    names = sorted(place.split("/")[1] for place in demo.pods())
    assert names == sorted(f"nginx-app-{number}" for number in range(1, 21))
    assert sorted(counts.values()) == [6, 7, 7]


def test_everybody_reaches_everybody_by_his_own_address_and_bare(demo):
    pods = demo.pods()
    nodes = {name: variables["ansible_host"] for name, variables in demo.nodes.items()}
    home = {ip: place.split("/")[0] for place, ip in pods.items()}
    with (
        nginx(demo, *nodes, "vpc-server"),
        capture(demo.lab, "switch", "subnet") as subnet,
        capture(demo.lab, "gateway", "eth1") as outside,
    ):
        pages = [*pods.values(), *nodes.values(), SERVER]
        found = probe(demo, pods, [*pages, INTERNET], pages)
        others = probe(demo, [*nodes, "vpc-server", "internet"], pods.values(), pods.values())
    assert silent(found) == []
    assert silent(others) == []

    # What each server says of its visitor: his own address, whatever is between the two.
    place_of = {ip: place.split("/")[1] for place, ip in pods.items()}
    host_of = {**{ip: name for name, ip in nodes.items()}, SERVER: "vpc-server"}
    for place, own in pods.items():
        for address, page in found[place]["http"].items():
            name = place_of.get(address) or host_of[address]
            assert page == f"{name} {address} answers {own}", f"{place} asked {address}"
        ttls = found[place]["icmp"]
        for address in pods.values():
            hops = 0 if address == own else 1 if home[address] == home[own] else 2
            assert ttls[address] == 64 - hops, f"{place} pinged {address}"
        # Straight there; back by the gateway, and from there by the node.
        assert ttls[SERVER] == 62, place
        assert ttls[INTERNET] == 62, place

    passed = [packet for packet in subnet if IP in packet]
    assert {packet[IP].proto for packet in passed} == {TCP_, ICMP_}
    assert {p[UDP].dport for p in passed if UDP in p} & TUNNEL_PORTS == set()
    pairs = {(packet[IP].src, packet[IP].dst) for packet in passed}
    across = {(a, b) for a, b in permutations(pods.values(), 2) if home[a] != home[b]}
    assert {(a, b) for a, b in pairs if a in home and b in home} == across
    # No node speaks for its pods: the server hears from pods (and the internet), and from no node.
    assert {a for a, b in pairs if b == SERVER} == {*pods.values()}
    # And straight from node to node, past the gateway.
    links = {
        (packet[IP].src, packet[IP].dst, packet[Ether].src, packet[Ether].dst)
        for packet in passed
        if (packet[IP].src, packet[IP].dst) in across
    }
    node_mac = {name: mac(b"\x02\x00", ip) for name, ip in nodes.items()}
    assert links == {(a, b, node_mac[home[a]], node_mac[home[b]]) for a, b in across}
    # Outside of the VPC, too, a pod is who it is.
    pairs = {(packet[IP].src, packet[IP].dst) for packet in outside if IP in packet}
    assert {a for a, b in pairs if b == INTERNET} == {*pods.values()}


def test_each_router_on_the_way_shows_itself(demo):
    place, _own = pod_on(demo, "node-e6e4d")
    _there, other = pod_on(demo, "node-63344")
    for target, ways in (
        (INTERNET, ["10.111.0.8", GATEWAY, INTERNET]),
        (other, ["10.111.0.8", "10.111.0.9", other]),
    ):
        shown = demo.exec(place, "traceroute", "-n", "-q", "1", "-w", "2", target)
        hops = [line.split()[1] for line in shown.splitlines()[1:]]
        assert hops == ways, shown


def test_what_does_not_fit_and_must_not_be_cut_is_answered(demo):
    place, _own = pod_on(demo, "node-e6e4d")
    device = demo.json(place, "ip", "-j", "link", "show", "eth0")[0]["link_index"]
    (outer,) = (
        link["ifname"]
        for link in demo.json("node-e6e4d", "ip", "-j", "link")
        if link["ifindex"] == device
    )

    def set_mtu(mtu):
        demo.exec("node-e6e4d", "ip", "link", "set", outer, "mtu", mtu)
        demo.exec(place, "ip", "link", "set", "eth0", "mtu", mtu)

    set_mtu("1600")
    try:
        for target in (pod_on(demo, "node-63344")[1], INTERNET):
            answer = demo.try_exec(
                place, "ping", "-c", "1", "-W", "2", "-M", "do", "-s", "1500", target
            )
            assert "Frag needed and DF set (mtu = 1500)" in answer.stdout, answer
        # And without the flag it is cut, and comes through.
        demo.exec(place, "ping", "-c", "1", "-W", "2", "-M", "dont", "-s", "1500", INTERNET)
    finally:
        set_mtu("1500")
        demo.exec(place, "ip", "route", "flush", "cache")


def test_what_is_not_let_through_is_counted_by_its_reason(demo):
    node = "node-e6e4d"
    place, own = pod_on(demo, node)
    _other, neighbour = pod_on(demo, node, 1)
    used = {*demo.pods(node).values()}
    free = next(f"10.111.160.{n}" for n in range(1, 120) if f"10.111.160.{n}" not in used)
    frame = Ether(src=mac(b"\x0a\x58", own), dst=mac(b"\x0e\x58", "10.111.160.126"))
    stranger = Ether(src="02:00:00:00:00:01", dst=frame.dst)
    as_neighbour = Ether(src=mac(b"\x0a\x58", neighbour), dst=frame.dst)
    marked = UDP(sport=4711, dport=4711) / b"must not pass"
    frames = [
        frame / IP(src=neighbour, dst=SERVER) / marked,
        frame / IP(src="192.0.2.1", dst=SERVER) / marked,
        frame / IP(src="10.111.0.8", dst=SERVER) / marked,
        stranger / IP(src=own, dst=SERVER) / marked,
        as_neighbour / IP(src=neighbour, dst=SERVER) / marked,
        frame / IPv6(src="fe80::1", dst="fe80::2") / marked,
        frame / IPv6(src="2001:db8::1", dst="2001:db8::2") / marked,
        frame / IP(src=own, dst=SERVER, len=1000) / marked,
        frame / IP(src=own, dst=free) / marked,
    ]

    def drops():
        status = demo.play("status").ok().result(node, "Read the node's status")
        counts = status["status"]["drops"]
        return {count["verdict"]: count["packets"] for count in counts}, status["report"]

    before, _report = drops()
    with capture(demo.lab, "switch", "subnet") as subnet:
        lines = "\n".join(bytes(each).hex() for each in frames)
        demo.exec(place, *PYTHON, str(HERE / "there/send.py"), stdin=lines)
        passes = frame / IP(src=own, dst=SERVER) / ICMP() / b"may pass"
        demo.exec(place, *PYTHON, str(HERE / "there/send.py"), stdin=bytes(passes).hex())
    after, report = drops()
    assert {reason: after[reason] - before.get(reason, 0) for reason in after} == {
        **dict.fromkeys(before, 0),
        "spoofed_source": 5,
        "unsupported_l3": 2,
        "malformed": 1,
        "no_endpoint": 1,
    }
    assert [line.split()[2] for line in report.splitlines() if "spoofed" in line] == [
        "spoofed_source"
    ]
    assert any(b"may pass" in bytes(packet) for packet in subnet)
    assert not any(b"must not pass" in bytes(packet) for packet in subnet)


def test_nobody_speaks_as_somebody_else(demo):
    pods = dict(list(demo.pods("node-e6e4d").items())[:2])
    _far, far = pod_on(demo, "node-63344")
    assert_pods_have_no_vlan(demo, pods, far, "from_container")
    assert_strangers_reach_no_pod(demo, pods, "10.111.160.126", "from_netdev")
    other = demo.nodes["node-63344"]["ansible_host"]
    assert_no_redirect_is_believed(demo, "node-e6e4d", GATEWAY, other)


@pytest.fixture(scope="module")
def two_subnets():
    """Two nodes that share a range, one that it has no room for, one with a range of its own."""
    hosts = inventory(
        {
            "a1": host(("subnet", "10.111.0.11/24"), via=GATEWAY, ansible_host="10.111.0.11"),
            "b1": host(("more", "10.111.1.11/24"), via="10.111.1.1", ansible_host="10.111.1.11"),
            "late": host(("subnet", "10.111.0.12/24"), via=GATEWAY, ansible_host="10.111.0.12"),
            "b2": host(
                ("more", "10.111.1.12/24"),
                via="10.111.1.1",
                ansible_host="10.111.1.12",
                podnet_node_group="fresh",
            ),
        },
        pods=6,
        podnet_subnets=[
            {"name": "first", "cidr": "10.111.0.0/24", "gateway": GATEWAY},
            {"name": "second", "cidr": "10.111.1.0/24", "gateway": "10.111.1.1"},
        ],
        podnet_secondary_ranges=[
            {"name": "small", "cidr": "10.111.160.0/24"},
            {"name": "one", "cidr": "10.111.176.0/26"},
            {"name": "two", "cidr": "10.111.177.0/26"},
        ],
        podnet_node_groups=[
            {"name": "default", "secondary_ranges": ["small"]},
            {
                "name": "fresh",
                "subnet": "second",
                "secondary_ranges": ["one", "two"],
                "node_cidr_mask_size": 26,
            },
        ],
    )
    hosts["all"]["hosts"]["gateway"]["lab_links"].append(
        {"segment": "more", "address": "10.111.1.1/24"}
    )
    return hosts


def test_between_subnets_the_gateway_routes(make_cluster, two_subnets):
    cluster = make_cluster(two_subnets)
    run = cluster.play("demo").ok()
    pods = {node: list(cluster.pods(node).values()) for node in cluster.nodes}
    cidrs = {"a1": "10.111.160.0/25", "b1": "10.111.160.128/25", "b2": "10.111.176.0/26"}
    for node, cidr in cidrs.items():
        assert pods[node], node
        assert all(ip_address(ip) in ip_network(cidr) for ip in pods[node]), node
    assert sum(map(len, pods.values())) == 6

    # The range is used up: the node joins, holds no pods, and the reason is said.
    assert pods["late"] == []
    (late,) = (
        n for n in run.result("a1", "Plan the network")["cluster"]["nodes"] if n["name"] == "late"
    )
    assert late["usable"] is False
    assert "small 10.111.160.0/24 has no /25 left" in late["reason"]
    assert "pn_host" not in cluster.exec("late", "ip", "link")

    everybody_reaches_everybody(cluster)
    ways = {
        route["dst"]: route.get("gateway")
        for route in cluster.json("b1", "ip", "-j", "route", "show", "proto", "112")
    }
    assert ways == {cidrs["a1"]: "10.111.1.1", cidrs["b2"]: "10.111.1.12", cidrs["b1"]: None}
    place = next(iter(cluster.pods("b1")))
    with capture(cluster.lab, "gateway", "eth0") as gateway:
        ttls = probe(cluster, [place], [pods["a1"][0], pods["b2"][0]])[place]
    assert ttls["icmp"] == {pods["a1"][0]: 61, pods["b2"][0]: 62}
    seen = {address for p in gateway if IP in p for address in (p[IP].src, p[IP].dst)}
    assert pods["a1"][0] in seen
    assert pods["b2"][0] not in seen

    # The next node of the group finds its first range full, and takes the second.
    cluster.nodes["b3"] = host(
        ("more", "10.111.1.13/24"),
        via="10.111.1.1",
        ansible_host="10.111.1.13",
        podnet_node_group="fresh",
    )
    plan = cluster.up().play("site").ok().result("a1", "Plan the network")["cluster"]
    held = {node["name"]: node["pod_cidr"] for node in plan["nodes"]}
    assert held == {**cidrs, "late": None, "b3": "10.111.177.0/26"}
    assert {node: list(cluster.pods(node).values()) for node in pods} == pods
