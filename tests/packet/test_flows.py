# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who talks to whom at which service is counted: what of it, whose flood takes whose place."""

from __future__ import annotations

import os
import struct
import time
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import flow_layout as layout
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import flow_tasks, reasons
from ansible_collections.podnet.fabric.plugins.module_utils.engine import addresses
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import maps
from scapy.all import ICMP, IP, TCP, UDP, Ether, Raw

from . import node as nodes
from .masquerade import OUTSIDE
from .node import GATEWAY_MAC, MAC_A, MAC_B, NODE_MAC, POD_A, POD_B, WIRE_MAC, numbered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scapy.packet import Packet

    from .node import Node

IN, OUT = 101, 102
OTHER = "203.0.113.77"
PLACES = 1 << layout.FLOW_PLACE_BITS
PORT_AT = 36
VERDICTS = {verdict.number: verdict.name for verdict in reasons.VERDICTS}
COUNTED = ("from_container", "from_netdev", "from_host", "guard", "to_container")


@pytest.fixture(scope="module", autouse=True)
def one_cpu() -> Iterator[None]:
    """Stay on a CPU: places are a CPU's own."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    yield
    os.sched_setaffinity(0, allowed)


@pytest.fixture(scope="module")
def counting(node: Node) -> Iterator[int]:
    """Let the node count flows: the program that does."""
    tables = {table.name: maps.create(table.spec) for table in layout.MAPS}
    node.tables |= tables
    before, judge = dict(node.programs), node.judge
    for hook in COUNTED:
        node.programs[hook] = nodes.load(hook, node.tables, "WITH_FLOWS")
    node.judge = nodes.load("policy", node.tables, "WITH_FLOWS", shell="")
    _set_judge(node, node.judge)
    program = nodes.load("flows", node.tables, shell="")
    node.tables["flow_stage"].update({bytes(4): struct.pack("=I", program)})
    yield program
    os.close(program)
    for program in {*node.programs.values(), node.judge} - {*before.values(), judge}:
        os.close(program)
    node.programs, node.judge = before, judge
    _set_judge(node, judge)
    for name, table in tables.items():
        del node.tables[name]
        table.close()


def _set_judge(node: Node, program: int) -> None:
    node.tables["policy_stage"].update({bytes(4): struct.pack("=I", program)})


@pytest.fixture(autouse=True)
def fresh(node: Node, counting: int) -> None:
    """Begin each test with no flow."""
    assert counting
    sample(node, 1)
    empty = bytes(layout.FLOWS.spec.value_size)
    used = [key for key, values in node.tables["flows"].per_cpu().items() if any(map(any, values))]
    node.tables["flows"].update(dict.fromkeys(used, empty))
    node.tables["flow_counts"].update(
        {layout.FLOW_COUNTS.pack_key(index=index): bytes(8) for index in range(512)}
    )
    for name in ("flow_held", "flow_opening", "flow_services"):
        node.tables[name].delete(list(node.tables[name].items()))


def sample(node: Node, weight: int) -> None:
    """Count one of so many packets."""
    (said,) = flow_tasks.maps({"flows": {"sample": weight}})[-1]["entries"]
    value = layout.FLOW_SAMPLE.pack_value(**said["value"])
    node.tables["flow_sample"].update({bytes(4): value})


def flows(node: Node) -> list[dict[str, Any]]:
    """All flows, the first one first, less what is 0."""
    found = []
    for values in node.tables["flows"].per_cpu().values():
        for value in values:
            row = layout.FLOWS.value_row(value)._asdict()
            if row["first"]:
                row |= {end: addresses.text(row[end]) for end in ("client", "server")}
                row["port"] = int.from_bytes(row["port"], "big")
                row["verdict"] = VERDICTS[row["verdict"]]
                found.append({word: said for word, said in row.items() if said or word == "port"})
    return sorted(found, key=lambda row: int(row["first"]))


def brief(node: Node, *words: str) -> list[tuple[Any, ...]]:
    """Some words of each flow, sorted: in one tick of the clock any of two may come first."""
    return sorted(tuple(row.get(word, 0) for word in words) for row in flows(node))


def counted(node: Node, *indexes: int) -> tuple[int, ...]:
    """What was counted beside the flows."""
    sums = node.tables["flow_counts"].sums()
    return tuple(sums[layout.FLOW_COUNTS.pack_key(index=index)][0] for index in indexes)


def sent(l4: Packet, dst: str = POD_B, src: str = POD_A, size: int = 0) -> bytes:
    """What pod A or B sends."""
    mac = {POD_A: MAC_A, POD_B: MAC_B}[src]
    return bytes(Ether(src=mac, dst=GATEWAY_MAC) / IP(src=src, dst=dst) / l4 / Raw(bytes(size)))


def arriving(l4: Packet, dst: str = POD_A, src: str = OUTSIDE) -> bytes:
    """What the network sends to a pod."""
    return bytes(Ether(src=WIRE_MAC, dst=NODE_MAC) / IP(src=src, dst=dst) / l4)


def tcp(sport: int, dport: int, flags: str = "A", seq: int = 1, ack: int = 1) -> Packet:
    """A segment."""
    return TCP(sport=sport, dport=dport, flags=flags, seq=seq, ack=ack)


def test_a_flow_says_all_of_its_packets(node):
    before = time.clock_gettime_ns(6)
    first, second = sent(tcp(40000, 80, "S")), sent(tcp(40000, 80, "PA"), size=100)
    assert node.run("from_container", first, "pod_a").counted == [("from_container", "to_endpoint")]
    node.run("from_container", second, "pod_a")
    (found,) = flows(node)
    assert before <= found.pop("first") <= found.pop("last") <= time.clock_gettime_ns(6)
    assert found.pop("tick")
    assert found == {
        "client": POD_A,
        "server": POD_B,
        "port": 80,
        "protocol": 6,
        "account": node.ifindex["pod_a"],
        "packets": 2,
        "bytes": len(first) + len(second),
        "syns": 1,
        "verdict": "to_endpoint",
    }
    assert counted(node, layout.FLOW_MADE, layout.FLOW_TCP_SYN) == (1, 1)


def test_ports_of_clients_are_folded(node):
    for port in range(40000, 40020):
        node.run("from_container", sent(UDP(sport=port, dport=53)), "pod_a")
    node.run("from_container", sent(UDP(sport=40000, dport=54)), "pod_a")
    assert brief(node, "port", "packets") == [(53, 20), (54, 1)]


@pytest.mark.parametrize(("ours", "theirs"), [(40000, 443), (40000, 50051)])
def test_answers_are_counted_with_what_they_answer(node, ours, theirs):
    opens = sent(tcp(ours, theirs, "S"), OUTSIDE)
    answers = arriving(tcp(theirs, ours, "SA"))
    more = sent(tcp(ours, theirs, "A"), OUTSIDE)
    back = arriving(tcp(theirs, ours, "PA"))
    for frame in (opens, answers, more, back):
        hook, device = (
            ("from_container", "pod_a") if frame in (opens, more) else ("from_netdev", "eth0")
        )
        node.run(hook, frame, device)
    words = ("client", "server", "port", "packets", "bytes", "back_packets", "back_bytes")
    sizes = (2, len(opens) + len(more), 2, len(answers) + len(back))
    assert brief(node, *words) == [(POD_A, OUTSIDE, theirs, *sizes)]
    assert {row["account"] for row in flows(node)} == {node.ifindex["pod_a"]}


def test_another_cpu_knows_who_began(node):
    cpus = sorted(os.sched_getaffinity(0) | {0, 1})[:2]
    allowed = os.sched_getaffinity(0)
    try:
        for cpu, flags in zip(cpus, ("S", "A")):
            os.sched_setaffinity(0, {cpu})
            node.run("from_container", sent(tcp(40000, 50051, flags)), "pod_a")
    finally:
        os.sched_setaffinity(0, allowed)
    assert brief(node, "server", "port", "packets") == [(POD_B, 50051, 1)] * 2


def test_where_nobody_saw_who_began_the_smaller_port_tells(node):
    node.run("from_container", sent(tcp(80, 40000, "PA")), "pod_a")
    node.run("from_container", sent(UDP(sport=53, dport=40000)), "pod_a")
    assert brief(node, "client", "server", "port", "back_packets") == [
        (POD_B, POD_A, 53, 1),
        (POD_B, POD_A, 80, 1),
    ]


def test_who_is_called_by_a_pod_of_the_node_has_its_answers_on_its_own_account(node):
    node.run("from_container", sent(tcp(40000, 80, "S", 7)), "pod_a")
    node.run("from_container", sent(tcp(80, 40000, "SA", 1, 8), POD_A, POD_B), "pod_b")
    words = ("client", "server", "port", "account", "packets", "back_packets", "rtts")
    pods = [node.ifindex["pod_a"], node.ifindex["pod_b"]]
    assert brief(node, *words) == [
        (POD_A, POD_B, 80, pods[0], 1, 0, 0),
        (POD_A, POD_B, 80, pods[1], 0, 1, 1),
    ]


def test_a_handshake_has_a_round_trip_and_what_is_sent_again_none(node):
    opens, answers = sent(tcp(40000, 80, "S", 7), OUTSIDE), arriving(tcp(80, 40000, "SA", 1, 8))
    before = time.monotonic_ns()
    node.run("from_container", opens, "pod_a")
    node.run("from_netdev", answers, "eth0")
    took = time.monotonic_ns() - before
    (found,) = flows(node)
    assert 0 < found["rtt_last"] == found["rtt_min"] == found["rtt_sum"] < took
    assert (found["rtts"], found.get("retries")) == (1, None)

    node.run("from_netdev", answers, "eth0")  # again
    again = sent(tcp(40001, 80, "S", 9), OUTSIDE)
    node.run("from_container", again, "pod_a")
    node.run("from_container", again, "pod_a")
    node.run("from_netdev", arriving(tcp(80, 40001, "SA", 1, 10)), "eth0")
    # Another handshake with the same ports: its numbers tell.
    node.run("from_container", sent(tcp(40000, 80, "S", 70), OUTSIDE), "pod_a")
    node.run("from_netdev", arriving(tcp(80, 40000, "SA", 1, 71)), "eth0")
    node.run("from_netdev", arriving(tcp(80, 40009, "SA", 1, 71)), "eth0")  # answers nothing
    (found,) = flows(node)
    assert (found["syns"], found["rtts"]) == (4, 2)
    assert found["retries"] == 3  # an answer, a segment that opens, and its answer
    assert found["rtt_min"] <= found["rtt_last"] < found["rtt_sum"]


def test_resets_and_flags_are_counted(node):
    for flags in ("R", "RA", "FA", "F"):
        node.run("from_container", sent(tcp(40000, 80, flags)), "pod_a")
    assert brief(node, "port", "packets", "resets") == [(80, 4, 2)]
    assert counted(node, layout.FLOW_TCP_FIN, layout.FLOW_TCP_RST) == (2, 2)


def test_icmp_has_no_port_and_errors_no_flow(node):
    node.run("from_container", sent(ICMP(type=8, id=7), OUTSIDE), "pod_a")
    node.run("from_netdev", arriving(ICMP(type=0, id=7)), "eth0")
    quoted = ICMP(type=3, code=1) / IP(src=POD_A, dst=OUTSIDE) / UDP(sport=40000, dport=9)
    node.run("from_netdev", arriving(quoted), "eth0")
    words = ("client", "server", "port", "protocol", "packets", "back_packets")
    assert brief(node, *words) == [(POD_A, OUTSIDE, 0, 1, 1, 1)]
    kinds = (layout.FLOW_ICMP + kind for kind in (8, 0, 3))
    assert counted(node, *kinds) == (1, 1, 1)


def test_fragments_without_ports_are_a_flow_of_their_own(node):
    whole = IP(src=POD_A, dst=POD_B, proto=17, flags="MF") / UDP(sport=40000, dport=53)
    later = IP(src=POD_A, dst=POD_B, proto=17, frag=3) / Raw(bytes(8))
    for packet in (whole, later):
        node.run("from_container", bytes(Ether(src=MAC_A, dst=GATEWAY_MAC) / packet), "pod_a")
    assert brief(node, "port", "packets") == [(0, 1), (53, 1)]


def test_what_policies_keep_out_is_counted_apart(node, policies):
    policies.add_set(OUT, [])
    policies.select(POD_A, egress=OUT)
    policies.add_set(IN, [])
    policies.select(POD_B, ingress=IN)
    outcome = node.run("from_container", sent(tcp(40000, 80, "S")), "pod_a")
    assert outcome.counted == [("from_container", "egress_denied")]
    outcome = node.run("from_netdev", arriving(tcp(40000, 80, "S"), POD_B), "eth0")
    assert outcome.counted == [("from_netdev", "ingress_denied")]
    words = ("client", "account", "packets", "dropped", "verdict")
    assert brief(node, *words) == [
        (POD_A, node.ifindex["pod_a"], 0, 1, "egress_denied"),
        (OUTSIDE, node.ifindex["pod_b"], 0, 1, "ingress_denied"),
    ]


def test_what_has_no_proven_ends_or_is_no_pods_is_in_no_flow(node):
    frame = sent(tcp(40000, 80, "S"))
    spoofed = bytes(Ether(src=MAC_A, dst=GATEWAY_MAC) / IP(src=OUTSIDE, dst=POD_B) / UDP(dport=9))
    for hook, packet, device in (
        ("from_container", spoofed, "pod_a"),
        ("from_container", frame[:40], "pod_a"),
        ("from_netdev", arriving(UDP(dport=9), nodes.NODE), "eth0"),
        # What this node's own pods sent, it has counted.
        ("from_host", frame, "pn_host"),
        ("to_container", frame, "pod_b"),
    ):
        node.run(hook, packet, device)
    assert flows(node) == []


@pytest.mark.parametrize(
    ("hook", "device"), [("from_host", "pn_host"), ("to_container", "pod_b"), ("guard", "pod_a")]
)
def test_other_programs_count_as_well(node, hook, device):
    theirs = hook == "guard"
    packet = sent(UDP(sport=40000, dport=53)) if theirs else arriving(UDP(dport=53), POD_B)
    node.run(hook, packet, device)
    account = "pod_a" if theirs else "pod_b"
    assert brief(node, "server", "port", "account", "packets") == [
        (POD_B, 53, node.ifindex[account], 1)
    ]


def test_a_flow_is_between_its_real_ends_behind_a_service(node, masquerade, services):
    services.add("172.30.0.1", 80, [(POD_B, 8080)])
    node.run("from_container", sent(tcp(40000, 80, "S", 7), "172.30.0.1"), "pod_a")
    node.run("from_container", sent(tcp(8080, 40000, "SA", 1, 8), POD_A, POD_B), "pod_b")
    ends = ("client", "server", "port", "packets", "back_packets", "rtts")
    assert brief(node, *ends) == [(POD_A, POD_B, 8080, 0, 1, 1), (POD_A, POD_B, 8080, 1, 0, 0)]


def test_of_samples_each_stands_for_many(node):
    sample(node, 8)
    frame = sent(UDP(sport=40000, dport=53))
    for _packet in node.flood("from_container", [frame] * 4000, "pod_a"):
        pass
    for _packet in node.flood("from_container", [sent(tcp(40000, 80, "S"))] * 10, "pod_a"):
        pass
    (datagrams, opens) = flows(node)
    assert datagrams["packets"] % 8 == 0
    assert 3000 < datagrams["packets"] < 5000
    assert datagrams["bytes"] == datagrams["packets"] * len(frame)
    assert (opens["packets"], opens["syns"]) == (10, 10)
    for _packet in node.flood("from_container", [sent(ICMP())] * 2000, "pod_a"):
        pass
    (echoes,) = [row for row in flows(node) if row["port"] == 0]
    assert counted(node, layout.FLOW_ICMP + 8) == (echoes["packets"],)


def test_a_flood_of_one_pod_takes_no_place_of_another(node):
    for port in range(1, 101):
        node.run("from_container", sent(UDP(sport=60000, dport=port), POD_A, POD_B), "pod_b")
    mine = {(row["server"], row["port"]) for row in flows(node)}
    frames = numbered(sent(UDP(sport=60000, dport=9)), PORT_AT, range(1, 3 * PLACES + 1))
    for _packet in node.flood("from_container", frames, "pod_a"):
        pass
    found = flows(node)
    pod_b = [row for row in found if row["account"] == node.ifindex["pod_b"]]
    assert {(row["server"], row["port"]) for row in pod_b} == mine
    assert len(found) > PLACES * 0.8
    made, gave, lost, no_room = counted(
        node,
        *(layout.FLOW_MADE, layout.FLOW_GIVEN_UP, layout.FLOW_LOST_PACKETS, layout.FLOW_NO_ROOM),
    )
    assert made - gave == len(found)
    # All packets are in a flow, or known to be in none.
    assert sum(row["packets"] for row in found) + lost + no_room == 3 * PLACES + 100
    # And whoever has few flows gets room in a table that is full.
    for port in range(101, 301):
        node.run("from_container", sent(UDP(sport=60000, dport=port), POD_A, POD_B), "pod_b")
    pod_b = [row for row in flows(node) if row["account"] == node.ifindex["pod_b"]]
    assert len(pod_b) == 300


def test_a_flood_at_a_pod_takes_no_place_of_those_who_talk_to_it(node):
    servers = range(1, 101)
    for port in servers:
        one = [arriving(UDP(sport=60000, dport=port))] * layout.FLOW_SETTLED_PACKETS
        for _packet in node.flood("from_netdev", one):
            pass
    frames = numbered(arriving(UDP(sport=60000, dport=9), src=OTHER), PORT_AT, range(1, 3 * PLACES))
    for _packet in node.flood("from_netdev", frames):
        pass
    found = {(row["client"], row["port"]): row["packets"] for row in flows(node)}
    mine = {port: found.get((OUTSIDE, port)) for port in servers}
    assert mine == dict.fromkeys(servers, layout.FLOW_SETTLED_PACKETS)
    assert len(found) > PLACES * 0.8
