"""A node whose sockets are balanced, pods with servers, and services written into its maps."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import struct
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import (
    layout,
    reasons,
    service_layout,
    tasks,
)
from ansible_collections.podnet.fabric.plugins.module_utils.engine import addresses, namespaces
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import maps
from ansible_collections.podnet.fabric.plugins.module_utils.services import packed
from bpf_support import compiled
from node_support import CIDR, GATEWAY, NODE_IP, bare_node, plan
from running import ROOT, do, run, until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ansible_collections.podnet.fabric.plugins.module_utils.datapath.structs import Layout

TCP, UDP = socket.IPPROTO_TCP, socket.IPPROTO_UDP
SO_NETNS_COOKIE = 71
#: Pods of the node, by their names. The outside host is the namespace ``peer``, beyond eth0.
PODS = {"web-1": "10.111.160.1", "web-2": "10.111.160.2", "client": "10.111.160.3"}
#: An address that is outside, and no node's.
ELSEWHERE = "203.0.113.5"
PATIENCE = 5


def mapped(address: str) -> str:
    """Return an IPv4 address as an IPv6 socket says it."""
    return address if ":" in address else f"::ffff:{address}"


def open_socket(kind: int = TCP, *, netns: str | None = None, v6: bool = False) -> socket.socket:
    """Open a socket in a namespace. No call of it blocks for long."""
    with namespaces.inside(netns):
        opened = socket.socket(
            socket.AF_INET6 if v6 else socket.AF_INET,
            socket.SOCK_STREAM if kind in (TCP, socket.IPPROTO_MPTCP) else socket.SOCK_DGRAM,
            kind,
        )
    opened.settimeout(PATIENCE)
    return opened


def peer_of(client: socket.socket) -> tuple[str, int]:
    """Return what getpeername says, an IPv4 address always as such."""
    address, port = client.getpeername()[:2]
    return address.removeprefix("::ffff:"), port


def netns_cookie(netns: str | None = None) -> int:
    """Return the cookie of a namespace."""
    with open_socket(netns=netns) as one:
        raw = one.getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8)
    return int(struct.unpack("=Q", raw)[0])


def affinity_client(netns: str | None = None) -> str:
    """Return what the sockets of a namespace are known by in the map ``affinity``."""
    return str(ipaddress.IPv6Address(struct.pack("=Q", netns_cookie(netns)) + b"\xff" * 8))


class Server:
    """A server's sockets on one port of a pod, or of the node itself."""

    def __init__(self, address: str, port: int, netns: str | None) -> None:
        """Listen for TCP, and open the same port for UDP."""
        self.place = (address, port)
        self.tcp, self.udp = (open_socket(kind, netns=netns) for kind in (TCP, UDP))
        for one in (self.tcp, self.udp):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(self.place)
        self.tcp.listen(1024)

    def close(self) -> None:
        """Close both."""
        self.tcp.close()
        self.udp.close()

    def clients(self) -> list[int]:
        """Take all connections that wait; say which ports they come from."""
        connections = list(self._all(self.tcp, self.tcp.accept))
        for connection, _client in connections:
            connection.close()
        return [port for _connection, (_address, port) in connections]

    def accepted(self) -> int:
        """Take all connections that wait; say how many there were."""
        return len(self.clients())

    def received(self) -> list[bytes]:
        """Take all datagrams that wait."""
        return [data for data, _client in self._all(self.udp, partial(self.udp.recvfrom, 100))]

    def answer(self) -> None:
        """Send one datagram back to where it came from."""
        data, sender = self.udp.recvfrom(100)
        self.udp.sendto(data, sender)

    @staticmethod
    def _all(one: socket.socket, take: Any) -> Iterator[Any]:
        one.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                yield take()
        one.settimeout(PATIENCE)


class Node:
    """The node under test: what its maps hold, and the servers of its pods."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        """Open the maps, start the servers."""
        self.host_netns = netns_cookie()
        self._maps = {
            table.name: stack.enter_context(maps.open_pin(table.pin) or pytest.fail(table.pin))
            for table in layout.MAPS
        }
        self.web_1, self.web_2 = (
            self.serve(stack, PODS[name], 8080, name) for name in ("web-1", "web-2")
        )
        #: What is truly there where a service must not be taken for it.
        self.real = self.serve(stack, "0.0.0.0", 80, "peer")
        self._free_slot = self._next_id = 1
        self._served: dict[bytes, bool] = {}

    @staticmethod
    def serve(
        stack: contextlib.ExitStack, address: str, port: int, netns: str | None = None
    ) -> Server:
        """Start a server that ends with the stack."""
        server = Server(address, port, netns)
        stack.callback(server.close)
        return server

    @property
    def both(self) -> list[Server]:
        """The servers of both web pods."""
        return [self.web_1, self.web_2]

    def clear(self) -> None:
        """Forget every service, and what came of it."""
        tables = (service_layout.SERVICES, service_layout.REVERSE_SOCKETS, service_layout.AFFINITY)
        for table in tables:
            one = self._maps[table.name]
            one.delete(one.items())
        self._served.clear()
        self.state()
        for server in (*self.both, self.real):
            server.accepted()
            server.received()

    def frontend(
        self,
        address: str,
        port: int,
        *active: Server,
        protocol: int = TCP,
        kind: int = service_layout.SERVICE_CLUSTER_IP,
        terminating: Sequence[Server] = (),
        affinity: int = 0,
        number: int = 0,
    ) -> int:
        """Write a frontend and its backends; return its number.

        :param address: "::" for a port of nodes.
        :param number: the number that it has already; 0 for a new one.
        """
        number, self._next_id = number or self._next_id, self._next_id + 1
        first = self._free_slot
        for server in (*active, *terminating):
            place, server_port = server.place
            value = {"address": place, "port": server_port, "reserved": 0}
            self.put(service_layout.BACKENDS, {"slot": self._free_slot}, value)
            self._free_slot += 1
        outside = kind != service_layout.SERVICE_CLUSTER_IP
        key = packed.frontend_key(addresses.packed(address), port, protocol)
        value = {
            "id": number,
            "kind": kind,
            "flags": service_layout.SERVICE_OUTSIDE if outside else 0,
            "first": first,
            "active": len(active),
            "total": len(active) + len(terminating),
            # Backends of clients from outside: none. Who looks at these gets an error.
            **dict.fromkeys(("outside_first", "outside_active", "outside_total"), 0),
            "affinity": affinity,
        }
        self._maps["services"].update({key: service_layout.SERVICES.pack_value(**value)})
        self._served[key] = outside
        self.state()
        return number

    def remove(self, address: str, port: int, protocol: int = TCP) -> None:
        """Take a frontend away."""
        key = packed.frontend_key(addresses.packed(address), port, protocol)
        self._maps["services"].delete([key])
        del self._served[key]
        self.state()

    def state(self, **more: int) -> None:
        """Write what programs ask first, as it is; ``more`` says it otherwise."""
        value = {
            "host_netns": self.host_netns,
            "frontends": len(self._served),
            "outside": sum(self._served.values()),
            **dict.fromkeys(("pod_flows", "host_flows", "next_id", "sweep"), 0),
        }
        self.put(service_layout.SERVICE_STATE, {"zero": 0}, {**value, **more})

    def put(self, table: Layout, key: dict[str, Any], value: dict[str, Any]) -> None:
        """Write one entry."""
        self._maps[table.name].update({table.pack_key(**key): table.pack_value(**value)})

    def entries(self, table: Layout) -> list[dict[str, Any]]:
        """Return the entries of a table, each key and value in one."""
        return [
            {**table.unpack_key(key), "to": table.unpack_value(value)}
            for key, value in self._maps[table.name].items().items()
        ]

    def reverse(self) -> list[tuple[str, int]]:
        """Return the backends in the reverse entries of sockets."""
        found = self.entries(service_layout.REVERSE_SOCKETS)
        return [(str(one["address"]), int(one["port"])) for one in found]

    def received(self, total: int) -> list[int]:
        """Wait until so many datagrams are there; say how many each web pod got."""
        counts = [0, 0]

        def all_there() -> bool:
            for index, server in enumerate(self.both):
                counts[index] += len(server.received())
            return sum(counts) >= total

        until(all_there, PATIENCE)
        return counts

    def refused(self) -> int:
        """Return how often a socket was told that a service has no backend."""
        hook = next(hook.number for hook in reasons.HOOKS if hook.name == "socket")
        verdict = next(one.number for one in reasons.VERDICTS if one.name == "no_backend")
        key = layout.METRICS.pack_key(index=hook * layout.VERDICTS + verdict)
        return int(self._maps["metrics"].sums()[key][0])


def fails_at_once(client: socket.socket, to: tuple[str, int]) -> bool:
    """Say whether a connect fails as a service without backends makes it, without a wait."""
    client.setblocking(False)
    return client.connect_ex(to) == errno.EHOSTUNREACH


@contextlib.contextmanager
def balanced_node() -> Iterator[Node]:
    """Be on a node with the programs for sockets at its cgroup, and with pods on a bridge."""
    with bare_node(), contextlib.ExitStack() as stack:
        do("ip", "link", "add", "pods", "type", "bridge", "forward_delay", "0")
        do("ip", "addr", "add", f"{GATEWAY}/{CIDR.partition('/')[2]}", "dev", "pods")
        do("ip", "link", "set", "pods", "up")
        do("sysctl", "-qw", "net.ipv4.ip_forward=1")
        for name, address in PODS.items():
            do("ip", "netns", "add", name)
            end = ("peer", "name", "eth0", "netns", name)
            do("ip", "link", "add", name, "master", "pods", "up", "type", "veth", *end)
            do("ip", "-n", name, "addr", "add", f"{address}/25", "dev", "eth0")
            for device in ("lo", "eth0"):
                do("ip", "-n", name, "link", "set", device, "up")
            do("ip", "-n", name, "route", "add", "default", "via", GATEWAY)
        do("ip", "-n", "peer", "addr", "add", f"{ELSEWHERE}/32", "dev", "eth0")
        do("ip", "route", "add", ELSEWHERE, "dev", "eth0", "src", NODE_IP)
        items = tasks.build({**plan(), "services": 1})
        run("bpf_map", maps=items["maps"])
        programs = [
            {**one, "src": str(ROOT / "bpf" / one["src"])} for one in items["socket_programs"]
        ]
        run("bpf_program", programs=programs, _sources=compiled(programs))
        yield Node(stack)
