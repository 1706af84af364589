# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ports that two want: pods, processes of the node, those who listen and those who connect."""

from __future__ import annotations

import pytest
from scapy.layers.inet import ICMP, IP

from tests.cluster.capture import capture
from tests.cluster.probes import PYTHON

from .flows import flow, mirrors
from .vpc import INTERNET, MIRROR, NETPOD, NODES, OTHERPOD, THERE, THIRDPOD

KINDS = ("tcp", "udp")
NODE = NODES["k8s-s"]
RESET = THERE / "reset.py"


@pytest.mark.parametrize("kind", KINDS)
def test_pods_with_one_source_port_have_each_its_own_outside(kind, cluster):
    with (
        flow(cluster, NETPOD, kind, INTERNET, own_port=43000) as one,
        flow(cluster, OTHERPOD, kind, INTERNET, own_port=43000) as two,
        flow(cluster, THIRDPOD, kind, INTERNET, own_port=43000) as three,
    ):
        first = one.seen()
        assert first == (NODE, 43000)
        others = [each.seen() for each in (two, three)]
        assert len({first, *others}) == 3
        assert {address for address, _port in others} == {NODE}
        assert [each.seen() for each in (one, two, three)] == [first, *others]


def test_pings_with_one_identifier_get_each_its_own_answers(cluster):
    ping = ("ping", "-n", "-e", "770", "-c", "5", "-i", "0.05", "-W", "3", INTERNET)
    places = (NETPOD, OTHERPOD, THIRDPOD, "k8s-s")
    with capture(cluster.lab, "switch", "internet") as wire:
        started = [cluster.start(place, *ping) for place in places]
        told = [process.communicate()[0] for process in started]
    for output in told:
        assert "5 received" in output, told
        assert "DUP" not in output, told
    asked = [p[ICMP].id for p in wire if ICMP in p and p[ICMP].type == 8]
    assert len(asked) == 20
    assert {packet[IP].src for packet in wire if IP in packet} == {NODE, INTERNET}
    identifiers = set(asked)
    assert len(identifiers) == 4
    assert 770 in identifiers


@pytest.mark.parametrize("kind", KINDS)
def test_a_port_on_which_the_node_listens_is_the_node_s(kind, cluster):
    with (
        mirrors(cluster, "k8s-s", port=43010),
        flow(cluster, NETPOD, kind, INTERNET, own_port=43010) as one,
        flow(cluster, "server", kind, NODE, 43010) as other,
    ):
        address, port = one.seen()
        assert address == NODE
        assert port != 43010
        assert other.seen() == other.own


@pytest.mark.parametrize("kind", KINDS)
def test_a_port_from_which_the_node_connected_is_the_node_s(kind, cluster):
    with (
        flow(cluster, "k8s-s", kind, INTERNET, own_port=43020) as node,
        flow(cluster, NETPOD, kind, INTERNET, own_port=43020) as pod,
    ):
        address, port = pod.seen()
        assert (address, port != 43020) == (NODE, True)
        for _time in range(2):
            assert node.seen() == (NODE, 43020)
            assert pod.seen() == (NODE, port)


@pytest.mark.parametrize("kind", KINDS)
def test_a_node_that_connects_from_a_port_that_a_pod_s_flow_has_gets_another(kind, cluster):
    with flow(cluster, NETPOD, kind, INTERNET, own_port=43032) as pod:
        assert pod.seen() == (NODE, 43032)
        with flow(cluster, "k8s-s", kind, INTERNET, own_port=43032) as node:
            address, port = node.seen()
            assert (address, port != 43032) == (NODE, True)
            for _time in range(2):
                assert pod.seen() == (NODE, 43032)
                assert node.seen() == (NODE, port)
        # Elsewhere the port is free.
        with flow(cluster, "k8s-s", kind, "192.168.10.200", own_port=43032) as node:
            assert node.seen() == (NODE, 43032)
        assert pod.seen() == (NODE, 43032)


def test_a_pod_may_connect_again_at_once_from_the_port_of_a_connection_that_was_reset(cluster):
    command = (*PYTHON, str(RESET), INTERNET, str(MIRROR), "43040")
    for _time in range(3):
        assert cluster.exec(NETPOD, *command) == f"{NODE} 43040\n"
    # As another may, whichever port that is outside.
    assert cluster.exec(OTHERPOD, *command).split()[0] == NODE
