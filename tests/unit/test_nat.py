"""Flows: how they are listed, which are wanted, which are over, and the ports that they take."""

from __future__ import annotations

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import clock, nat_layout
from ansible_collections.podnet.fabric.plugins.module_utils.engine import addresses
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.nat import filters, report, usage, words
from ansible_collections.podnet.fabric.plugins.module_utils.nat.flows import Flows, is_over
from ansible_collections.podnet.fabric.plugins.module_utils.services import packed

SECOND = 10**9
NOW = 100_000 * SECOND
TCP, UDP, ICMP = words.PROTOCOLS.values()
NAT, REVERSE, CLOSING = nat_layout.NAT, nat_layout.NAT_REVERSE, nat_layout.NAT_CLOSING
MASQUERADE, INBOUND = nat_layout.NAT_MASQUERADE, nat_layout.NAT_INBOUND
ANSWERED = nat_layout.NAT_ANSWERED
POD, NODE, WEB = "172.16.2.1", "192.168.10.10", "203.0.113.9"


def flows(*entries):
    """Return a map of these: (from, to), (from, to) as it goes on, flags and the protocol."""
    keys, values = b"", b""
    for ends, to, flags, protocol in entries:
        keys += NAT.pack_key(**named(ends), protocol=protocol, reserved=0)
        more = dict.fromkeys(("reserved", "id", "slot", "acked", "unused"), 0)
        more |= {"created": NOW, "used": NOW}
        values += NAT.pack_value(**named(to), flags=flags, **more)
    return Flows(keys, values, now=NOW, pinned=True)


def named(ends):
    (source, source_port), (destination, destination_port) = ends
    return {
        "source": source,
        "source_port": source_port,
        "destination": destination,
        "destination_port": destination_port,
    }


def test_the_lines_of_the_write_up():
    def one(direction, source, destination, *translations, **more):
        (address, port), (to_address, to_port) = source, destination
        return {
            "protocol": "UDP",
            "direction": direction,
            "source": address,
            "source_port": port,
            "destination": to_address,
            "destination_port": to_port,
            "translations": [
                {"kind": kind, "address": address, "port": port}
                for kind, address, port in translations
            ],
            "age_seconds": 222,
            "state": "open",
            **more,
        }

    pod, dns, node = (POD, 49847), ("8.8.8.8", 53), (NODE, 49847)
    found = {
        "entries": [
            one("OUT", pod, dns, ("XLATE_SRC", *node)),
            one("IN", dns, node, ("XLATE_DST", *pod), state="closing"),
            one(
                "OUT",
                ("fd00::1", 1),
                ("fd00::2", 2),
                ("XLATE_SRC", "fd00::3", 3),
                ("XLATE_DST", "fd00::4", 4),
                state="over",
                age_seconds=0,
            ),
        ],
        "matched": 4,
        "masquerades": False,
    }
    assert report.render(found).splitlines() == [
        "UDP OUT 172.16.2.1:49847 -> 8.8.8.8:53 XLATE_SRC 192.168.10.10:49847 Created=222sec ago",
        "UDP IN 8.8.8.8:53 -> 192.168.10.10:49847 XLATE_DST 172.16.2.1:49847 Created=222sec ago "
        "[closing]",
        "UDP OUT [fd00::1]:1 -> [fd00::2]:2 XLATE_SRC [fd00::3]:3 XLATE_DST [fd00::4]:4 "
        "Created=0sec ago [over]",
        "… and 1 more",
    ]
    nothing = {"entries": [], "matched": 0}
    assert report.render({**nothing, "masquerades": True}) == ""
    assert report.render({**nothing, "masquerades": False}) == report.OFF


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("10.0.0.1", ["10.0.0.1:1", "10.0.0.1:2"], ["10.0.0.2:1"]),
        ("10.0.0.1:80", ["10.0.0.1:80"], ["10.0.0.1:81", "10.0.0.2:80"]),
        ("10.0.0.1:0", ["10.0.0.1:0"], ["10.0.0.1:1"]),
        ("10.0.0.0/8", ["10.0.0.0:1", "10.255.255.255:1"], ["9.255.255.255:1", "[fd00::1]:1"]),
        ("10.0.0.77/24", ["10.0.0.1:1"], ["10.0.1.1:1"]),
        ("0.0.0.0/0", ["1.2.3.4:1"], ["[fd00::1]:1"]),
        ("fd00::1", ["[fd00::1]:1"], ["[fd00::2]:1"]),
        ("fd00::/64", ["[fd00::1]:1"], ["[fd00:0:0:1::1]:1", "10.0.0.1:1"]),
        ("[fd00::1]:80", ["[fd00::1]:80"], ["[fd00::1]:81"]),
        # IPv4 has one form in the map, however it is written.
        ("::ffff:10.0.0.1", ["10.0.0.1:1"], ["10.0.0.2:1"]),
    ],
)
def test_a_place_is_an_address_a_prefix_or_an_address_and_a_port(text, inside, outside):
    takes = filters.place("source", text)
    for places, is_inside in ((inside, True), (outside, False)):
        for one in places:
            address, _colon, port = one.rpartition(":")
            raw = addresses.packed(address.strip("[]"))
            assert takes(raw, int(port).to_bytes(2, "big")) is is_inside, one


@pytest.mark.parametrize("text", ["10.0.0", "10.0.0.1:", "10.0.0.1:-1", "10.0.0.1:²", "a", "[::1]"])
def test_what_is_no_place(text):
    with pytest.raises(Failure, match="translation: "):
        filters.Filter(translation=text)


def test_what_an_entry_puts_in_place():
    pod, node, web, alone = (POD, 1), (NODE, 2), (WEB, 443), ("::", 0)
    cases = [
        ((pod, web), (node, web), MASQUERADE, ["XLATE_SRC 192.168.10.10:2"]),
        ((web, node), (web, pod), MASQUERADE | REVERSE, ["XLATE_DST 172.16.2.1:1"]),
        # The port alone is a change as well.
        ((node, web), ((NODE, 3), web), MASQUERADE, ["XLATE_SRC 192.168.10.10:3"]),
        ((web, (NODE, 3)), (web, node), MASQUERADE | REVERSE, ["XLATE_DST 192.168.10.10:2"]),
        # A service, and a client's address that only has to come back this way.
        ((pod, web), (pod, node), 0, ["XLATE_DST 192.168.10.10:2"]),
        ((node, pod), (web, pod), REVERSE, ["XLATE_SRC 203.0.113.9:443"]),
        (
            (pod, web),
            (node, pod),
            0,
            ["XLATE_SRC 192.168.10.10:2", "XLATE_DST 172.16.2.1:1"],
        ),
        # Nothing changes: a port of the node's own that is taken, and what answers a flow that
        # came in, whatever stands in its value.
        ((node, web), (node, web), MASQUERADE, ["XLATE_SRC 192.168.10.10:2"]),
        ((web, node), (web, node), MASQUERADE | REVERSE, ["XLATE_DST 192.168.10.10:2"]),
        ((pod, web), (pod, web), INBOUND, ["XLATE_SRC 172.16.2.1:1"]),
        ((pod, web), (alone, alone), INBOUND, ["XLATE_SRC 172.16.2.1:1"]),
    ]
    for ends, to, flags, said in cases:
        ((key, value),) = flows((ends, to, flags, TCP))
        told = [
            f"{word} {packed.place_text(address + port)}"
            for word, address, port in filters.translated(key, value)
        ]
        assert told == said


@pytest.mark.parametrize(
    ("protocol", "flags", "seconds"),
    [
        (TCP, ANSWERED, 21600),
        (TCP, 0, 60),
        (UDP, 0, 60),
        (ICMP, MASQUERADE, 60),
        (TCP, CLOSING, 10),
        (UDP, CLOSING, 10),
    ],
)
def test_a_flow_is_over_after_its_time(protocol, flags, seconds):
    assert not is_over(protocol, flags, seconds * SECOND)
    assert is_over(protocol, flags, seconds * SECOND + 1)
    # Used while the map was read.
    assert not is_over(protocol, flags, -1)


def test_ports_are_those_that_the_node_gave():
    pod, node, web, client = (POD, 1), (NODE, 2), (WEB, 443), ("198.51.100.7", 5)
    found = usage.usage(
        flows(
            ((pod, web), (node, web), MASQUERADE, TCP),
            ((web, node), (web, pod), MASQUERADE | REVERSE, TCP),
            ((web, (NODE, 3)), (web, (POD, 9)), MASQUERADE | REVERSE, TCP),
            # One that the node's own process has takes a port, too.
            ((web, (NODE, 4)), (web, (NODE, 4)), MASQUERADE | REVERSE, TCP),
            # A service with the node's address for its client's, and one without.
            ((pod, (NODE, 5)), (node, client), REVERSE, TCP),
            ((pod, client), (web, client), REVERSE, TCP),
            ((web, node), (web, pod), MASQUERADE | REVERSE, UDP),
        )
    )
    told = [
        (one["protocol"], one["address"], one["destination"], one["destination_port"], one["used"])
        for one in found["ports"]
    ]
    assert told == [
        ("TCP", NODE, WEB, 443, 3),
        ("TCP", NODE, POD, 1, 1),
        ("UDP", NODE, WEB, 443, 1),
    ]
    assert found["ports"][0]["size"] == usage.PORTS == 38590
    assert (found["table"]["used"], found["warnings"]) == (7, [])


@pytest.mark.parametrize("up", [1, 100_000, 366 * 24 * 3600], ids=["new", "day", "year"])
@pytest.mark.parametrize("ago", [-1, 0, 1, 61, 21601])
def test_time_goes_by_on_new_and_old_machines_alike(up, ago):
    now = up * SECOND
    assert clock.elapsed(now, (now - ago * SECOND) % 2**64) == ago * SECOND
