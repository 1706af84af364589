# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What policies let through, at both ends of a packet and in every program that one may pass."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import (
    nat_layout,
    policy_layout,
)
from ansible_collections.podnet.fabric.plugins.module_utils.datapath.policy_layout import (
    POLICY_AUDIT,
    POLICY_SET,
)
from scapy.all import ICMP, IP, TCP, UDP, Ether, Raw

from tests.clock import ago

from .masquerade import (
    DROP,
    OUTSIDE,
    answering,
    back,
    changed,
    leaving,
    out,
    pieces,
    port_of,
    told,
)
from .node import GATEWAY, GATEWAY_MAC, MAC_A, MAC_B, NODE, NODE_MAC, POD_A, POD_B, VNI, WIRE_MAC
from .policies import ALL_PROTOCOLS, ANY, PORT, PROTOCOL, Lets, every

if TYPE_CHECKING:
    from scapy.packet import Packet

    from .masquerade import Masquerade
    from .node import Node, Outcome
    from .policies import Policies

#: Classes, sets and rules.
WORLD, A, B, REMOTE, OUT = 1, 11, 12, 13, 14
IN, EGRESS, AUDIT = 101, 102, 103
RULE, OTHER = 201, 202
#: Numbers of protocols.
TCP_, UDP_, SCTP_, ICMP_ = 6, 17, 132, 1
REMOTE_POD, SERVICE, NODE_PORT = "10.111.160.130", "172.16.0.10", 31000
PODS = pytest.mark.parametrize("hook", ["from_container", "guard"])
DENIED = {"ingress": "ingress_denied", "egress": "egress_denied"}
EACH = pytest.mark.parametrize("l4", [TCP, UDP, ICMP], ids=["TCP", "UDP", "ICMP"])


@pytest.fixture(autouse=True)
def classes(policies: Policies) -> None:
    """Tell pods, a remote one and the outside apart."""
    policies.add_class(f"{POD_A}/32", A)
    policies.add_class(f"{POD_B}/32", B)
    policies.add_class(f"{REMOTE_POD}/32", REMOTE)
    policies.add_class(f"{OUTSIDE}/32", OUT)


def sent(node: Node, packet: Packet, hook: str = "from_container") -> Outcome:
    """What becomes of a packet that a pod sends."""
    mac, device = {POD_A: (MAC_A, "pod_a"), POD_B: (MAC_B, "pod_b")}[packet[IP].src]
    packet = packet.copy()
    packet[Ether].src, packet[Ether].dst = mac, GATEWAY_MAC
    return node.run(hook, bytes(packet), device)


def to_b(l4: type[Packet] = TCP, dport: int = 80, **more: object) -> Packet:
    """From pod A to pod B."""
    return leaving(POD_B, l4, dport=dport, **({"flags": "S"} if l4 is TCP else {}) | more)


def from_b(packet: Packet, **more: object) -> Packet:
    """What pod B answers."""
    return answering(packet, **more)


def passes(outcome: Outcome) -> bool:
    """Say whether it was let through: nothing is counted but that it goes on."""
    assert len(outcome.counted) == 1, outcome.counted
    return outcome.action != DROP


def denied(outcome: Outcome, way: str, hook: str = "from_container") -> bool:
    return (outcome.action, outcome.counted) == (DROP, [(hook, DENIED[way])])


# What a rule lets through


@pytest.mark.parametrize(
    ("entry", "through"),
    [
        (Lets(A, RULE, TCP_, 80), {("TCP", 80)}),
        (Lets(ANY, RULE, TCP_, 80), {("TCP", 80)}),
        (Lets(A, RULE, UDP_, 81), {("UDP", 81)}),
        (Lets(A, RULE, TCP_, bits=PROTOCOL), {("TCP", 80), ("TCP", 81)}),
        (Lets(A, RULE, TCP_, 80, bits=PORT - 1), {("TCP", 80), ("TCP", 81)}),
        (every(A, RULE), {("TCP", 80), ("TCP", 81), ("UDP", 80), ("UDP", 81), ("ICMP", 0)}),
        (every(ANY, RULE), {("TCP", 80), ("TCP", 81), ("UDP", 80), ("UDP", 81), ("ICMP", 0)}),
        (every(B, RULE), set()),
        (every(WORLD, RULE), set()),
        (Lets(A, 0, bits=ALL_PROTOCOLS), set()),
    ],
)
def test_ingress_passes_by_a_rule_alone(node, policies, entry, through):
    policies.add_set(IN, [entry])
    policies.select(POD_B, ingress=IN)
    for l4 in (TCP, UDP, ICMP):
        for port in (80, 81) if l4 is not ICMP else (0,):
            packet = to_b(l4, port) if l4 is not ICMP else leaving(POD_B, ICMP)
            done = sent(node, packet)
            if (l4.__name__, port) in through:
                assert done.counted == [("from_container", "to_endpoint")]
            else:
                assert denied(done, "ingress")
    assert policies.counted(IN, POLICY_SET) == 5 - len(through)
    if entry.rule:
        assert policies.counted(entry.rule) == len(through)
    # Who began it stays known, where the packets do not say it themselves.
    assert len(policies.notes()) == sum(l4 != "TCP" for l4, _port in through)


def test_a_class_that_may_less_is_not_any(node, policies):
    policies.add_set(IN, [every(ANY, RULE), Lets(A, 0, bits=ALL_PROTOCOLS)])
    policies.select(POD_B, ingress=IN)
    assert denied(sent(node, to_b()), "ingress")
    assert passes(back(node, answering(leaving(OUTSIDE, src=POD_B))))


def test_the_longest_entry_of_a_class_counts(node, policies):
    policies.add_set(IN, [Lets(A, RULE, TCP_, bits=PROTOCOL), Lets(A, OTHER, TCP_, 80)])
    policies.select(POD_B, ingress=IN)
    assert passes(sent(node, to_b()))
    assert passes(sent(node, to_b(dport=81)))
    assert (policies.counted(RULE), policies.counted(OTHER)) == (1, 1)


@PODS
def test_egress_is_judged_where_the_pod_sends(node, policies, hook):
    policies.add_set(EGRESS, [Lets(B, RULE, TCP_, 80)])
    policies.select(POD_A, egress=EGRESS)
    assert passes(sent(node, to_b(), hook))
    assert denied(sent(node, to_b(dport=81), hook), "egress", hook)
    for other in (REMOTE_POD, OUTSIDE, GATEWAY, NODE):
        assert denied(sent(node, leaving(other, flags="S"), hook), "egress", hook)
    # What nobody selects is nobody's business.
    assert passes(sent(node, leaving(REMOTE_POD, src=POD_B, flags="S"), hook))


def test_both_ends_are_judged(node, policies):
    policies.add_set(EGRESS, [every(B, RULE)])
    policies.add_set(IN, [Lets(A, OTHER, TCP_, 80)])
    policies.select(POD_A, egress=EGRESS)
    policies.select(POD_B, ingress=IN)
    assert passes(sent(node, to_b()))
    assert denied(sent(node, to_b(dport=81)), "ingress")
    assert (policies.counted(RULE), policies.counted(OTHER)) == (2, 1)


@pytest.mark.parametrize("missing", ["pod", "partition", "program"])
def test_what_is_not_there_lets_nothing_through(node, policies, missing):
    policies.add_set(IN, [every(ANY, RULE)])
    policies.select(POD_B, ingress=IN)
    assert passes(sent(node, to_b()))
    table, reason = "policy_pods", "ingress_denied"
    if missing == "partition":
        table = "policy_classes"
    if missing == "program":
        table, reason = "policy_stage", "not_configured"
        (key,) = node.tables[table].items()
        kept = struct.pack("=I", node.judge)
        node.tables[table].delete([key])
    else:
        node.tables[table].delete(list(node.tables[table].items()))
    done = sent(node, to_b())
    if missing == "program":
        node.tables[table].update({key: kept})
    assert (done.action, done.counted) == (DROP, [("from_container", reason)])


@PODS
def test_a_pod_reaches_itself(node, policies, hook):
    policies.add_set(IN, [])
    policies.select(POD_A, ingress=IN, egress=IN)
    done = sent(node, leaving(POD_A, flags="S"), hook)
    assert not any("denied" in reason for _hook, reason in done.counted)


# By which ways a packet comes


@pytest.mark.parametrize("hook", ["from_netdev", "from_overlay", "to_container"])
def test_ingress_is_judged_however_a_packet_comes(node, policies, hook):
    policies.add_set(IN, [Lets(REMOTE, RULE, TCP_, 80)])
    policies.select(POD_B, ingress=IN)
    for dport, goes in ((80, True), (81, False)):
        packet = leaving(POD_B, src=REMOTE_POD, dport=dport, flags="S", macs=(WIRE_MAC, NODE_MAC))
        if hook == "from_overlay":
            packet[IP].src = "10.111.162.1"
            policies.add_class("10.111.162.1/32", REMOTE)
            done = node.run(hook, bytes(packet), "pn_vxlan", tunnel=(VNI, "10.222.0.9"))
        else:
            device = {"from_netdev": "eth0", "to_container": "pod_b"}[hook]
            done = node.run(hook, bytes(packet), device)
        assert passes(done) if goes else denied(done, "ingress", hook)


@pytest.mark.parametrize(("hook", "device"), [("from_host", "pn_host"), ("to_container", "pod_b")])
def test_a_node_reaches_its_own_pods(node, policies, hook, device):
    policies.add_set(IN, [])
    policies.select(POD_B, ingress=IN)
    for source, goes in ((NODE, True), (GATEWAY, True), (REMOTE_POD, False), (OUTSIDE, False)):
        packet = leaving(POD_B, src=source, flags="S", macs=(NODE_MAC, GATEWAY_MAC))
        done = node.run(hook, bytes(packet), device)
        assert passes(done) if goes else denied(done, "ingress", hook)


def test_a_node_is_answered_by_its_own_pods(node, policies):
    policies.add_set(IN, [])
    policies.add_set(EGRESS, [])
    policies.select(POD_B, ingress=IN, egress=EGRESS)
    asked = leaving(POD_B, src=NODE, flags="S", macs=(NODE_MAC, GATEWAY_MAC))
    assert denied(sent(node, from_b(asked)), "egress")
    for _again in range(2):
        assert passes(node.run("from_host", bytes(asked), "pn_host"))
        assert passes(sent(node, from_b(asked)))
    assert len(policies.notes()) == 1


def test_nobody_else_speaks_as_the_node(node, policies):
    policies.add_set(IN, [])
    policies.select(POD_B, ingress=IN)
    packet = leaving(POD_B, src=GATEWAY, flags="S", macs=(WIRE_MAC, NODE_MAC))
    assert back(node, packet).action == DROP


# Replies


@EACH
@PODS
def test_the_answer_comes_in_and_nothing_else(node, policies, l4, hook):
    policies.add_set(IN, [])
    policies.select(POD_A, ingress=IN)
    asked = to_b(l4) if l4 is not ICMP else leaving(POD_B, ICMP)
    assert passes(sent(node, asked, hook))
    (note,) = policies.notes()
    assert (note["reserved"], note["flags"]) == (
        policy_layout.POLICY_INGRESS,
        nat_layout.NAT_POLICY,
    )
    assert passes(sent(node, from_b(asked)))
    assert policies.notes()[0]["flags"] & nat_layout.NAT_ANSWERED
    for more in made_up(asked):
        assert denied(sent(node, more), "ingress")


def made_up(asked: Packet) -> list[Packet]:
    """What pod B might send that looks like an answer."""
    if ICMP in asked:
        other, request = from_b(asked), from_b(asked)
        other[ICMP].id += 1
        request[ICMP].type = 8
        return [other, request]
    port = asked[asked[IP].payload.__class__]
    found = []
    for sport, dport in ((port.dport, port.sport + 1), (port.dport + 1, port.sport), (53, 53)):
        other = from_b(asked)
        other[IP].payload.sport, other[IP].payload.dport = sport, dport
        found.append(other)
    if TCP in asked:
        for flags in ("A", "R", "FA", "RA", "S"):
            other = found[0].copy()
            other[TCP].flags = flags
            found.append(other)
    return found


@EACH
def test_the_answer_goes_out_and_nothing_else(node, policies, l4):
    policies.add_set(IN, [every(A, RULE)])
    policies.add_set(EGRESS, [])
    policies.select(POD_B, ingress=IN, egress=EGRESS)
    asked = to_b(l4) if l4 is not ICMP else leaving(POD_B, ICMP)
    assert passes(sent(node, asked))
    (note,) = policies.notes()
    assert note["reserved"] == policy_layout.POLICY_EGRESS
    assert passes(sent(node, from_b(asked)))
    for more in made_up(asked):
        assert denied(sent(node, more), "egress")


def test_who_may_not_come_in_is_not_answered(node, policies):
    """A's note lets B's answer into A, and not out of B."""
    policies.add_set(IN, [])
    policies.add_set(EGRESS, [every(B, RULE)])
    policies.select(POD_A, ingress=IN, egress=EGRESS)
    policies.select(POD_B, ingress=IN, egress=IN)
    assert denied(sent(node, to_b()), "ingress")
    assert denied(sent(node, from_b(to_b())), "egress")


def test_taking_a_permission_away_ends_what_it_let_through(node, policies):
    policies.add_set(IN, [])
    policies.add_set(EGRESS, [every(B, RULE)])
    policies.select(POD_A, ingress=IN, egress=EGRESS)
    assert passes(sent(node, to_b()))
    assert passes(sent(node, from_b(to_b())))
    policies.add_set(AUDIT, [])
    policies.select(POD_A, ingress=IN, egress=AUDIT)
    assert denied(sent(node, to_b(flags="A")), "egress")


@pytest.mark.parametrize("l4", [TCP, UDP], ids=["TCP", "UDP"])
@pytest.mark.parametrize(("way", "pod"), [("ingress", POD_B), ("egress", POD_A)])
def test_an_answer_does_not_keep_alive_what_it_answers(node, policies, l4, way, pod):
    """In the other direction the pod is not isolated, and its answers are not judged."""
    policies.add_set(IN, [every(A, RULE), every(B, OTHER)])
    policies.add_set(AUDIT, [])
    policies.select(pod, **{way: IN})
    more = {"flags": "A"} if l4 is TCP else {}
    assert passes(sent(node, to_b(l4)))
    assert passes(sent(node, from_b(to_b(l4))))
    assert passes(sent(node, to_b(l4, **more)))
    notes = 0 if l4 is TCP else 1
    assert len(policies.notes()) == notes
    policies.select(pod, **{way: AUDIT})
    assert passes(sent(node, from_b(to_b(l4), **more)))
    assert denied(sent(node, to_b(l4, **more)), way)
    assert len(policies.notes()) == notes


@pytest.mark.parametrize(
    ("l4", "flags", "seconds"),
    [
        (UDP, nat_layout.NAT_ANSWERED, 61),
        (TCP, 0, 61),
        (TCP, nat_layout.NAT_ANSWERED, 21601),
        (TCP, nat_layout.NAT_ANSWERED | nat_layout.NAT_CLOSING, 11),
    ],
)
def test_a_note_ends_with_its_connection(node, masquerade, policies, l4, flags, seconds):
    policies.add_set(IN, [])
    policies.select(POD_A, ingress=IN)
    asked = to_b(l4)
    for age, goes in ((seconds - 2, True), (seconds, False)):
        assert passes(sent(node, asked))
        for key in masquerade.flows():
            masquerade.services.change_flow(key, used=ago(age), flags=nat_layout.NAT_POLICY | flags)
        answer = sent(node, from_b(asked))
        assert passes(answer) if goes else denied(answer, "ingress")
    # Who asks again is answered again.
    assert passes(sent(node, asked))
    assert passes(sent(node, from_b(asked)))
    assert len(policies.notes()) == 1


@pytest.mark.parametrize("end", ["fin", "reset", "refused"])
def test_a_note_is_closed_with_its_connection(node, policies, end):
    policies.add_set(IN, [])
    policies.select(POD_A, ingress=IN)
    sent(node, to_b(seq=9))
    if end == "refused":
        sent(node, from_b(to_b(seq=9), flags="RA"))
    else:
        sent(node, from_b(to_b(seq=9), flags="SA", seq=99))
        sent(node, to_b(flags="A", seq=10, ack=100))
        assert not policies.notes()[0]["flags"] & nat_layout.NAT_CLOSING
        if end == "reset":
            sent(node, to_b(flags="RA", seq=10, ack=100))
        else:
            sent(node, to_b(flags="FA", seq=10, ack=100))
            assert not policies.notes()[0]["flags"] & nat_layout.NAT_CLOSING
            sent(node, from_b(to_b(flags="FA", seq=10), flags="FA", seq=100))
    assert policies.notes()[0]["flags"] & nat_layout.NAT_CLOSING
    # A new one by the same ports is another one.
    sent(node, to_b(seq=5000))
    assert not policies.notes()[0]["flags"] & nat_layout.NAT_CLOSING


def test_a_made_up_end_of_a_connection_is_none(node, policies):
    policies.add_set(IN, [])
    policies.select(POD_A, ingress=IN)
    sent(node, leaving(OUTSIDE, flags="S", seq=9))
    asked = leaving(REMOTE_POD, flags="S", seq=9)
    assert passes(sent(node, asked))
    assert passes(back(node, answering(asked, flags="SA", seq=99)))
    sent(node, leaving(REMOTE_POD, flags="A", seq=10, ack=100))
    for seq in (0, 99, 2**31, 100 + nat_layout.NAT_WINDOW):
        back(node, answering(asked, flags="R", seq=seq, ack=77))
    note = next(one for one in policies.notes() if str(one["source"]).endswith(REMOTE_POD))
    assert not note["flags"] & nat_layout.NAT_CLOSING
    back(node, answering(asked, flags="R", seq=100, ack=77))
    note = next(one for one in policies.notes() if str(one["source"]).endswith(REMOTE_POD))
    assert note["flags"] & nat_layout.NAT_CLOSING


@pytest.mark.parametrize("l4", [TCP, UDP], ids=["TCP", "UDP"])
def test_an_error_about_what_passed_comes_in_and_none_else(node, policies, l4):
    policies.add_set(IN, [])
    policies.select(POD_A, ingress=IN)
    asked = leaving(REMOTE_POD, l4, **({"flags": "S"} if l4 is TCP else {}))
    error = told("10.99.9.9", POD_A, asked, (3, 4), 28, (WIRE_MAC, NODE_MAC))
    assert denied(back(node, error), "ingress", "from_netdev")
    assert passes(sent(node, asked))
    assert passes(back(node, error))
    other = leaving(REMOTE_POD, l4, dport=444)
    error = told("10.99.9.9", POD_A, other, (3, 4), 28, (WIRE_MAC, NODE_MAC))
    assert denied(back(node, error), "ingress", "from_netdev")
    assert len(policies.notes()) == 1


@PODS
@pytest.mark.parametrize("isolated", [True, False], ids=["isolated", "not isolated"])
def test_an_error_of_a_pod_is_about_what_came_to_it(node, policies, hook, isolated):
    """It quotes what another pod of the node was told, which that may answer, and not who sends."""
    policies.add_set(IN, [every(REMOTE, RULE)])
    policies.add_set(EGRESS, [])
    policies.select(POD_A, ingress=IN, egress=EGRESS)
    if isolated:
        policies.select(POD_B, ingress=IN, egress=EGRESS)
    macs = (WIRE_MAC, NODE_MAC)
    came = leaving(POD_A, UDP, src=REMOTE_POD, macs=macs)
    assert passes(back(node, came))
    error = told(POD_A, REMOTE_POD, came, (3, 3), 28, macs)
    assert passes(sent(node, error, hook))
    error[IP].src = POD_B
    done = sent(node, error, hook)
    assert (done.action, done.counted) == (DROP, [(hook, "spoofed_source")])


@PODS
def test_an_error_of_a_pod_quotes_in_its_first_fragment_what_it_is_about(node, policies, hook):
    came = leaving(POD_B, UDP, src=REMOTE_POD, macs=(WIRE_MAC, NODE_MAC))
    error = told(POD_B, REMOTE_POD, came, (3, 3), 28, (MAC_B, GATEWAY_MAC))
    first, *_later = pieces(error, 8)
    done = node.run(hook, first, "pod_b")
    assert (done.action, done.counted) == (DROP, [(hook, "malformed")])


def test_who_is_called_by_tcp_has_no_notes(node, policies):
    """However many call a pod that may send what it likes; and what a rule lets in goes with it."""
    policies.add_set(IN, [Lets(A, RULE, TCP_, 80)])
    policies.select(POD_B, ingress=IN)
    for number in range(20):
        call = to_b(sport=3000 + number)
        assert passes(sent(node, call))
        assert passes(sent(node, from_b(call)))
        assert passes(sent(node, to_b(sport=3000 + number, flags="A")))
    assert policies.notes() == []
    policies.select(POD_B, ingress=EGRESS)
    assert passes(sent(node, from_b(to_b(sport=3000), flags="PA")))
    assert denied(sent(node, to_b(sport=3000, flags="A")), "ingress")
    assert policies.notes() == []


# Through services and masquerading


@PODS
def test_a_policy_sees_the_backend(node, masquerade, policies, hook):
    masquerade.services.add(SERVICE, 8080, [(POD_B, 80)])
    policies.add_set(EGRESS, [Lets(B, RULE, TCP_, 80)])
    policies.add_set(IN, [])
    policies.select(POD_A, egress=EGRESS, ingress=IN)
    asked = leaving(SERVICE, dport=8080, flags="S")
    done = sent(node, asked, hook)
    assert passes(done)
    assert Ether(done.data)[IP].dst == POD_B
    # The answer comes as the service's, and is known by the backend.
    answer = sent(node, from_b(Ether(done.data)), hook)
    assert passes(answer)
    assert Ether(answer.data)[IP].src == SERVICE
    masquerade.services.add(SERVICE, 8081, [(POD_B, 81)])
    assert denied(sent(node, leaving(SERVICE, dport=8081, flags="S"), hook), "egress", hook)


@pytest.mark.parametrize("hook", ["from_netdev", "nodeport"])
def test_a_policy_sees_the_client_of_a_node_port(node, masquerade, policies, hook):
    masquerade.services.add("::", NODE_PORT, [(POD_B, 80)], kind="node_port")
    policies.add_set(IN, [Lets(OUT, RULE, TCP_, 80)])
    policies.add_set(EGRESS, [])
    policies.select(POD_B, ingress=IN, egress=EGRESS)
    for client, goes in ((OUTSIDE, True), ("198.18.5.5", False)):
        call = leaving(NODE, src=client, dport=NODE_PORT, flags="S", macs=(WIRE_MAC, NODE_MAC))
        done = back(node, call, hook)
        assert passes(done) if goes else denied(done, "ingress", hook)
        if goes:
            answer = sent(node, from_b(Ether(done.data)))
            assert passes(answer)
            assert port_of(answer.data) == NODE_PORT


def test_a_policy_sees_through_masquerading(node, policies):
    policies.add_set(EGRESS, [Lets(OUT, RULE, TCP_, 443)])
    policies.add_set(IN, [])
    policies.select(POD_A, egress=EGRESS, ingress=IN)
    asked = leaving(OUTSIDE, flags="S")
    assert passes(sent(node, asked))
    gone = out(node, asked)
    assert Ether(gone.data)[IP].src == NODE
    answer = back(node, answering(gone.data))
    assert passes(answer)
    assert answer.data == changed(
        answering(gone.data), dst=POD_A, dport=asked[TCP].sport, hop=True, macs=(GATEWAY_MAC, MAC_A)
    )
    assert denied(sent(node, leaving(OUTSIDE, dport=444, flags="S")), "egress")


# Audit


def test_audit_counts_and_keeps_nothing_out(node, policies):
    policies.add_set(AUDIT, [Lets(A, RULE, TCP_, 80)])
    policies.select(POD_B, audit_ingress=AUDIT)
    for dport in (80, 81, 81):
        assert passes(sent(node, to_b(dport=dport)))
    assert policies.counted(AUDIT, POLICY_AUDIT) == 2
    # Answers would pass, too.
    asked = leaving(POD_A, src=POD_B, flags="S")
    assert passes(sent(node, asked))
    assert passes(sent(node, answering(asked)))
    assert policies.counted(AUDIT, POLICY_AUDIT) == 2


def test_audit_beside_what_is_enforced(node, policies):
    policies.add_set(IN, [every(A, OTHER)])
    policies.add_set(AUDIT, [every(A, OTHER), every(REMOTE, RULE)])
    policies.select(POD_B, ingress=IN, audit_ingress=AUDIT)
    assert passes(sent(node, to_b()))
    packet = leaving(POD_B, src=REMOTE_POD, flags="S", macs=(WIRE_MAC, NODE_MAC))
    assert denied(back(node, packet), "ingress", "from_netdev")
    assert policies.counted(AUDIT, POLICY_AUDIT) == 0


# Packets of other kinds


def test_fragments_have_the_ports_of_the_first_one(node, policies):
    policies.add_set(IN, [Lets(A, RULE, UDP_, 53)])
    policies.select(POD_B, ingress=IN)
    first, *others = pieces(to_b(UDP, 53, size=900))
    for piece in (first, *others):
        assert passes(sent(node, Ether(piece)))
    for piece in pieces(to_b(UDP, 54, size=900)):
        assert denied(sent(node, Ether(piece)), "ingress")


def test_an_answer_to_a_ping_comes_in_fragments(node, policies):
    policies.add_set(IN, [every(A, RULE)])
    policies.add_set(EGRESS, [])
    policies.select(POD_B, ingress=IN, egress=EGRESS)
    for piece in pieces(to_b(ICMP, size=900)):
        assert passes(sent(node, Ether(piece)))
    for piece in pieces(from_b(to_b(ICMP), size=900)):
        assert passes(sent(node, Ether(piece)))
    for piece in pieces(leaving(POD_A, ICMP, src=POD_B, size=900)):
        assert denied(sent(node, Ether(piece)), "egress")


def test_a_fragment_whose_first_one_nobody_saw_is_dropped(node, policies):
    policies.add_set(IN, [Lets(A, RULE, UDP_, 53)])
    policies.select(POD_B, ingress=IN)
    node.tables["fragments"].delete(list(node.tables["fragments"].items()))
    piece = Ether(pieces(to_b(UDP, 53, size=900))[1])
    done = sent(node, piece)
    assert (done.action, done.counted) == (DROP, [("from_container", "unknown_fragment")])


def test_sctp_has_ports(node, policies):
    policies.add_set(IN, [Lets(A, RULE, SCTP_, 3868)])
    policies.add_set(EGRESS, [])
    policies.select(POD_B, ingress=IN, egress=EGRESS)
    for port, goes in ((3868, True), (3869, False)):
        header = Raw(struct.pack("!HHII", 4000, port, 0, 0) + bytes(20))
        packet = Ether() / IP(src=POD_A, dst=POD_B, proto=SCTP_) / header
        done = sent(node, packet)
        assert passes(done) if goes else denied(done, "ingress")
        answer = Raw(struct.pack("!HHII", port, 4000, 0, 0) + bytes(20))
        done = sent(node, Ether() / IP(src=POD_B, dst=POD_A, proto=SCTP_) / answer)
        assert passes(done) if goes else denied(done, "egress")


def test_other_protocols_pass_by_rules_without_ports(node, policies):
    packet = Ether() / IP(src=POD_A, dst=POD_B, proto=47) / Raw(bytes(40))
    for entry, goes in ((Lets(A, RULE, TCP_, bits=PROTOCOL), False), (every(A, RULE), True)):
        policies.add_set(IN + goes, [entry])
        policies.select(POD_B, ingress=IN + goes)
        done = sent(node, packet)
        assert passes(done) if goes else denied(done, "ingress")


def test_arp_is_not_judged(node, policies):
    policies.add_set(EGRESS, [])
    policies.select(POD_A, egress=EGRESS, ingress=EGRESS)
    arp = bytes.fromhex(
        "ffffffffffff" + MAC_A.replace(":", "") + "08060001080006040001" + MAC_A.replace(":", "")
    )
    arp += bytes(map(int, POD_A.split("."))) + bytes(6) + bytes(map(int, GATEWAY.split(".")))
    done = node.run("from_container", arp, "pod_a")
    assert done.counted == [("from_container", "arp_reply")]


# Accounts


def test_who_hears_no_answer_has_no_connection(node, policies):
    policies.add_set(IN, [Lets(OUT, RULE, TCP_, 80)])
    policies.add_set(EGRESS, [])
    policies.select(POD_B, ingress=IN, egress=EGRESS)
    call = leaving(POD_B, src=OUTSIDE, dport=80, flags="S", macs=(WIRE_MAC, NODE_MAC))
    assert passes(back(node, call))
    for flags in ("SA", "SA", "A"):
        assert not policies.notes()[0]["flags"] & nat_layout.NAT_ANSWERED
        assert passes(sent(node, answering(call, flags=flags)))
    assert policies.notes()[0]["flags"] & nat_layout.NAT_ANSWERED


def test_pods_that_call_have_it_on_their_own_accounts(node, masquerade: Masquerade, policies):
    policies.add_set(IN, [every(ANY, RULE)])
    policies.select(POD_B, ingress=IN)
    assert passes(sent(node, to_b(UDP, 1000)))
    far = leaving(POD_B, UDP, src=REMOTE_POD, macs=(WIRE_MAC, NODE_MAC))
    assert passes(back(node, far))
    outside = leaving(POD_B, UDP, src=OUTSIDE, macs=(WIRE_MAC, NODE_MAC))
    assert passes(back(node, outside))
    policy, strangers = nat_layout.NAT_POLICY, nat_layout.NAT_POLICY | nat_layout.NAT_OUTSIDE
    assert masquerade.accounts() == {
        (POD_A, policy): (1, 0),
        (REMOTE_POD, policy): (1, 0),
        (POD_B, strangers): (1, 0),
    }
    # One that floods keeps nobody else out.
    masquerade.set_flows(nat_layout.NAT_MOST_FLOWS, account=(POD_A, policy))
    done = sent(node, to_b(UDP, 1001))
    assert (done.action, done.counted) == (DROP, [("from_container", "nat_quota")])
    assert passes(
        back(node, leaving(POD_B, UDP, src=REMOTE_POD, dport=9, macs=(WIRE_MAC, NODE_MAC)))
    )


def test_audit_keeps_nothing_out_for_want_of_room(node, masquerade: Masquerade, policies):
    policies.add_set(AUDIT, [every(ANY, RULE)])
    policies.select(POD_B, audit_ingress=AUDIT, audit_egress=AUDIT)
    strangers = (POD_B, nat_layout.NAT_POLICY | nat_layout.NAT_OUTSIDE)
    masquerade.set_flows(nat_layout.NAT_MOST_FLOWS, account=strangers)
    assert passes(back(node, leaving(POD_B, UDP, src=OUTSIDE, macs=(WIRE_MAC, NODE_MAC))))
    assert policies.counted(RULE) == 1


def test_a_pod_that_has_its_share_of_notes_gets_no_more(node, masquerade: Masquerade, policies):
    policies.add_set(IN, [])
    policies.select(POD_A, ingress=IN)
    assert passes(sent(node, to_b(UDP, 1000)))
    accounts = masquerade.accounts()
    assert accounts[POD_A, nat_layout.NAT_POLICY] == (1, 0)
    masquerade.set_flows(nat_layout.NAT_MOST_FLOWS, account=(POD_A, nat_layout.NAT_POLICY))
    done = sent(node, to_b(UDP, 1001))
    assert (done.action, done.counted) == (DROP, [("from_container", "nat_quota")])
    assert passes(sent(node, to_b(UDP, 1000)))  # has its note already
