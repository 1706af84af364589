"""A pod that is called by its own address answers by that, and sends nothing else by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import layout, nat_layout
from scapy.all import ICMP, IP, TCP, UDP, Ether

from tests.clock import ago

from .masquerade import (
    LISTED,
    NATIVE,
    NODE_MAC,
    OUTSIDE,
    POD_PORT,
    WIRE_MAC,
    Masquerade,
    answering,
    back,
    calling,
    changed,
    delivered,
    dropped,
    leaving,
    masqueraded,
    out,
    pieces,
    port_of,
    told,
    untouched,
)
from .node import (
    GATEWAY_MAC,
    MAC_A,
    NODE,
    PEER,
    PEER_VTEP,
    POD_A,
    POD_B,
    TUNNELED_NODE,
    VNI,
    numbered,
)

if TYPE_CHECKING:
    from scapy.packet import Packet

    from .node import Node

REMOTE_POD = "10.111.160.130"
INBOUND, CLOSING = nat_layout.NAT_INBOUND, nat_layout.NAT_CLOSING
EVERY = pytest.mark.parametrize("l4", [TCP, UDP, ICMP], ids=["TCP", "UDP", "ICMP"])
INGRESS = pytest.mark.parametrize("hook", ["from_netdev", "nodeport"])
SERVER = 2080


def reply(
    dst: str = OUTSIDE, l4: type[Packet] = TCP, sport: int = SERVER, **more: object
) -> Packet:
    """What a pod answers; of TCP that it takes the connection."""
    packet = leaving(dst, l4, sport=sport, **({"flags": "SA"} if l4 is TCP else {}) | more)
    if l4 is ICMP:
        packet[ICMP].type = 0
    return packet


def lasting(masquerade: Masquerade) -> list[tuple[str, str]]:
    """The calls that last."""
    return [key for key, flow in masquerade.flows().items() if flow["flags"] & INBOUND]


def calls(node: Node, pod: str = POD_A) -> int:
    """How many calls of a pod are kept in mind."""
    keys = node.tables["calls"].items()
    return sum(str(nat_layout.CALLS.unpack_key(key)["pod"]) == pod for key in keys)


def forget(node: Node) -> None:
    """Let the programs know of no flow and of no call."""
    for name in ("nat", "calls"):
        node.tables[name].delete(list(node.tables[name].items()))


def age_calls(node: Node, seconds: float) -> None:
    table = nat_layout.CALLS
    node.tables["calls"].update(
        {
            key: table.pack_value(**table.unpack_value(value) | {"used": ago(seconds)})
            for key, value in node.tables["calls"].items().items()
        }
    )


def flood(
    node: Node, packet: Packet, count: int, *, ports: bool, hook: str = "from_netdev"
) -> None:
    """Send a packet from so many addresses, or to so many ports."""
    if ports:
        at, first = 36, POD_PORT - count // 2
    else:  # in 203.0.0.0/16, of which the IPv4 header's checksum is nobody's matter here
        at, first = 28, 0
    numbers = ((first + number) % 65536 for number in range(1, count + 1))
    assert sum(1 for _sent in node.flood(hook, numbered(bytes(packet), at, numbers))) == count


# What nobody asked for


@pytest.mark.parametrize("flags", ["SA", "A", "PA", "FA", "R", "RA"])
def test_a_segment_of_no_connection_does_not_go_out(node, masquerade, flags):
    for port in (SERVER, POD_PORT):
        packet = leaving(sport=port, flags=flags)
        assert dropped(out(node, packet), "unknown_connection")
        for free in (leaving(NATIVE, flags=flags), leaving(PEER, flags=flags)):
            assert untouched(out(node, free), free)
    assert masquerade.flows() == {}


@pytest.mark.parametrize("number", [POD_PORT, 0])
def test_an_echo_reply_to_nobody_does_not_go_out(node, masquerade, number):
    assert dropped(out(node, reply(l4=ICMP, sport=number)), "unknown_connection")
    free = reply(NATIVE, ICMP, sport=number)
    assert untouched(out(node, free), free)
    assert masquerade.flows() == {}


@pytest.mark.parametrize("kind", [(3, 1), (3, 3), (3, 4), (11, 0), (12, 0)])
def test_an_error_about_nothing_that_came_in_does_not_go_out(node, masquerade, kind):
    own = leaving(src=NODE, sport=22)
    masqueraded(out(node, leaving(src=POD_B, flags="S")))
    for about in (
        answering(leaving(sport=SERVER)),
        answering(leaving(sport=SERVER, l4=UDP)),
        answering(leaving(l4=ICMP, sport=5)),
        leaving("203.0.113.77", src=OUTSIDE),
        answering(own),
        # What came in for another pod, to whom nobody but that may say so.
        answering(leaving(src=POD_B)),
    ):
        error = told(POD_A, OUTSIDE, about, kind, 28, (NODE_MAC, WIRE_MAC))
        assert dropped(out(node, error), "unknown_connection")
    error = told(POD_A, NATIVE, answering(leaving(NATIVE)), kind, 28, (NODE_MAC, WIRE_MAC))
    assert untouched(out(node, error), error)


def test_fragments_of_no_connection_do_not_go_out(node, masquerade):
    first, *later = pieces(leaving(size=1300, flags="PA"))
    assert dropped(out(node, first), "unknown_connection")
    for piece in later:
        assert dropped(out(node, piece), "unknown_fragment")
    for piece in pieces(reply(l4=ICMP, size=1300))[1:]:
        assert dropped(out(node, piece), "unknown_fragment")


def test_a_connection_whose_flow_was_forgotten_does_not_go_on_by_the_pods_address(node, masquerade):
    sent = masqueraded(out(node, leaving(flags="S")))
    delivered(back(node, answering(sent, flags="SA")))
    masqueraded(out(node, leaving(flags="A")))
    table = node.tables["nat"]
    table.delete(list(table.items()))
    assert dropped(out(node, leaving(flags="PA")), "unknown_connection")
    assert Ether(masqueraded(out(node, leaving(flags="S"))))[IP].src == NODE


# Calls


@pytest.mark.parametrize("hook", ["from_netdev", "nodeport", "from_overlay"])
@EVERY
def test_who_called_a_pod_by_its_own_address_hears_it_by_that(node, masquerade, hook, l4):
    masquerade.set_device("eth0", NODE, nodes=True)
    for caller in (OUTSIDE, TUNNELED_NODE):
        answer = reply(caller, l4)
        device, tunnel = (
            ("pn_vxlan", (VNI, PEER_VTEP)) if hook == "from_overlay" else ("eth0", None)
        )
        outcome = node.run(hook, bytes(calling(answer)), device, tunnel=tunnel)
        assert outcome.counted == ([(hook, "to_endpoint")] if hook != "nodeport" else [])
        assert untouched(out(node, answer), answer)
        assert lasting(masquerade) == []  # who called may not be there at all
        # To another port, or of another protocol, nothing is an answer.
        for other in (
            leaving(caller, TCP, sport=SERVER + 1, flags="A"),
            reply(caller, ICMP, sport=SERVER + 1),
        ):
            assert dropped(out(node, other), "unknown_connection")
        assert Ether(masqueraded(out(node, leaving(caller, UDP, sport=SERVER + 1))))[IP].src == NODE
        forget(node)


@INGRESS
@EVERY
def test_a_call_that_is_answered_again_lasts(node, masquerade, hook, l4):
    answer = reply(l4=l4)
    back(node, calling(answer), hook)
    out(node, answer)
    more = leaving(sport=SERVER, flags="PA") if l4 is TCP else answer
    assert untouched(out(node, more), more)
    assert len(lasting(masquerade)) == len(masquerade.flows()) == 1
    node.tables["calls"].delete(list(node.tables["calls"].items()))
    assert untouched(out(node, more), more)
    # For as long as a flow of its protocol does.
    (key,) = lasting(masquerade)
    life = 21600 if l4 is TCP else 60
    masquerade.services.change_flow(key, used=ago(life / 2))
    assert untouched(out(node, more), more)
    masquerade.services.change_flow(key, used=ago(life + 1))
    outcome = out(node, more)
    if l4 is UDP:
        assert masqueraded(outcome) == changed(more, src=NODE)
    else:
        assert dropped(outcome, "unknown_connection")


@pytest.mark.parametrize("flags", ["SA", "RA"])
def test_who_only_opens_leaves_nothing_that_lasts(node, masquerade, flags):
    answer = reply(flags=flags)
    for _again in range(5):
        back(node, calling(answer))
        assert untouched(out(node, answer), answer)
    assert masquerade.flows() == {}


def test_a_segment_for_a_pod_that_has_forgotten_is_answered_with_a_reset(node, masquerade):
    """As after a restart of the pod: the peer is to hear of it at once."""
    reset = leaving(sport=SERVER, flags="R")
    back(node, answering(reset, flags="PA"))
    assert untouched(out(node, reset), reset)


@EVERY
def test_a_call_is_forgotten_after_a_minute(node, masquerade, l4):
    answer = reply(l4=l4)
    back(node, calling(answer))
    age_calls(node, 30)
    assert untouched(out(node, answer), answer)
    age_calls(node, 61)
    outcome = out(node, answer)
    if l4 is UDP:
        assert masqueraded(outcome) == changed(answer, src=NODE)
    else:
        assert dropped(outcome, "unknown_connection")


@INGRESS
@EVERY
@pytest.mark.parametrize("caller", [REMOTE_POD, NATIVE, LISTED, PEER])
def test_who_is_not_masqueraded_to_is_not_kept_in_mind(node, masquerade, hook, l4, caller):
    back(node, calling(reply(caller, l4)), hook)
    assert (masquerade.flows(), calls(node)) == ({}, 0)


@INGRESS
@EVERY
def test_where_nothing_is_masqueraded_nobody_is_kept_in_mind(node, masquerade, hook, l4):
    masquerade.set_device("eth0", None)
    back(node, calling(reply(l4=l4)), hook)
    assert (masquerade.flows(), calls(node)) == ({}, 0)


@INGRESS
@EVERY
def test_a_flow_that_a_pod_began_stays_masqueraded_though_its_peer_calls(
    node, masquerade, hook, l4
):
    opens = {"flags": "S"} if l4 is TCP else {}
    out(node, leaving(l4=l4, **opens))
    back(node, answering(leaving(l4=l4)), hook)
    back(node, calling(leaving(l4=l4)), hook)
    packet = leaving(l4=l4, **({"flags": "A"} if l4 is TCP else {}))
    assert masqueraded(out(node, packet)) == changed(packet, src=NODE)


def test_what_a_pod_opens_is_masqueraded_whoever_called_from_there(node, masquerade):
    answer = reply(sport=POD_PORT)
    back(node, calling(answer))
    packet = leaving(flags="S")
    assert masqueraded(out(node, packet)) == changed(packet, src=NODE)
    out(node, leaving(flags="A"))
    # Also where that lasted.
    forget(node)
    back(node, calling(answer))
    for segment in (answer, leaving(flags="PA"), leaving(flags="PA")):
        assert untouched(out(node, segment), segment)
    assert masqueraded(out(node, packet)) == changed(packet, src=NODE)


@pytest.mark.parametrize("l4", [TCP, UDP])
@pytest.mark.parametrize("kind", [(3, 1), (3, 3), (3, 4), (11, 0), (12, 0)])
def test_an_error_about_a_call_goes_out_by_the_pods_address(node, masquerade, l4, kind):
    call = calling(reply(l4=l4))
    back(node, call)
    error = told(POD_A, OUTSIDE, call, kind, 28, (NODE_MAC, WIRE_MAC))
    assert untouched(out(node, error), error)
    out(node, reply(l4=l4))
    more = leaving(l4=l4, sport=SERVER, **({"flags": "A"} if l4 is TCP else {}))
    out(node, more)
    node.tables["calls"].delete(list(node.tables["calls"].items()))
    assert untouched(out(node, error), error)


# The end of a call


def connected(node: Node) -> None:
    """A connection that came in, of which both ends are at sequence number 1."""
    answer = reply()
    back(node, calling(answer))
    for segment in (answer, ack(), ack()):
        assert untouched(out(node, segment), segment)


def ack(flags: str = "A") -> Packet:
    return leaving(sport=SERVER, flags=flags, seq=1, ack=1)


@pytest.mark.parametrize("flags", ["R", "RA", "FA"])
def test_a_call_is_soon_over_when_the_pod_closes_it(node, masquerade, flags):
    connected(node)
    assert untouched(out(node, ack(flags)), ack(flags))
    (flow,) = masquerade.flows().values()
    assert flow["flags"] & CLOSING
    # A new one from the same port is another one.
    back(node, calling(reply()))
    assert untouched(out(node, reply()), reply())
    (flow,) = masquerade.flows().values()
    assert not flow["flags"] & CLOSING


@pytest.mark.parametrize(("flags", "final"), [("RA", True), ("FA", True), ("R", False)])
def test_what_the_end_of_a_call_overtakes_opens_nothing_again(node, masquerade, flags, final):
    connected(node)
    out(node, ack(flags))
    out(node, ack())  # sent before, by another CPU
    (flow,) = masquerade.flows().values()
    assert bool(flow["flags"] & CLOSING) == final


@INGRESS
@pytest.mark.parametrize("flags", ["R", "RA"])
def test_a_reset_that_is_made_up_ends_no_call(node, masquerade, hook, flags):
    connected(node)
    for seq in (0x10002, 0x7FFFFFFF, 0xFFFFFFFF, 0):
        back(node, answering(ack(), flags=flags, seq=seq, ack=99), hook)
    (flow,) = masquerade.flows().values()
    assert not flow["flags"] & CLOSING
    back(node, answering(ack(), flags=flags, seq=1, ack=99), hook)
    (flow,) = masquerade.flows().values()
    assert flow["flags"] & CLOSING
    # Who goes on sending was not reset: it says so to who guessed.
    out(node, ack())
    (flow,) = masquerade.flows().values()
    assert not flow["flags"] & CLOSING


@INGRESS
@pytest.mark.parametrize("end", [{"flags": CLOSING}, {"used": 70}], ids=["closed", "over"])
def test_a_call_past_a_service_that_the_client_is_done_with_is_one(node, masquerade, hook, end):
    masquerade.services.add("::", 30080, [(POD_A, SERVER)], kind="node_port")
    call = calling(reply())
    by_service = call.copy()
    by_service[IP].dst, by_service[TCP].dport = NODE, 30080
    del by_service[IP].chksum, by_service[TCP].chksum
    back(node, by_service, hook)
    for comes, flow in masquerade.flows().items():
        flags = flow["flags"] | end.get("flags", 0)
        masquerade.services.change_flow(comes, flags=flags, used=ago(end.get("used", 1)))
    back(node, call, hook)
    pod = {"from_netdev": "from_container", "nodeport": "guard"}[hook]
    for segment in (reply(), leaving(sport=SERVER, flags="A")):
        sent = segment.copy()
        sent[Ether].src, sent[Ether].dst = MAC_A, GATEWAY_MAC
        came = node.run(pod, bytes(sent), "pod_a").data
        assert (Ether(came)[IP].src, Ether(came)[TCP].sport) == (POD_A, SERVER)
        assert untouched(out(node, came), came)


# Strangers


@EVERY
def test_strangers_take_the_places_of_one_pod_alone(node, masquerade, l4):
    other = reply(l4=l4, src=POD_B)
    back(node, calling(other))
    flood(node, calling(reply("203.0.0.1", l4)), 5000, ports=False)
    assert calls(node) <= nat_layout.CALLS_OF_POD
    assert masquerade.flows() == {}
    assert untouched(out(node, other), other)
    # Who calls after that is answered, too.
    answer = reply(l4=l4)
    back(node, calling(answer))
    assert untouched(out(node, answer), answer)


def test_strangers_who_open_connections_keep_nobody_from_it(node, masquerade):
    """The pod answers each of them, and in the midst of them comes one that is there."""
    answer = reply()
    opening, data = calling(answer), answering(ack(), flags="PA", seq=1)
    strangers = calling(reply("203.0.0.1"))
    back(node, opening)
    assert untouched(out(node, answer), answer)
    flood(node, strangers, 2000, ports=False)
    back(node, data)
    assert untouched(out(node, ack()), ack())
    assert untouched(out(node, ack()), ack())
    flood(node, strangers, 2000, ports=False)
    assert untouched(out(node, ack()), ack())
    assert len(masquerade.flows()) == 1


# Upgrades


@EVERY
def test_what_a_pod_has_from_before_goes_on_until_a_run_has_noted_it(node, masquerade, l4):
    table = node.tables["endpoints"]
    key = layout.ENDPOINTS.pack_key(address=POD_A)
    known = table.get(key) or b""
    older = layout.ENDPOINTS.unpack_value(known) | {"flags": 0}
    table.update({key: layout.ENDPOINTS.pack_value(**older)})
    try:
        before = leaving(sport=SERVER, flags="PA") if l4 is TCP else reply(l4=l4)
        outcome = out(node, before)
        error = told(POD_A, OUTSIDE, calling(reply()), (3, 3), 28, (NODE_MAC, WIRE_MAC))
        assert untouched(out(node, error), error)
    finally:
        table.update({key: known})
    if l4 is UDP:
        assert port_of(masqueraded(outcome)) == port_of(bytes(before))
        return
    assert untouched(outcome, before)
    # The programs have noted it by that.
    assert untouched(out(node, before), before)
