"""Load balancing a packet at a time: packets in, packets out, whole packets compared."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import (
    nat_layout,
    service_layout,
)
from ansible_collections.podnet.fabric.plugins.module_utils.engine import namespaces
from scapy.all import ICMP, IP, TCP, UDP, Ether, Raw

from tests.clock import ago, within

from . import services as maps_of
from .node import (
    GATEWAY,
    GATEWAY_MAC,
    MAC_A,
    MAC_B,
    NODE,
    NODE_MAC,
    PEER,
    PEER_VTEP,
    PEER_VTEP_MAC,
    POD_A,
    POD_B,
    TUNNEL_PORT,
    VNI,
    WIRE_MAC,
)

if TYPE_CHECKING:
    from scapy.packet import Packet

    from .node import Node, Outcome

NEXT, DROP, REDIRECT = -1, 2, 7
CLIENT, REMOTE_POD, TUNNELED_POD = "203.0.113.10", "10.111.160.130", "10.111.162.5"
BEHIND_GATEWAY = "10.111.161.5"
CLUSTER_IP, EXTERNAL_IP, BALANCER = "10.10.252.131", "198.51.100.7", "192.0.2.80"
ANY, NODE_PORT, CLIENT_PORT = "::", 31000, 20000

NUMBER = {TCP: maps_of.TCP, UDP: maps_of.UDP}

#: Where packets come in from outside, and from pod A: eBPF and classic datapaths.
OUTSIDE = pytest.mark.parametrize("hook", ["from_netdev", "nodeport"])
POD = pytest.mark.parametrize("hook", ["from_container", "guard"])


def wire(
    dst: str = NODE,
    dport: int = NODE_PORT,
    *,
    src: str = CLIENT,
    sport: int = CLIENT_PORT,
    l4: type[Packet] = TCP,
    ttl: int = 61,
    size: int = 20,
    **fields: object,
) -> Packet:
    """What the network sends."""
    header = l4(sport=sport, dport=dport, **fields)
    return (
        Ether(src=WIRE_MAC, dst=NODE_MAC)
        / IP(src=src, dst=dst, ttl=ttl)
        / header
        / Raw(bytes(size))
    )


def sent(
    dst: str,
    dport: int,
    *,
    src: str = POD_A,
    mac: str = MAC_A,
    sport: int = CLIENT_PORT,
    l4: type[Packet] = TCP,
    ttl: int = 64,
    size: int = 20,
    **fields: object,
) -> Packet:
    """What a pod sends, pod A unless said otherwise."""
    header = l4(sport=sport, dport=dport, **fields)
    return (
        Ether(src=mac, dst=GATEWAY_MAC) / IP(src=src, dst=dst, ttl=ttl) / header / Raw(bytes(size))
    )


def onward(
    packet: Packet,
    *,
    src: str | None = None,
    dst: str | None = None,
    sport: int | None = None,
    dport: int | None = None,
    macs: tuple[str, str] | None = None,
    hop: bool = True,
) -> bytes:
    """The same packet translated and a hop further, its checksums made anew by scapy."""
    changed = packet.copy()
    l4 = changed[TCP] if TCP in changed else changed[UDP]
    none = l4.chksum == 0
    changed[IP].src, changed[IP].dst = src or packet[IP].src, dst or packet[IP].dst
    l4.sport, l4.dport = sport or l4.sport, dport or l4.dport
    if macs:
        changed[Ether].src, changed[Ether].dst = macs
    changed[IP].ttl -= hop
    del changed[IP].chksum
    if not none:
        del l4.chksum
    return bytes(changed)


def answer(packet: bytes, *, src_mac: str, dst_mac: str, size: int = 9) -> Packet:
    """What whoever got a packet says to it."""
    got = Ether(packet)
    l4 = got[TCP] if TCP in got else got[UDP]
    return (
        Ether(src=src_mac, dst=dst_mac)
        / IP(src=got[IP].dst, dst=got[IP].src)
        / type(l4)(sport=l4.dport, dport=l4.sport)
        / Raw(bytes(size))
    )


def error(packet: Packet, src: str, *, type_: int, code: int = 0, mtu: int = 0) -> bytes:
    """The ICMP error about a packet, back to where it came from."""
    icmp = ICMP(type=type_, code=code)
    if mtu:
        icmp.nexthopmtu = mtu
    header = IP(src=src, dst=packet[IP].src, ttl=64, tos=0xC0, id=0, flags="DF")
    frame = Ether(src=packet[Ether].dst, dst=packet[Ether].src)
    raw = bytes(packet)[14:]
    return bytes(frame / header / icmp / Raw(raw[: IP(raw).ihl * 4 + 8]))


def pieces(whole: Packet, size: int = 400) -> list[Packet]:
    """A datagram in fragments."""
    data = bytes(whole[IP].payload)
    found = []
    for at in range(0, len(data), size):
        header = IP(bytes(whole[IP])[: 4 * 5])
        header.remove_payload()
        header.frag, header.flags = at // 8, "MF" if at + size < len(data) else 0
        del header.chksum, header.len
        frame = Ether(src=whole.src, dst=whole.dst, type=0x0800)
        found.append(frame / header / Raw(data[at : at + size]))
    return found


def came(node: Node, hook: str, packet: Packet | bytes, **options: object) -> Outcome:
    """Run what takes packets in at a hook: from the network, or from pod A."""
    device = {"from_container": "pod_a", "guard": "pod_a", "from_host": "pn_host"}.get(hook, "eth0")
    return node.run(hook, bytes(packet), str(options.pop("device", device)), **options)  # type: ignore[arg-type]


def dropped(outcome: Outcome, hook: str, reason: str) -> bool:
    return (outcome.action, outcome.counted) == (DROP, [(hook, reason)])


def went(outcome: Outcome, hook: str, how: str) -> bytes:
    """The packet, which must have been sent on in this way."""
    assert (outcome.action, outcome.counted) == (REDIRECT, [(hook, how)])
    return outcome.data


def shown(data: bytes) -> str:
    return str(Ether(data).show(dump=True))


INTO_A, INTO_B = (GATEWAY_MAC, MAC_A), (GATEWAY_MAC, MAC_B)


@OUTSIDE
@pytest.mark.parametrize("l4", [TCP, UDP])
def test_a_local_pod_sees_the_clients_own_address(node, services, hook, l4):
    services.add(ANY, NODE_PORT, [(POD_A, 80)], kind="node_port", protocol=NUMBER[l4])
    packet = wire(l4=l4)
    data = went(came(node, hook, packet), hook, "to_endpoint")
    assert data == onward(packet, dst=POD_A, dport=80, macs=INTO_A), shown(data)

    back = answer(data, src_mac=MAC_A, dst_mac=GATEWAY_MAC)
    pod = {"from_netdev": "from_container", "nodeport": "guard"}[hook]
    data = went(came(node, pod, back), pod, "to_network")
    assert data == onward(back, src=NODE, sport=NODE_PORT), shown(data)


@OUTSIDE
@pytest.mark.parametrize("l4", [TCP, UDP])
@pytest.mark.parametrize(
    ("backend", "how", "macs"),
    [
        (REMOTE_POD, "to_network", None),
        (BEHIND_GATEWAY, "to_network", None),
        (TUNNELED_POD, "to_overlay", (GATEWAY_MAC, PEER_VTEP_MAC)),
    ],
)
def test_a_remote_backend_sees_the_node_and_answers_it(
    node, services, hook, l4, backend, how, macs
):
    services.add(ANY, NODE_PORT, [(backend, 80)], kind="node_port", protocol=NUMBER[l4])
    packet = wire(l4=l4)
    data = went(came(node, hook, packet), hook, how)
    assert data == onward(packet, src=NODE, dst=backend, dport=80, macs=macs), shown(data)

    back = answer(data, src_mac=WIRE_MAC, dst_mac=NODE_MAC)
    data = went(came(node, hook, back), hook, "to_network")
    # Reversed byte by byte: from the address and port that the client asked, to the client's.
    assert data == onward(back, src=NODE, sport=NODE_PORT, dst=CLIENT, dport=CLIENT_PORT), shown(
        data
    )


@OUTSIDE
def test_the_second_packet_of_a_flow_goes_where_the_first_went(node, services, hook):
    services.add(ANY, NODE_PORT, [(REMOTE_POD, 80), (BEHIND_GATEWAY, 80)], kind="node_port")
    first = Ether(came(node, hook, wire(flags="S")).data)[IP].dst
    for _packet in range(16):
        assert Ether(came(node, hook, wire(flags="A")).data)[IP].dst == first
    assert len(services.flows()) == 2


@OUTSIDE
def test_a_source_port_that_another_flow_has_is_changed(node, services, hook):
    services.add(ANY, NODE_PORT, [(REMOTE_POD, 80)], kind="node_port")
    kept = came(node, hook, wire())
    assert Ether(kept.data)[TCP].sport == CLIENT_PORT
    other = wire(src="203.0.113.11")
    data = went(came(node, hook, other), hook, "to_network")
    port = Ether(data)[TCP].sport
    assert 1024 <= port < 30000
    assert port != CLIENT_PORT
    assert data == onward(other, src=NODE, dst=REMOTE_POD, sport=port, dport=80), shown(data)
    back = answer(data, src_mac=WIRE_MAC, dst_mac=NODE_MAC)
    data = went(came(node, hook, back), hook, "to_network")
    assert data == onward(back, src=NODE, sport=NODE_PORT, dst="203.0.113.11", dport=CLIENT_PORT), (
        shown(data)
    )


@pytest.mark.parametrize("l4", [TCP, UDP])
def test_a_source_port_that_the_nodes_own_socket_has_is_changed(node, services, l4):
    services.add(ANY, NODE_PORT, [(REMOTE_POD, 80)], kind="node_port", protocol=NUMBER[l4])
    kind = socket.SOCK_STREAM if l4 is TCP else socket.SOCK_DGRAM
    with namespaces.inside(node.netns):
        own = socket.socket(socket.AF_INET, kind)
    with own:
        own.bind(("", CLIENT_PORT))
        if l4 is TCP:
            own.listen()
        data = came(node, "from_netdev", wire(l4=l4)).data
        assert Ether(data)[l4].sport != CLIENT_PORT
        # A pod of this node answers the client's address and not the node's: no matter.
        services.reset()
        services.add(ANY, NODE_PORT, [(POD_A, 80)], kind="node_port", protocol=NUMBER[l4])
        assert Ether(came(node, "from_netdev", wire(l4=l4)).data)[l4].sport == CLIENT_PORT


def take_every_port(node, l4, flags, used):
    """Let flows that were last used so many seconds ago have all ports that the node gives."""
    at = ago(used)
    table = nat_layout.NAT
    value = table.pack_value(
        **dict.fromkeys(("source", "destination"), "::"),
        **dict.fromkeys(("source_port", "destination_port", "reserved", "id", "slot"), 0),
        **dict.fromkeys(("acked", "unused"), 0),
        flags=flags | nat_layout.NAT_REVERSE,
        created=at,
        used=at,
    )
    ends = {"source": REMOTE_POD, "destination": NODE, "source_port": 80}
    taken = [
        table.pack_key(**ends, destination_port=port, protocol=NUMBER[l4], reserved=0)
        for port in range(1024, 30000)
    ]
    node.tables["nat"].update(dict.fromkeys(taken, value))
    return len(taken)


@pytest.mark.parametrize(
    ("l4", "flags", "used"),
    [(TCP, nat_layout.NAT_ANSWERED, 70), (TCP, nat_layout.NAT_CLOSING, 8), (UDP, 0, 50)],
    ids=["open", "closing", "UDP"],
)
def test_when_no_port_is_free_the_packet_is_dropped_and_counted(node, services, l4, flags, used):
    services.add(ANY, NODE_PORT, [(REMOTE_POD, 80)], kind="node_port", protocol=NUMBER[l4])
    taken = take_every_port(node, l4, flags, used)
    assert dropped(came(node, "from_netdev", wire(l4=l4)), "from_netdev", "nat_exhausted")
    assert len(services.flows()) == taken


@pytest.mark.parametrize(
    ("l4", "flags", "used"),
    [(TCP, nat_layout.NAT_CLOSING, 12), (UDP, 0, 70), (TCP, 0, 70)],
    ids=["closed", "UDP", "attempt"],
)
def test_a_port_of_a_flow_that_is_over_is_free(node, services, l4, flags, used):
    services.add(ANY, NODE_PORT, [(REMOTE_POD, 80)], kind="node_port", protocol=NUMBER[l4])
    take_every_port(node, l4, flags, used)
    packet = wire(l4=l4)
    data = went(came(node, "from_netdev", packet), "from_netdev", "to_network")
    assert data == onward(packet, src=NODE, dst=REMOTE_POD, dport=80), shown(data)
    back = answer(data, src_mac=WIRE_MAC, dst_mac=NODE_MAC)
    data = went(came(node, "from_netdev", back), "from_netdev", "to_network")
    assert data == onward(back, src=NODE, sport=NODE_PORT, dst=CLIENT), shown(data)


def test_the_node_gives_no_port_that_its_own_sockets_may_get(node, services):
    services.add(ANY, NODE_PORT, [(REMOTE_POD, 80)], kind="node_port")
    data = came(node, "from_netdev", wire(sport=40000)).data
    assert 1024 <= Ether(data)[TCP].sport < 30000


@OUTSIDE
def test_a_pod_that_comes_by_another_node_is_answered_by_this_one(node, services, hook):
    services.add(ANY, NODE_PORT, [(POD_A, 80)], kind="node_port")
    packet = wire(src=REMOTE_POD)
    data = went(came(node, hook, packet), hook, "to_endpoint")
    assert data == onward(packet, src=NODE, dst=POD_A, dport=80, macs=INTO_A), shown(data)


@POD
@pytest.mark.parametrize("l4", [TCP, UDP])
@pytest.mark.parametrize("backend", [POD_B, REMOTE_POD])
def test_whom_a_pod_names_itself_answers_as_himself(node, services, hook, l4, backend):
    services.add(CLUSTER_IP, 80, [(backend, 8080)], protocol=NUMBER[l4])
    came(node, hook, sent(CLUSTER_IP, 80, l4=l4))
    assert len(services.flows()) == 2
    # Later, with the same port: what a socket sends that was balanced.
    first = {"flags": "S"} if l4 is TCP else {}
    came(node, hook, sent(backend, 8080, l4=l4, **first))
    assert services.flows() == {}


@OUTSIDE
@pytest.mark.parametrize(
    ("l4", "end"),
    [
        (TCP, {"flags": nat_layout.NAT_ANSWERED | nat_layout.NAT_CLOSING}),
        (TCP, {"used": 70}),
        (UDP, {"used": 70}),
    ],
    ids=["closed", "attempt", "UDP"],
)
def test_a_client_who_is_done_reaches_the_pod_itself_by_the_same_port(
    node, services, hook, l4, end
):
    services.add(ANY, NODE_PORT, [(POD_A, 80)], kind="node_port", protocol=NUMBER[l4])
    came(node, hook, wire(l4=l4, **({"flags": "S"} if l4 is TCP else {})))
    for comes, flow in services.flows().items():
        flags = flow["flags"] | end.get("flags", 0)
        services.change_flow(comes, flags=flags, used=ago(end.get("used", 1)))
    pod = {"from_netdev": "from_container", "nodeport": "guard"}[hook]
    for asks, answers in [("S", "SA"), ("A", "A")] if l4 is TCP else [("", "")] * 2:
        flags = {"flags": asks} if asks else {}
        packet = wire(POD_A, 80, l4=l4, **flags)
        data = came(node, hook, packet).data
        assert data in (bytes(packet), onward(packet, macs=INTO_A)), shown(data)
        back = answer(bytes(packet), src_mac=MAC_A, dst_mac=GATEWAY_MAC)
        if answers:
            back[TCP].flags = answers
        data = came(node, pod, back).data
        assert data in (bytes(back), onward(back)), shown(data)
    # And the service again.
    packet = wire(l4=l4, **({"flags": "S"} if l4 is TCP else {}))
    back = answer(came(node, hook, packet).data, src_mac=MAC_A, dst_mac=GATEWAY_MAC)
    data = came(node, pod, back).data
    assert data == onward(back, src=NODE, sport=NODE_PORT), shown(data)


@OUTSIDE
@pytest.mark.parametrize(
    ("kind", "address", "frontend", "port"),
    [
        ("node_port", NODE, ANY, NODE_PORT),
        ("node_port", GATEWAY, ANY, NODE_PORT),
        ("host_port", NODE, ANY, 8080),
        ("host_port", NODE, NODE, 8080),
        ("external_ip", EXTERNAL_IP, EXTERNAL_IP, 80),
        ("load_balancer", BALANCER, BALANCER, 80),
    ],
)
def test_what_is_taken_from_outside(node, services, hook, kind, address, frontend, port):
    services.add(frontend, port, [(POD_B, 8080)], kind=kind)
    packet = wire(address, port)
    data = went(came(node, hook, packet), hook, "to_endpoint")
    assert data == onward(packet, dst=POD_B, dport=8080, macs=INTO_B), shown(data)


@OUTSIDE
def test_a_cluster_ip_is_not_reached_from_outside(node, services, hook):
    services.add(CLUSTER_IP, 80, [(POD_A, 80)])
    assert dropped(came(node, hook, wire(CLUSTER_IP, 80)), hook, "not_from_outside")


@OUTSIDE
def test_a_port_that_a_service_does_not_have(node, services, hook):
    services.add(BALANCER, 80, [(POD_A, 80)], kind="load_balancer")
    assert dropped(came(node, hook, wire(BALANCER, 81)), hook, "unknown_service_port")
    assert dropped(came(node, hook, wire(BALANCER, 80, l4=UDP)), hook, "unknown_service_port")


@OUTSIDE
def test_what_is_for_no_service_is_left_alone(node, services, hook):
    services.add(ANY, NODE_PORT, [(POD_A, 80)], kind="node_port")
    for packet in (
        wire(NODE, 22),
        wire(NODE, NODE_PORT, l4=UDP),
        wire("10.9.9.9", NODE_PORT),
        wire(PEER, NODE_PORT),
        Ether(src=WIRE_MAC, dst=NODE_MAC) / IP(src=CLIENT, dst=NODE) / ICMP(),
    ):
        outcome = came(node, hook, packet)
        assert (outcome.action, outcome.counted, outcome.data) == (NEXT, [], bytes(packet))
    assert services.flows() == {}


#: TCP that opens no connection.
MIDWAY = ("A", "PA", "SA", "FA", "R", "RA", "", "FSA")


@OUTSIDE
@pytest.mark.parametrize(
    ("kind", "frontend", "port", "backends"),
    [
        ("host_port", ANY, 22, [(POD_A, 22)]),
        ("host_port", NODE, 22, [(POD_A, 22)]),
        ("node_port", ANY, NODE_PORT, [(REMOTE_POD, 80), (BEHIND_GATEWAY, 80)]),
        ("node_port", ANY, NODE_PORT, []),
        ("external_ip", NODE, 22, [(POD_A, 22)]),
    ],
)
def test_an_open_connection_of_the_node_is_left_alone(
    node, services, hook, kind, frontend, port, backends
):
    services.add(frontend, port, backends, kind=kind)
    whole = [wire(NODE, port, flags=flags) for flags in MIDWAY]
    for packet in (*whole, *(piece for each in whole for piece in pieces(each, 24))):
        outcome = came(node, hook, packet)
        assert (outcome.action, outcome.counted, outcome.data) == (NEXT, [], bytes(packet))
    assert services.flows() == {}


@POD
@pytest.mark.parametrize("address", [NODE, PEER])
def test_a_pods_open_connection_to_a_node_is_left_alone(node, services, hook, address):
    services.add(ANY, NODE_PORT, [(POD_B, 80)], kind="node_port")
    for flags in MIDWAY:
        outcome = came(node, hook, sent(address, NODE_PORT, flags=flags))
        assert Ether(outcome.data)[IP].dst == address
        assert [verdict for _hook, verdict in outcome.counted] != ["to_endpoint"]
    assert services.flows() == {}


@pytest.mark.parametrize(
    ("hook", "address", "kind"),
    [
        *((hook, BALANCER, "load_balancer") for hook in ("from_netdev", "nodeport")),
        *((hook, EXTERNAL_IP, "external_ip") for hook in ("from_netdev", "nodeport")),
        *((hook, CLUSTER_IP, "cluster_ip") for hook in ("from_container", "guard")),
    ],
)
def test_no_flow_begins_in_the_midst_of_a_connection(node, services, hook, address, kind):
    services.add(address, 80, [(POD_B, 80)], kind=kind)
    for flags in MIDWAY:
        packet = (sent if kind == "cluster_ip" else wire)(address, 80, flags=flags)
        assert dropped(came(node, hook, packet), hook, "unknown_connection")
    assert services.flows() == {}


@OUTSIDE
def test_source_ranges_let_in_and_keep_out(node, services, hook):
    ranges = service_layout.SERVICE_SOURCE_RANGES
    first = services.add(BALANCER, 80, [(POD_A, 80)], kind="load_balancer", flags=ranges)
    second = services.add(BALANCER, 81, [(POD_A, 80)], kind="load_balancer", flags=ranges)
    services.allow(first, "203.0.113.0/28")
    services.allow(second, "198.18.0.0/15")
    went(came(node, hook, wire(BALANCER, 80)), hook, "to_endpoint")
    assert dropped(
        came(node, hook, wire(BALANCER, 80, src="203.0.113.16")), hook, "source_not_allowed"
    )
    assert dropped(came(node, hook, wire(BALANCER, 81)), hook, "source_not_allowed")


@OUTSIDE
def test_policy_local_takes_the_backends_of_this_node_alone(node, services, hook):
    local = service_layout.SERVICE_LOCAL_OUTSIDE
    everyone = [(POD_A, 80), (REMOTE_POD, 80), (BEHIND_GATEWAY, 80)]
    services.add(ANY, NODE_PORT, everyone, kind="node_port", flags=local, outside=everyone[:1])
    services.add(ANY, NODE_PORT + 1, everyone[1:], kind="node_port", flags=local, outside=[])
    for port in range(1, 20):
        packet = wire(sport=port)
        data = went(came(node, hook, packet), hook, "to_endpoint")
        assert data == onward(packet, dst=POD_A, dport=80, macs=INTO_A)
    assert dropped(came(node, hook, wire(NODE, NODE_PORT + 1)), hook, "no_local_backend")


@OUTSIDE
@pytest.mark.parametrize("l4", [TCP, UDP])
@pytest.mark.parametrize("size", [0, 1400])
def test_without_a_backend_the_sender_hears_port_unreachable(node, services, hook, l4, size):
    services.add(ANY, NODE_PORT, [], kind="node_port", protocol=NUMBER[l4])
    packet = wire(l4=l4, size=size)
    data = went(came(node, hook, packet), hook, "no_backend")
    assert data == error(packet, NODE, type_=3, code=3), shown(data)


def test_an_error_quotes_all_of_a_header_with_options(node, services):
    services.add(CLUSTER_IP, 80, [])
    packet = sent(CLUSTER_IP, 80)
    packet[IP].options = [b"\x07\x07\x04\0\0\0\0"]
    data = went(came(node, "from_container", packet), "from_container", "no_backend")
    assert data == error(packet, CLUSTER_IP, type_=3, code=3), shown(data)


@pytest.mark.parametrize("source", ["0.0.0.0", "224.0.0.1", "255.255.255.255", "127.0.0.1"])
def test_nobody_is_answered_who_cannot_have_sent_it(node, services, source):
    services.add(ANY, NODE_PORT, [], kind="node_port")
    assert dropped(came(node, "from_netdev", wire(src=source)), "from_netdev", "no_backend")


@OUTSIDE
@pytest.mark.parametrize(("flags", "offset"), [("MF", 100), (0, 100)])
def test_fragments_for_a_service_whose_first_one_was_not_seen_are_dropped(
    node, services, hook, flags, offset
):
    services.add(BALANCER, 80, [(POD_A, 80)], kind="load_balancer", protocol=maps_of.UDP)
    packet = wire(BALANCER, 80, l4=UDP)
    packet[IP].flags, packet[IP].frag = flags, offset
    assert dropped(came(node, hook, packet), hook, "unknown_fragment")
    # What is in no relation to services is not looked at twice.
    packet = wire(NODE, 53, l4=UDP)
    packet[IP].flags, packet[IP].frag = flags, offset
    assert (came(node, hook, packet).action, services.flows()) == (NEXT, {})


@OUTSIDE
def test_fragments_for_a_service_go_where_the_first_one_went(node, services, hook):
    pods = [(POD_A, 80), (POD_B, 80)]
    services.add(BALANCER, 80, pods, kind="load_balancer", protocol=maps_of.UDP)
    for number in range(1, 9):
        whole = wire(BALANCER, 80, l4=UDP, sport=number, size=1200)
        whole[IP].id = number
        sent = [went(came(node, hook, piece), hook, "to_endpoint") for piece in pieces(whole)]
        backend = Ether(sent[0])[IP].dst
        macs = {POD_A: INTO_A, POD_B: INTO_B}[backend]
        expected = pieces(Ether(onward(whole, dst=backend, dport=80, macs=macs)))
        assert sent == [bytes(piece) for piece in expected]
    # A fragment begins nothing, though its first one was seen.
    node.tables["nat"].delete(list(node.tables["nat"].items()))
    assert dropped(came(node, hook, pieces(whole)[1]), hook, "unknown_fragment")


@POD
def test_fragments_of_an_answer_follow_the_first_one(node, services, hook):
    services.add(CLUSTER_IP, 80, [(POD_B, 8080)], protocol=maps_of.UDP)
    data = came(node, hook, sent(CLUSTER_IP, 80, l4=UDP)).data
    back = answer(data, src_mac=MAC_B, dst_mac=GATEWAY_MAC, size=1200)
    got = [
        went(came(node, hook, piece, device="pod_b"), hook, "to_endpoint") for piece in pieces(back)
    ]
    expected = pieces(Ether(onward(back, src=CLUSTER_IP, sport=80, macs=INTO_A)))
    assert got == [bytes(piece) for piece in expected]


@OUTSIDE
def test_nobody_hears_of_a_fragment_but_the_first(node, services, hook):
    services.add(BALANCER, 80, [(POD_A, 80)], kind="load_balancer", protocol=maps_of.UDP)
    first, later = pieces(wire(BALANCER, 80, l4=UDP, size=700))
    went(came(node, hook, first), hook, "to_endpoint")
    later[IP].ttl = 1
    assert dropped(came(node, hook, later), hook, "ttl_exceeded")
    first[IP].ttl = 1
    went(came(node, hook, first), hook, "ttl_exceeded")


@OUTSIDE
def test_a_process_of_the_node_itself_is_a_backend(node, services, hook):
    services.add(ANY, NODE_PORT, [(NODE, 9100)], kind="node_port")
    assert came(node, "to_netdev", wire(CLIENT, 1, src=NODE, sport=9100)).counted == []
    packet = wire()
    outcome = came(node, hook, packet)
    assert (outcome.action, outcome.counted) == (NEXT, [(hook, "to_stack")])
    assert outcome.data == onward(packet, dport=9100, hop=False), shown(outcome.data)
    assert (services.noted("host_flows"), services.noted("pod_flows")) == (1, 0)

    back = answer(outcome.data, src_mac=NODE_MAC, dst_mac=WIRE_MAC)
    outcome = came(node, "to_netdev", back)
    assert (outcome.action, outcome.counted) == (NEXT, [("to_netdev", "to_network")])
    assert outcome.data == onward(back, sport=NODE_PORT, hop=False), shown(outcome.data)
    # Of what else the node sends, nothing is touched.
    other = wire(CLIENT, CLIENT_PORT, src=NODE, sport=22)
    outcome = came(node, "to_netdev", other)
    assert (outcome.action, outcome.counted, outcome.data) == (NEXT, [], bytes(other))


@POD
@pytest.mark.parametrize("l4", [TCP, UDP])
def test_a_pods_raw_packet_reaches_a_pod_of_its_node(node, services, hook, l4):
    services.add(CLUSTER_IP, 80, [(POD_B, 8080)], protocol=NUMBER[l4])
    packet = sent(CLUSTER_IP, 80, l4=l4)
    data = went(came(node, hook, packet), hook, "to_endpoint")
    assert data == onward(packet, dst=POD_B, dport=8080, macs=INTO_B), shown(data)
    assert (services.noted("host_flows"), services.noted("pod_flows")) == (0, 1)

    back = answer(data, src_mac=MAC_B, dst_mac=GATEWAY_MAC)
    data = went(came(node, hook, back, device="pod_b"), hook, "to_endpoint")
    assert data == onward(back, src=CLUSTER_IP, sport=80, macs=INTO_A), shown(data)


@POD
@pytest.mark.parametrize(
    ("backend", "how", "macs", "reply"),
    [
        (REMOTE_POD, "to_network", None, {"from_container": "from_netdev", "guard": "nodeport"}),
        (
            TUNNELED_POD,
            "to_overlay",
            (GATEWAY_MAC, PEER_VTEP_MAC),
            {"from_container": "from_overlay", "guard": "nodeport"},
        ),
    ],
)
def test_a_pods_raw_packet_reaches_a_pod_elsewhere(node, services, hook, backend, how, macs, reply):
    services.add(CLUSTER_IP, 80, [(backend, 8080)])
    packet = sent(CLUSTER_IP, 80)
    data = went(came(node, hook, packet), hook, how)
    assert data == onward(packet, dst=backend, dport=8080, macs=macs), shown(data)

    back = answer(data, src_mac=WIRE_MAC, dst_mac=NODE_MAC)
    enters = reply[hook]
    options = {"device": "pn_vxlan", "tunnel": (VNI, PEER_VTEP)} if how == "to_overlay" else {}
    data = went(came(node, enters, back, **options), enters, "to_endpoint")
    assert data == onward(back, src=CLUSTER_IP, sport=80, macs=INTO_A), shown(data)


@pytest.mark.parametrize("client", ["from_container", "guard", "from_netdev", "nodeport"])
@pytest.mark.parametrize(("backend", "prohibited"), [(PEER, True), (NODE, True), (POD_B, False)])
def test_no_service_leads_to_the_tunnel_of_a_node(node, services, client, backend, prohibited):
    port = {"kind": "node_port", "protocol": maps_of.UDP}
    services.add(ANY, NODE_PORT, [(backend, TUNNEL_PORT)], **port)
    packet = (
        sent(NODE, NODE_PORT, l4=UDP) if client in ("from_container", "guard") else wire(l4=UDP)
    )
    outcome = came(node, client, packet)
    expected = (DROP, "encapsulation_prohibited") if prohibited else (REDIRECT, "to_endpoint")
    assert (outcome.action, outcome.counted) == (expected[0], [(client, expected[1])])


@POD
def test_a_pod_reaches_itself_through_its_service(node, services, hook):
    services.add(CLUSTER_IP, 80, [(POD_A, 8080)])
    packet = sent(CLUSTER_IP, 80)
    data = went(came(node, hook, packet), hook, "to_endpoint")
    assert data == onward(packet, src=GATEWAY, dst=POD_A, dport=8080, macs=INTO_A), shown(data)
    back = answer(data, src_mac=MAC_A, dst_mac=GATEWAY_MAC)
    data = went(came(node, hook, back), hook, "to_endpoint")
    assert data == onward(
        back, src=CLUSTER_IP, sport=80, dst=POD_A, dport=CLIENT_PORT, macs=INTO_A
    ), shown(data)


def test_a_pod_reaches_a_process_of_its_node(node, services):
    services.add(CLUSTER_IP, 80, [(NODE, 9100)])
    packet = sent(CLUSTER_IP, 80)
    data = went(came(node, "from_container", packet), "from_container", "to_stack")
    macs = (MAC_A, GATEWAY_MAC)
    assert data == onward(packet, dst=NODE, dport=9100, macs=macs, hop=False), shown(data)
    back = answer(data, src_mac=GATEWAY_MAC, dst_mac=GATEWAY_MAC)
    data = went(came(node, "from_host", back), "from_host", "to_endpoint")
    assert data == onward(back, src=CLUSTER_IP, sport=80, macs=INTO_A, hop=False), shown(data)


def test_where_no_program_sees_the_answers_the_nodes_own_process_is_no_backend(node, services):
    services.add(CLUSTER_IP, 80, [(NODE, 9100)])
    assert dropped(came(node, "guard", sent(CLUSTER_IP, 80)), "guard", "host_backend")
    assert (services.flows(), services.noted("pod_flows")) == ({}, 0)


@POD
def test_a_pod_hears_port_unreachable_of_the_service(node, services, hook):
    services.add(CLUSTER_IP, 80, [])
    packet = sent(CLUSTER_IP, 80)
    data = went(came(node, hook, packet), hook, "no_backend")
    assert data == error(packet, CLUSTER_IP, type_=3, code=3), shown(data)


@POD
def test_a_pod_reaches_node_ports_of_every_node(node, services, hook):
    services.add(ANY, NODE_PORT, [(POD_B, 80)], kind="node_port")
    services.add(ANY, 8080, [(POD_B, 80)], kind="host_port")
    for address, port in ((NODE, NODE_PORT), (PEER, NODE_PORT), (NODE, 8080)):
        packet = sent(address, port)
        data = went(came(node, hook, packet), hook, "to_endpoint")
        assert Ether(data)[IP].dst == POD_B
    untouched = sent(PEER, 8080)
    assert Ether(came(node, hook, untouched).data)[IP].dst == PEER


@POD
def test_an_address_elsewhere_is_not_hijacked(node, services, hook):
    """CVE-2020-8554: who writes an external IP into a service must not get its packets."""
    services.add(EXTERNAL_IP, 80, [(POD_B, 80)], kind="external_ip")
    services.add(GATEWAY, 80, [(POD_B, 80)], kind="external_ip")
    for port in (80, 81):
        outcome = came(node, hook, sent(EXTERNAL_IP, port))
        assert Ether(outcome.data)[IP].dst == EXTERNAL_IP
        assert "unknown_service_port" not in str(outcome.counted)
        assert services.flows() == {}
    assert Ether(came(node, hook, sent(GATEWAY, 80)).data)[IP].dst == POD_B


@POD
def test_pods_are_balanced_to_nowhere_but_services(node, services, hook):
    services.add(CLUSTER_IP, 80, [(POD_B, 80)])
    assert dropped(came(node, hook, sent(CLUSTER_IP, 81)), hook, "unknown_service_port")
    for packet in (sent(POD_B, 80), sent(REMOTE_POD, 80), sent(CLIENT, 80)):
        assert Ether(came(node, hook, packet).data)[IP].dst == packet[IP].dst
    assert services.flows() == {}


def test_backends_are_chosen_at_random_and_all_of_them(node, services):
    pods = [(POD_A, 80), (POD_B, 80), (REMOTE_POD, 80), (BEHIND_GATEWAY, 80)]
    services.add(ANY, NODE_PORT, pods, kind="node_port")
    counts = dict.fromkeys((address for address, _port in pods), 0)
    for port in range(10000, 10400):
        counts[Ether(came(node, "from_netdev", wire(sport=port)).data)[IP].dst] += 1
    # Chi square of 4 backends: more than 22.5 comes once in 20,000 fair draws.
    assert sum((count - 100) ** 2 / 100 for count in counts.values()) < 22.5, counts


@OUTSIDE
def test_a_terminating_backend_keeps_its_flow_and_gets_no_new_one(node, services, hook):
    services.add(ANY, NODE_PORT, [(POD_A, 80)], kind="node_port")
    came(node, hook, wire(flags="S"))
    services.add(ANY, NODE_PORT, [(POD_B, 80), (POD_A, 80)], kind="node_port", active=1)
    assert Ether(came(node, hook, wire(flags="A")).data)[IP].dst == POD_A
    for port in range(1, 20):
        assert Ether(came(node, hook, wire(sport=port, flags="S")).data)[IP].dst == POD_B
    # Its port once more, for a new connection.
    assert Ether(came(node, hook, wire(flags="S")).data)[IP].dst == POD_B
    assert Ether(came(node, hook, wire(flags="A")).data)[IP].dst == POD_B


@OUTSIDE
def test_the_same_syn_once_more_goes_to_the_same_backend(node, services, hook):
    services.add(ANY, NODE_PORT, [(POD_A, 80), (POD_B, 80)], kind="node_port")
    first = Ether(came(node, hook, wire(flags="S")).data)[IP].dst
    for _packet in range(16):
        assert Ether(came(node, hook, wire(flags="S")).data)[IP].dst == first


@OUTSIDE
@pytest.mark.parametrize("flags", ["FA", "R"])
@pytest.mark.parametrize("closed_by", ["client", "server"])
def test_a_syn_on_a_closing_flow_selects_anew(node, services, hook, flags, closed_by):
    services.add(ANY, NODE_PORT, [(POD_A, 80), (POD_B, 80)], kind="node_port")
    seen = set()
    for _connection in range(24):
        data = came(node, hook, wire(flags="S")).data
        backend = Ether(data)[IP].dst
        seen.add(backend)
        mac, device = {POD_A: (MAC_A, "pod_a"), POD_B: (MAC_B, "pod_b")}[backend]
        back = answer(data, src_mac=mac, dst_mac=GATEWAY_MAC)
        back[TCP].flags = flags
        ends = {
            "client": (hook, wire(flags=flags), "eth0"),
            "server": ("from_container", back, device),
        }
        closing = nat_layout.NAT_CLOSING
        # A reset by either end closes a connection; else both ends have to.
        last = {"client": "server", "server": "client"}[closed_by]
        for end in (closed_by,) if flags == "R" else (closed_by, last):
            assert not any(flow["flags"] & closing for flow in services.flows().values())
            program, packet, at = ends[end]
            came(node, program, packet, device=at)
        assert all(flow["flags"] & closing for flow in services.flows().values())
    assert seen == {POD_A, POD_B}
    assert len(services.flows()) == 2


@OUTSIDE
def test_maglev_takes_the_position_of_the_table(node, services, hook):
    maglev = service_layout.SERVICE_MAGLEV
    pods = [(POD_A, 80), (POD_B, 80), (REMOTE_POD, 80)]
    frontend = services.add(ANY, NODE_PORT, pods, kind="node_port", flags=maglev)
    positions = service_layout.MAGLEV_POSITIONS
    for position, (address, _port) in enumerate(pods):
        services.set_table(frontend, [position] * positions)
        for port in range(position * 100 + 1, position * 100 + 20):
            assert Ether(came(node, hook, wire(sport=port)).data)[IP].dst == address
    # The client's end decides, whichever address was asked: here, and on every other node.
    services.set_table(frontend, [number % 3 for number in range(positions)])
    other = services.add(BALANCER, 80, pods, kind="load_balancer", flags=maglev)
    services.set_table(other, [number % 3 for number in range(positions)])
    found = set()
    for port in range(1000, 1040):
        backend = Ether(came(node, hook, wire(sport=port)).data)[IP].dst
        assert Ether(came(node, hook, wire(BALANCER, 80, sport=port)).data)[IP].dst == backend
        found.add(backend)
    assert len(found) == 3


@OUTSIDE
def test_a_table_that_names_a_backend_that_is_gone_does_no_harm(node, services, hook):
    maglev = service_layout.SERVICE_MAGLEV
    frontend = services.add(ANY, NODE_PORT, [(POD_A, 80)], kind="node_port", flags=maglev)
    services.set_table(frontend, [7] * service_layout.MAGLEV_POSITIONS)
    assert Ether(came(node, hook, wire()).data)[IP].dst == POD_A


@OUTSIDE
def test_a_client_with_affinity_keeps_its_backend_until_it_is_idle_for_too_long(
    node, services, hook
):
    pods = [(POD_A, 80), (POD_B, 80), (REMOTE_POD, 80), (BEHIND_GATEWAY, 80)]
    services.add(ANY, NODE_PORT, pods, kind="node_port", affinity=100)
    first = Ether(came(node, hook, wire(sport=1)).data)[IP].dst
    for port in range(2, 30):
        assert Ether(came(node, hook, wire(sport=port)).data)[IP].dst == first
    # Another client is another draw.
    others = {
        Ether(came(node, hook, wire(src=f"203.0.113.{n}")).data)[IP].dst for n in range(30, 90)
    }
    assert others == {address for address, _port in pods}
    # It was last seen 100 seconds ago.
    table = node.tables["affinity"]
    seen = set()
    for port in range(100, 160):
        table.update(
            {
                key: service_layout.AFFINITY.pack_value(
                    **service_layout.AFFINITY.unpack_value(value) | {"used": 1}
                )
                for key, value in table.items().items()
            }
        )
        seen.add(Ether(came(node, hook, wire(sport=port)).data)[IP].dst)
    assert len(seen) > 1


@OUTSIDE
def test_affinity_to_a_backend_that_is_gone_does_not_stick(node, services, hook):
    kept = {"kind": "node_port", "affinity": 100}
    number = services.add(ANY, NODE_PORT, [(POD_A, 80)], **kept)
    assert Ether(came(node, hook, wire(sport=1)).data)[IP].dst == POD_A
    services.add(ANY, NODE_PORT, [(POD_B, 80)], number=number, **kept)
    assert Ether(came(node, hook, wire(sport=2)).data)[IP].dst == POD_B


#: In the order of slots, what stands before (POD_A, 80) and what stands behind it: by another
#: address, port or family.
BEFORE = [*(("9.9.9.9", port) for port in range(1, 901)), *((POD_A, port) for port in range(1, 80))]
BEHIND = [
    *((POD_A, port) for port in range(81, 160)),
    *(("fd00::9", port) for port in range(1, 901)),
]


@OUTSIDE
@pytest.mark.parametrize(
    ("before", "behind"), [(0, 1), (1, 0), (1, 1), (2, 3), (900, 70), (len(BEFORE), len(BEHIND))]
)
def test_a_client_with_affinity_finds_its_backend_among_many_others(
    node, services, hook, before, behind
):
    kept = {"kind": "node_port", "affinity": 100}
    number = services.add(ANY, NODE_PORT, [(POD_A, 80)], **kept)
    assert Ether(came(node, hook, wire(sport=1)).data)[IP].dst == POD_A
    many = [*BEFORE[len(BEFORE) - before :], (POD_A, 80), *BEHIND[:behind]]
    services.add(ANY, NODE_PORT, many, number=number, **kept)
    for port in range(2, 12):
        came_out = Ether(came(node, hook, wire(sport=port)).data)
        assert (came_out[IP].dst, came_out[TCP].dport) == (POD_A, 80)


@pytest.mark.parametrize("half", ["there", "back"])
def test_a_lost_half_of_a_flow_is_made_again(node, services, half):
    services.add(ANY, NODE_PORT, [(REMOTE_POD, 80), (BEHIND_GATEWAY, 80)], kind="node_port")
    packet = wire()
    data = came(node, "from_netdev", packet).data
    before = services.flows()
    comes = (f"{CLIENT}:{CLIENT_PORT}", f"{NODE}:{NODE_PORT}")
    goes = before[comes]["goes"]
    back = (goes[1], goes[0])
    lost, other = (comes, back) if half == "there" else (back, comes)
    services.change_flow(lost)
    services.change_flow(other, used=ago(2))
    reply = answer(data, src_mac=WIRE_MAC, dst_mac=NODE_MAC)
    came(node, "from_netdev", reply if half == "there" else packet)
    after = services.flows()
    assert {key: flow["goes"] for key, flow in after.items()} == {
        key: flow["goes"] for key, flow in before.items()
    }
    # What its answer acknowledges nobody knows now: the next one tells.
    assert {key: flow["flags"] for key, flow in after.items()} == {
        key: flow["flags"] for key, flow in before.items()
    }


def test_a_forgotten_flow_is_the_same_again_where_its_answers_are_known(node, services):
    services.add(ANY, NODE_PORT, [(REMOTE_POD, 80)], kind="node_port")
    came(node, "from_netdev", wire())
    before = services.flows()
    services.change_flow((f"{CLIENT}:{CLIENT_PORT}", f"{NODE}:{NODE_PORT}"))
    assert Ether(came(node, "from_netdev", wire(flags="A")).data)[TCP].sport == CLIENT_PORT
    assert services.flows().keys() == before.keys()


def test_a_flow_in_use_is_noted_about_once_a_second(node, services):
    services.add(ANY, NODE_PORT, [(POD_A, 80)], kind="node_port")
    came(node, "from_netdev", wire())
    comes = (f"{CLIENT}:{CLIENT_PORT}", f"{NODE}:{NODE_PORT}")
    first = services.flows()[comes]["used"]
    assert first > 0

    def used_again() -> tuple[int, int]:
        half = ago(0.5)
        services.change_flow(comes, used=half)
        came(node, "from_netdev", wire())
        return half, services.flows()[comes]["used"]

    half, noted = within(0.4, used_again)
    assert noted == half
    services.change_flow(comes, used=ago(2))
    came(node, "from_netdev", wire())
    flows = services.flows()
    assert all(flow["used"] >= first for flow in flows.values())
    assert len({flow["used"] for flow in flows.values()}) == 1


@OUTSIDE
def test_a_udp_checksum_of_0_stays(node, services, hook):
    services.add(ANY, NODE_PORT, [(POD_A, 80)], kind="node_port", protocol=maps_of.UDP)
    packet = wire(l4=UDP, chksum=0)
    data = went(came(node, hook, packet), hook, "to_endpoint")
    assert data == onward(packet, dst=POD_A, dport=80, macs=INTO_A), shown(data)
    assert Ether(data)[UDP].chksum == 0


def test_a_udp_checksum_that_comes_to_0_is_written_as_all_ones(node, services):
    services.add(ANY, NODE_PORT, [(POD_A, 80)], kind="node_port", protocol=maps_of.UDP)
    packet = wire(l4=UDP, size=0)
    # Data that makes the sum over the translated packet come out as 0.
    bare = Ether(onward(wire(l4=UDP, size=2), dst=POD_A, dport=80))
    packet = wire(l4=UDP, size=0) / Raw(bare[UDP].chksum.to_bytes(2, "big"))
    data = went(came(node, "from_netdev", packet), "from_netdev", "to_endpoint")
    assert Ether(data)[UDP].chksum == 0xFFFF
    assert data == onward(packet, dst=POD_A, dport=80, macs=INTO_A), shown(data)


@OUTSIDE
@pytest.mark.parametrize("backend", [POD_A, REMOTE_POD, TUNNELED_POD, BEHIND_GATEWAY])
def test_the_last_hop_is_answered_with_time_exceeded(node, services, hook, backend):
    services.add(ANY, NODE_PORT, [(backend, 80)], kind="node_port")
    packet = wire(ttl=1)
    data = went(came(node, hook, packet), hook, "ttl_exceeded")
    assert data == error(packet, NODE, type_=11), shown(data)


@OUTSIDE
@pytest.mark.parametrize(
    ("backend", "mtu"),
    [(POD_A, 1500), (REMOTE_POD, 1450), (TUNNELED_POD, 1400), (BEHIND_GATEWAY, 1400)],
)
def test_what_is_too_large_for_its_way_is_answered_with_the_mtu(node, services, hook, backend, mtu):
    services.add(BALANCER, 80, [(backend, 80)], kind="load_balancer")
    packet = wire(BALANCER, 80, size=mtu - 40 + 1)
    packet[IP].flags = "DF"
    data = went(came(node, hook, packet), hook, "too_big")
    assert data == error(packet, NODE, type_=3, code=4, mtu=mtu), shown(data)
    fits = came(node, hook, wire(BALANCER, 80, size=mtu - 40))
    assert Ether(fits.data)[IP].dst == backend
    # Many segments in one packet are as large as a segment.
    many = came(node, hook, wire(BALANCER, 80, size=2 * (mtu - 40)), gso_size=mtu - 40)
    assert Ether(many.data)[IP].dst == backend


@OUTSIDE
@pytest.mark.parametrize("l4", [TCP, UDP])
@pytest.mark.parametrize(
    ("backend", "mtu"),
    [(POD_A, 1500), (REMOTE_POD, 1450), (TUNNELED_POD, 1400), (BEHIND_GATEWAY, 1400)],
)
def test_what_may_be_cut_goes_on_by_the_stack(node, services, hook, backend, mtu, l4):
    number = {TCP: maps_of.TCP, UDP: maps_of.UDP}[l4]
    services.add(BALANCER, 80, [(backend, 8080)], kind="load_balancer", protocol=number)
    packet = wire(BALANCER, 80, size=mtu, l4=l4)
    outcome = came(node, hook, packet)
    data = went(outcome, hook, "to_stack")
    source = {} if backend == POD_A else {"src": NODE}
    macs = (WIRE_MAC, GATEWAY_MAC)
    expected = onward(packet, dst=backend, dport=8080, macs=macs, hop=False, **source)
    assert (data, outcome.settled) == (expected, True), shown(data)


@POD
def test_a_pod_hears_of_these_from_its_gateway(node, services, hook):
    services.add(CLUSTER_IP, 80, [(REMOTE_POD, 80)])
    packet = sent(CLUSTER_IP, 80, ttl=1)
    data = went(came(node, hook, packet), hook, "ttl_exceeded")
    assert data == error(packet, GATEWAY, type_=11), shown(data)
    packet = sent(CLUSTER_IP, 80, size=1411)
    packet[IP].flags = "DF"
    data = went(came(node, hook, packet), hook, "too_big")
    assert data == error(packet, GATEWAY, type_=3, code=4, mtu=1450), shown(data)


@OUTSIDE
@pytest.mark.parametrize(
    ("backend", "reason"),
    [
        ("198.51.100.1", "blackhole_route"),
        ("192.0.2.1", "fib_failed"),
        ("10.111.160.77", "no_endpoint"),
    ],
)
def test_a_backend_to_which_there_is_no_way(node, services, hook, backend, reason):
    services.add(ANY, NODE_PORT, [(backend, 80)], kind="node_port")
    assert dropped(came(node, hook, wire()), hook, reason)


@pytest.mark.parametrize("hook", ["from_netdev", "nodeport", "from_container", "guard"])
def test_a_header_cut_short_is_malformed(node, services, hook):
    services.add(CLUSTER_IP, 80, [(POD_B, 80)])
    packet = sent(CLUSTER_IP, 80, size=0) if hook in ("from_container", "guard") else wire(size=0)
    packet[IP].len = 30
    assert dropped(came(node, hook, bytes(packet)[:44]), hook, "malformed")


def test_without_services_nothing_is_looked_for(node, services):
    services.add(ANY, NODE_PORT, [(POD_A, 80)], kind="node_port")
    services.set_state(frontends=0)
    packet = wire()
    for hook in ("from_netdev", "nodeport", "to_netdev"):
        outcome = came(node, hook, packet)
        assert (outcome.action, outcome.counted, outcome.data) == (NEXT, [], bytes(packet))
    assert came(node, "guard", sent(CLUSTER_IP, 80)).counted == [("guard", "to_stack")]
    assert services.flows() == {}


ROUTER = "10.111.0.1"


def told(
    src: str,
    dst: str,
    about: Packet,
    *,
    quoted: int = 28,
    macs: tuple[str, str] = (WIRE_MAC, NODE_MAC),
) -> Packet:
    """An ICMP error: fragmentation needed, with so many bytes of what it is about."""
    frame = Ether(src=macs[0], dst=macs[1]) / IP(src=src, dst=dst)
    return frame / ICMP(type=3, code=4, nexthopmtu=1400) / Raw(bytes(about)[:quoted])


def quote(src: str, sport: int, dst: str, dport: int, l4: type[Packet] = TCP) -> Packet:
    """What an error is about."""
    return IP(src=src, dst=dst, ttl=57) / l4(sport=sport, dport=dport) / Raw(bytes(100))


QUOTED = pytest.mark.parametrize(
    ("l4", "quoted"), [(TCP, 28), (TCP, 40), (TCP, 80), (UDP, 28), (UDP, 80)]
)


@OUTSIDE
@QUOTED
def test_an_error_about_a_pods_answer_reaches_the_pod(node, services, hook, l4, quoted):
    services.add(ANY, NODE_PORT, [(POD_A, 80)], kind="node_port", protocol=NUMBER[l4])
    came(node, hook, wire(l4=l4))
    about = quote(NODE, NODE_PORT, CLIENT, CLIENT_PORT, l4)
    data = went(came(node, hook, told(ROUTER, NODE, about, quoted=quoted)), hook, "to_endpoint")
    about = quote(POD_A, 80, CLIENT, CLIENT_PORT, l4)
    expected = told(ROUTER, POD_A, about, quoted=quoted, macs=INTO_A)
    expected[IP].ttl -= 1
    assert data == bytes(expected), shown(data)


@POD
@QUOTED
def test_a_pods_error_reaches_the_client_as_the_nodes(node, services, hook, l4, quoted):
    services.add(ANY, NODE_PORT, [(POD_A, 80)], kind="node_port", protocol=NUMBER[l4])
    came(node, "from_netdev", wire(l4=l4))
    about = quote(CLIENT, CLIENT_PORT, POD_A, 80, l4)
    packet = told(POD_A, CLIENT, about, quoted=quoted, macs=(MAC_A, GATEWAY_MAC))
    data = went(came(node, hook, packet), hook, "to_network")
    about = quote(CLIENT, CLIENT_PORT, NODE, NODE_PORT, l4)
    expected = told(NODE, CLIENT, about, quoted=quoted, macs=(MAC_A, GATEWAY_MAC))
    expected[IP].ttl -= 1
    assert data == bytes(expected), shown(data)


@OUTSIDE
@QUOTED
def test_an_error_on_the_way_to_a_remote_backend_reaches_the_client(
    node, services, hook, l4, quoted
):
    services.add(ANY, NODE_PORT, [(REMOTE_POD, 80)], kind="node_port", protocol=NUMBER[l4])
    came(node, hook, wire(l4=l4))
    about = quote(NODE, CLIENT_PORT, REMOTE_POD, 80, l4)
    data = went(came(node, hook, told(ROUTER, NODE, about, quoted=quoted)), hook, "to_network")
    about = quote(CLIENT, CLIENT_PORT, NODE, NODE_PORT, l4)
    expected = told(NODE, CLIENT, about, quoted=quoted)
    expected[IP].ttl -= 1
    assert data == bytes(expected), shown(data)


@OUTSIDE
@QUOTED
def test_an_error_about_a_pods_raw_packet_reaches_the_pod(node, services, hook, l4, quoted):
    services.add(CLUSTER_IP, 80, [(REMOTE_POD, 8080)], protocol=NUMBER[l4])
    came(node, "from_container", sent(CLUSTER_IP, 80, l4=l4))
    about = quote(POD_A, CLIENT_PORT, REMOTE_POD, 8080, l4)
    packet = told(ROUTER, POD_A, about, quoted=quoted)
    data = went(came(node, hook, packet), hook, "to_endpoint")
    about = quote(POD_A, CLIENT_PORT, CLUSTER_IP, 80, l4)
    expected = told(CLUSTER_IP, POD_A, about, quoted=quoted, macs=INTO_A)
    expected[IP].ttl -= 1
    assert data == bytes(expected), shown(data)


@OUTSIDE
def test_other_icmp_is_left_alone(node, services, hook):
    services.add(ANY, NODE_PORT, [(POD_A, 80)], kind="node_port")
    came(node, hook, wire())
    about = quote(NODE, NODE_PORT, CLIENT, CLIENT_PORT)
    frame = Ether(src=WIRE_MAC, dst=NODE_MAC)
    for packet in (
        told(ROUTER, NODE, quote(NODE, 22, CLIENT, CLIENT_PORT)),
        told(ROUTER, NODE, quote(NODE, NODE_PORT, CLIENT, CLIENT_PORT, UDP)),
        # About a packet that the receiver cannot have sent.
        told(ROUTER, GATEWAY, about),
        frame / IP(src=CLIENT, dst=NODE) / ICMP(),
        frame / IP(src=CLIENT, dst=NODE) / ICMP(type=8) / Raw(bytes(about)),
        frame / IP(src=CLIENT, dst=NODE, frag=100) / ICMP(type=3) / Raw(bytes(about)),
    ):
        outcome = came(node, hook, packet)
        assert (outcome.action, outcome.counted, outcome.data) == (NEXT, [], bytes(packet))


def test_an_error_is_not_answered_with_an_error(node, services):
    services.add(ANY, NODE_PORT, [(POD_A, 80)], kind="node_port")
    came(node, "from_netdev", wire())
    packet = told(ROUTER, NODE, quote(NODE, NODE_PORT, CLIENT, CLIENT_PORT))
    packet[IP].ttl = 1
    assert dropped(came(node, "from_netdev", packet), "from_netdev", "ttl_exceeded")


def test_an_error_cut_short_is_malformed(node, services):
    services.add(ANY, NODE_PORT, [(POD_A, 80)], kind="node_port")
    packet = told(ROUTER, NODE, quote(NODE, NODE_PORT, CLIENT, CLIENT_PORT), quoted=24)
    assert dropped(came(node, "from_netdev", packet), "from_netdev", "malformed")
