# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is dropped is recorded: what of it, at what cost, and whose flood takes whose place."""

from __future__ import annotations

import functools
import operator
import struct
import time
from typing import TYPE_CHECKING

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import drop_layout as layout
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import reasons
from ansible_collections.podnet.fabric.plugins.module_utils.engine import addresses
from scapy.all import ARP, IP, TCP, UDP, Ether, IPv6, Raw

from tests.waiting import wait_for

from .masquerade import DROP, OUTSIDE
from .node import GATEWAY_MAC, MAC_A, MAC_B, NODE_MAC, POD_A, POD_B, WIRE_MAC, numbered
from .test_programs import CASES, Case

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scapy.packet import Packet

    from .drops import Drops
    from .node import Node
    from .policies import Policies

IN, OUT = 101, 102
SPOOFED = "10.111.160.99"
#: CLOCK_MONOTONIC_COARSE, by the kernel's ticks, and the seconds for which a budget is.
COARSE = 6
WINDOW = time.clock_getres(COARSE) * 2**layout.DROP_WINDOW_BITS
SOURCE_AT, SOURCE_PORT_AT, PORT_AT = 26, 34, 36
DROPPED = {verdict.name for verdict in reasons.VERDICTS if verdict.drops}
PODS = pytest.mark.parametrize("hook", ["from_container", "guard"])


@pytest.fixture(autouse=True)
def fresh(drops: Drops) -> Iterator[None]:
    """Begin and end with none."""
    yield
    drops.reset()


def segment(dst: str = POD_B, sport: int = 40000, dport: int = 80, size: int = 0) -> Packet:
    """What pod A sends."""
    return (
        Ether(src=MAC_A, dst=GATEWAY_MAC)
        / IP(src=POD_A, dst=dst)
        / TCP(sport=sport, dport=dport, flags="S")
        / Raw(bytes(range(size)))
    )


def spoofed(mac: str = MAC_A, src: str = SPOOFED) -> bytes:
    """What no pod may send."""
    return bytes(
        Ether(src=mac, dst=GATEWAY_MAC) / IP(src=src, dst=POD_B, chksum=0) / UDP(chksum=0, dport=9)
    )


def arriving(dst: str, src: str = OUTSIDE, sport: int = 40000) -> bytes:
    """What the network sends to a pod."""
    return bytes(
        Ether(src=WIRE_MAC, dst=NODE_MAC)
        / IP(src=src, dst=dst, chksum=0)
        / UDP(sport=sport, dport=80, chksum=0)
    )


def flood(node: Node, hook: str, frame: bytes, device: str, at: int, count: int) -> None:
    """Send a frame with each of so many numbers at a place: all are dropped."""
    frames = numbered(frame, at, range(1, count + 1), "!I" if at == SOURCE_AT else "!H")
    assert all(done.retval == DROP for done in node.flood(hook, frames, device))


def denied(policies: Policies, pod: str, **sets: int) -> None:
    """Isolate a pod, with rules that let nothing through."""
    for number in sets.values():
        policies.add_set(number, [])
    policies.select(pod, **sets)


@PODS
def test_a_record_says_all_of_a_drop(node, policies, drops, hook):
    denied(policies, POD_A, egress=OUT)
    frame = bytes(segment(size=200))
    before = time.clock_gettime_ns(COARSE)
    outcome = node.run(hook, frame, "pod_a")
    after = time.clock_gettime_ns(COARSE)
    assert outcome.counted == [(hook, "egress_denied")]
    (found,) = drops.records()
    assert before <= found.pop("first") == found.pop("last") <= after
    assert 0 <= found.pop("place") < layout.DROP_PLACES
    assert found == {
        "account": node.ifindex["pod_a"],
        "source": POD_A,
        "destination": POD_B,
        "source_port": 40000,
        "destination_port": 80,
        "protocol": 6,
        "reserved": 0,
        "hook": hook,
        "reason": "egress_denied",
        "ethertype": b"\x08\x00",
        "ifindex": node.ifindex["pod_a"],
        "policy_set": OUT,
        "length": len(frame),
        "packets": 1,
        "bytes": len(frame),
        "captured": layout.DROP_HEAD,
        "padding": 0,
        "head": outcome.data[: layout.DROP_HEAD],  # on its way into pod B it has other MACs
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_drops_are_recorded_and_nothing_else(node: Node, drops: Drops, case: Case):
    outcome = node.run(
        case.hook, bytes(case.packet), case.device, gso_size=case.gso_size, tunnel=case.tunnel
    )
    wanted = [one for one in outcome.counted if one[1] in DROPPED]
    found = drops.records()
    assert [(one["hook"], one["reason"]) for one in found] == wanted
    assert drops.counted() == (0, 0)
    for one in found:
        assert one["ifindex"] == node.ifindex[case.device]
        assert one["length"] == len(case.packet)


@pytest.mark.parametrize(
    ("hook", "device", "way"),
    [
        ("from_netdev", "eth0", "ingress"),
        ("to_container", "pod_b", "ingress"),
        ("from_container", "pod_a", "ingress"),
        ("from_container", "pod_a", "egress"),
    ],
)
def test_of_policies_the_set_is_known(node, policies, drops, hook, device, way):
    pod, number = (POD_A, OUT) if way == "egress" else (POD_B, IN)
    denied(policies, pod, **{way: number})
    frame = bytes(segment()) if device == "pod_a" else arriving(POD_B)
    assert node.run(hook, frame, device).counted == [(hook, f"{way}_denied")]
    (found,) = drops.records()
    assert (found["policy_set"], found["reason"]) == (number, f"{way}_denied")
    # What the network sends to a pod is on the pod's account, what another pod does on that one's.
    assert found["account"] == node.ifindex["pod_b" if device != "pod_a" else "pod_a"]
    assert found["ifindex"] == node.ifindex[device]


def test_packets_of_one_kind_are_one_record(node, policies, drops):
    denied(policies, POD_A, egress=OUT)
    first = bytes(segment(sport=40000, size=30))
    for sport, size in ((40000, 30), (40001, 10), (50000, 20)):
        node.run("from_container", bytes(segment(sport=sport, size=size)), "pod_a")
    (found,) = drops.records()
    assert (found["packets"], found["source_port"]) == (3, 50000)
    assert found["bytes"] == 3 * 54 + 60
    assert (found["length"], found["head"][SOURCE_AT:]) == (len(first), first[SOURCE_AT:])
    assert found["last"] >= found["first"]


def test_packets_of_other_kinds_are_others(node, policies, drops):
    denied(policies, POD_A, egress=OUT)
    for packet in (segment(), segment(dport=81), segment(OUTSIDE), segment(dport=82)):
        node.run("from_container", bytes(packet), "pod_a")
    node.run("guard", bytes(segment()), "pod_a")
    node.run("from_container", spoofed(), "pod_a")
    assert sorted(
        (one["hook"], one["reason"], one["destination"], one["destination_port"], one["packets"])
        for one in drops.records()
    ) == [
        ("from_container", "egress_denied", POD_B, 80, 1),
        ("from_container", "egress_denied", POD_B, 81, 1),
        ("from_container", "egress_denied", POD_B, 82, 1),
        ("from_container", "egress_denied", OUTSIDE, 80, 1),
        ("from_container", "spoofed_source", POD_B, 0, 1),
        ("guard", "egress_denied", POD_B, 80, 1),
    ]


@PODS
def test_what_is_no_ipv4_shows_its_frame(node, drops, hook):
    frames = [
        bytes(Ether(src=MAC_A, dst=GATEWAY_MAC) / IPv6(dst="fd00::1") / UDP()),
        bytes(Ether(src=MAC_A, dst=GATEWAY_MAC) / ARP(op=1, hwsrc=MAC_B, psrc=POD_B, pdst=POD_A)),
    ]
    for frame in frames:
        node.run(hook, frame, "pod_a")
    found = {one["ethertype"]: one for one in drops.records()}
    assert found[b"\x86\xdd"]["reason"] == "unsupported_l3"
    assert found[b"\x86\xdd"]["head"] == frames[0]
    assert found[b"\x86\xdd"]["source"] == "::"
    assert found[b"\x08\x06"]["head"] == frames[1]


def test_a_flood_is_counted_and_not_recorded(node, drops):
    count = 8 * layout.DROP_BUDGET
    begun = time.clock_gettime(COARSE)
    flood(node, "from_container", spoofed(), "pod_a", SOURCE_AT, count)
    ended = time.clock_gettime(COARSE)
    found = drops.records()
    windows = (ended - begun) // WINDOW + 2
    unrecorded, overwritten = drops.counted()
    # A test run may be on any CPU, and each has a budget of its own.
    cpus = len(next(iter(node.tables["drop_budget"].per_cpu().values())))
    assert count - unrecorded <= layout.DROP_BUDGET * windows * cpus
    assert unrecorded > 0
    assert layout.DROP_PLACES // 2 < len(found) <= layout.DROP_PLACES
    assert sum(one["packets"] for one in found) + overwritten + unrecorded == count
    assert {one["account"] for one in found} == {node.ifindex["pod_a"]}


def test_a_flood_takes_no_place_from_other_pods(node, drops):
    node.run("from_container", spoofed(MAC_B), "pod_b")
    flood(node, "from_container", spoofed(), "pod_a", SOURCE_AT, 8 * layout.DROP_BUDGET)
    node.run("from_container", spoofed(MAC_B, "10.111.160.98"), "pod_b")  # in its midst
    assert [one["source"] for one in drops.of("pod_b")] == [SPOOFED, "10.111.160.98"]
    assert drops.counted()[0] > 0


@pytest.mark.parametrize("hook", ["from_netdev", "nodeport"])
def test_a_flood_from_outside_takes_no_place_of_other_pods(node, policies, drops, hook):
    if hook == "from_netdev":
        denied(policies, POD_A, ingress=IN)
        denied(policies, POD_B, ingress=IN)
        device, pods = "eth0", (POD_A, POD_B)
        frames = [arriving(pod) for pod in pods]
        node.run(hook, frames[1], device)
        flood(node, hook, frames[0], device, SOURCE_AT, 8 * layout.DROP_BUDGET)
        (kept,) = drops.of("pod_b")
        assert (kept["source"], kept["reason"]) == (OUTSIDE, "ingress_denied")
        assert drops.of("eth0") == []
        assert len(drops.of("pod_a")) <= layout.DROP_PLACES
    else:
        flood(node, hook, arriving(POD_A, POD_B), "eth0", PORT_AT, 8 * layout.DROP_BUDGET)
        assert len(drops.of("eth0")) <= layout.DROP_PLACES
        assert {one["reason"] for one in drops.of("eth0")} == {"spoofed_source"}
    assert drops.counted()[0] > 0


def test_what_leaves_the_node_is_on_its_pods_account(node, masquerade, drops):
    for pod in (POD_A, POD_B):
        frame = bytes(Ether(src=NODE_MAC, dst=WIRE_MAC) / IP(src=pod, dst=OUTSIDE, proto=47))
        assert node.run("to_netdev", frame, "eth0").counted == [("to_netdev", "nat_unsupported")]
    accounts = {one["source"]: one["account"] for one in drops.records()}
    words = {pod: struct.unpack("=4I", addresses.packed(pod)) for pod in (POD_A, POD_B)}
    assert accounts == {pod: functools.reduce(operator.xor, words[pod]) for pod in words}
    assert min(accounts.values()) > max(node.ifindex.values())


def test_a_flood_from_many_ports_is_one_record(node, policies, drops):
    denied(policies, POD_A, egress=OUT)
    frame = bytes(segment())
    flood(node, "from_container", frame, "pod_a", SOURCE_PORT_AT, 100)
    (found,) = drops.records()
    assert (found["packets"], found["source_port"]) == (100, 100)
    assert drops.counted() == (0, 0)


def test_a_budget_is_a_new_one_with_the_next_window(node, drops):
    flood(node, "from_container", spoofed(), "pod_a", SOURCE_AT, 8 * layout.DROP_BUDGET)
    assert drops.counted()[0] > 0
    over = time.clock_gettime(COARSE) + WINDOW
    wait_for("the window is over", lambda: time.clock_gettime(COARSE) > over)
    missed = drops.counted()[0]
    node.run("from_container", spoofed(src="10.111.160.97"), "pod_a")
    assert drops.counted()[0] == missed
    assert "10.111.160.97" in [one["source"] for one in drops.records()]


def test_an_answered_packet_is_recorded_as_it_came(node, services, drops):
    services.add("172.16.0.10", 80, [])
    frame = bytes(segment("172.16.0.10"))
    outcome = node.run("from_container", frame, "pod_a")
    assert outcome.counted == [("from_container", "no_backend")]
    assert outcome.data != frame
    (found,) = drops.records()
    assert (found["head"], found["length"]) == (frame, len(frame))
    assert (found["destination"], found["destination_port"]) == ("172.16.0.10", 80)
