# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who is seen where: the node's address outside, the pod's own inside, and in what answers."""

from __future__ import annotations

import pytest
from scapy.layers.inet import IP

from tests.cluster.capture import capture
from tests.services.clients import Client

from .flows import flow, mirrors, seen
from .vpc import (
    ELSEWHERE,
    INTERNET,
    IPS,
    LISTED,
    METADATA,
    NETPOD,
    NODES,
    OTHERPOD,
    SECOND_IP,
    SERVER,
    WEBPOD,
)

KINDS = ("tcp", "udp")


def node_of(place):
    """Return the address of the node of a pod."""
    return NODES[place.partition("/")[0]]


def ping(cluster, place, address, *options):
    """Ping once, and fail where no answer comes."""
    return cluster.exec(place, "ping", "-n", "-c", "1", "-W", "3", *options, address)


def ends(packets):
    """Return who talks to whom."""
    return {(packet[IP].src, packet[IP].dst) for packet in packets if IP in packet}


@pytest.mark.parametrize("place", [NETPOD, OTHERPOD, WEBPOD])
def test_a_host_outside_sees_the_node(place, cluster):
    with capture(cluster.lab, "switch", "internet") as wire:
        assert {kind: seen(cluster, place, INTERNET, kind) for kind in KINDS} == dict.fromkeys(
            KINDS, node_of(place)
        )
        ping(cluster, place, INTERNET)
    there = (node_of(place), INTERNET)
    assert ends(wire) == {there, there[::-1]}


@pytest.mark.parametrize("place", [NETPOD, WEBPOD])
@pytest.mark.parametrize(
    "address", [SERVER, LISTED, METADATA], ids=["the VPC", "the default list", "link-local"]
)
def test_a_host_of_a_prefix_that_is_excepted_sees_the_pod(address, place, cluster):
    for kind in KINDS:
        assert seen(cluster, place, address, kind) == IPS[place]
    ping(cluster, place, address)


def test_nodes_and_pods_see_the_pod(cluster):
    with mirrors(cluster, *NODES, WEBPOD, OTHERPOD):
        for address in (*NODES.values(), IPS[WEBPOD], IPS[OTHERPOD]):
            for kind in KINDS:
                assert seen(cluster, NETPOD, address, kind) == IPS[NETPOD], address


def test_a_process_of_a_node_is_seen_as_it_is(cluster):
    for kind, own_port in (("tcp", 41000), ("udp", 41001)):
        with flow(cluster, "k8s-s", kind, INTERNET, own_port=own_port) as one:
            assert one.seen() == (NODES["k8s-s"], own_port)
    ping(cluster, "k8s-s", INTERNET)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pod_keeps_its_port_where_nobody_has_it(kind, cluster):
    with flow(cluster, NETPOD, kind, INTERNET, own_port=42000) as one:
        assert one.own == (IPS[NETPOD], 42000)
        assert [one.seen() for _time in range(3)] == [(NODES["k8s-s"], 42000)] * 3


@pytest.mark.parametrize("own_port", [80, 30080])
def test_a_port_of_the_system_or_of_services_is_given_to_nobody(own_port, cluster):
    for kind in KINDS:
        with flow(cluster, NETPOD, kind, INTERNET, own_port=own_port) as one:
            address, port = one.seen()
            assert address == NODES["k8s-s"]
            assert 1024 <= port < 30000 or port > 32767


def test_each_device_has_its_own_address_and_the_route_decides(cluster):
    for kind in KINDS:
        assert seen(cluster, NETPOD, ELSEWHERE, kind) == SECOND_IP
    ping(cluster, NETPOD, ELSEWHERE)
    route = ("8.8.8.0/24", "via", "192.168.20.1")
    with flow(cluster, NETPOD, "udp", INTERNET, own_port=42010) as moves:
        assert moves.seen() == (NODES["k8s-s"], 42010)
        cluster.exec("k8s-s", "ip", "route", "add", *route)
        try:
            # A flow that moves to another device is a new one there.
            assert moves.seen() == (SECOND_IP, 42010)
            for kind in KINDS:
                assert seen(cluster, NETPOD, INTERNET, kind) == SECOND_IP
            ping(cluster, NETPOD, INTERNET)
        finally:
            cluster.exec("k8s-s", "ip", "route", "del", *route)
        assert moves.seen() == (NODES["k8s-s"], 42010)


@pytest.mark.parametrize("place", [NETPOD, WEBPOD])
def test_what_answers_an_outside_host_keeps_the_pod_s_address(place, cluster):
    own = IPS[place]
    with mirrors(cluster, place), capture(cluster.lab, "switch", "internet") as wire:
        for kind in KINDS:
            with flow(cluster, "internet", kind, own) as one:
                for _time in range(3):
                    assert one.seen() == one.own
                assert one.seen(4000) == one.own  # in fragments where it is a datagram
        ping(cluster, "internet", own)
        ping(cluster, "internet", own, "-s", "4000")
    assert ends(wire) == {(own, INTERNET), (INTERNET, own)}


def test_an_outside_host_finds_a_closed_port_of_a_pod_closed(cluster):
    with capture(cluster.lab, "switch", "internet") as wire:
        for kind in KINDS:
            with flow(cluster, "internet", kind, IPS[NETPOD], 4799) as one:
                assert (one.own if isinstance(one.own, str) else one.seen()) == "ECONNREFUSED"
    assert ends(wire) == {(IPS[NETPOD], INTERNET), (INTERNET, IPS[NETPOD])}


def test_a_pod_is_refused_by_a_closed_port_outside(cluster):
    for kind in KINDS:
        with flow(cluster, NETPOD, kind, INTERNET, 4799) as one:
            assert (one.own if isinstance(one.own, str) else one.seen()) == "ECONNREFUSED"


def test_nobody_reaches_a_pod_by_its_node_s_address_who_was_not_asked(cluster):
    with flow(cluster, NETPOD, "udp", INTERNET, own_port=42020) as one:
        address, port = one.seen()
        assert (address, port) == (NODES["k8s-s"], 42020)
        with capture(cluster.lab, NETPOD, "eth0") as wire:
            # By another port of the host that was, and by another host.
            with flow(cluster, "internet", "udp", address, port) as stranger:
                assert stranger.seen() == "ECONNREFUSED"
            with flow(cluster, "server", "udp", address, port) as stranger:
                assert stranger.seen() == "ECONNREFUSED"
        assert ends(wire) == set()
        assert one.seen() == (address, port)


def test_a_pod_s_server_and_its_own_flows_do_not_mix(cluster):
    """The pod answers one from its port by its own address, and asks another by the node's."""
    with (
        mirrors(cluster, NETPOD, port=42030),
        flow(cluster, "internet", "udp", IPS[NETPOD], 42030, own_port=42031) as comes,
    ):
        assert comes.seen() == comes.own
        assert seen(cluster, NETPOD, INTERNET, "udp") == NODES["k8s-s"]
        assert comes.seen() == comes.own


def test_curl_brings_the_page_of_another_node_s_pod_by_the_pod_s_own_address(cluster):
    (page,) = Client(cluster, NETPOD).ask(IPS[WEBPOD])
    assert page.visitor == IPS[NETPOD]
