# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Services and masquerading share ports: what goes out for one never takes what the other has."""

from __future__ import annotations

import contextlib

import pytest

from tests.cluster.probes import PYTHON
from tests.services.clients import Client
from tests.services.write_up import THERE as SERVICES

from .flows import flow, seen
from .vpc import (
    AWAY,
    AWAY_NODE_PORT,
    ELSEWHERE,
    INTERNET,
    MIRROR,
    NETPOD,
    NODES,
    OTHERPOD,
    SERVER,
    THERE,
    WEB_NODE_PORT,
    WEBPOD,
)

KINDS = ("tcp", "udp")
NODE = NODES["k8s-s"]


def test_a_node_port_whose_backend_is_elsewhere_beside_pods_that_talk_to_its_client(cluster):
    """The client's port is one to which a pod has a flow, from the port of the service's flow."""
    with contextlib.ExitStack() as stack:
        held = []
        for kind in KINDS:
            for place in (NETPOD, OTHERPOD):
                one = stack.enter_context(flow(cluster, place, kind, INTERNET, own_port=47000))
                held.append((one, one.seen()))
        for own_port in (47000, 47001, MIRROR + 1):
            page = cluster.exec(
                "internet",
                *PYTHON,
                str(SERVICES / "page.py"),
                NODE,
                str(WEB_NODE_PORT),
                str(own_port),
            )
            # The web pod is on the other node: it sees the node by which its client came.
            assert page.split() == ["webpod", "172.16.1.235", "answers", NODE]
        assert [one.seen() for one, _before in held] == [before for _one, before in held]


@pytest.mark.parametrize("kind", KINDS)
def test_clients_of_a_service_and_pods_share_the_ports_to_one_destination(kind, cluster):
    """The service's backend is the host outside, whom pods ask as well: all as one node."""
    with contextlib.ExitStack() as stack:
        held = []
        for place, address, port in (
            (NETPOD, INTERNET, MIRROR),
            ("server", NODE, AWAY_NODE_PORT),
            (OTHERPOD, INTERNET, MIRROR),
            ("elsewhere", NODE, AWAY_NODE_PORT),
        ):
            one = stack.enter_context(flow(cluster, place, kind, address, port, own_port=47010))
            held.append((one, one.seen()))
        ends = [told for _one, told in held]
        assert {address for address, _port in ends} == {NODE}
        assert len(set(ends)) == len(ends)
        for _time in range(2):
            assert [one.seen() for one, _told in held] == ends


@pytest.mark.parametrize("place", [NETPOD, WEBPOD])
@pytest.mark.parametrize("raw", [False, True], ids=["by sockets", "by packets"])
def test_a_pod_asks_a_service_whose_backend_is_outside(raw, place, cluster):
    client = Client(cluster, place, raw)
    told = client.say(*PYTHON, str(THERE / "reset.py"), AWAY, str(MIRROR), "47020")
    assert told.split()[0] == NODES[place.partition("/")[0]]


def test_a_node_port_is_reached_by_a_pod_as_who_it_is(cluster):
    for node, address in NODES.items():
        (page,) = Client(cluster, OTHERPOD).ask(address, WEB_NODE_PORT)
        assert page.address == "172.16.1.235", node


def test_the_second_device_is_not_the_services_(cluster):
    assert seen(cluster, NETPOD, ELSEWHERE) != NODE
    assert seen(cluster, NETPOD, SERVER) not in NODES.values()
