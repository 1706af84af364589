# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Real programs as clients of services: DNS and its tools, iperf3, nginx, long connections."""

from __future__ import annotations

import json

import pytest

from tests.cluster.probes import PYTHON
from tests.loss.versions import other_programs

from .chance import assert_fair
from .clients import Client
from .talks import nothing_is_lost, talks
from .write_up import (
    DNS,
    DNS_NODE_PORT,
    IPERF,
    IPS,
    NAMES,
    NAMES_NODE_PORT,
    NAMES_SERVICE,
    NETPOD,
    NODES,
    PROXY,
    STICKY,
    SVC,
    THERE,
    WEBPODS,
)

SERVERS = ["dns-1", "dns-2"]
#: Of the DNS servers: how often they are asked who they are.
TIMES = 60


@pytest.mark.parametrize("over", ["+notcp", "+tcp"])
@pytest.mark.parametrize("place", [NETPOD, "k8s-w1"])
def test_dig_gets_its_answers_from_a_dns_server_behind_a_service(place, over, cluster):
    dig = ("dig", over, "+short", "+tries=1", "+timeout=3")
    assert cluster.exec(place, *dig, f"@{DNS}", "www.test") == "192.0.2.53\n"
    told = cluster.exec(place, *dig, f"@{DNS}", *["who.test", "txt"] * TIMES)
    assert_fair([line.strip('"') for line in told.splitlines()], SERVERS)


@pytest.mark.parametrize("over", ["+notcp", "+tcp"])
@pytest.mark.parametrize("place", [NETPOD, "internet"])
def test_dig_asks_a_node_s_port_too(place, over, cluster):
    dig = ("dig", over, "+short", "+tries=1", "+timeout=3", "-p", str(DNS_NODE_PORT))
    for address in NODES.values():
        told = cluster.exec(place, *dig, f"@{address}", *["who.test", "txt"] * TIMES)
        assert_fair([line.strip('"') for line in told.splitlines()], SERVERS)


@pytest.mark.parametrize(
    "client",
    [(NETPOD, False), ("k8s-m", False), (NETPOD, True)],
    ids=["pod", "node", "packets of a pod"],
)
def test_a_socket_that_is_not_connected_hears_from_the_service(client, cluster):
    command = (*PYTHON, str(THERE / "dns.py"), DNS, "53", "who.test", "20")
    answers = json.loads(Client(cluster, *client).say(*command))
    assert {(address, port) for _text, address, port in answers} == {(DNS, 53)}
    # One socket, one server.
    assert len({text for text, *_source in answers}) == 1
    assert answers[0][0] in SERVERS


def test_iperf3_goes_through_a_service_that_keeps_its_clients(cluster):
    # Its two connections must meet at one server.
    for place in (NETPOD, "k8s-w2"):
        told = cluster.json(
            place, "timeout", "20", "iperf3", "-J", "-c", STICKY, "-p", str(IPERF), "-n", "100M"
        )
        # What is on its way when the client has sent all is not counted.
        assert told["end"]["sum_received"]["bytes"] > 80 << 20
        (connection,) = told["start"]["connected"]
        assert connection["remote_host"] == STICKY


def test_nginx_asks_a_service_for_others(cluster):
    pages = Client(cluster, NETPOD).ask(IPS[PROXY], 8000, times=100)
    assert_fair([page.address for page in pages], WEBPODS)
    assert {page.visitor for page in pages} == {IPS[PROXY]}


def test_an_ipv6_socket_reaches_a_service_by_its_ipv4_address(cluster):
    pages = Client(cluster, NETPOD).ask(f"[::ffff:{SVC}]", 80, "-g", times=1)
    assert pages[0].address in WEBPODS


@pytest.fixture(scope="module")
def versions(tmp_path_factory):
    """By step: the collection that a run is of; each starts where the one before it ended."""
    other = other_programs(tmp_path_factory.mktemp("programs"))
    return {"other programs": {"ANSIBLE_COLLECTIONS_PATH": str(other)}}


@pytest.mark.parametrize("step", ["a rerun", "other programs", "programs as before"])
def test_long_connections_lose_nothing_over(step, cluster, versions):
    with (
        talks(Client(cluster, NETPOD), NAMES_SERVICE, NAMES) as sockets,
        talks(Client(cluster, NETPOD, raw=True), NAMES_SERVICE, NAMES) as packets,
        talks(Client(cluster, "internet"), NODES["k8s-m"], NAMES_NODE_PORT) as outside,
        talks(Client(cluster, "internet"), NODES["k8s-w1"], NAMES_NODE_PORT) as outside_local,
        nothing_is_lost(sockets, packets, outside, outside_local),
    ):
        run = cluster.play("site", **versions.get(step, {})).ok()
    assert bool(run.changed) == (step != "a rerun"), run.changed
