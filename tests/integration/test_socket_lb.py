"""Services in the socket: real sockets on a real kernel, with the maps filled by the test."""

from __future__ import annotations

import contextlib
import errno
import socket
from typing import TYPE_CHECKING, NamedTuple

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import clock
from ansible_collections.podnet.fabric.plugins.module_utils.datapath.service_layout import (
    AFFINITY,
    SERVICE_EXTERNAL_IP,
    SERVICE_HOST_PORT,
    SERVICE_LOAD_BALANCER,
    SERVICE_NODE_PORT,
)
from node_support import NODE_IP, PEER_IP
from service_support import (
    ELSEWHERE,
    PODS,
    TCP,
    UDP,
    Node,
    Server,
    affinity_client,
    balanced_node,
    fails_at_once,
    mapped,
    open_socket,
    peer_of,
)

from tests.clock import ago

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICE = "10.10.252.131"
SVC = (SERVICE, 80)
NODE_PORT = 31000
#: Chi-square with one degree of freedom is above this once in a million.
CHI_SQUARE = 23.93
FAMILIES = pytest.mark.parametrize("v6", [False, True], ids=["IPv4", "IPv6"])
#: None: the node's own.
NAMESPACES = pytest.mark.parametrize("netns", ["client", None], ids=["pod", "host"])


@pytest.fixture(scope="module")
def whole_node() -> Iterator[Node]:
    """A node for all tests of this file."""
    with balanced_node() as node:
        yield node


@pytest.fixture
def node(whole_node: Node) -> Node:
    """The node, without services."""
    whole_node.clear()
    return whole_node


def said(address: str, v6: bool) -> str:
    """Return an address as a socket of this family says it."""
    return mapped(address) if v6 else address


def connect(
    to: tuple[str, int],
    kind: int = TCP,
    *,
    netns: str | None = "client",
    v6: bool = False,
    times: int = 1,
) -> list[socket.socket]:
    """Connect sockets; the caller closes them."""
    made = []
    for _one in range(times):
        client = open_socket(kind, netns=netns, v6=v6)
        client.connect((said(to[0], v6), to[1]))
        made.append(client)
    return made


def shares(node: Node, *clients: socket.socket) -> list[int]:
    """Close the clients; say how many connections each web pod got."""
    for client in clients:
        client.close()
    return [server.accepted() for server in node.both]


@NAMESPACES
@FAMILIES
def test_a_stream_goes_to_the_backend_and_says_the_service(
    node: Node, v6: bool, netns: str | None
) -> None:
    node.frontend(*SVC, node.web_1)
    [client] = connect(SVC, netns=netns, v6=v6)
    with client, node.web_1.tcp.accept()[0] as server:
        assert peer_of(client) == SVC
        assert client.getpeername()[0] == said(SERVICE, v6)
        assert server.getsockname() == node.web_1.place
        assert client.getsockname()[1] == server.getpeername()[1]


@FAMILIES
def test_a_stream_of_many_paths_goes_to_the_backend(node: Node, v6: bool) -> None:
    node.frontend(*SVC, node.web_1)
    assert shares(node, *connect(SVC, socket.IPPROTO_MPTCP, v6=v6)) == [1, 0]


@NAMESPACES
@FAMILIES
def test_a_connected_datagram_socket_goes_to_the_backend_and_says_the_service(
    node: Node, v6: bool, netns: str | None
) -> None:
    node.frontend(*SVC, node.web_1, protocol=UDP)
    [client] = connect(SVC, UDP, netns=netns, v6=v6)
    with client:
        assert peer_of(client) == SVC
        client.send(b"hello")
        node.web_1.answer()
        assert client.recvfrom(100)[1][:2] == (said(SERVICE, v6), 80)


@NAMESPACES
@FAMILIES
def test_an_unconnected_socket_is_answered_by_the_service(
    node: Node, v6: bool, netns: str | None
) -> None:
    node.frontend(*SVC, node.web_1, protocol=UDP)
    with open_socket(UDP, netns=netns, v6=v6) as client:
        for _again in range(3):
            client.sendto(b"hello", (said(SERVICE, v6), 80))
            node.web_1.answer()
            assert client.recvfrom(100)[1][:2] == (said(SERVICE, v6), 80)


def test_udp_lite_is_udp(node: Node) -> None:
    node.frontend(*SVC, node.web_1, protocol=UDP)
    lite = socket.IPPROTO_UDPLITE
    with open_socket(lite, netns="client") as client, open_socket(lite, netns="web-1") as server:
        server.bind(node.web_1.place)
        client.sendto(b"hello", SVC)  # connect of UDP-lite asks no program
        data, sender = server.recvfrom(100)
        server.sendto(data, sender)
        assert client.recvfrom(100) == (b"hello", SVC)


@FAMILIES
def test_who_talks_to_a_backend_itself_is_answered_by_the_backend(node: Node, v6: bool) -> None:
    node.frontend(*SVC, node.web_1, protocol=UDP)
    address, port = node.web_1.place
    with open_socket(UDP, netns="client", v6=v6) as other:
        other.sendto(b"hello", (said(SERVICE, v6), 80))
        node.web_1.answer()
        with open_socket(UDP, netns="client", v6=v6) as client:
            client.sendto(b"hello", (said(address, v6), port))
            node.web_1.answer()
            assert client.recvfrom(100)[1][:2] == (said(address, v6), port)


def test_one_socket_can_talk_to_several_services(node: Node) -> None:
    services = {("10.10.252.1", 53): node.web_1, ("10.10.252.2", 54): node.web_2}
    for service, server in services.items():
        node.frontend(*service, server, protocol=UDP)
    with open_socket(UDP, netns="client") as client:
        for _again in range(2):
            for service, server in services.items():
                client.sendto(b"hello", service)
                server.answer()
                assert client.recvfrom(100)[1] == service


@pytest.mark.parametrize("kind", [TCP, UDP], ids=["TCP", "UDP"])
def test_both_backends_get_their_fair_share(node: Node, kind: int) -> None:
    rounds, times = 6, 600
    node.frontend(*SVC, *node.both, protocol=kind)
    counts = [0, 0]
    for _round in range(rounds):
        clients = connect(SVC, kind, times=times // rounds)
        if kind == UDP:
            for client in clients:
                client.send(b"hello")
        got = node.received(len(clients)) if kind == UDP else shares(node, *clients)
        counts = [before + more for before, more in zip(counts, got)]
        for client in clients:
            client.close()
    assert sum(counts) == times
    assert sum((count - times / 2) ** 2 / (times / 2) for count in counts) < CHI_SQUARE


def test_streams_are_not_dealt_by_turns(node: Node) -> None:
    node.frontend(*SVC, *node.both)
    clients = connect(SVC, times=40)
    of_one = node.web_1.clients()
    got = [client.getsockname()[1] in of_one for client in clients]
    assert any(one == other for one, other in zip(got, got[1:]))
    shares(node, *clients)


def test_a_datagram_socket_keeps_its_backend(node: Node) -> None:
    node.frontend(*SVC, *node.both, protocol=UDP)
    for _other in range(8):
        with open_socket(UDP, netns="client") as client:
            for _again in range(8):
                client.sendto(b"hello", SVC)
            client.connect(SVC)
            client.send(b"hello")
        assert sorted(node.received(9)) == [0, 9]


def test_a_service_without_backends_fails_at_once(node: Node) -> None:
    for protocol in (TCP, UDP):
        node.frontend(*SVC, protocol=protocol)
    before = node.refused()
    for kind in (TCP, UDP):
        for v6 in (False, True):
            with open_socket(kind, netns="client", v6=v6) as client:
                assert fails_at_once(client, (said(SERVICE, v6), 80))
    with (
        open_socket(UDP, netns="client") as client,
        pytest.raises(OSError, match="No route to host") as raised,
    ):
        client.sendto(b"hello", SVC)
    assert raised.value.errno == errno.EHOSTUNREACH
    assert node.refused() - before == 5


def test_a_terminating_backend_keeps_what_it_has_and_gets_nothing_new(node: Node) -> None:
    number = node.frontend(*SVC, node.web_1)
    [old] = connect(SVC)
    with old, node.web_1.tcp.accept()[0] as server:
        node.frontend(*SVC, node.web_2, terminating=[node.web_1], number=number)
        assert peer_of(old) == SVC
        old.send(b"still here")
        assert server.recv(100) == b"still here"
        assert shares(node, *connect(SVC, times=30)) == [0, 30]
        node.frontend(*SVC, terminating=[node.web_1], number=number)
        with open_socket(netns="client") as client:
            assert fails_at_once(client, SVC)
        assert peer_of(old) == SVC


def affinity(node: Node, number: int, server: Server, *, age: float, netns: str = "client") -> None:
    """Have a namespace keep a backend that it last used so many seconds ago."""
    address, port = server.place
    node.put(
        AFFINITY,
        {"client": affinity_client(netns), "id": number, "reserved": 0},
        {"address": address, "port": port, "reserved": 0, "slot": 0, "used": ago(age)},
    )


def test_a_namespace_keeps_its_backend(node: Node) -> None:
    number = node.frontend(*SVC, *node.both, affinity=100)
    assert sorted(shares(node, *connect(SVC, times=20))) == [0, 20]
    [entry] = node.entries(AFFINITY)
    assert (entry["client"], entry["id"]) == (affinity_client("client"), number)


def test_affinity_is_of_namespaces_and_of_frontends(node: Node) -> None:
    number = node.frontend(*SVC, *node.both, affinity=100)
    other = node.frontend(SERVICE, 81, *node.both, affinity=100)
    affinity(node, number, node.web_1, age=0)
    affinity(node, number, node.web_2, age=0, netns="peer")
    affinity(node, other, node.web_2, age=0)
    assert shares(node, *connect(SVC, times=20)) == [20, 0]
    assert shares(node, *connect((SERVICE, 81), times=20)) == [0, 20]
    [wanted] = [one for one in node.entries(AFFINITY) if one["client"] == affinity_client("peer")]
    assert wanted["to"]["address"] == PODS["web-2"]


@pytest.mark.parametrize("netns", ["client", "web-2"])
def test_affinity_holds_for_datagrams(node: Node, netns: str) -> None:
    number = node.frontend(*SVC, *node.both, protocol=UDP, affinity=100)
    affinity(node, number, node.web_2, age=0, netns=netns)
    for _other in range(20):
        with open_socket(UDP, netns=netns) as client:
            client.sendto(b"hello", SVC)
    assert node.received(20) == [0, 20]


def test_affinity_ends_after_its_time(node: Node) -> None:
    number = node.frontend(*SVC, *node.both, affinity=100)
    counts = [0, 0]
    for _again in range(40):
        affinity(node, number, node.web_1, age=101)
        got = shares(node, *connect(SVC))
        counts = [before + more for before, more in zip(counts, got)]
    assert min(counts) > 0, "chosen anew 40 times, and the same each time"


def test_each_use_prolongs_affinity(node: Node) -> None:
    number = node.frontend(*SVC, *node.both, affinity=100)
    affinity(node, number, node.web_1, age=90)
    before = clock.now()
    assert shares(node, *connect(SVC)) == [1, 0]
    [entry] = node.entries(AFFINITY)
    assert entry["to"]["used"] >= before


@pytest.mark.parametrize("terminating", [False, True])
def test_affinity_does_not_hold_to_a_backend_that_is_gone(node: Node, terminating: bool) -> None:
    gone = [node.web_1] if terminating else []
    number = node.frontend(*SVC, node.web_2, terminating=gone, affinity=100)
    affinity(node, number, node.web_1, age=0)
    assert shares(node, *connect(SVC, times=20)) == [0, 20]
    [entry] = node.entries(AFFINITY)
    assert entry["to"]["address"] == PODS["web-2"]


class Nobody(NamedTuple):
    """A backend where nobody listens."""

    place: tuple[str, int]


@pytest.mark.parametrize(("before", "behind"), [(0, 1), (1, 0), (3, 1), (1500, 0), (1500, 700)])
def test_affinity_finds_its_backend_among_new_ones(node: Node, before: int, behind: int) -> None:
    lower = [Nobody(("9.9.9.9", port)) for port in range(1, before + 1)]
    higher = [Nobody(("fd00::9", port)) for port in range(1, behind + 1)]
    number = node.frontend(*SVC, *lower, node.web_1, *higher, affinity=100)
    affinity(node, number, node.web_1, age=0)
    assert shares(node, *connect(SVC, times=20)) == [20, 0]


@NAMESPACES
def test_an_external_ip_that_is_somebody_elses_is_left_alone(node: Node, netns: str | None) -> None:
    for address in (ELSEWHERE, PEER_IP):
        node.frontend(address, 80, node.web_1, kind=SERVICE_EXTERNAL_IP)
        [client] = connect((address, 80), netns=netns)
        with client:
            assert node.real.accepted() == 1
            assert peer_of(client) == (address, 80)


@NAMESPACES
@pytest.mark.parametrize(
    ("address", "kind"),
    [(NODE_IP, SERVICE_EXTERNAL_IP), (ELSEWHERE, SERVICE_LOAD_BALANCER)],
    ids=["external IP of the node", "load balancer address"],
)
def test_an_address_from_outside_leads_to_the_service(
    node: Node, address: str, kind: int, netns: str | None
) -> None:
    node.frontend(address, 80, node.web_1, kind=kind)
    [client] = connect((address, 80), netns=netns)
    with client:
        assert peer_of(client) == (address, 80)
        assert node.web_1.accepted() == 1


@NAMESPACES
@FAMILIES
@pytest.mark.parametrize("address", [NODE_IP, PEER_IP], ids=["own", "another node's"])
def test_a_node_port_is_at_every_nodes_address(
    node: Node, address: str, v6: bool, netns: str | None
) -> None:
    node.frontend("::", NODE_PORT, node.web_1, kind=SERVICE_NODE_PORT)
    [client] = connect((address, NODE_PORT), netns=netns, v6=v6)
    with client:
        assert peer_of(client) == (address, NODE_PORT)
        assert node.web_1.accepted() == 1


@pytest.mark.parametrize("kind", [SERVICE_NODE_PORT, SERVICE_HOST_PORT])
@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::ffff:127.0.0.1", "::1"])
def test_a_port_of_the_node_is_at_the_nodes_own_loopback(
    node: Node, kind: int, address: str
) -> None:
    node.frontend("::", NODE_PORT, node.web_1, kind=kind)
    with open_socket(v6=":" in address) as client:
        client.connect((address, NODE_PORT))
        assert peer_of(client) == (address.removeprefix("::ffff:"), NODE_PORT)
        assert node.web_1.accepted() == 1
    with open_socket(netns="client", v6=":" in address) as client:
        assert client.connect_ex((address, NODE_PORT)) == errno.ECONNREFUSED


@pytest.mark.parametrize("kind", [SERVICE_NODE_PORT, SERVICE_HOST_PORT])
@pytest.mark.parametrize("address", ["0.0.0.0", "::", "::ffff:0.0.0.0"])
def test_no_address_means_the_own_loopback(node: Node, kind: int, address: str) -> None:
    node.frontend("::", NODE_PORT, node.web_1, kind=kind)
    with open_socket(v6=":" in address) as client:
        client.connect((address, NODE_PORT))
        assert node.web_1.accepted() == 1
    with open_socket(netns="client", v6=":" in address) as client:
        assert client.connect_ex((address, NODE_PORT)) == errno.ECONNREFUSED
    with contextlib.ExitStack() as stack:
        own = node.serve(stack, "127.0.0.1", NODE_PORT + 1, "client")
        with open_socket(netns="client", v6=":" in address) as client:
            client.connect_ex((address, NODE_PORT + 1))
        assert own.accepted() == (0 if address == "::" else 1)  # the other family's


def test_a_node_port_is_there_for_datagrams_of_ipv6_loopback_without_an_error(node: Node) -> None:
    node.frontend("::", NODE_PORT, node.web_1, kind=SERVICE_NODE_PORT, protocol=UDP)
    with open_socket(UDP) as client:
        client.sendto(b"hello", ("127.0.0.1", NODE_PORT))
        node.web_1.answer()
        assert client.recvfrom(100)[1] == ("127.0.0.1", NODE_PORT)
    with open_socket(UDP, v6=True) as client:
        client.sendto(b"hello", ("::1", NODE_PORT))  # the kernel takes it to no IPv4 address


def test_a_loopback_address_of_a_pod_is_the_pods_own(node: Node) -> None:
    node.frontend("127.0.0.1", 8000, node.web_1, kind=SERVICE_HOST_PORT)
    with contextlib.ExitStack() as stack:
        own = node.serve(stack, "127.0.0.1", 8000, "client")
        for client in connect(("127.0.0.1", 8000)):
            client.close()
        assert (own.accepted(), node.web_1.accepted()) == (1, 0)
    assert shares(node, *connect(("127.0.0.1", 8000), netns=None)) == [1, 0]


@NAMESPACES
def test_a_port_of_nodes_at_an_address_that_is_no_nodes_is_left_alone(
    node: Node, netns: str | None
) -> None:
    node.frontend("::", 80, node.web_1, kind=SERVICE_NODE_PORT)
    for client in connect((ELSEWHERE, 80), netns=netns):
        client.close()
    assert (node.real.accepted(), node.web_1.accepted()) == (1, 0)


@NAMESPACES
def test_a_host_port_is_at_this_nodes_addresses_alone(node: Node, netns: str | None) -> None:
    node.frontend("::", 80, node.web_1, kind=SERVICE_HOST_PORT)
    assert shares(node, *connect((NODE_IP, 80), netns=netns)) == [1, 0]
    for client in connect((PEER_IP, 80), netns=netns):
        client.close()
    assert (node.real.accepted(), node.web_1.accepted()) == (1, 0)


def test_an_exact_frontend_comes_before_a_port_of_nodes(node: Node) -> None:
    node.frontend("::", NODE_PORT, node.web_1, kind=SERVICE_NODE_PORT)
    node.frontend(NODE_IP, NODE_PORT, node.web_2, kind=SERVICE_HOST_PORT)
    assert shares(node, *connect((NODE_IP, NODE_PORT), times=10)) == [0, 10]
    assert shares(node, *connect((PEER_IP, NODE_PORT), times=10)) == [10, 0]


@FAMILIES
@pytest.mark.parametrize("kind", [SERVICE_NODE_PORT, SERVICE_HOST_PORT])
def test_a_process_of_the_node_cannot_have_a_port_that_services_have(
    node: Node, kind: int, v6: bool
) -> None:
    node.frontend("::", NODE_PORT, node.web_1, kind=kind)
    node.frontend(SERVICE, 32000, node.web_1)
    free = [(UDP, None, NODE_PORT), (TCP, "client", NODE_PORT), (TCP, None, 32000)]
    for protocol, netns, port in free:
        with open_socket(protocol, netns=netns, v6=v6) as process:
            process.bind(("::" if v6 else "0.0.0.0", port))
    for address in ("::", "::1", mapped(NODE_IP)) if v6 else ("0.0.0.0", "127.0.0.1", NODE_IP):
        with open_socket(v6=v6) as process:
            with pytest.raises(OSError, match="in use") as raised:
                process.bind((address, NODE_PORT))
            assert raised.value.errno == errno.EADDRINUSE
    node.frontend("::", NODE_PORT, node.web_1, kind=kind, protocol=UDP)
    with open_socket(UDP, v6=v6) as process, pytest.raises(OSError, match="in use"):
        process.bind(("::" if v6 else "0.0.0.0", NODE_PORT))


def test_one_address_has_several_ports_and_one_port_two_protocols(node: Node) -> None:
    node.frontend(SERVICE, 53, node.web_1)
    node.frontend(SERVICE, 53, node.web_2, protocol=UDP)
    node.frontend(SERVICE, 54, node.web_2)
    assert shares(node, *connect((SERVICE, 53), times=10)) == [10, 0]
    assert shares(node, *connect((SERVICE, 54), times=10)) == [0, 10]
    with open_socket(UDP, netns="client") as client:
        client.sendto(b"hello", (SERVICE, 53))
        node.web_2.answer()
        assert client.recvfrom(100)[1] == (SERVICE, 53)


@FAMILIES
@pytest.mark.parametrize("kind", [TCP, UDP], ids=["TCP", "UDP"])
def test_what_a_socket_left_behind_goes_when_it_is_closed(node: Node, kind: int, v6: bool) -> None:
    node.frontend(*SVC, node.web_1, protocol=kind)
    clients = connect(SVC, kind, v6=v6, times=3)
    assert node.reverse() == [node.web_1.place] * 3
    for client in clients:
        client.close()
    assert node.reverse() == []


@FAMILIES
@pytest.mark.parametrize("renumbered", [False, True])
def test_a_service_that_is_gone_is_no_longer_what_a_socket_says(
    node: Node, renumbered: bool, v6: bool
) -> None:
    for protocol in (TCP, UDP):
        node.frontend(*SVC, node.web_1, protocol=protocol)
    address, port = node.web_1.place
    [stream] = connect(SVC, v6=v6)
    with stream, open_socket(UDP, netns="client", v6=v6) as datagrams:
        datagrams.sendto(b"hello", (said(SERVICE, v6), 80))
        for protocol in (TCP, UDP):
            if renumbered:
                node.frontend(*SVC, node.web_1, protocol=protocol)
            else:
                node.remove(*SVC, protocol)
        if not renumbered:  # another one, or nobody would look
            node.frontend("10.10.252.200", 80, node.web_1)
        assert peer_of(stream) == (address, port)
        node.web_1.answer()
        assert datagrams.recvfrom(100)[1][:2] == (said(address, v6), port)


def test_what_is_no_service_is_left_alone(node: Node) -> None:
    node.frontend(*SVC, node.web_1)
    node.frontend("::", NODE_PORT, node.web_1, kind=SERVICE_NODE_PORT)
    for address in (PEER_IP, ELSEWHERE):
        [client] = connect((address, 80))
        with client:
            assert peer_of(client) == (address, 80)
    assert node.real.accepted() == 2
    assert node.reverse() == []


def test_without_a_service_nothing_is_looked_for(node: Node) -> None:
    node.frontend(PEER_IP, 80, node.web_1)
    node.state(frontends=0)
    for client in connect((PEER_IP, 80)):
        client.close()
    assert (node.real.accepted(), node.web_1.accepted()) == (1, 0)
