# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What becomes of sockets: refusals, policies, affinity, ports that are taken."""

from __future__ import annotations

import pytest

from tests.cells.counts import counts
from tests.cluster.probes import PYTHON

from .chance import assert_fair
from .clients import SILENT, Client
from .write_up import (
    CLAIMED,
    DNS_NODE_PORT,
    EMPTY,
    EMPTY_NODE_PORT,
    EXTERNAL,
    GUARDED,
    HOST_PORT,
    INTERNET,
    IPS,
    KUBERNETES,
    KUBERNETES_NODE_PORT,
    LOAD_BALANCER,
    LOCAL_INSIDE,
    LONER,
    NETPOD,
    NODE_PORT,
    NODES,
    STICKY,
    WEBPOD1,
    WEBPODS,
)

#: Binds a socket to a port of any address; says the port, or the error.
BIND = """
import errno, socket, sys
with socket.socket(socket.AF_INET, getattr(socket, sys.argv[1])) as taker:
    try:
        taker.bind(("0.0.0.0", int(sys.argv[2])))
        print(taker.getsockname()[1])
    except OSError as error:
        print(errno.errorcode[error.errno])
"""
REFUSED = ("EPERM", "EADDRINUSE")


def bind(cluster, place, kind, port):
    """Return the port that a socket got there, or the error."""
    return cluster.exec(place, *PYTHON, "-c", BIND, kind, str(port)).strip()


@pytest.mark.parametrize("place", [NETPOD, "k8s-m"])
def test_a_service_without_backends_fails_at_once(place, cluster):
    before = counts(cluster, "k8s-m").get(("socket", "no_backend"), 0)
    for address, port in ((EMPTY, 80), (NODES["k8s-m"], EMPTY_NODE_PORT)):
        Client(cluster, place).refused(address, port)
    code = "import socket; socket.create_connection(('{}', 80))"
    said = Client(cluster, place).run(*PYTHON, "-c", code.format(EMPTY))
    assert "No route to host" in said.stderr
    assert counts(cluster, "k8s-m")["socket", "no_backend"] == before + 3


def test_policy_local_inside_keeps_to_the_node(cluster):
    for place in (LONER, "k8s-w1"):
        pages = Client(cluster, place).ask(LOCAL_INSIDE, times=20)
        assert {page.address for page in pages} == {IPS[WEBPOD1]}
    Client(cluster, NETPOD).refused(LOCAL_INSIDE)


def test_a_network_namespace_keeps_its_server(cluster):
    for place in (NETPOD, LONER, "k8s-w2"):
        pages = Client(cluster, place).ask(STICKY, times=20)
        assert len({page.address for page in pages}) == 1


@pytest.mark.parametrize("place", [NETPOD, LONER, "k8s-m"])
def test_node_ports_and_load_balancers_are_there_for_sockets(place, cluster):
    targets = [(ip, NODE_PORT) for ip in NODES.values()] + [(LOAD_BALANCER, 80), (GUARDED, 80)]
    for address, port in targets:
        pages = Client(cluster, place).ask(address, port, times=30)
        assert_fair([page.address for page in pages], WEBPODS)


def test_loopback_has_node_ports_for_processes_of_the_node_alone(cluster):
    pages = Client(cluster, "k8s-m").ask("127.0.0.1", NODE_PORT, times=30)
    assert_fair([page.address for page in pages], WEBPODS)
    Client(cluster, NETPOD).refused("127.0.0.1", NODE_PORT)


def test_a_host_port_is_for_its_own_node(cluster):
    for address in (NODES["k8s-w1"], "127.0.0.1"):
        pages = Client(cluster, "k8s-w1").ask(address, HOST_PORT, times=5)
        assert {page.address for page in pages} == {IPS[WEBPOD1]}
    pages = Client(cluster, LONER).ask(NODES["k8s-w1"], HOST_PORT, times=5)
    assert {page.address for page in pages} == {IPS[WEBPOD1]}
    # Elsewhere, it is a packet for that node, which takes it like any from outside.
    pages = Client(cluster, NETPOD).ask(NODES["k8s-w1"], HOST_PORT, times=5)
    assert {page.address for page in pages} == {IPS[WEBPOD1]}
    for place in ("k8s-m", NETPOD):
        Client(cluster, place).refused(NODES["k8s-m"], HOST_PORT)


@pytest.mark.parametrize("place", [NETPOD, LONER, "k8s-m", "k8s-w2"])
def test_a_process_of_a_node_is_a_backend_too(place, cluster, web_server):
    for address, port in ((KUBERNETES, 443), (NODES["k8s-w1"], KUBERNETES_NODE_PORT)):
        pages = Client(cluster, place).ask(address, port, times=5)
        assert {(page.server, page.address) for page in pages} == {("k8s-m", NODES["k8s-m"])}


def test_an_address_that_a_service_only_claims_is_its_owner_s(cluster, web_outside):
    """CVE-2020-8554."""
    for place in (NETPOD, "k8s-m"):
        pages = Client(cluster, place).ask(CLAIMED, times=5)
        assert {(page.server, page.address) for page in pages} == {("internet", INTERNET)}
    # The other one is nobody's but the service's: it goes to the gateway, and from there to a node.
    pages = Client(cluster, WEBPOD1).ask(EXTERNAL, times=5)
    assert {page.address for page in pages} <= set(WEBPODS)
    # What comes back to the pod's own node looks like what somebody else sends in its name.
    before = counts(cluster, "k8s-m").get(("from_netdev", "spoofed_source"), 0)
    assert Client(cluster, NETPOD).fail(EXTERNAL).status == SILENT
    assert counts(cluster, "k8s-m")["from_netdev", "spoofed_source"] > before


@pytest.mark.parametrize("kind", ["SOCK_STREAM", "SOCK_DGRAM"])
def test_a_process_of_a_node_cannot_take_a_node_port(kind, cluster):
    taken = NODE_PORT if kind == "SOCK_STREAM" else DNS_NODE_PORT
    for node in NODES:
        assert bind(cluster, node, kind, taken) in REFUSED
    # A pod's ports are its own, and a service's port is one of its protocol.
    assert bind(cluster, NETPOD, kind, taken) == str(taken)
    assert bind(cluster, "k8s-m", "SOCK_DGRAM", NODE_PORT) == str(NODE_PORT)


def test_a_process_of_a_node_cannot_take_a_host_port_of_its_node(cluster):
    assert bind(cluster, "k8s-w1", "SOCK_STREAM", HOST_PORT) in REFUSED
    assert bind(cluster, "k8s-m", "SOCK_STREAM", HOST_PORT) == str(HOST_PORT)


def test_the_kernel_gives_nobody_a_node_port(cluster):
    setting, last = "net.ipv4.ip_local_port_range", 32767
    before = cluster.exec("k8s-m", "sysctl", "-n", setting).split()
    cluster.exec("k8s-m", "sysctl", f"{setting}={last - 1} {last + 2}")
    try:
        found = {bind(cluster, "k8s-m", "SOCK_STREAM", 0) for _number in range(20)}
    finally:
        cluster.exec("k8s-m", "sysctl", f"{setting}={' '.join(before)}")
    assert found <= {str(last + 1), str(last + 2)}
