"""Masquerading for the node under test: its maps, and packets of pods on their way out and back."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.podnet.fabric.plugins.module_utils.datapath import nat_layout
from ansible_collections.podnet.fabric.plugins.module_utils.datapath.structs import FAMILY_IPV4
from scapy.all import ICMP, IP, TCP, UDP, Ether, Raw

from tests.clock import ago

from .node import GATEWAY_MAC, MAC_A, MAC_B, NODE, NODE_MAC, POD_A, WIRE_MAC
from .services import plain

if TYPE_CHECKING:
    from scapy.packet import Packet

    from .node import Node, Outcome
    from .services import Services

OUTSIDE, PORT, POD_PORT = "203.0.113.10", 443, 20000
NATIVE, LISTED, LINK_LOCAL = "10.99.1.1", "192.168.7.7", "169.254.169.254"
NEXT, DROP, REDIRECT = -1, 2, 7
INTO_A, INTO_B = (GATEWAY_MAC, MAC_A), (GATEWAY_MAC, MAC_B)
NUMBER = {TCP: 6, UDP: 17, ICMP: 1}
#: What is not masqueraded, and why; without the addresses of nodes.
PREFIXES = (
    ("10.111.160.0/20", nat_layout.NON_MASQUERADE_PODS),
    ("10.99.0.0/16", nat_layout.NON_MASQUERADE_NATIVE),
    ("192.168.0.0/16", nat_layout.NON_MASQUERADE_LISTED),
    ("169.254.0.0/16", nat_layout.NON_MASQUERADE_LINK_LOCAL),
)


@dataclass
class Masquerade:
    """What the node has of masquerading."""

    node: Node
    services: Services
    #: Flows of nobody's that are counted.
    others: int = 0

    def reset(self) -> None:
        """No flows, no service; one device, and prefixes of every kind."""
        self.services.reset()
        self.others = 0
        self.set_state(0)
        self.set_device("eth0", NODE)
        table = nat_layout.NON_MASQUERADE
        entries = {}
        for prefix, why in PREFIXES:
            network = ipaddress.IPv4Network(prefix)
            key = table.pack_key(
                prefixlen=96 + network.prefixlen, address=str(network.network_address)
            )
            entries[key] = table.pack_value(why=why)
        self.node.tables["non_masquerade"].update(entries)

    def clear(self) -> None:
        """Leave nothing for tests that know nothing of it."""
        self.services.reset()
        self.set_state(0)

    def set_device(self, name: str, address: str | None, *, nodes: bool = False) -> None:
        """Masquerade with an address on a device, or not any more."""
        table = nat_layout.MASQUERADE
        key = table.pack_key(ifindex=self.node.ifindex[name], family=FAMILY_IPV4)
        if address is None:
            self.node.tables["masquerade"].delete([key])
            return
        flags = nat_layout.MASQUERADE_NODES if nodes else 0
        self.node.tables["masquerade"].update({key: table.pack_value(address=address, flags=flags)})

    def set_state(self, host_ports: int) -> None:
        """Write the map ``nat_state``."""
        value = nat_layout.NAT_STATE.pack_value(reserved=0, host_ports=host_ports)
        self.node.tables["nat_state"].update({nat_layout.NAT_STATE.pack_key(zero=0): value})

    def state(self) -> dict[str, int]:
        """Read the map ``nat_state``."""
        raw = self.node.tables["nat_state"].get(nat_layout.NAT_STATE.pack_key(zero=0))
        return nat_layout.NAT_STATE.unpack_value(raw or b"")

    def accounts(self) -> dict[tuple[str, int], tuple[int, int]]:
        """Return address and kind of each account -> its flows, and those that were refused."""
        table, found = nat_layout.NAT_QUOTA, {}
        for key, value in self.node.tables["nat_quota"].items().items():
            account, quota = table.unpack_key(key), table.unpack_value(value)
            address = plain(account["address"])
            found[address, account["kind"]] = (quota["flows"], quota["refused"])
        return found

    def total(self) -> int:
        """Return how many flows there are by the map ``nat_total``, without those of a crowd."""
        table = nat_layout.NAT_TOTAL
        values = self.node.tables["nat_total"].items().values()
        return (sum(table.unpack_value(value)["flows"] for value in values) - self.others) % (
            1 << 64
        )

    def crowd(self) -> None:
        """Let there be so many flows of others' that a new one looks at those before it."""
        self.others = nat_layout.NAT_IDLE_FLOWS
        self.set_flows(self.others)

    def set_flows(self, flows: int, *, account: tuple[str, int] | None = None) -> None:
        """Let there be so many flows, of an account, or of nobody's by the map ``nat_total``."""
        if account is None:
            table = nat_layout.NAT_TOTAL
            value = table.pack_value(flows=flows)
            self.node.tables[table.name].update({table.pack_key(by=1): value})
            return
        quota = nat_layout.NAT_QUOTA
        key = quota.pack_key(address=account[0], kind=account[1])
        self.node.tables[quota.name].update({key: quota.pack_value(flows=flows, refused=0)})

    def queue(self) -> list[dict[str, Any]]:
        """Return the flows of the queue, the first one first; they stay in it."""
        table, found = self.node.tables["nat_queue"], []
        while one := table.pop():
            found.append(one)
        for one in found:
            table.push(one)
        return [nat_layout.NAT_QUEUE.unpack_value(one) for one in found]

    def flows(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Return what comes in -> how it goes on (see ``Services.flows``)."""
        return self.services.flows()

    def take(self, ports: range | list[int], flags: int, *, used: float = 0, **ends: Any) -> None:
        """Let other flows have ports of the node's to a peer; ``used``: so many seconds ago."""
        table = nat_layout.NAT
        at = ago(used)
        zero = dict.fromkeys(
            ("source_port", "destination_port", "reserved", "id", "slot", "acked", "unused"), 0
        )
        value = table.pack_value(
            **zero, source="::", destination="::", flags=flags, created=at, used=at
        )
        ends = {"source": OUTSIDE, "destination": NODE, "source_port": PORT, "protocol": 6} | ends
        keys = [table.pack_key(**ends, destination_port=port, reserved=0) for port in ports]
        self.node.tables["nat"].update(dict.fromkeys(keys, value))


def l4_of(packet: Packet) -> Packet:
    """The header behind that of IPv4."""
    return packet[IP].payload


def leaving(
    dst: str = OUTSIDE,
    l4: type[Packet] = TCP,
    *,
    src: str = POD_A,
    sport: int = POD_PORT,
    dport: int = PORT,
    size: int = 20,
    macs: tuple[str, str] = (NODE_MAC, WIRE_MAC),
    **fields: Any,
) -> Packet:
    """What a pod sends, pod A unless said otherwise, as it leaves the node; TCP begins."""
    if l4 is ICMP:
        header = ICMP(type=8, id=sport, seq=7, **fields)
    else:
        header = l4(sport=sport, dport=dport, **fields)
    frame = Ether(src=macs[0], dst=macs[1])
    return frame / IP(src=src, dst=dst, ttl=63, id=4711) / header / Raw(b"\x5a" * size)


def answering(packet: Packet | bytes, *, size: int = 9, **fields: Any) -> Packet:
    """What the network answers to what left."""
    got = Ether(packet) if isinstance(packet, bytes) else packet
    l4 = l4_of(got)
    if isinstance(l4, ICMP):
        header = ICMP(type=0, id=l4.id, seq=l4.seq)
    elif isinstance(l4, TCP):
        given = {"flags": "SA", "ack": l4.seq + ("S" in l4.flags)} | fields
        header = TCP(sport=l4.dport, dport=l4.sport, **given)
    else:
        header = type(l4)(sport=l4.dport, dport=l4.sport, **fields)
    frame = Ether(src=WIRE_MAC, dst=NODE_MAC)
    ip = IP(src=got[IP].dst, dst=got[IP].src, ttl=55, id=99)
    return frame / ip / header / Raw(b"\xa5" * size)


def changed(
    packet: Packet,
    *,
    src: str | None = None,
    dst: str | None = None,
    sport: int | None = None,
    dport: int | None = None,
    macs: tuple[str, str] | None = None,
    hop: bool = False,
) -> bytes:
    """The same packet with other addresses and ports, every checksum made anew by scapy.

    ``sport`` and ``dport`` are the identifier of ICMP echo, too. A UDP checksum of 0 stays.
    """
    other = packet.copy()
    l4 = l4_of(other)
    other[IP].src, other[IP].dst = src or packet[IP].src, dst or packet[IP].dst
    other[IP].ttl -= hop
    if isinstance(l4, ICMP):
        l4.id = l4.id if (sport or dport) is None else sport or dport
    else:
        l4.sport = l4.sport if sport is None else sport
        l4.dport = l4.dport if dport is None else dport
    if macs:
        other[Ether].src, other[Ether].dst = macs
    del other[IP].chksum
    if not (isinstance(l4, UDP) and l4.chksum == 0):
        del l4.chksum
    return bytes(other)


def port_of(data: bytes) -> int:
    """The source port of a packet, or the identifier of ICMP echo."""
    l4 = l4_of(Ether(data))
    return int(l4.id if isinstance(l4, ICMP) else l4.sport)


def calling(reply: Packet) -> Packet:
    """What makes a pod send a reply: a call by its own address."""
    call = answering(reply, flags="S") if TCP in reply else answering(reply)
    if ICMP in reply:
        call[ICMP].type = 8
    return call


def begins(l4: type[Packet]) -> dict[str, str]:
    return {"flags": "S"} if l4 is TCP else {}


def out(node: Node, packet: Packet | bytes, device: str = "eth0", **options: bool) -> Outcome:
    """What becomes of a packet that leaves the node."""
    return node.run("to_netdev", bytes(packet), device, **options)


def back(node: Node, packet: Packet | bytes, hook: str = "from_netdev", **options: str) -> Outcome:
    """What becomes of a packet that the network sends."""
    return node.run(hook, bytes(packet), options.get("device", "eth0"))


def masqueraded(outcome: Outcome) -> bytes:
    """The packet, which must have been masqueraded."""
    assert (outcome.action, outcome.counted) == (NEXT, [("to_netdev", "masqueraded")])
    return outcome.data


def delivered(outcome: Outcome, hook: str = "from_netdev") -> bytes:
    """The packet, which must have been handed to a pod."""
    assert (outcome.action, outcome.counted) == (REDIRECT, [(hook, "to_endpoint")])
    return outcome.data


def untouched(outcome: Outcome, packet: Packet | bytes) -> bool:
    return (outcome.action, outcome.counted, outcome.data) == (NEXT, [], bytes(packet))


def dropped(outcome: Outcome, reason: str, hook: str = "to_netdev") -> bool:
    return (outcome.action, outcome.counted) == (DROP, [(hook, reason)])


def shown(data: bytes) -> str:
    return str(Ether(data).show(dump=True))


def told(
    src: str, dst: str, about: Packet, kind: tuple[int, int], quoted: int, macs: tuple[str, str]
) -> Packet:
    """An ICMP error, with so many bytes of what it is about."""
    icmp = ICMP(type=kind[0], code=kind[1])
    if kind == (3, 4):
        icmp.nexthopmtu = 1400
    frame = Ether(src=macs[0], dst=macs[1]) / IP(src=src, dst=dst, ttl=60)
    return frame / icmp / Raw(bytes(about[IP])[:quoted])


def pieces(packet: bytes | Packet, size: int = 400) -> list[bytes]:
    """A datagram in fragments, as the network would see it."""
    whole = Ether(bytes(packet))
    header = whole[IP].copy()
    header.remove_payload()
    data = bytes(whole[IP].payload)
    found = []
    for at in range(0, len(data), size):
        piece = header.copy()
        piece.frag, piece.flags = at // 8, "MF" if at + size < len(data) else 0
        del piece.chksum, piece.len
        frame = Ether(src=whole.src, dst=whole.dst)
        found.append(bytes(frame / piece / Raw(data[at : at + size])))
    return found
