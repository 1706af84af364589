"""Segments in the name of an end that did not send them: they end and turn no flow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import nat_layout
from scapy.all import IP, Ether

from tests.clock import ago

from .masquerade import (
    NODE_MAC,
    OUTSIDE,
    WIRE_MAC,
    Masquerade,
    answering,
    back,
    delivered,
    leaving,
    masqueraded,
    out,
    port_of,
    told,
)
from .node import GATEWAY_MAC, MAC_A, MAC_B, NODE, POD_A, POD_B

if TYPE_CHECKING:
    from scapy.packet import Packet

    from .node import Node, Outcome

CLOSING, FIN, ANSWERED = nat_layout.NAT_CLOSING, nat_layout.NAT_FIN, nat_layout.NAT_ANSWERED
REVERSE = nat_layout.NAT_REVERSE
NODE_PORT, CLIENT = 31000, "198.18.5.5"
INGRESS = pytest.mark.parametrize("hook", ["from_netdev", "nodeport"])
CLOSES = pytest.mark.parametrize("flags", ["R", "RA", "F", "FA"])
#: What each end has sent and the other has acknowledged.
POD_SENT, PEER_SENT = 1000, 0xFFFFFFF0
WINDOW = nat_layout.NAT_WINDOW
#: Sequence numbers of the peer's that the pod does not expect, and such as it may.
BEYOND = [(PEER_SENT + off) % 2**32 for off in (-1, -WINDOW, WINDOW, 2**20, 2**31)]
WITHIN = [(PEER_SENT + off) % 2**32 for off in (0, 1, 20, WINDOW - 1)]


def pod(flags: str = "A", **more: int) -> Packet:
    """A segment of the pod's."""
    return leaving(flags=flags, **{"seq": POD_SENT, "ack": PEER_SENT} | more)


def peer(flags: str = "A", **more: int) -> Packet:
    """A segment in the peer's name."""
    sent = leaving(src=NODE, flags="A", seq=POD_SENT)
    return answering(sent, flags=flags, **{"seq": PEER_SENT, "ack": POD_SENT} | more)


def establish(node: Node, hook: str = "from_netdev") -> None:
    masqueraded(out(node, pod("S", seq=POD_SENT - 1, ack=0)))
    delivered(back(node, peer("SA", seq=PEER_SENT - 1), hook), hook)
    masqueraded(out(node, pod()))


def state(masquerade: Masquerade, flags: int) -> list[int]:
    """What the halves of the flow have of these flags, the one for answers last."""
    flows = masquerade.flows().values()
    assert len(flows) == 2
    return sorted(
        (flow["flags"] & (flags | REVERSE) for flow in flows), key=lambda has: has & REVERSE
    )


def rest(masquerade: Masquerade, seconds: float) -> None:
    """Let the flow be unused for so long."""
    for key in masquerade.flows():
        masquerade.services.change_flow(key, used=ago(seconds))


@INGRESS
@CLOSES
@pytest.mark.parametrize("seq", BEYOND)
def test_a_made_up_end_of_a_masqueraded_connection_is_none(node, masquerade, hook, flags, seq):
    establish(node, hook)
    for _often in range(3):
        delivered(back(node, peer(flags, seq=seq, ack=77), hook), hook)
    assert state(masquerade, CLOSING | FIN) == [0, REVERSE]
    # However long it rests then, what the server sends is the pod's.
    rest(masquerade, 3600)
    assert Ether(delivered(back(node, peer("PA"), hook), hook))[IP].dst == POD_A
    masqueraded(out(node, pod("FA")))
    rest(masquerade, 3600)
    delivered(back(node, peer("PA"), hook), hook)


@INGRESS
@pytest.mark.parametrize("flags", ["R", "RA"])
@pytest.mark.parametrize("seq", WITHIN)
def test_a_reset_in_the_window_counts_until_the_pod_goes_on(node, masquerade, hook, flags, seq):
    establish(node, hook)
    delivered(back(node, peer(flags, seq=seq, ack=77), hook), hook)
    assert state(masquerade, CLOSING) == [CLOSING, CLOSING | REVERSE]
    masqueraded(out(node, pod()))  # a challenge ACK (RFC 5961)
    assert state(masquerade, CLOSING) == [0, REVERSE]


@INGRESS
@pytest.mark.parametrize("seq", WITHIN)
def test_ends_in_the_window_close_for_good(node, masquerade, hook, seq):
    establish(node, hook)
    masqueraded(out(node, pod("FA")))
    delivered(back(node, peer("FA", seq=seq), hook), hook)
    masqueraded(out(node, pod()))
    assert state(masquerade, CLOSING) == [CLOSING, CLOSING | REVERSE]


def test_a_pod_ends_what_is_its_own_however_much_is_on_its_way(node, masquerade):
    establish(node)
    masqueraded(out(node, pod("R", seq=POD_SENT + 2**24)))
    assert state(masquerade, CLOSING) == [CLOSING, CLOSING | REVERSE]


@pytest.mark.parametrize(("flags", "final"), [("RA", True), ("R", False)])
def test_what_a_pods_reset_overtakes_opens_nothing_again(node, masquerade, flags, final):
    establish(node)
    masqueraded(out(node, pod(flags)))
    masqueraded(out(node, pod()))  # sent before, by another CPU
    closing = CLOSING if final else 0  # that may answer what somebody made up
    assert state(masquerade, CLOSING) == [closing, closing | REVERSE]


@INGRESS
def test_a_refusal_must_acknowledge_what_opened(node, masquerade, hook):
    masqueraded(out(node, pod("S", seq=POD_SENT - 1, ack=0)))
    for flags, ack in (("RA", POD_SENT - 1), ("RA", 0), ("R", 0), ("SA", 7), ("A", 7)):
        delivered(back(node, peer(flags, seq=0, ack=ack), hook), hook)
        assert state(masquerade, CLOSING | ANSWERED) == [0, REVERSE]
    delivered(back(node, peer("RA", seq=0), hook), hook)
    assert state(masquerade, CLOSING) == [CLOSING, CLOSING | REVERSE]


@INGRESS
def test_made_up_segments_keep_no_flow(node, masquerade, hook):
    establish(node, hook)
    masqueraded(out(node, pod("FA")))
    delivered(back(node, peer("FA"), hook), hook)
    for seq in BEYOND:
        rest(masquerade, 9)
        before = {key: flow["used"] for key, flow in masquerade.flows().items()}
        delivered(back(node, peer("PA", seq=seq, ack=7), hook), hook)
        assert {key: flow["used"] for key, flow in masquerade.flows().items()} == before
    delivered(back(node, peer("FA"), hook), hook)  # once more, for want of an answer
    assert {key: flow["used"] for key, flow in masquerade.flows().items()} != before


@INGRESS
@pytest.mark.parametrize("kind", [(3, 1), (3, 3), (11, 0)])
def test_a_made_up_error_is_the_pods_to_judge(node, masquerade, hook, kind):
    establish(node, hook)
    before = masquerade.flows()
    about = leaving(src=NODE, flags="A", seq=7)
    error = told(OUTSIDE, NODE, about, kind, 28, (WIRE_MAC, NODE_MAC))
    delivered(back(node, error, hook), hook)
    assert masquerade.flows() == before


# Services


def client(flags: str, **more: int) -> Packet:
    """A segment in the name of a client of the node port."""
    packet = answering(leaving(src=NODE, sport=NODE_PORT, dport=5000), flags=flags, **more)
    packet[IP].src = CLIENT
    return packet


def connect(node: Node, masquerade: Masquerade, hook: str) -> str:
    """A connection to the node port, of which the client has closed its half; the backend."""
    masquerade.services.add("::", NODE_PORT, [(POD_A, 80), (POD_B, 80)], kind="node_port")
    opened = Ether(delivered(back(node, client("S", seq=99, ack=0), hook), hook))
    backend = str(opened[IP].dst)
    answer(node, backend, "SA", seq=499, ack=100)
    delivered(back(node, client("A", seq=100, ack=500), hook), hook)
    answer(node, backend, "A", seq=500, ack=100)
    return backend


def answer(node: Node, backend: str, flags: str, **more: int) -> Outcome:
    mac, device = {POD_A: (MAC_A, "pod_a"), POD_B: (MAC_B, "pod_b")}[backend]
    packet = leaving(
        CLIENT, src=backend, sport=80, dport=5000, flags=flags, macs=(mac, GATEWAY_MAC), **more
    )
    return node.run("from_container", bytes(packet), device)


@INGRESS
def test_who_hears_no_answer_has_no_connection(node, masquerade, hook):
    """Whoever opens many in others' names has nothing that lasts: a minute, and no six hours."""
    masquerade.services.add("::", NODE_PORT, [(POD_A, 80)], kind="node_port")
    delivered(back(node, client("S", seq=99, ack=0), hook), hook)
    for _often in range(3):
        answer(node, POD_A, "SA", seq=499, ack=100)
    assert state(masquerade, ANSWERED) == [0, REVERSE]
    answer(node, POD_A, "RA", seq=500, ack=100)
    assert state(masquerade, ANSWERED) == [0, REVERSE]
    delivered(back(node, client("S", seq=99, ack=0), hook), hook)
    answer(node, POD_A, "SA", seq=499, ack=100)
    delivered(back(node, client("A", seq=100, ack=500), hook), hook)
    answer(node, POD_A, "A", seq=500, ack=100)
    assert state(masquerade, ANSWERED) == [ANSWERED, ANSWERED | REVERSE]


@CLOSES
def test_a_made_up_end_of_a_connection_to_a_service_is_none(node, masquerade, flags):
    backend = connect(node, masquerade, "from_netdev")
    for seq in (99, 100 + WINDOW, 2**31):
        back(node, client(flags, seq=seq, ack=77))
    assert state(masquerade, CLOSING | FIN) == [0, REVERSE]
    assert port_of(answer(node, backend, "PA", seq=500, ack=100).data) == NODE_PORT


def test_who_opens_a_connection_anew_in_a_clients_name_does_not_turn_it(node, masquerade):
    """The client has sent all, and waits for its answer."""
    backend = connect(node, masquerade, "from_netdev")
    back(node, client("FA", seq=100, ack=500))
    created = {key: flow["created"] for key, flow in masquerade.flows().items()}
    for number in range(20):
        data = delivered(back(node, client("S", seq=number * 12345, ack=0)))
        assert Ether(data)[IP].dst == backend
    assert {key: flow["created"] for key, flow in masquerade.flows().items()} == created
    assert port_of(answer(node, backend, "PA", seq=500, ack=101).data) == NODE_PORT
