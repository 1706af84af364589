"""The eBPF overlay on a real tunnel: two nodes, a pod on each, and a stranger on the underlay."""

from __future__ import annotations

import contextlib
import itertools
import socket
import subprocess
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import layout, reasons
from ansible_collections.podnet.fabric.plugins.module_utils.engine import namespaces
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import maps
from bpf_host import own_host
from bpf_support import compiled
from running import ROOT, do, run, until
from scapy.all import ARP, IP, UDP, Ether, Raw
from scapy.layers.vxlan import VXLAN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scapy.packet import Packet

RANGE, VNI, PORT, MTU = "10.111.160.0/20", 77, 8472, 1450
ETH_P_ALL = 0x0003
STRANGER = "10.222.0.10"
ANSWERED = 7777
PROGRAMS = {"from_container": "pn_pod", "from_host": "pn_host", "from_overlay": "pn_vxlan"}


@dataclass(frozen=True)
class Node:
    """A node in a namespace; its maps and programs lie in a folder of their own."""

    name: str
    vtep: str
    third: str
    first: int

    @property
    def cidr(self) -> str:
        return f"{self._address(0)}/25"

    @property
    def pod(self) -> str:
        return self._address(2)

    @property
    def pod_netns(self) -> str:
        return f"pod-{self.name}"

    @property
    def gateway(self) -> str:
        return self._address(126)

    @property
    def vtep_mac(self) -> str:
        return mac("0a:58", self._address(0))

    @property
    def gateway_mac(self) -> str:
        return mac("0e:58", self.gateway)

    @property
    def folder(self) -> str:
        return f"/sys/fs/bpf/podnet/{self.name}"

    def _address(self, number: int) -> str:
        return f"{self.third}.{self.first + number}"

    def counted(self) -> dict[str, int]:
        """Packets by hook and verdict, less the pods' ARP, which comes when it likes."""
        with maps.open_pin(f"{self.folder}/metrics") as table:
            sums = table.sums()
        found = {}
        for hook, verdict in itertools.product(reasons.HOOKS, reasons.VERDICTS):
            index = hook.number * layout.VERDICTS + verdict.number
            packets, _bytes = sums[layout.METRICS.pack_key(index=index)]
            if packets and verdict.name != "arp_reply":
                found[f"{hook.name} {verdict.name}"] = packets
        return found


A = Node("a", "10.222.0.8", "10.111.160", 0)
B = Node("b", "10.222.0.9", "10.111.160", 128)


def mac(prefix: str, address: str) -> str:
    return prefix + "".join(f":{int(byte):02x}" for byte in address.split("."))


def ip(netns: str, *lines: str) -> None:
    subprocess.run(
        ["ip", "-n", netns, "-batch", "-"], input="\n".join(lines), text=True, check=True
    )


def underlay() -> None:
    """One link that both nodes and the stranger are on."""
    for name in ("wire", "a", "b", "stranger", "pod-a", "pod-b"):
        do("ip", "netns", "add", name)
        for scope in ("all", "default"):
            do(
                "ip",
                "netns",
                "exec",
                name,
                "sysctl",
                "-qw",
                f"net.ipv6.conf.{scope}.disable_ipv6=1",
            )
    ip("wire", "link add br0 type bridge", "link set br0 up")
    for name, address in (("a", A.vtep), ("b", B.vtep), ("stranger", STRANGER)):
        ip("wire", f"link add name {name} master br0 up type veth peer name eth0 netns {name}")
        ip(name, f"address add {address}/24 dev eth0", "link set eth0 up", "link set lo up")


def make(node: Node, peer: Node) -> None:
    """Make one node of the cell, its maps filled by hand."""
    ip(
        node.name,
        f"link add pn_host address {node.gateway_mac} mtu {MTU} type veth"
        f" peer name pn_net mtu {MTU}",
        "link set pn_host up arp off",
        "link set pn_net up arp off",
        f"address add {node.gateway}/32 dev pn_host",
        f"link add pn_pod address {node.gateway_mac} mtu {MTU} up type veth peer name eth0"
        f" address {mac('0a:58', node.pod)} mtu {MTU} netns {node.pod_netns}",
        f"route add {RANGE} dev pn_host src {node.gateway}",
    )
    ip(
        node.pod_netns,
        "link set lo up",
        "link set eth0 up",
        f"address add {node.pod}/32 dev eth0",
        f"route add default via {node.gateway} dev eth0 onlink",
    )
    device = {"name": "pn_vxlan", "external": True, "dstport": PORT, "mtu": MTU}
    run("vxlan", netns=node.name, vxlans=[{**device, "mac": node.vtep_mac}])
    settings = {"forwarding": 1, "rp_filter": 2}
    run(
        "sysctls",
        netns=node.name,
        values={f"net.ipv4.conf.pn_host.{name}": value for name, value in settings.items()},
    )
    with namespaces.inside(node.name):
        ifindex = {name: number for number, name in socket.if_nameindex()}
    run("bpf_map", maps=tables(node, peer, ifindex))
    programs = [
        {
            "name": name,
            "src": str(ROOT / "bpf" / f"{name}.c"),
            "function": name,
            "type": "sched_cls",
            "maps": {table.name: f"{node.folder}/{table.name}" for table in layout.PROGRAM_MAPS},
            "pin": f"{node.folder}/{name}",
            "attach": [{"hook": hook, "device": device, "netns": node.name}],
        }
        for name, device in PROGRAMS.items()
        for hook in [next(hook.attach for hook in reasons.HOOKS if hook.name == name)]
    ]
    run("bpf_program", programs=programs, _sources=compiled(programs))


def tables(node: Node, peer: Node, ifindex: dict[str, int]) -> list[dict]:
    host = {"ifindex": 0, "mac": "00:00:00:00:00:00", "gateway_mac": node.gateway_mac}
    host |= {"mtu": 0, "flags": layout.ENDPOINT_HOST, "netns": 0}
    pod = {
        "ifindex": ifindex["pn_pod"],
        "mac": mac("0a:58", node.pod),
        "mtu": MTU,
        "flags": 0,
        "netns": 0,
    }
    pod |= {"gateway_mac": node.gateway_mac}
    entries = {
        layout.ENDPOINTS: [
            {"key": {"address": address}, "value": value}
            for address, value in ((node.pod, pod), (node.gateway, host), (node.vtep, host))
        ],
        layout.IPCACHE: [
            {
                "key": {"prefixlen": 96 + 25, "address": one.cidr.partition("/")[0]},
                "value": {
                    "node": one.vtep,
                    "flags": layout.IPCACHE_TUNNEL if one is peer else 0,
                    "tunnel_endpoint": one.vtep if one is peer else "::",
                    "vtep_mac": one.vtep_mac,
                    "reserved": 0,
                },
            }
            for one in (node, peer)
        ],
        layout.NODE_ADDRESSES: [
            {
                "key": {"address": one.vtep},
                "value": {"flags": layout.NODE_LOCAL if one is node else 0, "node": one.vtep},
            }
            for one in (node, peer)
        ],
        layout.CONFIG: [
            {
                "key": {"family": layout.FAMILY_IPV4},
                "value": {
                    "pod_cidr": node.cidr.partition("/")[0],
                    "pod_cidr_mask": "255.255.255.128",
                    "gateway_ifindex": ifindex["pn_host"],
                    "gateway_mac": node.gateway_mac,
                    "tunnel_port": PORT,
                    "netdev_ifindex": ifindex["eth0"],
                    "netdev_mtu": 1500,
                    "vtep": node.vtep,
                    "overlay_ifindex": ifindex["pn_vxlan"],
                    "overlay_mtu": MTU,
                    "vni": VNI,
                    "node_ip": node.vtep,
                    "gateway_ip": node.gateway,
                },
            }
        ],
    }
    return [
        table.task(path=f"{node.folder}/{table.name}", entries=entries.get(table, []))
        for table in layout.PROGRAM_MAPS
    ]


@pytest.fixture(scope="module")
def nodes() -> Iterator[None]:
    """Both nodes, once for all tests."""
    with own_host():
        underlay()
        make(A, B)
        make(B, A)
        yield


def ping(netns: str, to: str, *words: str) -> tuple[bool, str]:
    """Ping once; say whether there was an answer, and what was printed."""
    done = subprocess.run(
        ["ip", "netns", "exec", netns, "ping", "-c", "1", "-W", "3", *words, to],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode == 0, done.stdout + done.stderr


@contextlib.contextmanager
def counting(node: Node, expected: dict[str, int]) -> Iterator[None]:
    """Wait until these are the verdicts that a node has counted in the block, and no others."""
    before = node.counted()
    yield

    def since() -> dict[str, int]:
        after = node.counted()
        return {
            name: count - before.get(name, 0)
            for name, count in after.items()
            if count != before.get(name, 0)
        }

    try:
        until(lambda: since() == expected, 5)
    except AssertionError:
        assert since() == expected


@contextlib.contextmanager
def wiretap() -> Iterator[socket.socket]:
    """Listen to what A sends on the underlay."""
    with namespaces.inside("wire"):
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        tap.bind(("a", ETH_P_ALL))
    with tap:
        tap.settimeout(5)
        yield tap


def tunneled(tap: socket.socket) -> Packet:
    """Return the next VXLAN packet on the underlay."""
    while True:
        packet = Ether(tap.recv(65535))
        if UDP in packet and packet[UDP].dport == PORT:
            return packet


def test_pods_talk_through_the_tunnel(nodes):
    ping(A.pod_netns, B.pod)  # both have asked for their gateways
    with (
        wiretap() as tap,
        counting(A, {"from_container to_overlay": 1, "from_overlay to_endpoint": 1}),
        counting(B, {"from_container to_overlay": 1, "from_overlay to_endpoint": 1}),
    ):
        answered, said = ping(A.pod_netns, B.pod, "-s", "100")
        assert answered, said
        packet = tunneled(tap)
    assert "ttl=62" in said  # two nodes are two hops
    assert (packet[IP].src, packet[IP].dst) == (A.vtep, B.vtep)
    assert packet[UDP].chksum == 0
    vxlan = VXLAN(bytes(packet[UDP].payload))
    assert (vxlan.vni, vxlan.flags) == (VNI, "Instance")
    inner = vxlan[Ether]
    assert (inner.src, inner.dst) == (A.gateway_mac, B.vtep_mac)
    assert (inner[IP].src, inner[IP].dst, inner[IP].ttl) == (A.pod, B.pod, 63)
    assert inner[IP].len == 128
    assert packet[IP].len == inner[IP].len + 50


def test_a_node_talks_to_pods_of_its_peer(nodes):
    with (
        counting(A, {"from_host to_overlay": 1, "from_overlay to_stack": 1}),
        counting(B, {"from_container to_overlay": 1, "from_overlay to_endpoint": 1}),
    ):
        answered, said = ping(A.name, B.pod)
        assert answered, said


def test_the_node_has_no_way_to_an_address_that_no_node_holds(nodes):
    with counting(A, {"from_host no_endpoint": 1}):
        answered, _said = ping(A.name, "10.111.165.1", "-W", "0.2")
        assert not answered


@pytest.mark.parametrize(("ttl", "hop"), [(1, A), (2, B)])
def test_each_node_is_a_hop(nodes, ttl, hop):
    _answered, said = ping(A.pod_netns, B.pod, "-t", str(ttl))
    assert f"From {hop.gateway} icmp_seq=1 Time to live exceeded" in said


def test_what_fits_goes_through_whole_and_a_byte_more_gets_an_error(nodes):
    with wiretap() as tap:
        answered, said = ping(A.pod_netns, B.pod, "-M", "do", "-s", str(MTU - 28))
        assert answered, said
        packet = tunneled(tap)
    assert (packet[IP].len, packet[IP].frag, packet[IP].flags.MF) == (1500, 0, False)
    do("ip", "-n", A.pod_netns, "link", "set", "eth0", "mtu", "1500")
    try:
        _answered, said = ping(A.pod_netns, B.pod, "-M", "do", "-s", str(MTU - 27))
    finally:
        do("ip", "-n", A.pod_netns, "link", "set", "eth0", "mtu", str(MTU))
        do("ip", "-n", A.pod_netns, "route", "flush", "cache")
    assert f"From {A.gateway} icmp_seq=1 Frag needed and DF set (mtu = {MTU})" in said


def test_a_stream_goes_through_in_large_packets_and_arrives_whole(nodes):
    sent = bytes(range(256)) * 4096
    with namespaces.inside(B.pod_netns):
        listener = socket.create_server((B.pod, 0))
    with listener, namespaces.inside(A.pod_netns):
        before = A.counted()["from_container to_overlay"]
        client = socket.create_connection(listener.getsockname()[:2], timeout=5)
        with client, listener.accept()[0] as server:
            writer = threading.Thread(target=client.sendall, args=(sent,))
            writer.start()
            received = b""
            while len(received) < len(sent):
                received += server.recv(1 << 20)
            writer.join()
    assert received == sent
    # Far fewer than the segments, since the tunnel takes what the pod's stack has not cut yet.
    assert A.counted()["from_container to_overlay"] - before < len(sent) / MTU / 2


# ---- what a stranger, or a peer that lies, can send ------------------------------------------


def frame(*, src: str, dst: str, to_mac: str = B.vtep_mac) -> Packet:
    """A datagram for the port on which the pod listens."""
    return (
        Ether(src=A.gateway_mac, dst=to_mac)
        / IP(src=src, dst=dst, ttl=63)
        / UDP(sport=ANSWERED, dport=ANSWERED)
        / Raw(b"hello")
    )


def send(netns: str, inner: Packet, vni: int = VNI) -> None:
    """Send a VXLAN packet made by hand to node B."""
    with namespaces.inside(netns), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(bytes(VXLAN(flags="Instance", vni=vni) / inner), (B.vtep, PORT))


LIES = {
    "another network": ("a", frame(src=A.pod, dst=B.pod), VNI + 1, "unknown_vni"),
    "no network": ("a", frame(src=A.pod, dst=B.pod), 0, "unknown_vni"),
    "a stranger as a pod of A": (
        "stranger",
        frame(src=A.pod, dst=B.pod),
        VNI,
        "foreign_tunnel_endpoint",
    ),
    "a stranger as himself": (
        "stranger",
        frame(src=STRANGER, dst=B.pod),
        VNI,
        "foreign_tunnel_endpoint",
    ),
    "a stranger as A": ("stranger", frame(src=A.vtep, dst=B.pod), VNI, "foreign_tunnel_endpoint"),
    "A as a pod of B": ("a", frame(src=B.pod, dst=B.pod), VNI, "foreign_tunnel_endpoint"),
    "A as node B": ("a", frame(src=B.vtep, dst=B.pod), VNI, "foreign_tunnel_endpoint"),
    "to a pod that is not there": (
        "a",
        frame(src=A.pod, dst="10.111.160.200"),
        VNI,
        "no_endpoint",
    ),
    "back to where it came from": ("a", frame(src=A.pod, dst=A.pod), VNI, "no_endpoint"),
    "ARP": ("a", Ether(dst="ff:ff:ff:ff:ff:ff") / ARP(pdst=B.pod), VNI, "unsupported_l3"),
    "a header that is too short": (
        "a",
        Ether(dst=B.vtep_mac) / IP(src=A.pod, dst=B.pod, ihl=3) / UDP(),
        VNI,
        "malformed",
    ),
}


@pytest.fixture
def listening(nodes) -> Iterator[socket.socket]:
    """A pod of B that waits for datagrams."""
    with namespaces.inside(B.pod_netns):
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with server:
        server.bind((B.pod, ANSWERED))
        server.settimeout(5)
        yield server


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_dropped_and_counted(listening, lie):
    netns, packet, vni, verdict = LIES[lie]
    with counting(B, {f"from_overlay {verdict}": 1}):
        send(netns, packet, vni)
    # Packets of a sender keep their order: had the lie been let in, it would be here first.
    listening.setblocking(False)
    with pytest.raises(BlockingIOError):
        listening.recv(100)


@pytest.mark.parametrize("to_mac", [B.vtep_mac, "02:00:00:00:00:01"])
def test_the_truth_arrives_whatever_mac_it_was_sent_to(listening, to_mac):
    with counting(B, {"from_overlay to_endpoint": 1}):
        send("a", frame(src=A.pod, dst=B.pod, to_mac=to_mac))
    assert listening.recvfrom(100) == (b"hello", (A.pod, ANSWERED))
