# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""drops_info: what real pods lost is recorded, in each datapath, and goes with a teardown."""

from __future__ import annotations

import socket
import subprocess
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils import names
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import drop_layout as layout
from ansible_collections.podnet.fabric.plugins.module_utils.drops import records
from ansible_collections.podnet.fabric.plugins.module_utils.engine import namespaces
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import maps
from ansible_collections.podnet.fabric.tests.waiting import wait_for
from bpf_support import bpftool, pins
from cell_support import DOOR, cell_options, make_cell, make_routes
from node_support import PEER_IP, bare_node, options, pod
from running import do, fails, run, run_module
from test_policy import given, isolated, rule_set

if TYPE_CHECKING:
    from collections.abc import Iterator

WEB, DB, STRANGER = "10.111.160.1", "10.111.160.2", "10.111.160.77"
TIME = "%Y-%m-%dT%H:%M:%SZ"
#: By datapath, the programs that see what a pod sends, what is for one, and what the network sends.
HOOKS = {
    "ebpf": ("from_container", "from_container", "from_netdev"),
    "bridge": ("guard", "to_container", "to_container"),
    "routed": ("guard", "to_container", "to_container"),
}


@pytest.fixture(scope="module", params=HOOKS)
def datapath(request: pytest.FixtureRequest) -> Iterator[str]:
    """A node with two pods, of which db takes nothing; at the end, nothing is left of it."""
    with bare_node():
        pods = [pod("web", 1), pod("db", 2)]
        make_cell(request.param, isolation=True)
        make_routes(request.param)
        db = isolated(DB, ingress=21)
        run("policy", **given(db, sets=[rule_set(21, name="default/db")], rules={}))
        if request.param == "ebpf":
            run("endpoints", **options([pods[0], {**pods[1], "isolated": True}]))
        else:
            door = cell_options(request.param, pods, delivery_program=DOOR)
            door["endpoints"][1]["isolated"] = True
            run("endpoints", **door)
        do("ip", "-n", "web", "addr", "add", f"{STRANGER}/32", "dev", "eth0")
        # Its gateway's MAC is known from here on, and not asked for with another's address.
        do("ip", "netns", "exec", "web", "ping", "-c", "1", PEER_IP)
        yield request.param
        run("teardown")
        assert pins() == []


#: What the module makes of records (drops/records.py) does not ask who has written them.
IN_ONE = pytest.mark.parametrize("datapath", ["ebpf"], indirect=True)


@pytest.fixture(autouse=True)
def _empty(datapath: str) -> None:
    with maps.open_pin(layout.DROPS.pin) as drops, maps.open_pin(layout.DROP_BUDGET_MAP.pin) as one:
        drops.delete(list(drops.items()))
        keys = (number.to_bytes(4, "little") for number in range(layout.DROP_BUDGETS))
        one.update(dict.fromkeys(keys, bytes(32)))


def send(netns: str, to: str, port: int, *, source: str = "", sport: int = 0) -> None:
    """Send a datagram."""
    with namespaces.inside(netns), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((source, sport))
        sender.sendto(b"what is this?", (to, port))


def found(count: int, **wanted: Any) -> list[dict[str, Any]]:
    """Return so many records, once they are there."""
    wait_for(f"{count} records", lambda: len(run("drops_info", **wanted)["drops"]) == count, 10)
    drops: list[dict[str, Any]] = run("drops_info", **wanted)["drops"]
    return drops


def device(name: str) -> str:
    return "eth0" if name == "eth0" else names.endpoint_device(name)


def test_what_a_policy_keeps_out_is_known_later(datapath):
    _of_pod, hook, _of_network = HOOKS[datapath]
    before = datetime.now(timezone.utc) - timedelta(seconds=2)
    for sport in (4001, 4002, 4003):
        send("web", DB, 5432, sport=sport)
    wait_for("three packets", lambda: [one["packets"] for one in found(1)] == [3], 10)
    (one,) = found(1)
    head = bytes.fromhex(one.pop("head"))
    assert head[26:34] == socket.inet_aton(WEB) + socket.inet_aton(DB)
    assert head[34:38] == (4001).to_bytes(2, "big") + (5432).to_bytes(2, "big")
    assert head[42:] == b"what is this?"
    first, last = (
        datetime.strptime(one.pop(word), TIME).replace(tzinfo=timezone.utc)
        for word in ("first", "last")
    )
    assert before <= first <= last <= datetime.now(timezone.utc) + timedelta(seconds=2)
    holder = "web" if hook == "from_container" else "db"
    assert one == {
        "hook": hook,
        "direction": "egress" if hook == "from_container" else "ingress",
        "reason": "ingress_denied",
        "what": "for a pod that a policy isolates, and no rule lets it in",
        "source": WEB,
        "source_name": "web",
        "source_port": 4003,
        "destination": DB,
        "destination_name": "db",
        "destination_port": 5432,
        "protocol": "UDP",
        "ethertype": "0x0800",
        "quoted": False,
        "device": device(holder),
        "pod": holder,
        "policies": ["default/db"],
        "packets": 3,
        "bytes": 3 * len(head),
        "length": len(head),
    }
    (entry,) = bpftool("map", "dump", "pinned", layout.DROPS.pin)
    assert int(entry["key"][0], 16) == socket.if_nametoindex(device(holder))


def test_who_is_named(datapath):
    of_pod, _to_pod, of_network = HOOKS[datapath]
    send("web", PEER_IP, 9, source=STRANGER)
    send("peer", DB, 53)
    spoofed, outside = sorted(found(2), key=lambda one: str(one["reason"]), reverse=True)
    assert (spoofed["hook"], spoofed["reason"]) == (of_pod, "spoofed_source")
    assert (spoofed["source"], spoofed["source_name"]) == (STRANGER, "web")
    assert (spoofed["destination_name"], spoofed["policies"]) == (f"node {PEER_IP}", [])
    assert (outside["hook"], outside["reason"]) == (of_network, "ingress_denied")
    assert (outside["source"], outside["destination_name"]) == (PEER_IP, "db")
    assert outside["device"] == device("eth0" if of_network == "from_netdev" else "db")


@IN_ONE
def test_filters(datapath):
    send("web", DB, 5432)
    send("web", DB, 53)
    send("web", PEER_IP, 9, source=STRANGER)
    ping = ["ip", "netns", "exec", "peer", "ping", "-c", "1", "-W", "0.1", DB]
    assert subprocess.run(ping, capture_output=True, check=False).returncode == 1
    everything = found(4)
    assert [one["last"] for one in everything] == sorted(
        (one["last"] for one in everything), reverse=True
    )
    for wanted, count in (
        ({"pod": "web"}, 3),
        ({"pod": "d*"}, 3),
        ({"pod": "w"}, 0),
        ({"address": STRANGER}, 1),
        ({"address": "10.111.0.0/24"}, 2),
        ({"reason": ["spoofed_source"]}, 1),
        ({"reason": ["spoofed_source", "ingress_denied"]}, 4),
        ({"reason": ["no_endpoint"]}, 0),
        ({"protocol": "udp"}, 3),
        ({"protocol": "1"}, 1),
        ({"since": "15m"}, 4),
        ({"since": "2026-01-01T00:00:00Z"}, 4),
        ({"since": datetime.now(timezone.utc).replace(year=2999).strftime(TIME)}, 0),
        ({"limit": 3}, 3),
    ):
        for check in (True, False):
            told = run_module("drops_info", check=check, **wanted)
            assert (told["changed"], len(told["drops"])) == (False, count), wanted
            assert told["matched"] == (4 if "limit" in wanted else count)
            assert told["recorder"]["used"] == 4
    lines = run("drops_info", limit=3)["report"].splitlines()
    assert (len(lines), lines[3]) == (5, "… and 1 more")
    assert lines[4] == "In all: 4 packets in 4/16384 records"
    lines = run("drops_info", protocol="udp", pod="db", since="1h")["report"].splitlines()
    assert sum(f" (web) -> {DB}:53 (db) device=" in line for line in lines) == 1


#: What is no packet of IPv4, and by which name its line tells it; the last is one that is cut off.
FRAMES = {
    b"\x86\xdd" + bytes([96, 0, 0, 0, 0, 0, 58, 255]): "unsupported_l3 IPv6",
    b"\x08\x06" + bytes([0, 1, 8, 0, 6, 4, 0, 1]): "malformed ARP",
    b"\x81\x00" + bytes([0, 7, 8, 0]): "vlan_tagged IPv4",
    b"\x88\xcc" + bytes([2, 7, 4]): "unsupported_l3 LLDP",
    b"\x08\x00" + bytes([69, 0, 0, 20]): "malformed IPv4",
}


@IN_ONE
def test_a_frame_without_addresses_is_told_by_its_name(datapath):
    with namespaces.inside("web"), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind(("eth0", 0))
        for frame in FRAMES:
            # The last octets are padding, as of a short frame on a wire.
            short = frame.startswith(b"\x08")
            sender.send(b"\xff" * 6 + sender.getsockname()[4] + frame + bytes(0 if short else 46))
    found(len(FRAMES))
    said = run("drops_info")["report"].splitlines()
    for name in FRAMES.values():
        (line,) = (line for line in said if f" from_container {name} " in line)
        assert f" {name} (web) device=" in line


@IN_ONE
def test_one_flow_is_found_by_its_ends(datapath):
    send("web", DB, 5432)
    send("web", DB, 53)
    found(2)
    assert len(records.recorded(WEB, DB)) == 2
    (one,) = records.recorded(WEB, DB, "UDP", 53)
    assert one["destination_port"] == 53
    assert records.recorded(WEB, DB, "TCP", 53) == records.recorded(DB, WEB) == []
    assert len(records.recorded(destination=DB, protocol="UDP")) == 2


def test_what_was_not_recorded_is_counted(datapath):
    with namespaces.inside("web"), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for port in range(1, 6001):
            sender.sendto(b"", (DB, port))
    send("web", PEER_IP, 9, source=STRANGER)

    def counted() -> bool:
        said = run("drops_info", limit=1)["recorder"]
        return bool(said["packets"] + said["unrecorded"] + said["overwritten"] == 6001)

    wait_for("all of them are counted", counted, 10)
    said = run("drops_info", limit=1)["recorder"]
    assert said["used"] <= 2 * layout.DROP_PLACES
    assert said["unrecorded"] > 0
    assert f"{said['unrecorded']} not recorded" in run("drops_info", limit=1)["report"]


def test_what_passes_is_not_recorded(datapath):
    with namespaces.inside("peer"), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind((PEER_IP, 7))
        receiver.settimeout(5)
        send("web", PEER_IP, 7, source=WEB)
        assert receiver.recv(100) == b"what is this?"
    assert found(0) == []


@IN_ONE
@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            {"address": "web"},
            "address: 'web' is neither an address nor a prefix, such as 10.111.160.1 or "
            "10.111.160.0/25.",
        ),
        (
            {"protocol": "http"},
            "protocol: 'http' is none; valid are ICMP, TCP, UDP, SCTP, or a number to 255.",
        ),
        (
            {"since": "yesterday"},
            "since: 'yesterday' is no time, such as 2026-11-27T03:00:00Z, nor how long ago that "
            "is, such as 90s, 15m, 3h or 2d.",
        ),
        ({"limit": -1}, "limit: -1 records cannot be returned; 0 stands for all."),
    ],
)
def test_bad_input_is_one_sentence(datapath, wrong, sentence):
    assert fails("drops_info", **wrong) == sentence


@IN_ONE
def test_a_reason_that_is_none_is_named_with_those_that_are(datapath):
    said = fails("drops_info", reason=["to_endpoint"])
    assert said.startswith("reason: 'to_endpoint' is none; valid are unsupported_l3, malformed, ")
