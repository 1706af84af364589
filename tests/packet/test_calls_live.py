"""Calls of pods by their own addresses between real sockets, and what strangers do with them."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import (
    nat_layout,
)
from scapy.all import IP, TCP, UDP, Ether

from tests.clock import ago

from .live import CLIENT, echo, open_socket, transfer
from .masquerade import back
from .node import NODE, NODE_MAC, POD_A, WIRE_MAC, numbered

if TYPE_CHECKING:
    from .node import Node

FIRST_PORT, PORTS = 32768, 28232
UNKNOWN = ("to_netdev", "unknown_connection")


def forged(node: Node, source_port: int, ports: range) -> None:
    """Let a stranger send a datagram to each port of a pod, in the name of a server outside."""
    datagram = IP(src=CLIENT, dst=POD_A, ttl=60) / UDP(sport=source_port, dport=1, chksum=0) / b"?"
    frame = bytes(Ether(src=WIRE_MAC, dst=NODE_MAC) / datagram)
    sent = node.flood("from_netdev", numbered(frame, 36, ports))
    assert sum(1 for _one in sent) == len(ports)


def test_a_connection_to_a_pods_own_address(node, live, masquerade):
    before = masquerade.services.counted(*UNKNOWN)
    for _again in range(2):
        assert transfer((live["net"], CLIENT), (POD_A, 8080), (live["a"], POD_A, 8080)) == CLIENT
    assert masquerade.services.counted(*UNKNOWN) == before
    assert {flow["flags"] & nat_layout.NAT_INBOUND for flow in masquerade.flows().values()} == {
        nat_layout.NAT_INBOUND
    }


def test_datagrams_to_a_pods_own_address(live, masquerade):
    assert echo((live["net"], CLIENT), (POD_A, 8080), (live["a"], "0.0.0.0", 8080)) == CLIENT


def test_a_connection_to_a_port_where_nobody_listens_is_refused_at_once(live, masquerade):
    with (
        open_socket(live["net"], socket.SOCK_STREAM, CLIENT) as one,
        pytest.raises(ConnectionRefusedError),
    ):
        one.connect((POD_A, 8081))
    with open_socket(live["net"], socket.SOCK_DGRAM, CLIENT) as one:
        one.connect((POD_A, 8081))
        one.send(b"?")
        with pytest.raises(ConnectionRefusedError):
            one.recv(1)


def test_dns_goes_on_while_a_stranger_sends_datagrams_to_every_port(node, live, masquerade):
    """In the name of the DNS server that the pod asks (28,232 of them, as many as it has ports)."""

    def asks() -> str:
        return echo((live["a"], POD_A), (CLIENT, 53), (live["net"], CLIENT, 53))

    assert asks() == NODE
    for part in range(4):
        at = FIRST_PORT + part * PORTS // 4
        forged(node, 53, range(at, at + PORTS // 4))
        assert [asks() for _question in range(20)] == [NODE] * 20
    # Nor does one help who hits a socket that waits for its answer.
    with (
        open_socket(live["net"], socket.SOCK_DGRAM, CLIENT, 53) as server,
        open_socket(live["a"], socket.SOCK_DGRAM, POD_A) as one,
    ):
        port = one.getsockname()[1]
        for connect in (False, True):
            if connect:
                one.connect((CLIENT, 53))
            one.sendto(b"question", (CLIENT, 53))
            forged(node, 53, range(port, port + 1))
            one.sendto(b"question", (CLIENT, 53))
            peers = {server.recvfrom(100)[1] for _question in range(2)}
            assert {address for address, _port in peers} == {NODE}
    assert not any(flow["flags"] & nat_layout.NAT_INBOUND for flow in masquerade.flows().values())


def test_what_is_forgotten_does_not_go_out_by_the_pods_address(node, live, masquerade):
    """The quiet connection of another pod, when the table is full."""
    with (
        open_socket(live["net"], socket.SOCK_STREAM, CLIENT, 8080) as listening,
        open_socket(live["a"], socket.SOCK_STREAM, POD_A) as client,
    ):
        listening.listen()
        client.connect((CLIENT, 8080))
        server, peer = listening.accept()
        with server:
            assert peer[0] == NODE
            nat = node.tables["nat"]
            nat.delete(list(nat.items()))
            before = masquerade.services.counted(*UNKNOWN)
            client.send(b"forgotten")
            server.settimeout(1)
            with contextlib.suppress(TimeoutError):
                assert server.recv(100) == b""
            assert masquerade.services.counted(*UNKNOWN) > before
            # As it came by another address, the peer knows nothing of it, and resets nothing.
            client.setblocking(False)
            with pytest.raises(BlockingIOError):
                client.recv(1)


def test_a_made_up_reset_leaves_a_quiet_connection(node, live, masquerade):
    with (
        open_socket(live["net"], socket.SOCK_STREAM, CLIENT, 8080) as listening,
        open_socket(live["a"], socket.SOCK_STREAM, POD_A) as client,
    ):
        listening.listen()
        client.connect((CLIENT, 8080))
        server, (_address, port) = listening.accept()
        with server:
            (acked,) = (
                socket.ntohl(flow["acked"])
                for flow in masquerade.flows().values()
                if not flow["flags"] & nat_layout.NAT_REVERSE
            )
            for off in (-1, nat_layout.NAT_WINDOW, 2**20, 2**31):
                seq = (acked + off) % 2**32
                segment = IP(src=CLIENT, dst=NODE) / TCP(sport=8080, dport=port, flags="R", seq=seq)
                back(node, Ether(src=WIRE_MAC, dst=NODE_MAC) / segment)
            for key in masquerade.flows():  # and it rests
                masquerade.services.change_flow(key, used=ago(60))
            server.sendall(b"still there")
            assert client.recv(100) == b"still there"
