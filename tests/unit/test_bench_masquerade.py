"""What is measured of masquerading is compared the right way round, and none of it is left out."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from ansible_collections.podnet.fabric.tests.bench import (
    masquerade,
    masquerade_report,
    programs,
    ratios,
    topology,
)

#: Two rounds; the machine is at half its pace in the second one.
PACE = (1000.0, 2000.0)
RATIOS = {
    ratios.REFERENCE: 1.0,
    ratios.AGAIN: 1.0,
    masquerade.IPTABLES: 1.5,
    masquerade.NFTABLES: 1.2,
    masquerade.PODNET: 1.0,
    masquerade.SERVICES: 1.25,
    masquerade.ROUTED: 1.3,
}
TIMES = {
    (topology.OUTSIDE, yardstick.name, way): [ratio * pace for pace in PACE]
    for yardstick in masquerade.MEASURED
    for way, ratio in RATIOS.items()
}


def test_every_way_is_a_ratio_to_plain_routing_within_a_round() -> None:
    found = masquerade.compared(TIMES)["ratios"]
    assert [one["datapath"] for one in found[: len(RATIOS)]] == list(masquerade.WAYS)
    assert len(found) == len(TIMES)
    for one in found:
        assert one["ratio"] == one["low"] == one["high"] == RATIOS[one["datapath"]], one


def test_how_many_times_faster_is_the_others_time_to_podnets() -> None:
    found = {
        (one["datapath"], one["than"], one["yardstick"]): (one["ratio"], one["aim"])
        for one in masquerade.compared(TIMES)["faster"]
    }
    assert len(found) == len(masquerade.OWN) * len(masquerade.KERNEL) * len(masquerade.MEASURED)
    assert found[masquerade.PODNET, masquerade.IPTABLES, "connect"] == (1.5, 1.2)
    assert found[masquerade.SERVICES, masquerade.IPTABLES, "udp"] == (1.2, 1.2)
    assert found[masquerade.SERVICES, masquerade.NFTABLES, "rr"] == (0.96, 1.0)
    assert found[masquerade.ROUTED, masquerade.NFTABLES, "connect"] == (0.923, None)


def test_the_tables_say_what_is_better_and_what_is_aimed_at() -> None:
    plain, faster = masquerade_report.tables(masquerade.compared(TIMES), rounds=2)
    assert "(less is better)" in plain
    assert "(more is better)" in faster
    lines = [line.split("  ") for line in (plain + "\n" + faster).splitlines()]
    rows = {line[1]: [cell.strip() for cell in line[2:] if cell] for line in lines if not line[0]}
    assert rows[""] == ["RR", "connect", "UDP", "UDP in", "stream"]
    assert rows[ratios.REFERENCE] == ["1 (1.5 µs)"] * 5
    assert rows[masquerade.IPTABLES] == ["1.500 ±0.000"] * 5
    assert rows["podnet, than nftables masquerade"] == ["1.200 ±0.000"] * 5
    assert rows["podnet routed, than iptables MASQUERADE"] == ["1.154 ±0.000"] * 5
    assert rows["aim of podnet and podnet with services"] == [
        *("≥ 1.00", "≥ 1.20", "≥ 1.20", "≥ 1.20", "≥ 1.00")
    ]


def test_a_kernel_that_tracks_few_connections_is_told_before_anything_is_measured() -> None:
    masquerade.expect_room(0)  # no limit
    masquerade.expect_room(masquerade.TRACKED)
    with pytest.raises(RuntimeError, match="nf_conntrack_max is 1024"):
        masquerade.expect_room(1024)


def test_packets_of_programs_are_well_formed() -> None:
    source, destination = IPv4Address("10.111.160.2"), IPv4Address("8.8.8.8")
    one, other = "02:58:0a:6f:00:08", "02:58:0a:6f:00:01"
    tcp = programs.tcp_packet(source, destination, from_mac=one, to_mac=other, flags=programs.SYN)
    udp = programs.udp_packet(source, destination, from_mac=one, to_mac=other, ports=(53, 1024))
    for packet, protocol in ((tcp, 6), (udp, 17)):
        assert packet[:14].hex() == "02580a6f000102580a6f00080800"
        words = [int.from_bytes(packet[at : at + 2], "big") for at in range(14, 34, 2)]
        assert sum(words) % 0xFFFF == 0, "checksum of the IPv4 header"
        assert words[1] == len(packet) - 14
        assert packet[23] == protocol
        assert packet[26:34] == source.packed + destination.packed
    assert (tcp[34:38].hex(), tcp[47]) == ("9c400050", programs.SYN)
    assert (udp[34:38].hex(), int.from_bytes(udp[38:40], "big")) == ("00350400", len(udp) - 34)
