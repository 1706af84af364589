"""nat_info: what it says is what stands in the map of flows, on a node as the roles leave it."""

from __future__ import annotations

import re

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import nat_layout, tasks
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import maps
from ansible_collections.podnet.fabric.plugins.module_utils.engine.map_spec import MapSpec
from ansible_collections.podnet.fabric.plugins.module_utils.nat import filters, info, report, usage
from nat_support import ICMP, NAT, TCP, empty, entry, flow, many, write
from node_support import bare_node, plan
from running import fails, run, run_module

from tests.clock import spent

NODE, POD, OTHER_POD = "192.168.10.10", "172.16.2.1", "172.16.2.2"
DNS, WEB = ("8.8.8.8", 53), ("203.0.113.9", 443)
HOUR = 3600
#: Seconds that a test may take on a slow machine.
PATIENCE = 25
#: The lines of the write-up, and those that a service and a flow of the node's own add.
LISTING = """\
ICMP OUT 172.16.2.1:58599 -> 203.0.113.9:0 XLATE_SRC 192.168.10.10:58599
ICMP IN 203.0.113.9:0 -> 192.168.10.10:58599 XLATE_DST 172.16.2.1:58599
TCP OUT 172.16.2.1:64491 -> 203.0.113.9:443 XLATE_SRC 192.168.10.10:1024
TCP IN 203.0.113.9:443 -> 192.168.10.10:1024 XLATE_DST 172.16.2.1:64491
TCP OUT 172.16.2.2:40000 -> 203.0.113.9:443 XLATE_SRC 192.168.10.10:40000 [closing]
TCP IN 203.0.113.9:443 -> 192.168.10.10:40000 XLATE_DST 172.16.2.2:40000 [closing]
TCP OUT 192.168.10.10:40000 -> 203.0.113.9:443 XLATE_SRC 192.168.10.10:40001
TCP IN 203.0.113.9:443 -> 192.168.10.10:40001 XLATE_DST 192.168.10.10:40000
TCP OUT 221.142.255.113:63744 -> 192.168.10.10:31000 XLATE_SRC 192.168.10.10:63744 \
XLATE_DST 172.16.2.65:8081
TCP IN 172.16.2.65:8081 -> 192.168.10.10:63744 XLATE_SRC 192.168.10.10:31000 \
XLATE_DST 221.142.255.113:63744
UDP OUT 172.16.2.1:5000 -> 203.0.113.77:6000 XLATE_SRC 172.16.2.1:5000
UDP OUT 172.16.2.1:49847 -> 8.8.8.8:53 XLATE_SRC 192.168.10.10:49847
UDP IN 8.8.8.8:53 -> 192.168.10.10:49847 XLATE_DST 172.16.2.1:49847"""
OVER = """\
UDP OUT 172.16.2.2:49847 -> 8.8.8.8:53 XLATE_SRC 192.168.10.10:1025 [over]
UDP IN 8.8.8.8:53 -> 192.168.10.10:1025 XLATE_DST 172.16.2.2:49847 [over]"""


@pytest.fixture(scope="module")
def node():
    """One node with all maps for all tests of this file."""
    with bare_node():
        run("bpf_map", maps=tasks.build(plan())["maps"])
        yield


@pytest.fixture
def flows(node):
    """The flows of :data:`LISTING` and :data:`OVER`."""
    empty()
    closing = nat_layout.NAT_MASQUERADE | nat_layout.NAT_CLOSING
    host = nat_layout.NAT_MASQUERADE | nat_layout.NAT_HOST
    quiet = nat_layout.NAT_MASQUERADE | nat_layout.NAT_ANSWERED
    node_port, backend = (NODE, 31000), ("172.16.2.65", 8081)
    client = ("221.142.255.113", 63744)
    inbound = ((POD, 5000), ("203.0.113.77", 6000))
    write(
        flow((POD, 58599), (WEB[0], 0), (NODE, 58599), protocol=ICMP, age=258),
        flow(
            (POD, 64491),
            WEB,
            (NODE, 1024),
            protocol=TCP,
            flags=quiet,
            age=2664,
            idle=5 * HOUR,
        ),
        flow(
            (OTHER_POD, 40000),
            WEB,
            (NODE, 40000),
            protocol=TCP,
            flags=closing,
            age=21,
            idle=-PATIENCE,
        ),
        flow((NODE, 40000), WEB, (NODE, 40001), protocol=TCP, flags=host, age=5),
        flow(client, node_port, (NODE, 63744), backend, protocol=TCP, flags=0, age=7, number=9),
        entry(*inbound, *inbound, flags=nat_layout.NAT_INBOUND, age=1),
        flow((POD, 49847), DNS, (NODE, 49847), age=222, idle=30),
        flow((OTHER_POD, 49847), DNS, (NODE, 1025), age=100, idle=62),
    )
    yield
    empty()


def listed(**wanted):
    """The lines of a report, less ages."""
    found = run("nat_info", **wanted)
    assert found["matched"] == len(found["entries"])
    return ageless(found).splitlines()


def ageless(found):
    return re.sub(r" Created=\d+sec ago\b", "", found["report"])


def warned(found):
    return [
        one["event"]["msg"] if isinstance(one, dict) else one for one in found.get("warnings", ())
    ]


def test_the_listing_of_the_write_up(flows):
    for check in (True, False):
        found = run_module("nat_info", check=check)
        assert found["changed"] is False
        assert ageless(found) == LISTING
    assert listed(all=True) == [*LISTING.splitlines(), *OVER.splitlines()]
    assert found["table"] == {"used": 15, "size": 131072, "over": 2, "notes": 0}
    entries = {(one["protocol"], one["source"]): one for one in found["entries"]}
    service = entries["TCP", "221.142.255.113"]
    assert 7 <= service.pop("age_seconds") < 7 + PATIENCE
    assert service.pop("idle_seconds") < PATIENCE
    assert service == {
        "protocol": "TCP",
        "direction": "OUT",
        "source": "221.142.255.113",
        "source_port": 63744,
        "destination": NODE,
        "destination_port": 31000,
        "translations": [
            {"kind": "XLATE_SRC", "address": NODE, "port": 63744},
            {"kind": "XLATE_DST", "address": "172.16.2.65", "port": 8081},
        ],
        "kind": "service",
        "state": "open",
        "service_id": 9,
    }
    dns = entries["UDP", "8.8.8.8"]
    assert 222 <= dns["age_seconds"] < 222 + PATIENCE
    assert 30 <= dns["idle_seconds"] < 30 + PATIENCE
    assert (dns["kind"], dns["service_id"]) == ("masquerade", None)
    assert entries["TCP", OTHER_POD]["state"] == "closing"
    assert entries["TCP", NODE]["kind"] == "host"


def test_filters(flows):
    lines = [*LISTING.splitlines(), *OVER.splitlines()]

    def having(*parts):
        return [line for line in lines if all(part in line for part in parts)]

    assert listed(all=True, protocol="icmp") == lines[:2]
    assert listed(all=True, protocol="udp") == having("UDP ")
    assert listed(all=True, direction="in") == having(" IN ")
    assert listed(all=True, protocol="tcp", direction="out") == having("TCP OUT ")
    assert listed(all=True, source=POD) == having(f"OUT {POD}:")
    pods = [line for line in lines if line.split()[2].startswith("172.16.2.")]
    assert listed(all=True, source="172.16.2.0/24") == pods
    assert listed(all=True, source=f"{POD}:49847") == having(f"OUT {POD}:49847")
    assert listed(all=True, destination="8.8.8.8") == having("-> 8.8.8.8:")
    assert listed(all=True, destination=f"{NODE}:40001") == having(f"-> {NODE}:40001")
    assert listed(all=True, translation=f"{NODE}:1025") == having(f"XLATE_SRC {NODE}:1025")
    # Either of two.
    assert listed(all=True, translation="221.142.255.113") == having("XLATE_DST 221.")
    assert listed(all=True, translation="::/0") == listed(all=True) == lines
    assert listed(all=True, kind=["host"]) == lines[6:8]
    assert listed(kind=["service", "inbound"]) == lines[8:11]
    assert listed(source="10.0.0.0/8") == [report.OFF]  # as is, on this node
    assert listed(source=OTHER_POD, protocol="udp") == [report.OFF]  # over


def test_as_many_entries_as_are_wanted(flows):
    found = run("nat_info", limit=2)
    assert len(found["entries"]) == 2
    assert ageless(found).splitlines() == [*LISTING.splitlines()[:2], "… and 11 more"]
    assert (found["matched"], found["table"]["used"]) == (13, 15)
    assert len(run("nat_info", limit=0)["entries"]) == 13


@pytest.mark.parametrize(
    "text",
    [
        "8.8.8",
        "8.8.8.8/33",
        "8.8.8.8:65536",
        "8.8.8.8:",
        "8.8.8.0/24:53",
        "web",
        "[::1]",
        "[::1]:x",
    ],
)
@pytest.mark.parametrize("option", ["source", "destination", "translation"])
def test_what_is_no_place(node, option, text):
    fails("nat_info", f"{option}: {text!r} is neither an address", **{option: text})


def test_bad_input(node):
    fails("nat_info", "limit: -1 entries cannot be returned", limit=-1)
    fails("nat_info", "sctp", protocol="sctp")
    fails("nat_info", "masquerading", kind=["masquerading"])


def test_a_node_without_the_map_translates_nothing(node):
    with maps.open_pin(NAT.pin) as found:
        maps.unpin(NAT.pin)
        told = run("nat_info")
        found.pin(NAT.pin)
    assert (told["entries"], told["report"], told["ports"]) == ([], report.OFF, [])
    assert told["table"] == {"used": None, "size": 131072, "over": 0, "notes": 0}


def test_a_map_of_another_version_is_said_to_be_one(node):
    with maps.open_pin(NAT.pin) as found:
        maps.unpin(NAT.pin)
        with maps.create(MapSpec("nat", "lru_hash", 40, 56, 16)) as other:
            other.pin(NAT.pin)
        fails("nat_info", "run the role native_routing or overlay before")
        found.pin(NAT.pin)


def test_a_warning_before_ports_or_the_table_run_out(node):
    empty()
    ports, table = int(usage.PORTS * 0.8), 2 * int(usage.FLOWS * 0.8)
    # What is over makes room for what is new: it counts for nothing.
    over = flow((POD, 65000), WEB, (NODE, 65000), protocol=TCP, idle=7 * HOUR)
    write(many(ports, POD, WEB, NODE), over)
    found = run("nat_info", limit=1)
    assert found["ports"] == [
        {
            "protocol": "TCP",
            "address": NODE,
            "destination": WEB[0],
            "destination_port": WEB[1],
            "used": ports,
            "size": 38590,
        }
    ]
    assert warned(found) == []
    others = [(f"203.0.113.{number}", 80) for number in range(11)]
    rest = (table // 2 - ports) // len(others) + 1
    write(many(ports + 1, POD, WEB, NODE), *(many(rest, POD, other, NODE) for other in others))
    found = run("nat_info", limit=1)
    assert [one["used"] for one in found["ports"]] == [ports + 1, *([rest] * 9)]
    live = found["table"]["used"] - found["table"]["over"]
    assert table < live < table + 100
    assert warned(found) == [
        f"The table of translated flows is 80% full: {live // 2:,} of the 49,152 flows that pods "
        "may have together. Who has as many as there is room left for begins no more (nat_quota); "
        "move pods with many connections to other nodes.",
        f"30,873 of the 38,590 common ports that {NODE} has for TCP to {WEB[0]} port 443 are taken "
        "(80%). When all are, a pod has a few of its own, and then its new connections are dropped "
        "(nat_exhausted); spread the clients over more nodes, or let them keep connections open "
        "and use them again.",
    ]
    empty()


def test_a_full_table_is_read_in_little_time(node):
    empty()
    half = NAT.max_entries // 4
    write(*(many(half, POD, server, NODE) for server in (WEB, DNS)))
    start = spent()
    told = run("nat_info", source=POD, limit=10)
    module = spent() - start
    start = spent()
    found = info.gather(filters.Filter())
    lines = report.render(found).count("\n") + 1
    everything = spent() - start
    print(f"{lines} entries: {everything:.2f} s, the module with ten of them {module:.2f} s")
    # The map forgets a few before it is full: free places lie at each CPU.
    assert lines == found["table"]["used"] > 0.9 * NAT.max_entries
    assert told["matched"] == pytest.approx(lines / 2, rel=0.01)
    assert everything < 5
    assert module < 3
    empty()
