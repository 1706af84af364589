# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From outside of the cluster: what takes whom, whom the servers see, and what is refused."""

from __future__ import annotations

import pytest

from tests.cells.counts import counts
from tests.cluster.probes import PYTHON

from .chance import assert_fair
from .clients import SILENT, Client
from .write_up import (
    DNS,
    EMPTY_NODE_PORT,
    EXTERNAL,
    GUARDED,
    HOST_PORT,
    INTERNET,
    IPS,
    KUBERNETES_NODE_PORT,
    LOAD_BALANCER,
    LOCAL_NODE_PORT,
    MAGLEV,
    NODE_PORT,
    NODES,
    STICKY_NODE_PORT,
    STRANGER,
    SVC,
    THERE,
    WEBPOD1,
    WEBPODS,
)

#: The web pod that each node has.
AT_HOME = {"k8s-w1": "172.16.1.235", "k8s-w2": "172.16.2.253"}

#: The program that sees what comes from outside first.
HOOK = "from_netdev"


@pytest.fixture
def internet(cluster):
    return Client(cluster, "internet")


@pytest.fixture
def dropped(cluster):
    """Fail unless a node drops what a test sends, and for this reason."""

    def dropped(client, node, verdict, address, port=80):
        before = counts(cluster, node).get((HOOK, verdict), 0)
        assert client.fail(address, port).status == SILENT
        assert counts(cluster, node)[HOOK, verdict] > before

    return dropped


def seen_as(pages):
    """By the server's address, as whom it saw its visitors."""
    return {page.address: page.visitor for page in pages}


@pytest.mark.parametrize("node", NODES)
def test_a_node_port_is_at_every_node(node, internet):
    pages = internet.ask(NODES[node], NODE_PORT, times=60)
    assert_fair([page.address for page in pages], WEBPODS)
    # Who is served at the node itself is seen as he is; for the others the node asks, so that
    # replies come by it.
    home = AT_HOME.get(node)
    assert seen_as(pages) == {
        address: INTERNET if address == home else NODES[node] for address in WEBPODS
    }


@pytest.mark.parametrize("node", AT_HOME)
def test_policy_local_keeps_to_the_node_and_shows_the_client(node, internet):
    pages = internet.ask(NODES[node], LOCAL_NODE_PORT, times=20)
    assert seen_as(pages) == {AT_HOME[node]: INTERNET}


def test_the_same_port_reaches_the_pod_itself_after_its_service(internet):
    # The page ends with the connection: a client who reads its length may close first, and has to
    # leave the port alone for a minute then.
    own = ("--local-port", "20443", "--ignore-content-length")
    internet.ask(NODES["k8s-w1"], LOCAL_NODE_PORT, *own)
    for address, port in ((IPS[WEBPOD1], 80), (NODES["k8s-w1"], LOCAL_NODE_PORT)) * 2:
        assert seen_as(internet.ask(address, port, *own)) == {IPS[WEBPOD1]: INTERNET}


def test_policy_local_drops_where_there_is_no_backend(internet, dropped):
    dropped(internet, "k8s-m", "no_local_backend", NODES["k8s-m"], LOCAL_NODE_PORT)


@pytest.mark.parametrize(
    ("address", "node"),
    [(LOAD_BALANCER, "k8s-w1"), (EXTERNAL, "k8s-m")],
    ids=["LoadBalancer", "externalIP"],
)
def test_an_address_that_is_routed_to_a_node(address, node, internet):
    pages = internet.ask(address, times=60)
    assert_fair([page.address for page in pages], WEBPODS)
    home = AT_HOME.get(node)
    assert seen_as(pages) == {one: INTERNET if one == home else NODES[node] for one in WEBPODS}


def test_a_host_port_is_at_the_node_of_its_pod(internet):
    pages = internet.ask(NODES["k8s-w1"], HOST_PORT, times=10)
    assert seen_as(pages) == {IPS[WEBPOD1]: INTERNET}
    for node in ("k8s-m", "k8s-w2"):
        internet.refused(NODES[node], HOST_PORT)


def test_a_cluster_address_is_not_for_those_outside(internet, dropped):
    for address, port in ((SVC, 80), (DNS, 53)):
        dropped(internet, "k8s-w1", "not_from_outside", address, port)


def test_a_port_that_the_address_does_not_have(internet, dropped):
    dropped(internet, "k8s-w1", "unknown_service_port", LOAD_BALANCER, 81)
    dropped(internet, "k8s-m", "unknown_service_port", EXTERNAL, 22)
    dropped(internet, "k8s-w1", "unknown_service_port", SVC, 81)


def test_source_ranges_let_in_whom_they_name(cluster, internet, dropped):
    pages = internet.ask(GUARDED, times=20)
    assert {page.address for page in pages} <= set(WEBPODS)
    dropped(Client(cluster, "stranger"), "k8s-w1", "source_not_allowed", GUARDED)
    # Whom one service does not take, the others do.
    pages = Client(cluster, "stranger").ask(LOAD_BALANCER, times=20)
    assert STRANGER in seen_as(pages).values()


@pytest.mark.parametrize("node", NODES)
def test_a_service_without_backends_refuses_at_once(node, internet):
    internet.refused(NODES[node], EMPTY_NODE_PORT)


@pytest.mark.parametrize("node", NODES)
def test_a_client_keeps_his_server(node, cluster):
    for place in ("internet", "stranger"):
        pages = Client(cluster, place).ask(NODES[node], STICKY_NODE_PORT, times=20)
        assert len({page.address for page in pages}) == 1


def test_maglev_gives_a_flow_one_server_whichever_node_it_comes_by(cluster, internet):
    def lead(node):
        words = ("ip", "route", "replace", f"{MAGLEV}/32", "via", NODES[node])
        cluster.exec("gateway", *words)

    found = {port: set() for port in range(20000, 20024)}
    try:
        for node in NODES:
            lead(node)
            for port, addresses in found.items():
                page = internet.say(*PYTHON, str(THERE / "page.py"), MAGLEV, "80", str(port))
                addresses.add(page.split()[1])
    finally:
        cluster.exec("gateway", "ip", "route", "del", f"{MAGLEV}/32")
    assert {len(addresses) for addresses in found.values()} == {1}
    assert set.union(*found.values()) == set(WEBPODS)


@pytest.mark.parametrize("node", NODES)
def test_a_process_of_a_node_is_a_backend_too(node, cluster, internet, web_server):
    pages = internet.ask(NODES[node], KUBERNETES_NODE_PORT, times=5)
    visitor = INTERNET if node == "k8s-m" else NODES[node]
    assert set(pages) == {("k8s-m", NODES["k8s-m"], visitor)}
