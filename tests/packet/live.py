"""Real sockets around the node under test: pods, and hosts of the network."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import threading
from typing import TYPE_CHECKING

from ansible_collections.podnet.fabric.plugins.module_utils.datapath import layout
from ansible_collections.podnet.fabric.plugins.module_utils.engine import namespaces
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import syscall

from .node import GATEWAY, MAC_A, MAC_B, NODE, PEER, POD_A, POD_B

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .node import Node

TCX_INGRESS, TCX_EGRESS = 46, 47  # enum bpf_attach_type
PATIENCE = 10
SIZE = 1 << 20
CLIENT, REMOTE_POD = "203.0.113.10", "10.111.160.130"
Live = dict[str, str]


@contextlib.contextmanager
def network(node: Node) -> Iterator[Live]:
    """Give pods namespaces of their own, and the network a client and a node's pod behind it.

    What each is called -> its namespace.
    """
    names = {name: f"pn-live-{name}-{os.getpid()}" for name in ("a", "b", "net")}
    devices = {"a": "in_a", "b": "in_b", "net": "wire"}
    with contextlib.ExitStack() as stack:
        for name, netns in names.items():
            namespaces.create(netns)
            stack.callback(namespaces.delete, netns)
            run_ip(node.netns, f"link set {devices[name]} netns {netns}")
            stack.callback(run_ip, netns, f"link set {devices[name]} netns {node.netns}")
            run_ip(netns, f"link set lo up\nlink set {devices[name]} up")
        for name, address, mac in (("a", POD_A, MAC_A), ("b", POD_B, MAC_B)):
            run_ip(
                names[name],
                f"""link set {devices[name]} address {mac}
                address add {address}/32 dev {devices[name]}
                route add default via {GATEWAY} dev {devices[name]} onlink""",
            )
        run_ip(
            names["net"],
            f"""address add 10.111.0.1/24 dev wire
            address add {PEER}/24 dev wire
            address add {CLIENT}/32 dev lo
            address add {REMOTE_POD}/32 dev lo
            route add 10.111.160.0/25 via {NODE}""",
        )
        # What comes in unfinished goes out finished, and is looked at: between other devices here a
        # checksum that was never computed is taken for a good one.
        _ethtool(node.netns, "off")
        stack.callback(_ethtool, node.netns, "on")
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
        for device, address in (("pod_a", POD_A), ("pod_b", POD_B)):
            stack.enter_context(_namespace_known(node, device, address))
        yield {**names, "node": node.netns}


@contextlib.contextmanager
def _namespace_known(node: Node, device: str, address: str) -> Iterator[None]:
    """Let the programs know in which namespace a pod's sockets are."""
    words = ["ip", "-n", node.netns, "-j", "link", "show", device]
    (link,) = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)
    table, key = node.tables["endpoints"], layout.ENDPOINTS.pack_key(address=address)
    before = table.get(key) or b""
    known = layout.ENDPOINTS.unpack_value(before) | {"netns": link["link_netnsid"] + 1}
    table.update({key: layout.ENDPOINTS.pack_value(**known)})
    yield
    table.update({key: before})


def run_ip(netns: str, commands: str) -> None:
    subprocess.run(["ip", "-n", netns, "-batch", "-"], input=commands, text=True, check=True)


def _ethtool(netns: str, value: str) -> None:
    words = ["ip", "netns", "exec", netns, "ethtool", "-K", "eth0", "tx", value]
    subprocess.run(words, capture_output=True, check=True)


def open_socket(netns: str, kind: int, address: str, port: int = 0) -> socket.socket:
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

    with open_socket(server[0], socket.SOCK_STREAM, *server[1:]) as listening:
        listening.listen()
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        try:
            with open_socket(client[0], socket.SOCK_STREAM, client[1]) as one:
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
        open_socket(server[0], socket.SOCK_DGRAM, *server[1:]) as listening,
        open_socket(client[0], socket.SOCK_DGRAM, client[1]) as one,
    ):
        one.connect(service)
        one.send(b"there and back")
        data, peer = listening.recvfrom(100)
        listening.sendto(data, peer)
        assert one.recv(100) == b"there and back"
    return str(peer[0])
