"""Who begins flows as fast as possible leaves the others theirs: of the table, and of ports."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import layout, nat_layout
from scapy.all import ICMP, IP, TCP, UDP, Ether

from tests.clock import ago

from .masquerade import DROP, NUMBER, PORT, answering, changed, leaving, port_of
from .node import NODE, POD_A, POD_B, numbered
from .test_masquerade import (
    ALL_PORTS,
    EVERY,
    MASQUERADED,
    NEXT,
    REVERSE,
    back,
    begins,
    delivered,
    dropped,
    masqueraded,
    out,
    untouched,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .masquerade import Masquerade
    from .node import Node

POD, HOST, OUT, INBOUND = 0, nat_layout.NAT_HOST, nat_layout.NAT_OUTSIDE, nat_layout.NAT_INBOUND
MOST, KEPT = nat_layout.NAT_MOST_FLOWS, nat_layout.NAT_NODE_FLOWS
SOURCE_AT, PORT_AT = 26, 34
WEB, WEB_PORT = "10.111.0.8", 31000


def flood(node: Node, hook: str, frame: bytes, at: int, numbers: Iterable[int]) -> int:
    """Send a frame with each of the numbers at a place, two or four bytes; count the drops."""
    frames = numbered(frame, at, numbers, "!H" if at == PORT_AT else "!I")
    return sum(done.retval == DROP for done in node.flood(hook, frames))


def datagram(**more: str) -> bytes:
    return bytes(leaving(l4=UDP, chksum=0, size=0, **more))


def strangers(count: int) -> range:
    """So many addresses outside."""
    first = int(ipaddress.IPv4Address("203.0.113.0"))
    return range(first, first + count)


def twice(numbers: Iterable[int]) -> Iterator[int]:
    """Each of them two times in a row."""
    return (number for number in numbers for _time in range(2))


def quiet(node: Node) -> bytes:
    """A connection of pod B's, of which nothing is heard after that: what answers it."""
    first = masqueraded(out(node, leaving(src=POD_B, flags="S")))
    delivered(back(node, answering(first)))
    return first


def lives(node: Node, first: bytes) -> bool:
    """Say whether both ends of the connection go on as they were."""
    packet = leaving(src=POD_B, flags="PA")
    data = masqueraded(out(node, packet))
    answer = answering(first, flags="PA")
    return (
        data == changed(packet, src=NODE, sport=port_of(first))
        and Ether(delivered(back(node, answer)))[IP].dst == POD_B
    )


def test_a_pod_with_64512_datagrams_to_one_destination_leaves_others_and_the_node_theirs(
    node, masquerade
):
    lost = flood(node, "to_netdev", datagram(), PORT_AT, range(1024, 65536))
    flows, refused = masquerade.accounts()[POD_A, POD]
    # Half of what is for all pods, and each that was more was counted.
    assert flows == (MOST - KEPT) // 2
    assert (lost, flows + refused) == (refused, 64512)
    assert masquerade.services.counted("to_netdev", "nat_quota") >= refused
    seen = set()
    for port in range(40000, 40200):
        packet = leaving(l4=UDP, src=POD_B, sport=port)
        data = masqueraded(out(node, packet))
        assert Ether(delivered(back(node, answering(data))))[IP].dst == POD_B
        own = leaving(l4=UDP, src=NODE, sport=port)
        outcome = out(node, own)
        data_of_node = outcome.data if outcome.counted else bytes(own)
        assert outcome.action == NEXT
        seen |= {port_of(data), port_of(data_of_node)}
    assert len(seen) == 400


@EVERY
def test_who_has_all_common_ports_to_a_destination_leaves_others_their_own(node, masquerade, l4):
    common = [port for port in ALL_PORTS if port % 8 < 5]
    assert len(common) == 38590
    ends = {"protocol": NUMBER[l4], "source_port": 0 if l4 is ICMP else PORT}
    masquerade.take(common, REVERSE | MASQUERADED, **ends)
    got = {}
    for source in (POD_A, POD_B, NODE):
        for port in range(40000, 40020):
            packet = leaving(l4=l4, src=source, sport=port, **begins(l4))
            outcome = out(node, packet)
            # Where the node's own port is its own, nothing is done to it.
            data = outcome.data if source == NODE else masqueraded(outcome)
            assert outcome.action == NEXT
            if source != NODE:
                assert Ether(delivered(back(node, answering(data))))[IP].dst == source
            got.setdefault(source, set()).add(port_of(data))
    assert [len(ports) for ports in got.values()] == [20, 20, 20]
    assert not got[POD_A] & got[POD_B]
    # Those of pods go by their address, and the node has the seventh of eight.
    assert {(port % 8, port // 8 % 256) for port in got[POD_A]} == {(5, 1), (7, 1 ^ 160)}
    assert {(port % 8, port // 8 % 256) for port in got[POD_B]} == {(5, 2), (7, 2 ^ 160)}
    # It keeps the ports of its sockets where no flow has them, and is given the seventh of eight.
    assert {port % 8 for port in got[NODE] - set(range(40000, 40020))} == {6}
    assert all(1024 <= port < 30000 or port >= 32768 for port in set().union(*got.values()))


@pytest.mark.parametrize("l4", [TCP, UDP])
def test_a_pod_that_has_its_own_ports_too_gets_no_more(node, masquerade, l4):
    own = [port for port in ALL_PORTS if (port % 8, port // 8 % 256) in ((5, 1), (7, 1 ^ 160))]
    taken = [port for port in ALL_PORTS if port % 8 < 5] + own
    masquerade.take(taken, REVERSE | MASQUERADED, protocol=NUMBER[l4])
    assert dropped(out(node, leaving(l4=l4, **begins(l4))), "nat_exhausted")
    assert masquerade.accounts() == {(POD_A, POD): (0, 0)}
    assert masquerade.total() == 0
    assert masqueraded(out(node, leaving(l4=l4, src=POD_B, **begins(l4))))


def test_183000_datagrams_of_a_pod_end_no_quiet_connection_of_anothers(node, masquerade):
    first = quiet(node)
    lost = 0
    for destination in range(3):
        frame = datagram(dst=f"203.0.113.{20 + destination}")
        lost += flood(node, "to_netdev", frame, PORT_AT, range(1024, 62024))
    flows, refused = masquerade.accounts()[POD_A, POD]
    assert (flows, lost) == ((MOST - KEPT) // 2, refused)
    assert flows + refused == 183000
    assert lives(node, first)
    assert masquerade.accounts()[POD_B, POD] == (1, 0)


def test_strangers_who_call_a_pod_take_nothing_of_the_table(node, masquerade):
    first = quiet(node)
    asked = answering(datagram(src=POD_A))
    asked[IP].dst = POD_A
    lost = flood(node, "from_netdev", bytes(asked), SOURCE_AT, twice(strangers(192_000)))
    assert lost == 0  # the pod gets them
    assert (POD_A, INBOUND) not in masquerade.accounts()
    assert len(node.tables["calls"].items()) <= nat_layout.CALLS_OF_POD
    assert lives(node, first)
    # They are no matter of what the pod itself begins, nor of another's.
    for source in (POD_A, POD_B):
        masqueraded(out(node, leaving("203.0.112.9", UDP, src=source, sport=40000)))


@pytest.fixture
def web(masquerade: Masquerade) -> Iterator[None]:
    """A service with a node port and one backend, pod A."""
    masquerade.services.add(WEB, WEB_PORT, [(POD_A, 80)], kind="node_port")
    return


@pytest.mark.usefixtures("web")
def test_clients_of_a_service_from_outside_are_bounded_a_backend(node, masquerade):
    first = quiet(node)
    asked = answering(leaving("203.0.113.77", TCP, src=NODE, sport=WEB_PORT, size=0), flags="S")
    lost = flood(node, "from_netdev", bytes(asked), SOURCE_AT, strangers(60_000))
    flows, refused = masquerade.accounts()[POD_A, OUT]
    assert flows == pytest.approx((MOST - KEPT) / 5, abs=1)
    assert (flows + refused, lost) == (60000, refused)
    assert masquerade.services.counted("from_netdev", "nat_quota") >= refused
    assert lives(node, first)
    masqueraded(out(node, leaving(l4=UDP, sport=40000)))


def test_the_last_part_of_the_table_is_the_nodes(node, masquerade):
    masquerade.set_flows(MOST - KEPT)
    for source in (POD_A, POD_B):
        assert dropped(out(node, leaving(src=source, flags="S")), "nat_quota")
    ping = leaving(l4=ICMP, src=NODE, sport=770)
    assert untouched(out(node, ping), ping)
    assert masquerade.accounts()[NODE, HOST] == (1, 0)
    masquerade.set_flows(MOST)
    assert dropped(out(node, leaving(l4=ICMP, src=NODE, sport=771)), "nat_quota")
    masquerade.set_flows(0)
    masqueraded(out(node, leaving(flags="S")))


@pytest.mark.parametrize(
    ("kind", "weight"), [(POD, 1), (OUT, 4), (INBOUND, 8)], ids=["pod", "outside", "inbound"]
)
@pytest.mark.usefixtures("web")
def test_an_account_has_as_many_as_there_is_room_left(node, masquerade, kind, weight):
    """So two have a third each, and always as much is left for who comes next."""
    room = 6 * weight
    for flows, begins_one in ((6, False), (5, True)):
        masquerade.set_flows(MOST - KEPT - room)
        masquerade.set_flows(flows, account=(POD_A, kind))
        if kind == POD:
            out(node, leaving(l4=UDP))
        elif kind == OUT:
            back(node, answering(leaving("203.0.113.77", TCP, src=NODE, sport=WEB_PORT), flags="S"))
        else:
            answer = leaving(l4=UDP, sport=2080)
            back(node, answering(answer))
            for _again in range(2):  # then it lasts
                out(node, answer)
        assert masquerade.accounts()[POD_A, kind] == (flows + begins_one, not begins_one)


def test_a_pod_that_was_refused_begins_again_when_its_flows_are_over(node, masquerade):
    for port in range(40000, 40005):
        out(node, leaving(l4=UDP, sport=port))
    masquerade.set_flows(MOST - KEPT - 5 - 5)
    assert dropped(out(node, leaving(l4=UDP, sport=40008)), "nat_quota")
    for key in masquerade.flows():
        masquerade.services.change_flow(key, used=ago(61))
    masqueraded(out(node, leaving(l4=UDP, sport=40008)))
    assert masquerade.accounts()[POD_A, POD] == (4, 1)
    assert len(masquerade.flows()) == 8


def test_a_pod_takes_the_places_of_its_own_flows_that_are_over_and_nobody_elses(node, masquerade):
    """Else who has had many is refused more until each of them was looked at, by two a packet."""
    for port in range(40000, 40012):
        out(node, leaving(l4=UDP, sport=port))
    for key in masquerade.flows():
        masquerade.services.change_flow(key, used=ago(61))
    masquerade.set_flows(MOST - KEPT - 1)
    # Another one that has more than there is room for.
    masquerade.set_flows(20, account=(POD_B, POD))
    assert dropped(out(node, leaving(l4=UDP, src=POD_B)), "nat_quota")
    assert masquerade.accounts() == {(POD_A, POD): (10, 0), (POD_B, POD): (20, 1)}
    # It has more than there is room for, too, and begins one in the place of two.
    for port in range(41000, 41005):
        masqueraded(out(node, leaving(l4=UDP, sport=port)))
    assert masquerade.accounts()[POD_A, POD] == (5, 0)
    # They are all there are, and in use: to have more it would need the room.
    masquerade.set_flows(MOST - KEPT - 1)
    for port in range(42000, 42010):
        assert dropped(out(node, leaving(l4=UDP, sport=port)), "nat_quota")
    assert masquerade.accounts()[POD_A, POD] == (5, 10)
    assert {flow["source_port"] for flow in masquerade.queue()} == set(range(41000, 41005))


def test_flows_that_are_on_no_account_are_taken_out_too(node, masquerade):
    """Those of a version before, or of a pod whose account a run took away."""
    masquerade.crowd()
    masqueraded(out(node, leaving(l4=UDP)))
    (flow,) = masquerade.queue()
    node.tables["nat_quota"].delete(list(node.tables["nat_quota"].items()))
    for key in masquerade.flows():
        masquerade.services.change_flow(key, used=ago(61))
    masqueraded(out(node, leaving(l4=UDP, src=POD_B)))
    assert masquerade.accounts() == {(POD_B, POD): (1, 0)}
    assert masquerade.total() == 1
    assert [socket.inet_aton(POD_B)] == [
        socket.inet_aton(one["source"].rpartition(":")[2]) for one in masquerade.queue()
    ]
    assert flow["kind"] == POD


def test_no_flow_is_forgotten_for_another_one_with_as_many_as_there_may_be(node, masquerade):
    """Though the map is one that could: it has room for more entries than there are."""
    pods = [f"10.111.160.{number}" for number in range(3, 100)]
    value = node.tables["endpoints"].items()[layout.ENDPOINTS.pack_key(address=POD_A)]
    others = {layout.ENDPOINTS.pack_key(address=pod): value for pod in pods}
    node.tables["endpoints"].update(others)
    try:
        for number, pod in enumerate(pods):
            frame = datagram(src=pod, dst=f"203.0.113.{number}")
            flood(node, "to_netdev", frame, PORT_AT, range(40000, 40500))
    finally:
        node.tables["endpoints"].delete(list(others))
    total = masquerade.total()
    assert total == sum(flows for flows, _refused in masquerade.accounts().values())
    assert MOST - KEPT - 1000 < total == 500 * len(pods)
    assert len(masquerade.flows()) == 2 * total == 2 * len(masquerade.queue())
