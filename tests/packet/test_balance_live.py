"""Load balancing a packet at a time, between real sockets: checksums that devices were to compute,
segments that the kernel carries as one, answers that a kernel must believe."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.engine import namespaces
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import syscall

from . import services as maps_of
from .conftest import GATEWAY, MAC_A, MAC_B, NETDEV_MTU, NODE, PEER, POD_A, POD_B

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Node
    from .services import Services

TCX_INGRESS, TCX_EGRESS = 46, 47  # enum bpf_attach_type
PATIENCE = 10
SIZE = 1 << 20
CLIENT, REMOTE_POD, CLUSTER_IP, NODE_PORT = "203.0.113.10", "10.111.160.130", "10.10.252.131", 31000
Live = dict[str, str]


@pytest.fixture(scope="module")
def live(node: Node) -> Iterator[Live]:
    """Pods in namespaces of their own, and the network with a client and a node's pod behind it.

    What each is called -> its namespace.
    """
    names = {name: f"pn-live-{name}-{os.getpid()}" for name in ("a", "b", "net")}
    devices = {"a": "in_a", "b": "in_b", "net": "wire"}
    with contextlib.ExitStack() as stack:
        for name, netns in names.items():
            namespaces.create(netns)
            stack.callback(namespaces.delete, netns)
            _ip(node.netns, f"link set {devices[name]} netns {netns}")
            stack.callback(_ip, netns, f"link set {devices[name]} netns {node.netns}")
            _ip(netns, f"link set lo up\nlink set {devices[name]} up")
        for name, address, mac in (("a", POD_A, MAC_A), ("b", POD_B, MAC_B)):
            _ip(
                names[name],
                f"""link set {devices[name]} address {mac}
                address add {address}/32 dev {devices[name]}
                route add default via {GATEWAY} dev {devices[name]} onlink""",
            )
        _ip(
            names["net"],
            f"""address add 10.111.0.1/24 dev wire
            address add {PEER}/24 dev wire
            address add {CLIENT}/32 dev lo
            address add {REMOTE_POD}/32 dev lo
            route add 10.111.160.0/25 via {NODE}""",
        )
        for device, kind, hook in (
            ("eth0", TCX_INGRESS, "from_netdev"),
            ("eth0", TCX_EGRESS, "to_netdev"),
            ("pod_a", TCX_INGRESS, "from_container"),
            ("pod_b", TCX_INGRESS, "from_container"),
            ("pn_host", TCX_EGRESS, "from_host"),
        ):
            with namespaces.inside(node.netns):
                link = syscall.link_create(node.programs[hook], node.ifindex[device], kind)
            stack.callback(os.close, link)
        yield {**names, "node": node.netns}


@pytest.fixture
def services(node: Node) -> Iterator[Services]:
    """A node with no services yet."""
    built = maps_of.Services(node)
    built.reset()
    yield built
    built.reset()


def _ip(netns: str, commands: str) -> None:
    subprocess.run(["ip", "-n", netns, "-batch", "-"], input=commands, text=True, check=True)


def _socket(netns: str, kind: int, address: str, port: int = 0) -> socket.socket:
    with namespaces.inside(netns):
        one = socket.socket(socket.AF_INET, kind)
    one.settimeout(PATIENCE)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind((address, port))
    return one


def transfer(
    client: tuple[str, str], service: tuple[str, int], server: tuple[str, str, int]
) -> str:
    """Send a lot there and back by TCP; return who the server took the client for."""
    peers: list[str] = []
    data = os.urandom(SIZE)

    def serve(listening: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the client tells what went wrong
            one, peer = listening.accept()
            with one:
                peers.append(peer[0])
                one.settimeout(PATIENCE)
                one.sendall(_all(one))

    with _socket(server[0], socket.SOCK_STREAM, *server[1:]) as listening:
        listening.listen()
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        try:
            with _socket(client[0], socket.SOCK_STREAM, client[1]) as one:
                one.connect(service)
                assert one.getpeername() == service
                one.sendall(data)
                one.shutdown(socket.SHUT_WR)
                assert _all(one) == data
        finally:
            thread.join(PATIENCE)
    return peers[0]


def _all(one: socket.socket) -> bytes:
    parts = []
    while part := one.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)


def echo(client: tuple[str, str], service: tuple[str, int], server: tuple[str, str, int]) -> str:
    """Send a datagram there and back; return who the server took the client for."""
    with (
        _socket(server[0], socket.SOCK_DGRAM, *server[1:]) as listening,
        _socket(client[0], socket.SOCK_DGRAM, client[1]) as one,
    ):
        one.connect(service)
        one.send(b"there and back")
        data, peer = listening.recvfrom(100)
        listening.sendto(data, peer)
        assert one.recv(100) == b"there and back"
    return str(peer[0])


BOTH = pytest.mark.parametrize(
    ("speak", "protocol"), [(transfer, maps_of.TCP), (echo, maps_of.UDP)], ids=["TCP", "UDP"]
)


@BOTH
def test_from_outside_to_a_local_pod(live, services, speak, protocol):
    services.add("::", NODE_PORT, [(POD_A, 80)], kind="node_port", protocol=protocol)
    client, server = (live["net"], CLIENT), (live["a"], POD_A, 80)
    assert speak(client, (NODE, NODE_PORT), server) == CLIENT


@BOTH
def test_from_outside_to_a_remote_pod(live, services, speak, protocol):
    services.add("::", NODE_PORT, [(REMOTE_POD, 80)], kind="node_port", protocol=protocol)
    client, server = (live["net"], CLIENT), (live["net"], REMOTE_POD, 80)
    assert speak(client, (NODE, NODE_PORT), server) == NODE


@BOTH
def test_from_outside_to_a_process_of_the_node(live, services, speak, protocol):
    services.add("::", NODE_PORT, [(NODE, 9100)], kind="node_port", protocol=protocol)
    client, server = (live["net"], CLIENT), (live["node"], NODE, 9100)
    assert speak(client, (NODE, NODE_PORT), server) == CLIENT


@BOTH
@pytest.mark.parametrize(
    ("where", "server"), [("b", (POD_B, 8080)), ("net", (REMOTE_POD, 8080)), ("node", (NODE, 9100))]
)
def test_from_a_pod_past_its_sockets(live, services, speak, protocol, where, server):
    services.add(CLUSTER_IP, 80, [server], protocol=protocol)
    assert speak((live["a"], POD_A), (CLUSTER_IP, 80), (live[where], *server)) == POD_A


@BOTH
def test_from_a_pod_to_itself(live, services, speak, protocol):
    services.add(CLUSTER_IP, 80, [(POD_A, 8080)], protocol=protocol)
    assert speak((live["a"], POD_A), (CLUSTER_IP, 80), (live["a"], POD_A, 8080)) == GATEWAY


@pytest.mark.parametrize(
    ("where", "source", "target"),
    [("net", CLIENT, (NODE, NODE_PORT)), ("a", POD_A, (CLUSTER_IP, 80))],
)
@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_without_a_backend_a_process_is_refused_at_once(
    live, services, where, source, target, kind
):
    protocol = maps_of.TCP if kind == socket.SOCK_STREAM else maps_of.UDP
    services.add("::", NODE_PORT, [], kind="node_port", protocol=protocol)
    services.add(CLUSTER_IP, 80, [], protocol=protocol)

    def ask() -> None:
        with _socket(live[where], kind, source) as one:
            one.connect(target)
            one.send(b"?")
            one.recv(1)

    with pytest.raises(ConnectionRefusedError):
        ask()


def test_the_mtu_of_the_way_on_becomes_known(live, services):
    """The client's own is larger: what it sends at first does not fit."""
    services.add("::", NODE_PORT, [(REMOTE_POD, 80)], kind="node_port")
    _ip(live["net"], "route flush cache")
    before = services.counted("from_netdev", "too_big")
    transfer((live["net"], CLIENT), (NODE, NODE_PORT), (live["net"], REMOTE_POD, 80))
    assert services.counted("from_netdev", "too_big") > before
    shown = subprocess.run(
        ["ip", "-n", live["net"], "route", "get", NODE, "from", CLIENT],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert f"mtu {NETDEV_MTU}" in shown
