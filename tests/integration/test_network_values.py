"""Values of the network modules in every spelling, where one limits another, and what is refused.

Whole tables go in one call: what the kernel has then is the value in its first spelling, and the
same in another spelling changes nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from typing import Any

import pytest
from running import ROOT, do, fails, four_runs, ip, run, run_module


@pytest.fixture
def host(netns: str) -> str:
    """A namespace with d0 (10.0.0.1/24, fd00::1/64), d1 (10.0.1.1/24, fd01::1/64), their peers
    e0 and e1, a VXLAN device vx0 and the bridge br0 with the port p0.
    """
    for number in (0, 1):
        device = f"d{number}"
        do("ip", "-n", netns, "link", "add", device, "type", "veth", "peer", "name", f"e{number}")
        for address in (f"10.0.{number}.1/24", f"fd0{number}::1/64"):
            nodad = ["nodad"] if ":" in address else []
            do("ip", "-n", netns, "addr", "add", address, "dev", device, *nodad)
    do("ip", "-n", netns, "link", "add", "vx0", "type", "vxlan", "id", "100", "dstport", "4789")
    do("ip", "-n", netns, "link", "add", "br0", "type", "bridge")
    do("ip", "-n", netns, "link", "add", "p0", "master", "br0", "type", "veth", "peer", "q0")
    for device in ("d0", "d1", "e0", "e1", "vx0", "br0", "p0", "q0"):
        do("ip", "-n", netns, "link", "set", device, "up")
    return netns


def names(netns: str) -> list[str]:
    return [link["ifname"] for link in ip(netns, "link")]


def hops(*gateways: str, **more: Any) -> dict[str, Any]:
    return {"nexthops": [{"via": gateway, **more} for gateway in gateways]}


R4, R6 = {"via": "10.0.0.8"}, {"via": "fd00::8"}

#: module → its list, and of each object the item as written and the same as the kernel shows it.
SPELLINGS: dict[str, tuple[str, list[tuple[dict[str, Any], dict[str, Any]]]]] = {
    "routes": (
        "routes",
        [
            ({"dst": "10.50.0.0/16", **hops("10.0.0.8")}, {"dst": "10.50.0.0/16", **R4}),
            (
                {"dst": "10.51.0.0/16", **hops("10.0.0.8", weight=5)},
                {"dst": "10.51.0.0/16", **R4},
            ),
            (
                {"dst": "10.52.0.0/16", "nexthops": [{"dev": "d0"}]},
                {"dst": "10.52.0.0/16", "dev": "d0"},
            ),
            (
                {"dst": "10.53.0.0/16", **hops("192.0.2.1", dev="d0", onlink=True)},
                {"dst": "10.53.0.0/16", "via": "192.0.2.1", "dev": "d0", "onlink": True},
            ),
            ({"dst": "fd50::/64", **hops("fd00::8")}, {"dst": "fd50::/64", **R6}),
            (
                {"dst": "fd51::/64", "nexthops": [{"dev": "d0"}]},
                {"dst": "fd51::/64", "dev": "d0"},
            ),
            (
                {"dst": "10.54.0.0/16", **hops("fd00::8", dev="d0")},
                {"dst": "10.54.0.0/16", "via": "fd00::8", "dev": "d0"},
            ),
            (
                {"dst": "10.55.0.0/16", **R4, "dev": "", "src": "", "congctl": "", "scope": ""},
                {"dst": "10.55.0.0/16", **R4},
            ),
            (
                {"dst": "10.56.0.0/255.255.0.0", **R4, "lock": ["mtu", "mtu"], "mtu": 1400},
                {"dst": "10.56.0.0/16", **R4, "lock": ["mtu"], "mtu": 1400},
            ),
            (
                {"dst": "FD52:0::/64", "via": "fd00:0:0::0008", "metric": 0},
                {"dst": "fd52::/64", **R6},
            ),
            (
                {"dst": "10.57.0.0/16", **R4, "table": "0x64"},
                {"dst": "10.57.0.0/16", **R4, "table": "100"},
            ),
            (
                {"dst": "10.58.0.0/16", "dev": "d0", "scope": "253", "protocol": "bgp"},
                {"dst": "10.58.0.0/16", "dev": "d0", "scope": "link", "protocol": "186"},
            ),
            ({"dst": "0.0.0.0/0", **R4}, {"dst": "default", **R4}),
            ({"dst": "::/0", **R6}, {"dst": "default", **R6}),
        ],
    ),
    "veth": (
        "veths",
        [
            (
                {
                    "name": "va",
                    "mac": "0A:58:0A:6F:A0:01",
                    "addresses": ["FD09:0::1/64", "10.9.0.1/255.255.255.0"],
                    "peer": {"name": "vb", "addresses": ["10.9.1.1 peer 10.9.1.2/32"]},
                },
                {
                    "name": "va",
                    "mac": "0a:58:0a:6f:a0:01",
                    "addresses": ["fd09::1/64", "10.9.0.1/24"],
                    "peer": {"name": "vb", "addresses": ["10.9.1.1 peer 10.9.1.2/32"]},
                },
            ),
        ],
    ),
    "bridge": (
        "bridges",
        [
            (
                {"name": "br1", "group_address": "01:80:C2:00:00:0E", "forward_delay": 0},
                {"name": "br1", "group_address": "01:80:c2:00:00:0e", "forward_delay": 0},
            ),
        ],
    ),
    "vxlan": (
        "vxlans",
        [
            (
                {"name": "x1", "id": 1, "dstport": 4001, "ttl": "0x40", "tos": "0x10"},
                {"name": "x1", "id": 1, "dstport": 4001, "ttl": "64", "tos": "16"},
            ),
            (
                {"name": "x2", "id": 2, "dstport": 4001, "remote": "0.0.0.0", "local": ""},
                {"name": "x2", "id": 2, "dstport": 4001},
            ),
            (
                {"name": "x3", "id": 3, "dstport": 4001, "remote": "FD00:0::9", "ttl": "0"},
                {"name": "x3", "id": 3, "dstport": 4001, "remote": "fd00::9", "ttl": "auto"},
            ),
        ],
    ),
    "neighbors": (
        "neighbors",
        [
            (
                {"dev": "d0", "dst": "FD00:0::50", "lladdr": "0A:58:0A:00:00:50"},
                {"dev": "d0", "dst": "fd00::50", "lladdr": "0a:58:0a:00:00:50"},
            ),
            (
                {"type": "fdb", "dev": "vx0", "lladdr": "0A:58:0A:00:00:01", "dst": "10.0.0.9"}
                | {"vni": 100, "port": 4789, "src_vni": 0},
                {"type": "fdb", "dev": "vx0", "lladdr": "0a:58:0a:00:00:01", "dst": "10.0.0.9"},
            ),
        ],
    ),
}


@pytest.mark.parametrize("module", SPELLINGS)
def test_a_value_in_another_spelling_is_the_same_value(module: str, host: str) -> None:
    word, rows = SPELLINGS[module]
    four_runs(module, netns=host, **{word: [written for written, _plain in rows]})
    for check in (False, True):
        again = run_module(module, check=check, netns=host, **{word: [row[1] for row in rows]})
        assert not again.failed, again["msg"]
        assert again["diff"] == {"before": {}, "after": {}}


PORT_RANGE = "net.ipv4.ip_local_port_range"
REACHABLE = "net.ipv4.neigh.d0.base_reachable_time_ms"

#: A setting, values that are one to the kernel, and what it shows of each of them.
SETTINGS: list[tuple[str, list[object], str]] = [
    (
        PORT_RANGE,
        ["32768\t60000", "  32768   60000\n", [32768, 60000], "0x8000 60000"],
        "32768 60000",
    ),
    ("net.ipv4.ip_forward", [True, "1", 1, 1.0, "01", "0x1"], "1"),
    ("net.ipv4.tcp_rmem", ["4096  131072\t6291455", "4096"], "4096 131072 6291455"),
    ("net.ipv4.ip_local_reserved_ports", ["82,80,81", "80-82", "80,81-82"], "80-82"),
    ("net.ipv4.tcp_congestion_control", ["reno ", "reno"], "reno"),
    (REACHABLE, [40001, "40003"], "40004"),
    ("net.ipv4.neigh.d0.locktime", [101, "100"], "100"),
    ("net/ipv4/conf/d0/rp_filter", ["02", 2], "2"),
    ("net.ipv6.conf.d0.stable_secret", ["FD00::1", "fd00:0::1"], "fd00:0000:"),
]


def test_a_setting_in_another_spelling_is_the_same_setting(host: str) -> None:
    first = {name: values[0] for name, values, _shown in SETTINGS}
    four_runs("sysctls", netns=host, values=first)
    for name, values, shown in SETTINGS:
        path = "/proc/sys/" + (name if "/" in name else name.replace(".", "/"))
        assert " ".join(do("ip", "netns", "exec", host, "cat", path).split()).startswith(shown)
        for value in values[1:]:
            again = run("sysctls", netns=host, values={name: value})
            assert again["diff"] == {"before": {}, "after": {}}, (name, value)


def test_the_setting_of_all_devices_goes_before_that_of_one(host: str) -> None:
    words = ("conf.d0.forwarding", "ip_forward")
    run("sysctls", netns=host, values={"net.ipv4.ip_forward": 1})
    # In this order the second one, if it came second, would set the first one as well.
    values = {"net.ipv4.conf.d0.forwarding": 1, "net.ipv4.ip_forward": 0}
    four_runs("sysctls", netns=host, values=values)
    shown = do("ip", "netns", "exec", host, "sysctl", "-n", *(f"net.ipv4.{word}" for word in words))
    assert shown.split() == ["1", "0"]


def addresses(netns: str, device: str) -> list[str]:
    (shown,) = ip(netns, "addr", "show", device)
    return [
        f"{one['local']}/{one['prefixlen']}"
        for one in shown["addr_info"]
        if not one["local"].startswith("fe80")
    ]


SUBNET = ["192.168.77.1/24", "192.168.77.2/24", "192.168.77.3/24"]

#: A device's addresses, what a task with purge_addresses says, and what the device has then.
ADDRESSES: list[tuple[list[str], dict[str, Any], list[str]]] = [
    (SUBNET[:2], {"addresses": SUBNET[1:2]}, SUBNET[1:2]),
    (SUBNET, {"addresses": [SUBNET[2], "192.168.77.9/24"]}, [SUBNET[2], "192.168.77.9/24"]),
    (["10.7.0.1 peer 10.7.0.2/32"], {"addresses": ["10.7.0.1/32"]}, ["10.7.0.1/32"]),
    (["10.7.0.1 peer 10.7.0.2/32"], {"addresses": []}, []),
    (["fd08::1/64", "10.7.1.1/24"], {"addresses": ["fd08::1/96"]}, ["fd08::1/96"]),
    (
        ["fd08::1/64", "10.7.1.1/24"],
        {"addresses": ["fd08::1/64", "10.7.1.1/24"], "up": False},
        ["10.7.1.1/24", "fd08::1/64"],
    ),
    (["fd08::1/64", "10.7.1.1/24"], {"mtu": 1200}, ["10.7.1.1/24"]),
]


@pytest.mark.parametrize(("first", "second", "left"), ADDRESSES)
def test_an_address_that_stays_outlives_another_that_goes(
    netns: str, first: list[str], second: dict[str, Any], left: list[str]
) -> None:
    run("veth", netns=netns, veths=[{"name": "va", "addresses": first, "peer": {"name": "vb"}}])
    item = {"name": "va", "purge_addresses": True, **second, "peer": {"name": "vb"}}
    four_runs("veth", netns=netns, veths=[item])
    assert addresses(netns, "va") == left
    shown = do("ip", "netns", "exec", netns, "sysctl", "-n", "net.ipv4.conf.va.promote_secondaries")
    assert shown.split() == ["0"]


def test_the_peer_and_a_bridge_keep_their_addresses_too(netns: str) -> None:
    one, other = {"addresses": SUBNET[:2]}, {"addresses": SUBNET[1:2], "purge_addresses": True}
    run("veth", netns=netns, veths=[{"name": "va", "peer": {"name": "vb", **one}}])
    four_runs("veth", netns=netns, veths=[{"name": "va", "peer": {"name": "vb", **other}}])
    run("bridge", netns=netns, bridges=[{"name": "br1", **one}])
    four_runs("bridge", netns=netns, bridges=[{"name": "br1", **other}])
    assert addresses(netns, "vb") == addresses(netns, "br1") == SUBNET[1:2]


@pytest.mark.parametrize(
    ("first", "second", "delay"),
    [
        ((True, 400), {"stp_state": False, "forward_delay": 0}, 0),
        ((False, 0), {"stp_state": True, "forward_delay": 300}, 300),
        ((False, 0), {"stp_state": True}, 200),
    ],
)
def test_the_delay_of_a_bridge_with_and_without_its_spanning_tree(
    netns: str, first: tuple[bool, int], second: dict[str, Any], delay: int
) -> None:
    item = {"name": "br5", "stp_state": first[0], "forward_delay": first[1]}
    run("bridge", netns=netns, bridges=[item])
    four_runs("bridge", netns=netns, bridges=[{"name": "br5", **second}])
    shown = ip(netns, "link", "show", "br5")[0]["linkinfo"]["info_data"]
    assert (shown["forward_delay"], shown["stp_state"]) == (delay, int(second["stp_state"]))


ENDPOINTS = {"remote": "10.0.0.9", "local": "10.0.0.1"}
SIXES = {"remote": "fd00::9", "local": "fd00::1"}


@pytest.mark.parametrize(
    ("first", "second", "left"),
    [
        (ENDPOINTS, {"remote": "0.0.0.0"}, {"local": "10.0.0.1"}),
        (ENDPOINTS, {"remote": "", "local": ""}, {}),
        (SIXES, {"remote": "::"}, {"local6": "fd00::1"}),
        ({"group": "239.1.1.1", "dev": "d0"}, {"group": ""}, {}),
        ({"remote": "10.0.0.9"}, {"remote": "fd00::9"}, {"remote6": "fd00::9"}),
    ],
)
def test_the_endpoint_of_a_vxlan_device_goes(
    host: str, first: dict[str, Any], second: dict[str, Any], left: dict[str, Any]
) -> None:
    item = {"name": "vx", "id": 5, "dstport": 4001}
    run("vxlan", netns=host, vxlans=[{**item, **first}])
    four_runs("vxlan", netns=host, vxlans=[{**item, **second}])
    shown = ip(host, "link", "show", "vx")[0]["linkinfo"]["info_data"]
    words = ("remote", "remote6", "local", "local6", "group")
    assert {word: shown[word] for word in words if word in shown} == left


#: Where check mode has to say what the run would fail for: arguments, and parts of the sentence.
MISSING: list[tuple[str, dict[str, Any], str]] = [
    (
        "bridge",
        {"bridges": [{"name": "br9", "ports": ["gone"]}]},
        "bridges[0].ports[0]: there is no",
    ),
    ("vxlan", {"vxlans": [{"name": "x", "id": 9, "dev": "gone"}]}, "vxlans[0].dev: there is no"),
    (
        "veth",
        {"veths": [{"name": "a", "master": "gone", "peer": {"name": "b"}}]},
        "veths[0].master",
    ),
    ("routes", {"routes": [{"dst": "10.60.0.0/16", "dev": "gone"}]}, "routes[0].dev: there is no"),
    (
        "routes",
        {"routes": [{"dst": "10.60.0.0/16", "via": "192.0.2.9"}]},
        "routes[0].via: no route to",
    ),
    ("routes", {"routes": [{"dst": "fd60::/64", "via": "fd99::9"}]}, "routes[0].via: no route to"),
    (
        "routes",
        {"routes": [{"dst": "10.60.0.0/16", "via": "10.0.1.8", "dev": "d0"}]},
        "routes[0].via: no route to 10.0.1.8 by d0",
    ),
    ("routes", {"routes": [{"dst": "10.60.0.0/16", **R4, "src": "10.0.0.7"}]}, "routes[0].src: no"),
    (
        "neighbors",
        {"neighbors": [{"dev": "gone", "dst": "10.0.0.9", "lladdr": "0a:00:00:00:00:01"}]},
        "neighbors[0].dev: there is no device 'gone'",
    ),
    ("sysctls", {"values": {"net.ipv4.conf.gone.forwarding": 0}}, "no device 'gone'"),
    ("sysctls", {"values": {"net.ipv4.gone": 0}}, "no setting 'net.ipv4.gone'"),
]


@pytest.mark.parametrize(("module", "arguments", "part"), MISSING)
def test_check_mode_tells_what_the_run_would_miss(
    host: str, module: str, arguments: dict[str, Any], part: str
) -> None:
    checked = run_module(module, check=True, netns=host, **arguments)
    assert not checked.failed, checked["msg"]
    (warning,) = map(str, checked["warnings"])  # newer versions of Ansible have more than a text
    assert part in warning
    assert "unless an earlier one" in warning
    assert run_module(module, netns=host, **arguments).failed


def test_check_mode_does_not_warn_of_what_the_same_list_makes(host: str) -> None:
    gateway = {"dst": "192.0.2.9/32", "dev": "d0"}
    done = four_runs(
        "routes", netns=host, routes=[{"dst": "10.60.0.0/16", "via": "192.0.2.9"}, gateway]
    )
    assert "warnings" not in done
    wish = [{"dst": "10.61.0.0/16", "via": "192.0.2.9"}, {**gateway, "dst": "192.0.2.0/24"}]
    assert "warnings" not in run_module("routes", check=True, netns=host, routes=wish)


def test_what_cannot_be_is_refused_in_check_mode_as_in_the_run(host: str) -> None:
    def refused(module: str, word: str, item: dict[str, Any], *parts: str) -> None:
        fails(module, *parts, netns=host, **{word: [item]})

    before = names(host)
    bridge = {"name": "br9"}
    refused("bridge", "bridges", {**bridge, "ports": ["lo"]}, "ports[0]: 'lo' cannot be a port")
    refused("bridge", "bridges", {**bridge, "ports": ["br0"]}, "'br0' cannot be a port")
    do("ip", "-n", host, "link", "set", "br0", "type", "bridge", "stp_state", "1")
    refused("bridge", "bridges", {"name": "br0", "forward_delay": 0}, "forward_delay, with STP: 0")
    do("ip", "-n", host, "link", "set", "br0", "type", "bridge", "stp_state", "0")
    vxlan = {"name": "x", "id": 9, "dstport": 4001, "dev": "d0"}
    refused("vxlan", "vxlans", {**vxlan, "mtu": 1451}, "mtu: 1451", "up to 1450")
    refused("vxlan", "vxlans", {**vxlan, "mtu": 1431, "remote": "fd00::9"}, "up to 1430")
    entry = {"type": "fdb", "dev": "vx0", "lladdr": "0a:00:00:00:00:01", "dst": "10.0.0.9"}
    refused("neighbors", "neighbors", {**entry, "src_vni": 7}, "src_vni: vx0 is not external")
    refused("neighbors", "neighbors", {**entry, "vlan": 7}, "vlan: vx0 is a VXLAN device")
    refused("neighbors", "neighbors", {**entry, "state": "noarp"}, "permanent or reachable")
    refused("neighbors", "neighbors", {**entry, "dst": None}, "needs its tunnel endpoint")
    refused("neighbors", "neighbors", {**entry, "dev": "br0", "dst": None}, "the bridge itself")
    fails("sysctls", "read only", netns=host, values={"net.netfilter.nf_conntrack_max": 9})
    fails("sysctls", "is a switch", netns=host, values={"net.ipv4.route.flush": 1})
    fails("sysctls", "is a folder", netns=host, values={"net.ipv4.conf": 1})
    fails("sysctls", "no setting", netns=host, values={"net.ipv4.conf.d0.nosuch": 1})
    fails("sysctls", "is None", netns=host, values={"net.ipv4.ip_forward": None})
    twice = {"net.ipv4.ip_forward": 1, "net/ipv4/ip_forward": 0}
    fails("sysctls", "stands there twice", netns=host, values=twice)
    assert names(host) == before


def test_a_list_that_fails_half_way_tells_what_it_did_and_what_it_left(host: str) -> None:
    items = [
        {"dst": "10.60.0.0/16", "dev": "d0"},
        {"dst": "10.61.0.0/16", "via": "10.0.0.255"},  # a broadcast address
        {"dst": "10.62.0.0/16", **R4},
    ]
    done = run_module("routes", netns=host, routes=items)
    assert done.failed
    assert done["changed"] is True
    assert done["changes"] == [f"create route 10.60.0.0/16 in netns {host}"]
    assert done["left"] == [
        f"create route 10.6{number}.0.0/16 in netns {host}" for number in (1, 2)
    ]
    assert "Of 3 changes 1 had been made" in done["msg"]
    shown = {route["dst"] for route in ip(host, "route", "show", "proto", "112")}
    assert shown == {"10.60.0.0/16"}

    nothing = run_module("routes", netns=host, routes=items[1:])
    assert (nothing["changed"], nothing["changes"], len(nothing["left"])) == (False, [], 2)


def test_a_device_that_cannot_be_made_whole_is_not_left_half_made(host: str) -> None:
    before = names(host)
    loopback = {"name": "va", "addresses": ["::1/128"], "peer": {"name": "vb"}}
    done = run_module("veth", netns=host, veths=[loopback])
    assert "Cannot assign loopback address" in done["msg"]
    assert (done["changed"], done["left"]) == (False, [f"create veth va in netns {host}"])
    bridge = {"name": "br9", "addresses": ["::1/128"]}
    assert run_module("bridge", netns=host, bridges=[bridge]).failed
    assert names(host) == before


#: Asks the kernel for what no module asks for, since it is refused before.
REFUSED = """
import sys
from ansible_collections.podnet.fabric.plugins.module_utils.engine import links, netlink
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure

with netlink.socket(sys.argv[1]) as ip:
    index = links.get(ip, "d0").index
    for refused in (
        lambda: links.set_(ip, index, mtu=1400, alias="x" * 300),
        lambda: links.add_veth(ip, {"name": "va"}, {"name": "x" * 17}),
    ):
        try:
            refused()
        except Failure as failure:
            print(failure.message)
"""


def test_modules_run_with_the_library_that_is_asked_for() -> None:
    assert version("pyroute2").startswith(os.environ.get("PYROUTE2_VERSION", ""))


def test_an_error_names_the_attribute_that_the_kernel_refused(host: str) -> None:
    paths = [os.environ.get("PYTHONPATH", ""), str(ROOT / ".build" / "collections")]
    done = subprocess.run(
        [sys.executable, "-c", REFUSED, host],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )
    # The kernel tells the offset in the request: the second attribute, and one inside of another.
    alias, name = done.stdout.splitlines()
    assert alias.endswith(": Attribute failed policy validation (IFLA_IFALIAS).")
    assert name.endswith(": Attribute failed policy validation (IFLA_IFNAME).")
    # Where it tells none, the error names what was asked for.
    gpe = {"name": "y", "id": 9, "dstport": 4001, "gpe": True}
    asked = "vxlan device 'y' with IFLA_VXLAN_ID=9, IFLA_VXLAN_PORT=4001, IFLA_VXLAN_GPE=1: "
    assert asked in run_module("vxlan", netns=host, vxlans=[gpe])["msg"]
