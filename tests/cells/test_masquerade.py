# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Masquerading in each cell, beside services; and that both leave nothing when they go."""

from __future__ import annotations

import contextlib

import pytest
from scapy.layers.inet import ICMP, IP

from tests.cluster.capture import capture
from tests.cluster.cluster import INTERNET, SERVER
from tests.cluster.probes import differences, everybody_reaches_everybody, probe
from tests.loss.traffic import nothing_is_lost
from tests.masquerade.flows import flow, mirrors, seen
from tests.services.clients import Client

from .cells import NODE_IPS, SERVICES, WEB, WEB_NODE_PORT
from .servers import visitors
from .state import states
from .test_cells import visit

KINDS = ("tcp", "udp")
ONE, TWO, THREE = "node-1/app-1", "node-2/app-2", "node-3/app-3"

#: The outside is on no list, and the VPC is the native-routing CIDR.
MASQUERADE = {
    "podnet_masquerade": True,
    "podnet_ip_masq_agent": {"nonMasqueradeCIDRs": ["10.111.0.10/32"]},
}


@pytest.fixture(scope="module")
def lab(running):
    """The cluster, with services, its pods masqueraded, and mirrors outside."""
    cluster = running.cluster
    cluster.variables.update(MASQUERADE)
    cluster.play("site").ok()
    with mirrors(cluster, "internet", "vpc-server", *cluster.nodes):
        yield cluster


@pytest.fixture
def cell(running):
    """The cell in which it stands."""
    return running.cell


def test_pods_go_out_as_their_node_and_stay_inside_who_they_are(cell, lab):
    pods = lab.pods()
    with capture(lab.lab, "switch", "outside") as wire:
        for place in (ONE, THREE):
            node = NODE_IPS[place.partition("/")[0]]
            for kind in KINDS:
                assert seen(lab, place, INTERNET, kind) == node
            for size in ("56", "4000"):
                lab.exec(place, "ping", "-n", "-c", "1", "-W", "3", "-s", size, INTERNET)
            lab.exec(place, "traceroute", "-n", "-q", "1", "-w", "2", INTERNET)
            with flow(lab, place, "udp", INTERNET) as one:
                assert one.seen(4000)[0] == node
    asked = {p[IP].src for p in wire if ICMP in p and p[ICMP].type == 8}
    assert asked == {NODE_IPS["node-1"], NODE_IPS["node-3"]}
    assert not {p[IP].src for p in wire if IP in p} & set(pods.values())
    for kind in KINDS:
        assert seen(lab, ONE, SERVER, kind) == pods[ONE]
    everybody_reaches_everybody(lab)


@pytest.mark.parametrize("kind", KINDS)
def test_ports_that_two_want(kind, cell, lab):
    node = NODE_IPS["node-1"]
    with (
        flow(lab, ONE, kind, INTERNET, own_port=48000) as one,
        flow(lab, "node-1/app-4", kind, INTERNET, own_port=48000) as other,
        flow(lab, "node-1", kind, INTERNET, own_port=48000) as host,
    ):
        told = [each.seen() for each in (one, other, host)]
        assert {address for address, _port in told} == {node}
        assert len(set(told)) == 3
        assert (node, 48000) in told
        assert [each.seen() for each in (one, other, host)] == told


def views(lab, kinds=KINDS):
    """Return as whom other nodes see a pod."""
    return {seen(lab, ONE, NODE_IPS[node], kind) for kind in kinds for node in ("node-2", "node-3")}


def test_other_nodes_see_what_the_network_type_says(cell, lab):
    pods = lab.pods()
    assert views(lab) == {NODE_IPS["node-1"] if cell.overlay else pods[ONE]}
    assert seen(lab, ONE, NODE_IPS["node-1"]) == pods[ONE]


def test_answers_to_the_outside_keep_the_pod_s_address(cell, lab):
    ip = lab.pods()[ONE]
    with mirrors(lab, ONE):
        for kind in KINDS:
            with flow(lab, "internet", kind, ip) as one:
                assert [one.seen() for _time in range(2)] == [one.own] * 2
    lab.exec("internet", "ping", "-n", "-c", "1", "-W", "3", ip)


def test_services_stay_what_they_are(cell, lab):
    pods = lab.pods()
    with visitors(lab, [ONE]):
        probe(lab, ["node-2"], [], [pods[ONE]])  # it is there
        for place in (TWO, THREE):
            for raw in (False, True):
                assert visit(Client(lab, place, raw), WEB) == pods[place]
        for node, address in NODE_IPS.items():
            told = visit(Client(lab, "internet"), address, WEB_NODE_PORT)
            assert told == (INTERNET if node == "node-1" else address)


def test_a_rerun_changes_nothing_and_loses_nothing(lab):
    with nothing_is_lost(lab), contextlib.ExitStack() as stack:
        held = [
            stack.enter_context(flow(lab, place, kind, INTERNET))
            for place in (ONE, THREE)
            for kind in KINDS
        ]
        before = [one.seen() for one in held]
        assert lab.play("demo").ok().changed == {}
        assert [one.seen() for one in held] == before


def test_other_nodes_see_the_pod_where_the_user_wants_that(cell, lab):
    lab.variables["podnet_masquerade_nodes"] = False
    run = lab.play("site").ok()
    # It is the default of native networks.
    assert bool(run.changed) == cell.overlay
    # By UDP a node answers a pod from the address that its own way into the tunnel has.
    assert views(lab, ["tcp"]) == {lab.pods()[ONE]}
    assert seen(lab, ONE, INTERNET) == NODE_IPS["node-1"]


def test_switched_off_it_and_services_leave_nothing(running, lab):
    for name in (*MASQUERADE, *SERVICES, "podnet_masquerade_nodes"):
        lab.variables.pop(name, None)
    with flow(lab, ONE, "udp", INTERNET, own_port=48010) as pod:
        assert pod.seen() == (NODE_IPS["node-1"], 48010)
        running.site()
    assert seen(lab, ONE, INTERNET) == lab.pods()[ONE]
    assert differences(running.fresh, states(lab)) == {}
    # The flows of before are nobody's: their ports are the node's again.
    with flow(lab, "node-1", "udp", INTERNET, own_port=48010) as node:
        assert node.seen() == (NODE_IPS["node-1"], 48010)
    everybody_reaches_everybody(lab)
