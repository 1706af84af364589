# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who looks sees each packet and what became of it, what he asks for alone, and for a while."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import event_layout as layout
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import reasons
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.flows import look
from ansible_collections.podnet.fabric.plugins.module_utils.flows.lines import text
from ansible_collections.podnet.fabric.plugins.module_utils.flows.wanted import (
    CHOICES,
    MEANS,
    Wanted,
)
from scapy.all import ARP, ICMP, IP, TCP, UDP, Ether, ICMPv6ND_RS, IPerror, IPv6, TCPerror

from tests.waiting import wait_for

from .masquerade import OUTSIDE
from .node import (
    GATEWAY,
    GATEWAY_MAC,
    MAC_A,
    MAC_B,
    NODE,
    NODE_MAC,
    PEER_VTEP,
    POD_A,
    POD_B,
    VNI,
    WIRE_MAC,
)
from .observers import Observer
from .policies import Lets

if TYPE_CHECKING:
    from collections.abc import Callable

    from scapy.packet import Packet

    from .node import Node

REMOTE, TUNNELED, SPOOFED = "10.111.160.130", "10.111.162.5", "10.111.160.99"
SERVICE = "10.10.252.131"
ZERO = bytes(4)


@pytest.fixture
def observer(node, tmp_path) -> Observer:
    """Return one who does not look yet."""
    return Observer(node, tmp_path)


def sent(layer: Packet, dst: str = POD_B, src: str = POD_A, **fields: Any) -> bytes:
    """What pod A sends."""
    return bytes(Ether(src=MAC_A, dst=GATEWAY_MAC) / IP(src=src, dst=dst, **fields) / layer)


def came(layer: Packet, dst: str = POD_A, src: str = REMOTE) -> bytes:
    """What the network sends."""
    return bytes(Ether(src=WIRE_MAC, dst=NODE_MAC) / IP(src=src, dst=dst) / layer)


def syn(sport: int = 40000, dport: int = 80, flags: str = "S") -> Packet:
    """A segment."""
    return TCP(sport=sport, dport=dport, flags=flags)


def said(lines: list[dict[str, Any]]) -> list[str]:
    """Return lines as people read them, less their time."""
    return [text(line).partition(" ")[2] for line in lines]


def test_the_four_lines_of_a_ping(node, observer):
    # The other node's two are those of this one: it has the same programs.
    with observer.seen() as lines:
        node.run("from_container", sent(ICMP(type=8, id=7), REMOTE), "pod_a")
        node.run("from_netdev", came(ICMP(type=8, id=8)), "eth0")
        node.run("from_container", sent(ICMP(type=0, id=8), REMOTE), "pod_a")
        node.run("from_netdev", came(ICMP(type=0, id=7)), "eth0")
    assert said(lines) == [
        f"{POD_A} (a) -> {REMOTE} to-network FORWARDED (ICMPv4 EchoRequest)",
        f"{REMOTE} -> {POD_A} (a) to-endpoint FORWARDED (ICMPv4 EchoRequest)",
        f"{REMOTE} <- {POD_A} (a) to-network FORWARDED (ICMPv4 EchoReply)",
        f"{POD_A} (a) <- {REMOTE} to-endpoint FORWARDED (ICMPv4 EchoReply)",
    ]


@pytest.mark.parametrize(
    ("hook", "device", "frame", "line"),
    [
        (
            *("from_container", "pod_a", sent(syn(flags="FA"))),
            f"{POD_A}:40000 (a) -> {POD_B}:80 (b) to-endpoint FORWARDED (TCP Flags: FIN, ACK)",
        ),
        (
            *("from_container", "pod_a", sent(UDP(sport=1, dport=53), TUNNELED)),
            f"{POD_A}:1 (a) -> {TUNNELED}:53 to-overlay FORWARDED (UDP)",
        ),
        (
            *("from_container", "pod_a", sent(syn(), GATEWAY)),
            f"{POD_A}:40000 (a) -> {GATEWAY}:80 to-stack FORWARDED (TCP Flags: SYN)",
        ),
        (
            *("guard", "pod_a", sent(syn(), REMOTE)),
            f"{POD_A}:40000 (a) -> {REMOTE}:80 to-stack FORWARDED (TCP Flags: SYN)",
        ),
        (
            *("from_container", "pod_a", sent(syn(), src=SPOOFED)),
            f"{SPOOFED}:40000 (a) -> {POD_B}:80 (b) from-container DROPPED spoofed_source "
            "(TCP Flags: SYN)",
        ),
        (
            *("from_netdev", "eth0", came(UDP(sport=9, dport=53), SPOOFED)),
            f"{REMOTE}:9 -> {SPOOFED}:53 from-netdev DROPPED no_endpoint (UDP)",
        ),
        (
            *("from_container", "pod_a"),
            bytes(
                Ether(src=MAC_A, dst="ff:ff:ff:ff:ff:ff")
                / ARP(hwsrc=MAC_A, psrc=POD_A, pdst=GATEWAY)
            ),
            "a -> ? arp-reply FORWARDED (ARP)",
        ),
        (
            *("from_container", "pod_a"),
            bytes(Ether(src=MAC_A, dst="33:33:00:00:00:02") / IPv6(dst="ff02::2") / ICMPv6ND_RS()),
            "a -> ? from-container DROPPED unsupported_l3 (IPv6 ICMPv6)",
        ),
        (
            *("from_container", "pod_a"),
            bytes(Ether(src=MAC_A, dst="33:33:00:00:00:02") / IPv6(dst="ff02::2") / TCP()),
            "a -> ? from-container DROPPED unsupported_l3 (IPv6 TCP)",
        ),
        (
            # Of a fragment that is not the first nobody knows the ports.
            *("from_container", "pod_a", sent(syn(), frag=10, proto=17)),
            f"{POD_A} (a) -> {POD_B} (b) to-endpoint FORWARDED (UDP)",
        ),
        (
            *("from_container", "pod_a"),
            sent(ICMP(type=3, code=3) / IPerror(src=POD_B, dst=POD_A) / TCPerror(sport=5, dport=6)),
            f"{POD_A} (a) -> {POD_B} (b) to-endpoint FORWARDED (ICMPv4 DestinationUnreachable "
            "code 3)",
        ),
    ],
)
def test_what_became_of_a_packet(node, observer, hook, device, frame, line):
    with observer.seen() as lines:
        outcome = node.run(hook, frame, device)
    assert said(lines) == [line]
    assert len(outcome.counted) == 1
    assert (lines[0]["device"], lines[0]["length"]) == (device, len(frame))


def test_nobody_looks_and_the_same_becomes_of_it(node, observer):
    frames = (sent(syn()), sent(syn(), REMOTE), sent(syn(), src=SPOOFED))
    alone = [node.run("from_container", frame, "pod_a") for frame in frames]
    with observer.seen():
        seen = [node.run("from_container", frame, "pod_a") for frame in frames]
    for one, other in zip(alone, seen):
        assert (one.action, one.data, one.counted) == (other.action, other.data, other.counted)


def test_a_service_and_its_answer(node, services, observer):
    services.add(SERVICE, 80, [(POD_B, 8080)])
    with observer.seen() as lines:
        node.run("from_container", sent(syn(), SERVICE), "pod_a")
        answer = (
            Ether(src=MAC_B, dst=GATEWAY_MAC) / IP(src=POD_B, dst=POD_A) / syn(8080, 40000, "SA")
        )
        node.run("from_container", bytes(answer), "pod_b")
    assert said(lines) == [
        f"{POD_A}:40000 (a) -> {SERVICE}:80 from-container TRANSLATED to {POD_A}:40000 (a) -> "
        f"{POD_B}:8080 (b) (TCP Flags: SYN)",
        f"{POD_A}:40000 (a) -> {POD_B}:8080 (b) to-endpoint FORWARDED (TCP Flags: SYN)",
        f"{POD_A}:40000 (a) <- {POD_B}:8080 (b) from-container TRANSLATED to {POD_A}:40000 (a) <- "
        f"{SERVICE}:80 (TCP Flags: SYN, ACK)",
        f"{POD_A}:40000 (a) <- {SERVICE}:80 to-endpoint FORWARDED (TCP Flags: SYN, ACK)",
    ]


def test_a_service_without_backends(node, services, observer):
    services.add(SERVICE, 80, [])
    with observer.seen() as lines:
        node.run("from_container", sent(syn(), SERVICE), "pod_a")
    (line,) = lines
    assert (line["verdict"], line["reason"]) == ("DROPPED", "no_backend")
    assert (line["destination"], line["destination_port"]) == (SERVICE, 80)


def test_the_address_of_the_node(node, masquerade, observer):
    with observer.seen() as lines:
        frame = Ether(src=NODE_MAC, dst=WIRE_MAC) / IP(src=POD_A, dst=OUTSIDE) / syn()
        outcome = node.run("to_netdev", bytes(frame), "eth0")
        port = Ether(outcome.data)[TCP].sport
        node.run("from_netdev", came(syn(80, port, "SA"), NODE, OUTSIDE), "eth0")
    node_ = f"{NODE}:{port} (node {NODE})"
    assert said(lines) == [
        f"{POD_A}:40000 (a) -> {OUTSIDE}:80 to-netdev TRANSLATED to {node_} -> {OUTSIDE}:80 "
        "(TCP Flags: SYN)",
        f"{node_} -> {OUTSIDE}:80 masqueraded FORWARDED (TCP Flags: SYN)",
        f"{node_} <- {OUTSIDE}:80 from-netdev TRANSLATED to {POD_A}:40000 (a) <- {OUTSIDE}:80 "
        "(TCP Flags: SYN, ACK)",
        f"{POD_A}:40000 (a) <- {OUTSIDE}:80 to-endpoint FORWARDED (TCP Flags: SYN, ACK)",
    ]


def test_what_policies_say(node, policies, observer):
    policies.add_set(101, [Lets(1, 11, 6, 80)])
    policies.add_set(102, [Lets(1, 12, 6, 80), Lets(1, 12, 6, 81)])
    policies.select(POD_A, egress=102)
    policies.select(POD_B, ingress=101)
    with observer.seen() as lines:
        for port in (80, 81, 82):
            node.run("from_container", sent(syn(dport=port)), "pod_a")
    ends = f"{POD_A}:40000 (a) -> {POD_B}:"
    assert said(lines) == [
        f"{ends}80 (b) policy-egress ALLOWED by default/out egress[0] (TCP Flags: SYN)",
        f"{ends}80 (b) policy-ingress ALLOWED by default/web ingress[0] (TCP Flags: SYN)",
        f"{ends}80 (b) to-endpoint FORWARDED (TCP Flags: SYN)",
        f"{ends}81 (b) policy-egress ALLOWED by default/out egress[0] (TCP Flags: SYN)",
        f"{ends}81 (b) policy-ingress DENIED by default/web (TCP Flags: SYN)",
        f"{ends}81 (b) from-container DROPPED ingress_denied by default/web (TCP Flags: SYN)",
        f"{ends}82 (b) policy-egress DENIED by default/out (TCP Flags: SYN)",
        f"{ends}82 (b) from-container DROPPED egress_denied by default/out (TCP Flags: SYN)",
    ]


def test_what_audited_policies_would_keep_out(node, policies, observer):
    policies.add_set(101, [])
    policies.select(POD_B, audit_ingress=101)
    with observer.seen() as lines:
        node.run("from_container", sent(syn()), "pod_a")
    assert [(line["verdict"], line["rule"]) for line in lines] == [
        ("AUDITED", "default/web"),
        ("FORWARDED", None),
    ]


def test_a_service_through_policies(node, services, policies, observer):
    services.add(SERVICE, 80, [(POD_B, 8080)])
    policies.add_set(101, [Lets(1, 11, 6, 8080)])
    policies.select(POD_B, ingress=101)
    with observer.seen() as lines:
        node.run("from_container", sent(syn(), SERVICE), "pod_a")
    assert [(line["verdict"], line["destination"], line["to_destination"]) for line in lines] == [
        ("ALLOWED", SERVICE, None),
        ("TRANSLATED", SERVICE, POD_B),
        ("FORWARDED", POD_B, None),
    ]


def everything(node: Node, services: Any, policies: Any) -> Callable[[], None]:
    """Return what sends a packet of each kind."""
    services.add(SERVICE, 80, [(POD_B, 8080)])
    policies.add_set(101, [Lets(1, 11, 6, 80)])
    policies.select(POD_B, ingress=101)

    def send() -> None:
        for frame in (
            sent(syn()),
            sent(syn(dport=81)),
            sent(syn(50000), SERVICE),
            sent(UDP(sport=7, dport=53), REMOTE),
            sent(ICMP(type=8, id=3), REMOTE),
            sent(syn(), src=SPOOFED),
        ):
            node.run("from_container", frame, "pod_a")
        node.run("from_netdev", came(UDP(sport=7, dport=53)), "eth0")
        node.run("from_netdev", came(syn(), SPOOFED), "eth0")
        inner = Ether(src=MAC_B, dst=GATEWAY_MAC) / IP(src=TUNNELED, dst=POD_A) / syn(6, 5)
        node.run("from_overlay", bytes(inner), "pn_vxlan", tunnel=(VNI, PEER_VTEP))

    return send


FILTERS = [
    *(("pod", "a"), ("pod", "b*"), ("pod", "nobody"), ("from_pod", "a"), ("to_pod", "b")),
    *(("address", REMOTE), ("address", "10.111.160.128/25"), ("address", SERVICE)),
    *(("port", "53"), ("port", "8080"), ("protocol", "tcp"), ("protocol", "icmp")),
    *(("verdict", "forwarded"), ("verdict", "dropped"), ("verdict", "translated")),
    *(("verdict", "allowed"), ("verdict", "denied"), ("verdict", "to_network")),
    *(("reason", "no_endpoint"), ("reason", "ingress_denied")),
    *(("direction", "ingress"), ("direction", "egress")),
    *(("policy", "default/*"), ("policy", "default/none")),
]


@pytest.mark.parametrize(("option", "word"), FILTERS)
def test_a_filter_and_its_not(node, services, policies, observer, option, word):
    send = everything(node, services, policies)
    with observer.seen() as lines:
        send()
    every = said(lines)
    meant = [MEANS[option](line, word) for line in lines]
    with observer.seen(only={option: [word]}) as only:
        send()
    with observer.seen(exclude={option: [word]}) as but:
        send()
    assert said(only) == [line for line, is_it in zip(every, meant) if is_it]
    assert said(but) == [line for line, is_it in zip(every, meant) if not is_it]
    assert any(meant) != (word in ("nobody", "default/none"))


def test_every_word_is_tried():
    assert {option for option, _word in FILTERS} == set(MEANS)
    assert {word for option, word in FILTERS if option == "direction"} == {*CHOICES["direction"]}


@pytest.mark.parametrize(
    ("options", "packets"),
    [
        ({"only": {"port": ["53"]}}, 2),
        ({"only": {"pod": ["nobody"]}}, 0),
        ({"only": {"address": [REMOTE], "protocol": ["udp"]}}, 2),
        ({"only": {"reason": ["no_endpoint"]}}, 1),
        ({"only": {"verdict": ["denied", "translated"]}}, 2),
        ({"only": {"policy": ["default/web"]}}, 3),
        ({"exclude": {"port": ["53"]}}, 7),
        ({"exclude": {"direction": ["egress"]}}, 6),
    ],
)
def test_the_kernel_leaves_out_what_nobody_wants(
    node, services, policies, observer, options, packets
):
    send = everything(node, services, policies)
    with observer.looking(Wanted(**options)) as batch:
        send()
        assert len(batch().events) == packets


@pytest.mark.parametrize(
    ("option", "word"),
    [
        *(("verdict", "gone"), ("reason", "forwarded"), ("direction", "up"), ("port", "0")),
        *(("port", "http"), ("port", "65536"), ("protocol", "tpc"), ("protocol", "256")),
        *(("address", "10.0.0.256"), ("address", "web")),
    ],
)
def test_words_that_are_none(option, word):
    with pytest.raises(Failure, match=rf"^{option}: '{word}' is n"):
        Wanted(only={option: [word]})
    with pytest.raises(Failure, match=rf"^exclude\.{option}: '{word}' is n"):
        Wanted(exclude={option: [word]})


def lease(node: Node) -> int:
    """Return until when somebody looks."""
    table = layout.EVENT_LEASE
    return int(table.unpack_value(node.tables[table.name].get(ZERO) or b"")["until"])


def test_a_lease_ends_by_itself(node, observer, monkeypatch):
    monkeypatch.setattr(look, "LEASE", 0.1)
    with observer.looking(Wanted()) as batch:
        node.run("from_container", sent(syn()), "pod_a")
        assert len(batch().events) == 1

        def over() -> bool:
            node.run("from_container", sent(syn()), "pod_a")
            return not lease(node)

        wait_for("the end of the lease", over, 5)
        batch()
        node.run("from_container", sent(syn()), "pod_a")
        assert batch().events == []


def test_a_lease_is_renewed(node, observer, monkeypatch):
    monkeypatch.setattr(look, "RENEWAL", 0.0)
    with observer.looking(Wanted()) as batch:
        before = lease(node)
        wait_for("a later end", lambda: batch() and lease(node) > before, 5)
        left = lease(node) - time.clock_gettime_ns(6)
    assert 0 < left <= look.LEASE * 1_000_000_000 <= 5_000_000_000


def test_nobody_looks_any_more(node, observer):
    with observer.seen():
        node.run("from_container", sent(syn()), "pod_a")
    assert lease(node) == 0
    assert node.tables[layout.EVENT_STAGE.name].items() == {}
    scratch = node.tables[layout.EVENT_SCRATCH.name]
    nothing = bytes(layout.EVENT_SCRATCH.spec.value_size)
    scratch.update({ZERO: nothing})
    node.run("from_container", sent(syn()), "pod_a")
    node.run("from_netdev", came(syn(), SPOOFED), "eth0")
    assert set(scratch.per_cpu()[ZERO]) == {nothing}


def test_a_lease_without_a_program_ends(node):
    table = layout.EVENT_LEASE
    node.tables[table.name].update({ZERO: table.pack_value(until=2**62, ticks=0)})
    outcome = node.run("from_container", sent(syn()), "pod_a")
    assert outcome.counted == [("from_container", "to_endpoint")]
    assert lease(node) == 0


def test_what_there_is_no_room_for_is_counted(node, observer):
    with observer.looking(Wanted(), size=4096) as batch:
        for _packet in node.flood("from_container", [sent(syn())] * 100, "pod_a"):
            pass
        found = batch()
        assert 0 < len(found.events) < 40
        assert found.lost == 100 - len(found.events)
        # There is room again.
        for _packet in node.flood("from_container", [sent(syn())] * 10, "pod_a"):
            pass
        again = batch()
    assert (len(again.events), again.lost) == (10, 0)
    # Who looks next counts his own; what was lost of all stays.
    with observer.looking(Wanted(), size=4096) as batch:
        assert batch().lost == 0
    assert node.tables[layout.EVENT_LOST.name].sums()[ZERO] == (0, found.lost)


def test_the_ring_goes_round(node, observer):
    with observer.looking(Wanted(), size=4096) as batch:
        for number in range(200):
            node.run("from_container", sent(syn(sport=1000 + number)), "pod_a")
            (event,) = batch().events
            assert int.from_bytes(event.source_port, "big") == 1000 + number


def test_one_looks_at_a_time(observer):
    with (
        observer.looking(Wanted()),
        pytest.raises(Failure, match=rf"Another process \({os.getpid()}\) looks at the packets"),
        observer.looking(Wanted()),
    ):
        pass
    with observer.looking(Wanted()):
        pass


def test_every_packet_of_the_table_is_seen(node, observer):
    """What is counted is seen, with the verdict that is counted."""
    from .test_programs import CASES

    numbers = {verdict.name: verdict.number for verdict in reasons.VERDICTS}
    with observer.looking(Wanted()) as batch:
        for case in CASES:
            outcome = node.run(
                *(case.hook, bytes(case.packet), case.device),
                gso_size=case.gso_size,
                tunnel=case.tunnel,
            )
            events = [(event.hook, event.verdict) for event in batch().events]
            hooks = {hook.name: hook.number for hook in reasons.HOOKS}
            assert events == [(hooks[hook], numbers[name]) for hook, name in outcome.counted]
