"""Masquerading, and the way back: packets in, packets out, whole packets compared."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import (
    clock,
    layout,
    nat_layout,
)
from ansible_collections.podnet.fabric.plugins.module_utils.engine import namespaces
from scapy.all import GRE, ICMP, IP, SCTP, TCP, UDP, Ether, Raw

from tests.clock import ago, within

from .masquerade import (
    INTO_A,
    INTO_B,
    LINK_LOCAL,
    LISTED,
    NATIVE,
    NEXT,
    NODE_MAC,
    NUMBER,
    OUTSIDE,
    POD_PORT,
    PORT,
    REDIRECT,
    WIRE_MAC,
    Masquerade,
    answering,
    back,
    begins,
    calling,
    changed,
    delivered,
    dropped,
    leaving,
    masqueraded,
    out,
    pieces,
    port_of,
    shown,
    told,
    untouched,
)
from .node import (
    GATEWAY,
    GATEWAY_MAC,
    MAC_A,
    NODE,
    PEER,
    POD_A,
    POD_B,
    load,
    numbered,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .node import Node

REMOTE_POD, TUNNELED_POD, BEHIND_GATEWAY = "10.111.160.130", "10.111.162.5", "10.111.161.5"
SECOND, ROUTER = "10.222.0.20", "198.18.0.1"
CLUSTER_IP, NODE_PORT = "10.10.252.131", 31000
REVERSE, CLOSING = nat_layout.NAT_REVERSE, nat_layout.NAT_CLOSING
ANSWERED = nat_layout.NAT_ANSWERED
MASQUERADED, INBOUND, HOST = (
    nat_layout.NAT_MASQUERADE,
    nat_layout.NAT_INBOUND,
    nat_layout.NAT_HOST,
)
EVERY = pytest.mark.parametrize("l4", [TCP, UDP, ICMP], ids=["TCP", "UDP", "ICMP"])
#: Where answers come in: eBPF and classic datapaths.
INGRESS = pytest.mark.parametrize("hook", ["from_netdev", "nodeport"])


# There and back


@INGRESS
@EVERY
def test_a_pod_goes_out_as_the_node_and_gets_its_answer(node, masquerade, hook, l4):
    packet = leaving(l4=l4, **begins(l4))
    data = masqueraded(out(node, packet))
    assert data == changed(packet, src=NODE), shown(data)

    answer = answering(data)
    data = delivered(back(node, answer, hook), hook)
    assert data == changed(answer, dst=POD_A, macs=INTO_A, hop=True), shown(data)
    # And what comes after that, in either direction.
    if l4 is TCP:
        packet = leaving(flags="A")
        assert masqueraded(out(node, packet)) == changed(packet, src=NODE)
        answer = answering(changed(packet, src=NODE), flags="PA", size=1200)
        data = delivered(back(node, answer, hook), hook)
        assert data == changed(answer, dst=POD_A, macs=INTO_A, hop=True), shown(data)


@INGRESS
@EVERY
@pytest.mark.parametrize("size", [0, 1, 1400])
def test_a_port_that_another_pod_has_is_changed(node, masquerade, hook, l4, size):
    first = leaving(l4=l4, **begins(l4))
    assert port_of(masqueraded(out(node, first))) == POD_PORT
    packet = leaving(l4=l4, src=POD_B, size=size, **begins(l4))
    data = masqueraded(out(node, packet))
    port = port_of(data)
    assert port != POD_PORT
    assert 1024 <= port < 30000
    assert data == changed(packet, src=NODE, sport=port), shown(data)
    answer = answering(data, size=size)
    data = delivered(back(node, answer, hook), hook)
    assert data == changed(answer, dst=POD_B, dport=POD_PORT, macs=INTO_B, hop=True), shown(data)
    # The first one's is as it was.
    answer = answering(changed(first, src=NODE))
    assert Ether(delivered(back(node, answer, hook), hook))[IP].dst == POD_A


@EVERY
def test_the_same_port_to_another_destination_is_kept(node, masquerade, l4):
    out(node, leaving(l4=l4, **begins(l4)))
    for packet in (
        leaving("203.0.113.11", l4, src=POD_B, **begins(l4)),
        *([leaving(l4=l4, src=POD_B, dport=444, **begins(l4))] if l4 is not ICMP else []),
    ):
        assert masqueraded(out(node, packet)) == changed(packet, src=NODE)


@pytest.mark.parametrize("port", [POD_PORT, 1024, 29996, 32768, 65532])
@pytest.mark.parametrize("l4", [TCP, UDP])
def test_a_port_is_kept_where_it_may_be(node, masquerade, l4, port):
    packet = leaving(l4=l4, sport=port, **begins(l4))
    assert masqueraded(out(node, packet)) == changed(packet, src=NODE)


@pytest.mark.parametrize(("port", "given"), [(29997, 29992), (29999, 29994), (65534, 65529)])
@EVERY
def test_a_port_of_somebody_elses_share_is_changed_to_one_near_it(
    node, masquerade, l4, port, given
):
    packet = leaving(l4=l4, sport=port, **begins(l4))
    data = masqueraded(out(node, packet))
    assert data == changed(packet, src=NODE, sport=given), shown(data)
    answer = answering(data)
    data = delivered(back(node, answer))
    assert data == changed(answer, dst=POD_A, dport=port, macs=INTO_A, hop=True), shown(data)


@pytest.mark.parametrize("port", [1, 53, 1023, 30000, 31000, 32767])
@pytest.mark.parametrize("l4", [TCP, UDP])
def test_system_ports_and_node_ports_are_changed(node, masquerade, l4, port):
    packet = leaving(l4=l4, sport=port, **begins(l4))
    data = masqueraded(out(node, packet))
    assert 1024 <= port_of(data) < 30000
    assert data == changed(packet, src=NODE, sport=port_of(data)), shown(data)
    answer = answering(data)
    data = delivered(back(node, answer))
    assert data == changed(answer, dst=POD_A, dport=port, macs=INTO_A, hop=True), shown(data)


@pytest.mark.parametrize("number", [0, 1, 1020, 31000, 65532])
def test_an_identifier_of_echo_is_kept_whatever_it_is(node, masquerade, number):
    packet = leaving(l4=ICMP, sport=number)
    data = masqueraded(out(node, packet))
    assert data == changed(packet, src=NODE), shown(data)
    answer = answering(data)
    data = delivered(back(node, answer))
    assert data == changed(answer, dst=POD_A, macs=INTO_A, hop=True), shown(data)


@pytest.mark.parametrize("l4", [TCP, UDP])
def test_a_port_of_a_socket_of_the_nodes_is_changed(node, masquerade, l4):
    kind = socket.SOCK_STREAM if l4 is TCP else socket.SOCK_DGRAM
    with namespaces.inside(node.netns):
        own = socket.socket(socket.AF_INET, kind)
    with own:
        own.bind(("", POD_PORT))
        if l4 is TCP:
            own.listen()
        data = masqueraded(out(node, leaving(l4=l4, **begins(l4))))
        assert port_of(data) != POD_PORT
    data = masqueraded(out(node, leaving("203.0.113.11", l4, **begins(l4))))
    assert port_of(data) == POD_PORT


# Checksums


@INGRESS
def test_a_udp_checksum_of_0_stays(node, masquerade, hook):
    packet = leaving(l4=UDP, sport=53, chksum=0)
    data = masqueraded(out(node, packet))
    assert data == changed(packet, src=NODE, sport=port_of(data)), shown(data)
    assert Ether(data)[UDP].chksum == 0
    answer = answering(data, chksum=0)
    data = delivered(back(node, answer, hook), hook)
    assert data == changed(answer, dst=POD_A, dport=53, macs=INTO_A, hop=True), shown(data)
    assert Ether(data)[UDP].chksum == 0


def test_a_udp_checksum_that_comes_to_0_is_written_as_all_ones(node, masquerade):
    # Data that makes the sum over the translated packet come out as 0.
    bare = Ether(changed(leaving(l4=UDP, size=0) / Raw(bytes(2)), src=NODE))
    packet = leaving(l4=UDP, size=0) / Raw(bare[UDP].chksum.to_bytes(2, "big"))
    data = masqueraded(out(node, packet))
    assert Ether(data)[UDP].chksum == 0xFFFF
    assert data == changed(packet, src=NODE), shown(data)
    answer = answering(data, size=0)
    bare = Ether(changed(answer / Raw(bytes(2)), dst=POD_A))
    answer = answer / Raw(bare[UDP].chksum.to_bytes(2, "big"))
    data = delivered(back(node, answer))
    assert Ether(data)[UDP].chksum == 0xFFFF
    assert data == changed(answer, dst=POD_A, macs=INTO_A, hop=True), shown(data)


@EVERY
def test_headers_with_options_are_masqueraded(node, masquerade, l4):
    packet = leaving(l4=l4, sport=31000, **begins(l4))
    packet[IP].options = [b"\x07\x07\x04\0\0\0\0"]
    data = masqueraded(out(node, packet))
    assert data == changed(packet, src=NODE, sport=port_of(data)), shown(data)


def test_checksums_are_right_whatever_is_in_the_packet(node, masquerade):
    for number in range(300):
        l4 = (TCP, UDP, ICMP)[number % 3]
        packet = leaving(f"203.0.{number % 7}.{number % 251}", l4, sport=number * 211 % 65536)
        if l4 is TCP:
            packet[TCP].flags, packet[TCP].seq = "S", number * 0x01010101 % 2**32
        packet = Ether(bytes(packet / Raw(bytes((number * 37 + n) % 256 for n in range(number)))))
        data = masqueraded(out(node, packet))
        assert data == changed(packet, src=NODE, sport=port_of(data)), shown(data)


# Errors about packets of flows

KINDS = [(3, 1), (3, 3), (3, 4), (11, 0), (12, 0)]
QUOTED = pytest.mark.parametrize(
    ("l4", "quoted"),
    [(TCP, 28), (TCP, 40), (TCP, 60), (UDP, 28), (UDP, 60), (ICMP, 28), (ICMP, 60)],
)


@INGRESS
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sport", [POD_PORT, 31000])
@QUOTED
def test_an_error_about_what_a_pod_sent_reaches_it(node, masquerade, hook, kind, sport, l4, quoted):
    packet = leaving(l4=l4, sport=sport, size=100, **begins(l4))
    sent = Ether(masqueraded(out(node, packet)))
    error = told(ROUTER, NODE, sent, kind, quoted, (WIRE_MAC, NODE_MAC))
    data = delivered(back(node, error, hook), hook)
    expected = told(ROUTER, POD_A, Ether(bytes(packet)), kind, quoted, INTO_A)
    expected[IP].ttl -= 1
    assert data == bytes(expected), shown(data)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sport", [POD_PORT, 31000])
@QUOTED
def test_an_error_of_a_pods_about_an_answer_goes_out_as_the_nodes(
    node, masquerade, kind, sport, l4, quoted
):
    packet = leaving(l4=l4, sport=sport, **begins(l4))
    answer = answering(masqueraded(out(node, packet)), size=100)
    got = Ether(changed(answer, dst=POD_A, dport=sport))
    macs = (NODE_MAC, WIRE_MAC)
    data = masqueraded(out(node, told(POD_A, OUTSIDE, got, kind, quoted, macs)))
    assert data == bytes(told(NODE, OUTSIDE, Ether(bytes(answer)), kind, quoted, macs)), shown(data)


def test_a_quoted_udp_checksum_of_0_stays(node, masquerade):
    packet = leaving(l4=UDP, sport=53, chksum=0)
    sent = Ether(masqueraded(out(node, packet)))
    error = told(ROUTER, NODE, sent, (3, 4), 28, (WIRE_MAC, NODE_MAC))
    data = delivered(back(node, error))
    expected = told(ROUTER, POD_A, Ether(bytes(packet)), (3, 4), 28, INTO_A)
    expected[IP].ttl -= 1
    assert data == bytes(expected), shown(data)


@INGRESS
def test_errors_about_nothing_that_was_masqueraded_are_left_alone(node, masquerade, hook):
    out(node, leaving(flags="S"))
    wire, node_out = (WIRE_MAC, NODE_MAC), (NODE_MAC, WIRE_MAC)
    other = leaving(src=NODE, sport=22)
    error = told(ROUTER, NODE, other, (3, 4), 28, wire)
    assert untouched(back(node, error, hook), error)
    error = told(NODE, OUTSIDE, answering(other), (3, 3), 28, node_out)
    assert untouched(out(node, error), error)


def test_an_error_does_not_go_out_by_a_device_that_is_not_the_flows(node, masquerade):
    masquerade.set_device("pn_vxlan", SECOND)
    answer = answering(masqueraded(out(node, leaving(flags="S"))))
    got = Ether(changed(answer, dst=POD_A))
    error = told(POD_A, OUTSIDE, got, (3, 3), 28, (NODE_MAC, WIRE_MAC))
    assert dropped(out(node, error, "pn_vxlan"), "unknown_connection")


# Fragments


@INGRESS
@pytest.mark.parametrize("sport", [POD_PORT, 31000])
@pytest.mark.parametrize("l4", [UDP, ICMP, TCP], ids=["UDP", "ICMP", "TCP"])
def test_every_fragment_is_translated_in_either_direction(node, masquerade, hook, l4, sport):
    packet = leaving(l4=l4, sport=sport, size=1300, **begins(l4))
    sent = [masqueraded(out(node, piece)) for piece in pieces(packet)]
    port = port_of(sent[0])
    assert (port == sport) == (sport == POD_PORT or l4 is ICMP)
    assert sent == pieces(changed(packet, src=NODE, sport=port))
    assert len(sent) > 3

    answer = answering(changed(packet, src=NODE, sport=port), size=1300)
    got = [delivered(back(node, piece, hook), hook) for piece in pieces(answer)]
    assert got == pieces(changed(answer, dst=POD_A, dport=sport, macs=INTO_A, hop=True))


@INGRESS
@EVERY
def test_fragments_that_the_pods_device_cannot_take_go_by_the_stack(node, masquerade, hook, l4):
    """An overlay leaves pods less than the network takes; the stack cuts what is larger."""
    sent = masqueraded(out(node, leaving(l4=l4, **begins(l4))))
    answer = answering(sent, size=3000)
    *large, last = pieces(answer, 1496)
    *wanted, _last = pieces(changed(answer, dst=POD_A, dport=POD_PORT), 1496)
    for piece, as_it_goes in zip(large, wanted, strict=True):
        outcome = back(node, piece, hook)
        assert (outcome.action, outcome.counted) == (REDIRECT, [(hook, "to_stack")])
        assert Ether(outcome.data).dst == GATEWAY_MAC
        assert bytes(Ether(outcome.data)[IP]) == bytes(Ether(as_it_goes)[IP])
    delivered(back(node, last, hook), hook)


@pytest.mark.parametrize("l4", [UDP, ICMP, TCP], ids=["UDP", "ICMP", "TCP"])
def test_a_fragment_whose_first_one_was_not_seen_does_not_go_out(node, masquerade, l4):
    packet = leaving(l4=l4, size=1300, **begins(l4))
    later = pieces(packet)[1:]
    for piece in later:
        assert dropped(out(node, piece), "unknown_fragment")
    assert masquerade.flows() == {}
    # Another datagram's first one is none of theirs.
    other = packet.copy()
    other[IP].id += 1
    masqueraded(out(node, pieces(other)[0]))
    assert dropped(out(node, later[0]), "unknown_fragment")
    # Where nothing is masqueraded nothing is wanted of it.
    for free in (leaving(NATIVE, l4, size=1300), leaving(l4=l4, src=NODE, size=1300)):
        assert untouched(out(node, pieces(free)[1]), pieces(free)[1])


def test_fragments_of_a_flow_that_is_gone_do_not_go_out(node, masquerade):
    first, later = pieces(leaving(l4=UDP, size=500))
    masqueraded(out(node, first))
    node.tables["nat"].delete(list(node.tables["nat"].items()))
    assert dropped(out(node, later), "unknown_fragment")


def test_fragments_of_what_a_pod_answers_go_out_as_they_are(node, masquerade):
    echo = leaving(l4=ICMP, size=1300)
    echo[ICMP].type = 0
    for reply in (
        leaving(l4=UDP, sport=53, size=1300),
        leaving(size=1300, flags="PA"),
        echo,
    ):
        asked = calling(reply)
        back(node, asked)
        for piece in [*pieces(reply), *pieces(reply)]:
            assert untouched(out(node, piece), piece)


# Who is masqueraded, line by line


def test_what_is_settled_is_left_alone(node, masquerade):
    for packet in (leaving(flags="S"), leaving(l4=UDP), leaving(src=NODE, l4=ICMP)):
        outcome = out(node, packet, settled=True)
        assert untouched(outcome, packet)
        assert outcome.settled
    assert masquerade.flows() == {}


@pytest.mark.parametrize(
    ("hook", "packet", "settled"),
    [
        ("from_container", leaving(REMOTE_POD, macs=(MAC_A, GATEWAY_MAC)), True),
        ("from_container", leaving(TUNNELED_POD, macs=(MAC_A, GATEWAY_MAC)), True),
        ("from_container", leaving(BEHIND_GATEWAY, macs=(MAC_A, GATEWAY_MAC)), True),
        ("from_container", leaving(OUTSIDE, macs=(MAC_A, GATEWAY_MAC)), False),
        ("from_container", leaving(PEER, macs=(MAC_A, GATEWAY_MAC)), False),
        ("guard", leaving(OUTSIDE, macs=(MAC_A, GATEWAY_MAC)), False),
        ("guard", leaving(REMOTE_POD, macs=(MAC_A, GATEWAY_MAC)), False),
    ],
)
@pytest.mark.parametrize("claims", [False, True])
def test_packets_between_pods_are_settled_and_no_pod_can_settle_its_own(
    node, masquerade, hook, packet, settled, claims
):
    assert node.run(hook, bytes(packet), "pod_a", settled=claims).settled is settled


def test_what_the_node_sends_into_the_tunnel_is_settled(node, masquerade):
    packet = leaving(TUNNELED_POD, src=NODE)
    assert node.run("from_host", bytes(packet), "pn_host").settled


@INGRESS
def test_what_was_translated_is_settled(node, masquerade, hook):
    add = masquerade.services.add
    add("::", NODE_PORT, [(REMOTE_POD, 80)], kind="node_port")
    packet = answering(leaving())
    packet[TCP].dport, packet[TCP].flags, packet[IP].dst = NODE_PORT, "S", NODE
    assert back(node, packet, hook).settled
    add("::", NODE_PORT + 1, [], kind="node_port")
    packet[TCP].dport = NODE_PORT + 1
    assert back(node, packet, hook).settled  # port unreachable, from the node


@EVERY
def test_where_the_device_has_no_address_nothing_is_masqueraded(node, masquerade, l4):
    packet = leaving(l4=l4, **begins(l4))
    assert untouched(out(node, packet, "pn_vxlan"), packet)
    masquerade.set_device("eth0", None)
    assert untouched(out(node, packet), packet)


@EVERY
@pytest.mark.parametrize("source", [NODE, GATEWAY, "10.111.0.77", "172.31.0.5", "10.111.160.77"])
def test_only_pods_of_this_node_are_masqueraded(node, masquerade, l4, source):
    packet = leaving(l4=l4, src=source, **begins(l4))
    assert untouched(out(node, packet), packet)
    hosts = {flow["flags"] & HOST for flow in masquerade.flows().values()}
    assert hosts == ({HOST} if source == NODE and l4 is ICMP else set())


@EVERY
@pytest.mark.parametrize("destination", [REMOTE_POD, NATIVE, LISTED, LINK_LOCAL])
def test_what_pods_reach_with_their_own_addresses(node, masquerade, l4, destination):
    packet = leaving(destination, l4, **begins(l4))
    assert untouched(out(node, packet), packet)
    assert masquerade.flows() == {}


@EVERY
def test_nodes_are_masqueraded_to_only_where_that_is_said(node, masquerade, l4):
    packet = leaving(PEER, l4, **begins(l4))
    assert untouched(out(node, packet), packet)
    masquerade.set_device("eth0", NODE, nodes=True)
    assert masqueraded(out(node, packet)) == changed(packet, src=NODE)


@EVERY
def test_a_node_in_a_prefix_that_is_listed_is_not_masqueraded_to(node, masquerade, l4):
    masquerade.set_device("eth0", NODE, nodes=True)
    key = nat_layout.NON_MASQUERADE.pack_key(prefixlen=96 + 24, address="10.111.0.0")
    value = nat_layout.NON_MASQUERADE.pack_value(why=nat_layout.NON_MASQUERADE_LISTED)
    node.tables["non_masquerade"].update({key: value})
    packet = leaving(PEER, l4, **begins(l4))
    assert untouched(out(node, packet), packet)


@pytest.mark.parametrize("destination", ["224.0.0.251", "239.1.2.3", "255.255.255.255", "0.0.0.0"])
def test_what_is_for_no_single_host_is_left_alone(node, masquerade, destination):
    packet = leaving(destination, UDP)
    assert untouched(out(node, packet), packet)


@pytest.mark.parametrize(
    "payload",
    [SCTP(sport=5, dport=6), GRE(), ICMP(type=13), ICMP(type=5), ICMP(type=10)],
    ids=["SCTP", "GRE", "timestamp", "redirect", "solicitation"],
)
def test_other_protocols_do_not_go_out_with_a_pods_address(node, masquerade, payload):
    def sent(dst: str, src: str = POD_A) -> bytes:
        return bytes(Ether(src=NODE_MAC, dst=WIRE_MAC) / IP(src=src, dst=dst) / payload)

    assert dropped(out(node, sent(OUTSIDE)), "nat_unsupported")
    for free in (sent(NATIVE), sent(PEER), sent(OUTSIDE, NODE), sent("224.0.0.1")):
        assert untouched(out(node, free), free)


@EVERY
def test_a_pods_header_cut_short_is_malformed(node, masquerade, l4):
    packet = leaving(l4=l4, size=0)
    packet[IP].len = 26
    assert dropped(out(node, bytes(packet)[:40]), "malformed")
    packet[IP].src = NODE
    assert untouched(out(node, bytes(packet)[:40]), bytes(packet)[:40])


def test_what_is_no_ipv4_is_left_alone(node, masquerade):
    for frame in (
        bytes(Ether(src=NODE_MAC, dst=WIRE_MAC, type=0x0806) / Raw(bytes(50))),
        bytes(leaving(flags="S"))[:14] + b"\x60" + bytes(40),
    ):
        assert out(node, frame).counted == []


# The node's own


@pytest.mark.parametrize("l4", [TCP, UDP])
def test_a_port_that_a_pods_flow_has_is_changed_for_the_nodes_own(node, masquerade, l4):
    own = leaving(l4=l4, src=NODE, **begins(l4))
    assert untouched(out(node, own), own)
    assert masquerade.flows() == {}
    pods = leaving(l4=l4, **begins(l4))
    assert port_of(masqueraded(out(node, pods))) == POD_PORT
    assert masquerade.state()["host_ports"] == 0

    data = masqueraded(out(node, own))
    port = port_of(data)
    assert port != POD_PORT
    assert data == changed(own, sport=port), shown(data)
    assert masquerade.state()["host_ports"] == 1
    # Its answer is the node's own, with its own port; the pod's is the pod's.
    answer = answering(data)
    outcome = back(node, answer)
    assert (outcome.action, outcome.counted) == (NEXT, [("from_netdev", "to_stack")])
    assert outcome.data == changed(answer, dport=POD_PORT), shown(outcome.data)
    answer = answering(changed(pods, src=NODE))
    assert Ether(delivered(back(node, answer)))[IP].dst == POD_A
    # What follows goes the same way; what else the node sends is not touched.
    more = leaving(l4=l4, src=NODE, **({"flags": "A"} if l4 is TCP else {}))
    assert masqueraded(out(node, more)) == changed(more, sport=port)
    for other in (leaving("203.0.113.11", l4, src=NODE), leaving(l4=l4, src=NODE, sport=22)):
        assert untouched(out(node, other), other)
    # An error about it is told of what the node sent.
    error = told(ROUTER, NODE, Ether(changed(own, sport=port)), (3, 4), 28, (WIRE_MAC, NODE_MAC))
    expected = told(ROUTER, NODE, Ether(bytes(own)), (3, 4), 28, (WIRE_MAC, NODE_MAC))
    outcome = back(node, error)
    assert (outcome.action, outcome.data) == (NEXT, bytes(expected)), shown(outcome.data)


def test_the_nodes_own_port_is_its_own_again_when_the_pods_flow_is_over(node, masquerade):
    out(node, leaving(l4=UDP))
    back_key = (f"{OUTSIDE}:{PORT}", f"{NODE}:{POD_PORT}")
    masquerade.services.change_flow(back_key, used=ago(61))
    own = leaving(l4=UDP, src=NODE)
    assert untouched(out(node, own), own)


def test_what_the_node_answers_is_not_touched_by_a_pods_flow(node, masquerade):
    """A server of the node's, not the flow, has the port: only what begins is looked at."""
    out(node, leaving(flags="S"))
    for flags in ("SA", "A", "R"):
        own = leaving(src=NODE, flags=flags)
        assert untouched(out(node, own), own)


def test_identifiers_of_echo_of_the_nodes_own_are_kept_from_pods(node, masquerade):
    own = leaving(l4=ICMP, src=NODE)
    assert untouched(out(node, own), own)
    data = masqueraded(out(node, leaving(l4=ICMP)))
    assert port_of(data) != POD_PORT
    answer = answering(own)
    outcome = back(node, answer)
    assert (outcome.action, outcome.counted) == (NEXT, [("from_netdev", "to_stack")])
    assert outcome.data == bytes(answer)
    assert Ether(delivered(back(node, answering(data))))[IP].dst == POD_A


def test_an_identifier_of_echo_that_a_pod_has_is_changed_for_the_nodes_own(node, masquerade):
    masqueraded(out(node, leaving(l4=ICMP)))
    own = leaving(l4=ICMP, src=NODE)
    data = masqueraded(out(node, own))
    number = port_of(data)
    assert number != POD_PORT
    assert data == changed(own, sport=number), shown(data)
    answer = answering(data)
    outcome = back(node, answer)
    assert outcome.data == changed(answer, dport=POD_PORT), shown(outcome.data)
    again = leaving(l4=ICMP, src=NODE, size=9)
    assert masqueraded(out(node, again)) == changed(again, sport=number)


def test_an_echo_reply_and_an_error_of_the_nodes_own_are_not_touched(node, masquerade):
    reply = leaving(l4=ICMP, src=NODE)
    reply[ICMP].type = 0
    for own in (reply, told(NODE, OUTSIDE, leaving(), (3, 3), 28, (NODE_MAC, WIRE_MAC))):
        assert untouched(out(node, own), own)
    assert masquerade.flows() == {}


# Ports run out

ALL_PORTS = [port for port in range(1024, 65536) if not 30000 <= port <= 32767]


@EVERY
def test_when_no_port_is_free_the_packet_is_dropped_and_counted(node, masquerade, l4):
    masquerade.take(
        ALL_PORTS,
        REVERSE | MASQUERADED,
        protocol=NUMBER[l4],
        source_port=0 if l4 is ICMP else PORT,
    )
    taken = len(masquerade.flows())
    assert dropped(out(node, leaving(l4=l4, **begins(l4))), "nat_exhausted")
    assert len(masquerade.flows()) == taken
    assert masqueraded(out(node, leaving("203.0.113.11", l4, **begins(l4))))


@pytest.mark.parametrize(
    ("l4", "flags", "used"),
    [(TCP, CLOSING, 11), (UDP, 0, 61), (ICMP, 0, 61), (TCP, 0, 61), (TCP, ANSWERED, 21601)],
    ids=["closed", "UDP", "ICMP", "attempt", "TCP"],
)
@pytest.mark.parametrize("over", [True, False])
def test_a_port_is_free_when_its_flow_is_over(node, masquerade, l4, flags, used, over):
    masquerade.take(
        ALL_PORTS,
        REVERSE | MASQUERADED | flags,
        used=used if over else used // 2,
        protocol=NUMBER[l4],
        source_port=0 if l4 is ICMP else PORT,
    )
    outcome = out(node, leaving(l4=l4, **begins(l4)))
    if over:
        assert port_of(masqueraded(outcome)) == POD_PORT
    else:
        assert dropped(outcome, "nat_exhausted")


@EVERY
def test_a_flow_that_another_cpu_has_just_used_is_not_over(node, masquerade, l4):
    """Its time may be later than the one that this CPU has read for its own packet."""
    ends = {"protocol": NUMBER[l4], "source_port": 0 if l4 is ICMP else PORT}
    masquerade.take([POD_PORT], REVERSE | MASQUERADED, used=-60, **ends)
    assert port_of(masqueraded(out(node, leaving(l4=l4, **begins(l4))))) != POD_PORT


def test_ports_above_those_of_nodes_are_given_when_the_others_are_taken(node, masquerade):
    masquerade.take(range(1024, 30000), REVERSE | MASQUERADED)
    port = port_of(masqueraded(out(node, leaving(flags="S"))))
    assert port >= 32768


def test_37000_flows_to_one_destination_get_a_port_each(node, masquerade):
    """From many pods at once, all with the same few ports of their own."""
    pods = [f"10.111.160.{number}" for number in range(1, 38)]
    mine = node.tables["endpoints"].items()
    value = mine[layout.ENDPOINTS.pack_key(address=POD_A)]
    others = {layout.ENDPOINTS.pack_key(address=pod): value for pod in pods[2:]}
    node.tables["endpoints"].update(others)
    frame = bytearray(bytes(leaving(l4=UDP, chksum=0, size=0)))
    seen = set()
    try:
        for pod in pods:
            frame[26:30] = socket.inet_aton(pod)
            frames = numbered(bytes(frame), 34, range(40000, 41000))
            for done in node.flood("to_netdev", frames):
                assert done.retval == 0xFFFFFFFF
                assert done.data[26:30] == socket.inet_aton(NODE)
                seen.add(done.data[34:36])
    finally:
        node.tables["endpoints"].delete(list(others))
    assert len(seen) == 37000


# Halves, and time


def both(masquerade: Masquerade) -> tuple[tuple[str, str], tuple[str, str]]:
    """The keys of the only flow there is: out, and back."""
    flows = masquerade.flows()
    assert len(flows) == 2
    (forward,) = (key for key, flow in flows.items() if not flow["flags"] & REVERSE)
    (reverse,) = (key for key, flow in flows.items() if flow["flags"] & REVERSE)
    return forward, reverse


def plan(masquerade: Masquerade) -> dict[tuple[str, str], tuple[object, int]]:
    """What becomes of which packets, whether they were answered yet or not."""
    flows = masquerade.flows().items()
    return {key: (flow["goes"], flow["flags"] & ~ANSWERED) for key, flow in flows}


@EVERY
@pytest.mark.parametrize("sport", [POD_PORT, 31001])
def test_a_lost_half_is_made_again_by_the_other_one(node, masquerade, l4, sport):
    packet = leaving(l4=l4, sport=sport, **begins(l4))
    answer = answering(masqueraded(out(node, packet)))
    before = plan(masquerade)
    later = leaving(l4=l4, sport=sport, **({"flags": "A"} if l4 is TCP else {}))
    for lost, other, run in (
        (0, 1, lambda: delivered(back(node, answer))),
        (1, 0, lambda: masqueraded(out(node, later))),
    ):
        keys = both(masquerade)
        masquerade.services.change_flow(keys[lost])
        masquerade.services.change_flow(keys[other], used=ago(2))
        run()
        assert plan(masquerade) == before


@EVERY
def test_a_pod_that_goes_on_finds_its_flow_by_the_half_for_answers(node, masquerade, l4):
    out(node, leaving(l4=l4, **begins(l4)))
    before = plan(masquerade)
    masquerade.services.change_flow(both(masquerade)[0])
    packet = leaving(l4=l4, **({"flags": "PA"} if l4 is TCP else {}))
    assert masqueraded(out(node, packet)) == changed(packet, src=NODE)
    assert plan(masquerade) == before


def test_the_half_of_another_pods_flow_is_nobodys_elses(node, masquerade):
    out(node, leaving(src=POD_B, flags="S"))
    assert dropped(out(node, leaving(flags="PA")), "unknown_connection")


def test_a_flow_whose_place_another_one_has_taken_begins_anew(node, masquerade):
    out(node, leaving(l4=UDP))
    forward, reverse = both(masquerade)
    masquerade.services.change_flow(reverse)
    out(node, leaving(l4=UDP, src=POD_B))
    masquerade.services.change_flow(forward, used=ago(2))
    out(node, leaving(l4=UDP))
    data = masqueraded(out(node, leaving(l4=UDP)))
    assert port_of(data) != POD_PORT
    assert Ether(delivered(back(node, answering(data))))[IP].dst == POD_A
    answer = answering(changed(leaving(l4=UDP), src=NODE))
    assert Ether(delivered(back(node, answer)))[IP].dst == POD_B


LIVES = pytest.mark.parametrize(
    ("l4", "flags", "seconds"),
    [(TCP, ANSWERED, 21600), (TCP, CLOSING, 10), (UDP, 0, 60), (ICMP, 0, 60)],
    ids=["TCP", "closing", "UDP", "ICMP"],
)


def age(masquerade: Masquerade, seconds: float, flags: int = 0) -> None:
    """Let both halves of the only flow be last used so many seconds ago."""
    for key, flow in masquerade.flows().items():
        masquerade.services.change_flow(key, used=ago(seconds), flags=flow["flags"] | flags)


@INGRESS
@LIVES
def test_an_answer_comes_in_until_the_flow_is_over(node, masquerade, hook, l4, flags, seconds):
    answer = answering(masqueraded(out(node, leaving(l4=l4, **begins(l4)))))
    if l4 is TCP:
        answer[TCP].flags = "A"
    age(masquerade, seconds / 2, flags)
    delivered(back(node, answer, hook), hook)
    age(masquerade, seconds + 1, flags)
    assert untouched(back(node, answer, hook), answer)


@INGRESS
def test_an_error_about_a_flow_that_is_over_is_left_alone(node, masquerade, hook):
    sent = Ether(masqueraded(out(node, leaving(l4=UDP))))
    age(masquerade, 61)
    error = told(ROUTER, NODE, sent, (3, 3), 28, (WIRE_MAC, NODE_MAC))
    assert untouched(back(node, error, hook), error)


def test_a_connection_that_is_not_answered_is_over_in_a_minute(node, masquerade):
    sent = masqueraded(out(node, leaving(flags="S")))
    assert not any(flow["flags"] & ANSWERED for flow in masquerade.flows().values())
    age(masquerade, 61)
    answer = answering(sent, flags="SA")
    assert untouched(back(node, answer), answer)
    masqueraded(out(node, leaving(flags="S")))
    delivered(back(node, answer))
    assert all(flow["flags"] & ANSWERED for flow in masquerade.flows().values())
    age(masquerade, 3600)
    delivered(back(node, answering(sent, flags="A")))


@LIVES
def test_a_flow_that_is_over_begins_anew(node, masquerade, l4, flags, seconds):
    packet = leaving(l4=l4, **({"flags": "A"} if l4 is TCP else {}))
    out(node, leaving(l4=l4, **begins(l4)))
    age(masquerade, seconds / 2, flags)
    created = {flow["created"] for flow in masquerade.flows().values()}
    masqueraded(out(node, packet))
    assert {flow["created"] for flow in masquerade.flows().values()} == created
    age(masquerade, seconds + 1, flags)
    # Not with the pod's own address, whatever it is: the peer tells it that this is over.
    assert masqueraded(out(node, packet)) == changed(packet, src=NODE)
    flows = masquerade.flows().values()
    assert {flow["created"] for flow in flows}.isdisjoint(created)
    assert not any(flow["flags"] & CLOSING for flow in flows)


def close(node, sent, end, flags):
    if end == "pod":
        masqueraded(out(node, leaving(flags=flags)))
    else:
        delivered(back(node, answering(sent, flags=flags)))


@pytest.mark.parametrize("by", ["pod", "peer"])
def test_a_connection_of_which_one_end_is_closed_stays_open(node, masquerade, by):
    sent = masqueraded(out(node, leaving(flags="S")))
    delivered(back(node, answering(sent, flags="SA")))
    close(node, sent, by, "FA")
    for _packet in range(2):
        age(masquerade, 3600)
        masqueraded(out(node, leaving(flags="A")))
        delivered(back(node, answering(sent, flags="A")))
        # Nor does it close where a half is lost and made again.
        age(masquerade, 3600)
        masquerade.services.change_flow(both(masquerade)[0 if by == "peer" else 1])
        close(node, sent, by, "A")
    assert len(masquerade.flows()) == 2
    assert not any(flow["flags"] & CLOSING for flow in masquerade.flows().values())


@pytest.mark.parametrize("flags", ["FA", "F", "R", "RA"])
@pytest.mark.parametrize("by", ["pod", "peer"])
def test_a_connection_that_is_closed_is_soon_over_and_its_port_free(node, masquerade, flags, by):
    sent = masqueraded(out(node, leaving(flags="S")))
    delivered(back(node, answering(sent, flags="SA")))
    masqueraded(out(node, leaving(flags="A")))
    # A reset by either end closes a connection; else both ends have to.
    last = {"pod": "peer", "peer": "pod"}[by]
    for end in (by,) if "R" in flags else (by, last):
        assert not any(flow["flags"] & CLOSING for flow in masquerade.flows().values())
        close(node, sent, end, flags)
    assert all(flow["flags"] & CLOSING for flow in masquerade.flows().values())
    # What is still on its way goes through, in either direction and as it should.
    masqueraded(out(node, leaving(flags="A")))
    delivered(back(node, answering(sent, flags="A")))
    # A new connection with the same port is a new flow at once.
    masqueraded(out(node, leaving(flags="S")))
    assert not any(flow["flags"] & CLOSING for flow in masquerade.flows().values())


def test_the_same_syn_once_more_is_of_the_same_flow(node, masquerade):
    first = masqueraded(out(node, leaving(sport=31000, flags="S")))
    assert masqueraded(out(node, leaving(sport=31000, flags="S"))) == first


def test_a_flow_in_use_is_noted_about_once_a_second(node, masquerade):
    out(node, leaving(flags="S"))
    forward, reverse = both(masquerade)

    def used_again() -> tuple[int, int]:
        half = ago(0.5)
        masquerade.services.change_flow(forward, used=half)
        out(node, leaving(flags="A"))
        return half, masquerade.flows()[forward]["used"]

    half, noted = within(0.4, used_again)
    assert noted == half
    masquerade.services.change_flow(forward, used=ago(1.5))
    masquerade.services.change_flow(reverse, used=ago(1.5))
    out(node, leaving(flags="A"))
    assert all(flow["used"] > half for flow in masquerade.flows().values())


# Changes of configuration


@EVERY
def test_when_the_devices_address_changes_flows_begin_anew_with_it(node, masquerade, l4):
    out(node, leaving(l4=l4, **begins(l4)))
    masquerade.set_device("eth0", SECOND)
    packet = leaving(l4=l4, **({"flags": "A"} if l4 is TCP else {}))
    data = masqueraded(out(node, packet))
    assert data == changed(packet, src=SECOND), shown(data)
    assert Ether(delivered(back(node, answering(data))))[IP].dst == POD_A
    _forward, reverse = both(masquerade)
    assert reverse[1].startswith(SECOND)


@EVERY
def test_another_device_has_its_own_address_and_flows_that_move_get_it(node, masquerade, l4):
    masquerade.set_device("pn_vxlan", SECOND)
    packet = leaving(l4=l4, **begins(l4))
    assert masqueraded(out(node, packet)) == changed(packet, src=NODE)
    data = masqueraded(out(node, packet, "pn_vxlan"))
    assert data == changed(packet, src=SECOND), shown(data)
    assert len(masquerade.flows()) == 2
    answer = answering(data)
    outcome = back(node, answer, device="pn_vxlan")
    assert delivered(outcome) == changed(answer, dst=POD_A, macs=INTO_A, hop=True)


@EVERY
def test_flows_live_when_what_is_masqueraded_changes(node, masquerade, l4):
    out(node, leaving(l4=l4, **begins(l4)))
    key = nat_layout.NON_MASQUERADE.pack_key(prefixlen=96 + 24, address="203.0.113.0")
    value = nat_layout.NON_MASQUERADE.pack_value(why=nat_layout.NON_MASQUERADE_LISTED)
    node.tables["non_masquerade"].update({key: value})
    packet = leaving(l4=l4, **({"flags": "A"} if l4 is TCP else {}))
    data = masqueraded(out(node, packet))
    assert data == changed(packet, src=NODE)
    delivered(back(node, answering(data)))
    new = leaving(l4=l4, sport=POD_PORT + 1, **begins(l4))
    assert untouched(out(node, new), new)


def test_an_answer_for_a_pod_that_is_gone_goes_nowhere(node, masquerade):
    answer = answering(masqueraded(out(node, leaving(l4=UDP))))
    key = layout.ENDPOINTS.pack_key(address=POD_A)
    value = node.tables["endpoints"].get(key)
    node.tables["endpoints"].delete([key])
    try:
        assert dropped(back(node, answer), "no_endpoint", "from_netdev")
    finally:
        node.tables["endpoints"].update({key: value or b""})


# Turns


def queued(masquerade: Masquerade) -> list[int]:
    """The source ports of the flows in the queue."""
    return [flow["source_port"] for flow in masquerade.queue()]


def known(masquerade: Masquerade) -> set[int]:
    """The source ports of pod A's flows."""
    return {int(key[0].split(":")[1]) for key in masquerade.flows() if key[0].startswith(POD_A)}


def test_each_flow_is_in_the_queue_once(node, masquerade):
    for port in (5000, 5001, 5002):
        out(node, leaving(sport=port, flags="S"))
        out(node, leaving(sport=port, flags="A"))
    assert sorted(queued(masquerade)) == [5000, 5001, 5002]
    assert masquerade.accounts() == {(POD_A, 0): (3, 0)}
    assert masquerade.total() == 3


def test_a_new_flow_looks_at_one_and_at_one_more_where_that_was_over(node, masquerade):
    masquerade.crowd()
    ports = [port for port in range(5000, 5016) if port % 8 < 5]
    for port in ports:
        out(node, leaving(sport=port, l4=UDP))
    over = set(ports[::3]) | set(ports[1:3])
    for key in masquerade.flows():
        if {int(key[0].split(":")[1]), int(key[1].split(":")[1])} & over:
            masquerade.services.change_flow(key, used=ago(61))
    for port in (6000, 6001, 6002, 6003, 6004, 6008, 6009, 6010, 6011):
        first, second, *others = queued(masquerade)
        masqueraded(out(node, leaving(sport=port, l4=UDP)))
        looked_at = [first, second] if first in over else [first]
        kept = [] if first in over else [second]
        # Those that live are behind the others now, and the new one is the last.
        behind = [one for one in looked_at if one not in over]
        assert queued(masquerade) == [*kept, *others, *behind, port]
        assert masquerade.total() == len(queued(masquerade))
    assert not known(masquerade) & over
    assert known(masquerade) >= set(ports) - over
    assert sorted(queued(masquerade)) == sorted(known(masquerade))
    assert len(masquerade.flows()) == 2 * len(known(masquerade))


def test_few_flows_are_left_alone(node, masquerade):
    out(node, leaving(sport=5000, l4=UDP))
    for key in masquerade.flows():
        masquerade.services.change_flow(key, used=ago(61))
    out(node, leaving(sport=5001, l4=UDP))
    assert queued(masquerade) == [5000, 5001]
    assert known(masquerade) == {5000, 5001}


@pytest.mark.parametrize("again", [False, True])
def test_what_the_queue_has_of_a_flow_that_is_gone_is_taken_out(node, masquerade, again):
    """Whoever removed its entries, and whether another one has its place: each is counted once."""
    masquerade.crowd()
    ports = list(range(5000, 5005))
    for port in ports:
        out(node, leaving(sport=port, flags="S"))
    for key in masquerade.flows():
        if "5004" in str(key):
            masquerade.services.change_flow(key)
    gone = clock.now()
    while clock.now() == gone:  # an entry says when it was made to a few milliseconds
        pass
    out(node, leaving(sport=5004 if again else 5008, flags="S"))
    assert queued(masquerade).count(5004) == 1 + again
    assert masquerade.total() == 6
    more = [6000, 6001, 6002, 6003, 6004, 6008]
    for port in more:
        out(node, leaving(sport=port, flags="S"))
    expected = [5000, 5001, 5002, 5003, 5004 if again else 5008, *more]
    assert sorted(known(masquerade)) == sorted(queued(masquerade)) == expected
    assert masquerade.accounts() == {(POD_A, 0): (11, 0)}
    assert masquerade.total() == 11


def test_a_flow_that_has_taken_over_a_place_does_not_go_with_the_one_before(node, masquerade):
    masquerade.crowd()
    out(node, leaving(l4=UDP))
    forward, reverse = both(masquerade)
    masquerade.services.change_flow(reverse)
    data = masqueraded(out(node, leaving(l4=UDP, src=POD_B)))
    masquerade.services.change_flow(forward, used=ago(61))
    out(node, leaving(l4=UDP, sport=6000))
    assert forward not in masquerade.flows()
    assert Ether(delivered(back(node, answering(data))))[IP].dst == POD_B


# With services


@INGRESS
def test_a_node_port_and_a_pod_never_share_a_port(node, masquerade, hook):
    """Both to the same pod of another network, which is asked by the node's address."""
    masquerade.services.add("::", NODE_PORT, [(OUTSIDE, PORT)], kind="node_port")
    client = answering(leaving(sport=NODE_PORT))
    client[IP].src, client[IP].dst = "198.18.5.5", NODE
    client[TCP].sport, client[TCP].flags = POD_PORT, "S"
    first = back(node, client, hook)
    assert (Ether(first.data)[IP].src, port_of(first.data)) == (NODE, POD_PORT)
    data = masqueraded(out(node, leaving(flags="S")))
    assert port_of(data) != POD_PORT
    assert Ether(delivered(back(node, answering(data), hook), hook))[IP].dst == POD_A
    answer = Ether(back(node, answering(first.data), hook).data)
    assert (answer[IP].dst, answer[TCP].sport) == ("198.18.5.5", NODE_PORT)
    # And the other way round.
    masqueraded(out(node, leaving(sport=5000, flags="S")))
    client[TCP].sport = 5000
    assert port_of(back(node, client, hook).data) != 5000


def test_the_node_gives_way_to_the_port_of_a_service_too(node, masquerade):
    masquerade.services.add("::", NODE_PORT, [(OUTSIDE, PORT)], kind="node_port")
    client = answering(leaving(sport=NODE_PORT))
    client[IP].src, client[IP].dst = "198.18.5.5", NODE
    client[TCP].sport, client[TCP].flags = POD_PORT, "S"
    back(node, client)
    assert port_of(masqueraded(out(node, leaving(src=NODE, flags="S")))) != POD_PORT


@pytest.mark.parametrize(
    ("hook", "enters"), [("from_container", "from_netdev"), ("guard", "nodeport")]
)
@pytest.mark.parametrize("l4", [TCP, UDP])
def test_a_service_outside_is_reached_by_the_nodes_address(node, masquerade, hook, enters, l4):
    number = NUMBER[l4]
    masquerade.services.add(CLUSTER_IP, 80, [(OUTSIDE, PORT)], protocol=number)
    masquerade.services.add(CLUSTER_IP, 81, [(NATIVE, PORT)], protocol=number)
    packet = leaving(CLUSTER_IP, l4, dport=80, macs=(MAC_A, GATEWAY_MAC))
    outcome = node.run(hook, bytes(packet), "pod_a")
    assert outcome.counted == [(hook, "to_network")]
    assert outcome.settled
    assert outcome.data == changed(packet, src=NODE, dst=OUTSIDE, dport=PORT, hop=True)
    answer = answering(outcome.data)
    data = delivered(back(node, answer, enters), enters)
    expected = changed(answer, src=CLUSTER_IP, sport=80, dst=POD_A, macs=INTO_A, hop=True)
    assert data == expected, shown(data)
    # What a pod reaches with its own address it reaches so through a service, too.
    packet = leaving(CLUSTER_IP, l4, dport=81, macs=(MAC_A, GATEWAY_MAC))
    assert Ether(node.run(hook, bytes(packet), "pod_a").data)[IP].src == POD_A


@pytest.mark.parametrize("hook", ["from_container", "guard"])
@EVERY
def test_what_is_masqueraded_passes_services_as_it_is(node, masquerade, hook, l4):
    masquerade.services.add(CLUSTER_IP, 80, [(POD_B, 80)])
    out(node, leaving(l4=l4, **begins(l4)))
    packet = leaving(l4=l4, macs=(MAC_A, GATEWAY_MAC), **begins(l4))
    outcome = node.run(hook, bytes(packet), "pod_a")
    assert Ether(outcome.data)[IP].src == POD_A
    assert not outcome.settled


def test_a_reply_of_a_service_on_the_node_is_no_matter_of_masquerading(node, masquerade):
    masquerade.services.add("::", NODE_PORT, [(NODE, 9100)], kind="node_port")
    client = answering(leaving(sport=NODE_PORT))
    client[IP].dst, client[TCP].flags = NODE, "S"
    came = back(node, client)
    reply = answering(came.data)
    outcome = out(node, reply)
    assert outcome.counted == [("to_netdev", "to_network")]
    assert outcome.data == changed(reply, sport=NODE_PORT)


@INGRESS
@pytest.mark.parametrize("l4", [UDP, TCP], ids=["UDP", "TCP"])
def test_fragments_for_a_service_follow_the_first_one(node, masquerade, hook, l4):
    masquerade.services.add("::", NODE_PORT, [(POD_B, 53)], kind="node_port", protocol=NUMBER[l4])
    packet = answering(leaving(l4=l4, sport=NODE_PORT), size=1300)
    packet[IP].dst = NODE
    if l4 is TCP:
        packet[TCP].flags = "S"
    sent = [delivered(back(node, piece, hook), hook) for piece in pieces(packet)]
    assert sent == pieces(changed(packet, dst=POD_B, dport=53, macs=INTO_B, hop=True))


@EVERY
def test_echo_for_a_services_address_is_left_to_whoever_has_it(node, masquerade, l4):
    masquerade.services.add(NODE, 80, [(POD_B, 80)], kind="load_balancer")
    echo = answering(leaving(l4=ICMP))
    echo[IP].dst, echo[ICMP].type = NODE, 8
    assert untouched(back(node, echo), echo)


# Programs without services


@pytest.fixture(scope="module")
def alone(node: Node) -> Iterator[None]:
    """Programs of a node that has masquerading and no services."""
    with_services = dict(node.programs)
    for hook in ("to_netdev", "from_netdev", "nodeport", "from_overlay"):
        node.programs[hook] = load(hook, node.tables, "NO_SERVICES")
    yield
    node.programs.update(with_services)


@INGRESS
@EVERY
def test_without_services_it_is_the_same(node, masquerade, alone, hook, l4):
    out(node, leaving(l4=l4, **begins(l4)))
    packet = leaving(l4=l4, src=POD_B, **begins(l4))
    data = masqueraded(out(node, packet))
    assert data == changed(packet, src=NODE, sport=port_of(data))
    answer = answering(data)
    data = delivered(back(node, answer, hook), hook)
    assert data == changed(answer, dst=POD_B, dport=POD_PORT, macs=INTO_B, hop=True), shown(data)
    error = told(ROUTER, NODE, Ether(changed(packet, src=NODE)), (3, 3), 28, (WIRE_MAC, NODE_MAC))
    assert Ether(delivered(back(node, error, hook), hook))[IP].dst == POD_A
    asked = answering(leaving(l4=UDP, sport=53))
    back(node, asked, hook)
    reply = leaving(l4=UDP, sport=53)
    assert untouched(out(node, reply), reply)
    other = answering(leaving(src=NODE, sport=22))
    assert untouched(back(node, other, hook), other)
