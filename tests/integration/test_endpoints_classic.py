"""endpoints in the classic datapaths: ports of a bridge, and a route to each pod."""

from __future__ import annotations

import subprocess
import time

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils import names
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import layout, reasons, tasks
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import maps
from bpf_support import bpftool, pins
from cell_support import DOOR, GUARD, cell_options, make_cell, make_routes, node_of
from node_support import GATEWAY, GATEWAY_MAC, NODE_IP, PEER_IP, bare_node, pod, sysctl
from running import ROOT, do, fails, four_runs, ip, ip_here, run, run_module, until

HOST_DEVICE = names.endpoint_device
MAPS = "/sys/fs/bpf/podnet/maps/"


@pytest.fixture(scope="module", params=["bridge", "routed"])
def datapath(request):
    """One node a datapath for all tests of this file."""
    with bare_node():
        make_cell(request.param)
        make_routes(request.param)
        run("endpoints", **cell_options(request.param, []))
        yield request.param


@pytest.fixture(autouse=True)
def empty(datapath):
    """Leave the node without endpoints, and see that nothing of them is left."""
    yield
    done = run_module("endpoints", **cell_options(datapath, []))
    assert not done.failed, done["msg"]
    gateway = {"bridge": ["cbr0"], "routed": ["pn_host", "pn_net"]}[datapath]
    assert sorted(link["ifname"] for link in ip_here("link")) == sorted(["eth0", "lo", *gateway])
    assert [line.split()[0] for line in do("ip", "netns", "list").splitlines()] == ["peer"]
    assert pins("/sys/fs/bpf/podnet/links") == ["eth0-tc_ingress"]  # the node's own
    assert bpftool("map", "dump", "pinned", MAPS + "allocations") == []
    assert [r["dst"] for r in ip_here("route") if "." in r["dst"] and "/" not in r["dst"]] == []


def reaches(netns, address):
    """Say whether a ping of a namespace, None for the node itself, is answered."""
    inside = [] if netns is None else ["ip", "netns", "exec", netns]
    command = [*inside, "ping", "-n", "-q", "-c", "1", "-W", "1", address]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def assert_whole(datapath, name, address):
    """Hold every part of an endpoint against what it must be in its datapath."""
    name_of_device = HOST_DEVICE(name)
    (device,) = ip_here("link", "show", name_of_device)
    assert (device["address"], device["operstate"]) == (GATEWAY_MAC, "UP")
    assert device.get("master") == ("cbr0" if datapath == "bridge" else None)
    if datapath == "bridge":
        assert device["linkinfo"]["info_slave_data"]["hairpin"] is True
        assert device["linkinfo"]["info_slave_data"]["state"] == "forwarding"
    (held,) = ip(name, "-4", "addr", "show", "eth0")[0]["addr_info"]
    assert (held["local"], held["prefixlen"]) == (address, 25 if datapath == "bridge" else 32)
    (route,) = [r for r in ip(name, "route") if r["dst"] == "default"]
    assert (route["gateway"], route["dev"]) == (GATEWAY, "eth0")
    led = [
        (route["dst"], route["protocol"], route["prefsrc"], route["scope"])
        for route in ip_here("route", "show", "dev", name_of_device)
    ]
    assert led == ([(address, "112", NODE_IP, "link")] if datapath == "routed" else [])
    settings = ["conf.{}.proxy_arp", "conf.{}.forwarding", "neigh.{}.proxy_delay"]
    found = [sysctl(f"net.ipv4.{setting.format(name_of_device)}") for setting in settings]
    assert found == (["1", "1", "0"] if datapath == "routed" else ["0", "0", "80"])
    redirects = sysctl(f"net.ipv4.conf.{name_of_device}.accept_redirects")
    assert redirects == ("0" if datapath == "routed" else "1")
    for whose in ("all", "eth0"):  # or it would believe what the node says while it is a port
        assert sysctl(f"net.ipv4.conf.{whose}.accept_redirects", name) == "0"
    entry = bpftool(
        *("map", "lookup", "pinned", MAPS + "endpoints"),
        *("key", *(["0"] * 10), "255", "255", *address.split(".")),
    )
    assert int(entry["value"][0], 16) + 256 * int(entry["value"][1], 16) == device["ifindex"]


def ready(datapath):
    """Names of the endpoints that are ready."""
    found = run_module("endpoints_info", program=GUARD, datapath=datapath)
    return [one["name"] for one in found["endpoints"] if one["ready"]]


@pytest.mark.parametrize(("mode", "version"), [("tcx", "0.9"), ("clsact", "")])
def test_made_and_removed(datapath, mode, version, monkeypatch):
    monkeypatch.setenv("PYROUTE2_PATH", str(ROOT / ".build" / "pyroute2-0.9") if version else "")
    pods = [pod("web-1", 1), pod("web-2", 2)]
    done = four_runs("endpoints", **cell_options(datapath, pods, attach_mode=mode))
    assert done["changes"] == ["create endpoint web-1", "create endpoint web-2"]
    after = done["diff"]["after"]["endpoint web-1"]
    assert after["program"] == f"guard, {mode}"
    if datapath == "bridge":
        assert after["port"] == {"bridge": "cbr0", "hairpin": True}
    else:
        assert after["routes"] == [f"10.111.160.1/32 src {NODE_IP}"]
    for name, address in (("web-1", "10.111.160.1"), ("web-2", "10.111.160.2")):
        assert_whole(datapath, name, address)
    assert ready(datapath) == ["web-1", "web-2"]
    for source, targets in (
        ("web-1", ("10.111.160.2", GATEWAY, NODE_IP, PEER_IP)),
        (None, ("10.111.160.1", "10.111.160.2")),
        ("peer", ("10.111.160.1", "10.111.160.2")),
    ):
        for target in targets:
            assert reaches(source, target), f"{source or 'the node'} does not reach {target}"
    done = four_runs("endpoints", **cell_options(datapath, pods[:1], attach_mode=mode))
    assert done["changes"] == ["remove endpoint web-2"]
    assert_whole(datapath, "web-1", "10.111.160.1")


def delivered():
    """Packets that the program at the door into the pods has counted."""
    with maps.open_pin(layout.METRICS.pin) as metrics:
        counts = metrics.sums()
    number = next(hook.number for hook in reasons.HOOKS if hook.name == "to_container")
    return counts[layout.METRICS.pack_key(index=number * layout.VERDICTS)][0]


@pytest.mark.parametrize("mode", ["tcx", "clsact"])
def test_where_pods_may_be_isolated_what_the_kernel_gives_them_passes_a_program(datapath, mode):
    pods = [pod("web-1", 1), pod("web-2", 2)]
    run("endpoints", **cell_options(datapath, pods, attach_mode=mode))
    make_cell(datapath, isolation=True)
    with_door = cell_options(datapath, pods, attach_mode=mode, delivery_program=DOOR)
    done = four_runs("endpoints", **with_door)
    assert done["changes"] == ["change endpoint web-1", "change endpoint web-2"]
    change = {
        what: done["diff"][what]["endpoint web-1"]["delivery"] for what in ("before", "after")
    }
    assert change == {"before": None, "after": f"to_container, {mode}"}
    for source, target in (
        ("web-1", "10.111.160.2"),
        (None, "10.111.160.1"),
        ("peer", "10.111.160.1"),
    ):
        before = delivered()
        assert reaches(source, target)
        assert delivered() > before
    # As any other part of an endpoint: what is missing comes back.
    device = HOST_DEVICE("web-1")
    if mode == "tcx":
        do("rm", f"/sys/fs/bpf/podnet/links/{device}-tc_egress")
    else:
        do("tc", "filter", "del", "dev", device, "egress")
    found = run_module("endpoints_info", program=GUARD, datapath=datapath, delivery_program=DOOR)
    assert [one["name"] for one in found["endpoints"] if one["ready"]] == ["web-2"]
    assert run("endpoints", **with_door)["changes"] == ["change endpoint web-1"]
    # Where nothing asks for it, it goes, and costs nothing.
    done = four_runs("endpoints", **cell_options(datapath, pods, attach_mode=mode))
    assert done["changes"] == ["change endpoint web-1", "change endpoint web-2"]
    before = delivered()
    assert reaches("web-1", "10.111.160.2")
    assert delivered() == before
    make_cell(datapath)
    run("teardown", keep=tasks.build(node_of(datapath))["keep"])
    assert "to_container" not in pins("/sys/fs/bpf/podnet/programs")


#: What is done to an endpoint by hand, and the words of the diff that must tell of it.
DRIFT = {
    "bridge": {
        "ip link set {device} nomaster": {"port"},
        "bridge link set dev {device} hairpin off": {"port"},
        "ip link set {device} master other": {"port"},
        "ip link set {device} down": {"device"},
        "sysctl net.ipv4.conf.{device}.proxy_arp=1": {"settings"},
        "ip route add {ip} dev {device} proto 112": {"routes"},
        "ip -n {name} addr add {ip}/32 dev eth0": {"addresses"},
        "ip -n {name} addr flush dev eth0": {"addresses", "gateway"},
    },
    "routed": {
        "ip route del {ip}": {"routes"},
        "ip route replace {ip} dev {device} proto 112": {"routes"},
        "ip route replace {ip} dev {device} proto static mtu 1400": {"routes"},
        "ip route add 10.9.9.9 dev {device} proto 112": {"routes"},
        "sysctl net.ipv4.conf.{device}.proxy_arp=0": {"settings"},
        "sysctl net.ipv4.conf.{device}.forwarding=0": {"settings"},
        "sysctl net.ipv4.neigh.{device}.proxy_delay=80": {"settings"},
        "ip link set {device} down": {"device", "routes"},
        "ip link set {device} master other": {"port"},
    },
}


def test_drift_of_every_part_is_repaired_and_only_that_is_reported(datapath):
    drift = DRIFT[datapath]
    do("ip", "link", "add", "other", "type", "bridge")
    pods = [pod(f"web-{number}", number) for number in range(1, len(drift) + 2)]
    assert run_module("endpoints", **cell_options(datapath, pods))["changed"]
    for one, command in zip(pods, drift):
        words = {"device": HOST_DEVICE(one["name"]), "name": one["name"], "ip": one["ip"]}
        do(*command.format(**words).split())
    unready = ready(datapath)
    done = four_runs("endpoints", **cell_options(datapath, pods))
    do("ip", "link", "del", "other")
    assert done["changes"] == [f"change endpoint {one['name']}" for one in pods[:-1]]
    told = [set(done["diff"]["before"][f"endpoint {one['name']}"]) for one in pods[:-1]]
    assert dict(zip(drift, told)) == drift
    assert set(unready) < {one["name"] for one in pods}
    assert pods[0]["name"] not in unready
    assert ready(datapath) == sorted(one["name"] for one in pods)
    for one in pods:
        assert_whole(datapath, one["name"], one["ip"])
        assert reaches("peer", one["ip"])
    assert [r for r in ip_here("route") if r["dst"] == "10.9.9.9"] == []


@pytest.mark.parametrize("value", [1, 2, 8])
def test_pods_reach_their_gateway_whatever_arp_ignore_says(datapath, value):
    run("endpoints", **cell_options(datapath, [pod("web-1", 1), pod("web-2", 2)]))
    do("sysctl", "-qw", f"net.ipv4.conf.all.arp_ignore={value}", "net.ipv4.conf.all.arp_announce=2")
    try:
        for target in (GATEWAY, NODE_IP, PEER_IP, "10.111.160.2"):
            until(lambda target=target: reaches("web-1", target))
        (gateway,) = ip("web-1", "neigh", "show", GATEWAY)
        assert gateway["lladdr"] == GATEWAY_MAC
        until(lambda: reaches(None, "10.111.160.2"))
    finally:
        do(
            "sysctl",
            "-qw",
            *(f"net.ipv4.conf.all.{word}=0" for word in ("arp_ignore", "arp_announce")),
        )


def test_addresses_change_and_change_places(datapath):
    run_module("endpoints", **cell_options(datapath, [pod("web-1", 1), pod("web-2", 2)]))
    moved = [pod("web-1", 2), pod("web-2", 3), pod("web-3", 1)]
    four_runs("endpoints", **cell_options(datapath, moved))
    for one in moved:
        assert_whole(datapath, one["name"], one["ip"])
        until(lambda one=one: reaches("peer", one["ip"]))
    # The pair is gone and its address is to be another one, in the same run.
    do("ip", "link", "del", HOST_DEVICE("web-1"))
    moved[0] = pod("web-1", 9)
    four_runs("endpoints", **cell_options(datapath, moved))
    assert_whole(datapath, "web-1", "10.111.160.9")
    # An endpoint goes and another one takes its address, in the same run.
    four_runs("endpoints", **cell_options(datapath, [*moved[1:], pod("web-4", 9)]))
    assert_whole(datapath, "web-4", "10.111.160.9")
    assert reaches("peer", "10.111.160.9")


def test_250_pods_in_one_call(datapath):
    many = [pod(f"web-{number}", number) for number in range(1, 126)]
    many += [
        {**one, "name": f"b{one['name']}", "ip": one["ip"].replace(".160.", ".161.")}
        for one in many
    ]
    took = []
    for expected in (250, 0):
        start = time.monotonic()
        done = run_module("endpoints", **cell_options(datapath, many))
        took.append(time.monotonic() - start)
        assert not done.failed, done["msg"]
        assert len(done["changes"]) == expected
    print(f"{datapath}: 250 pods: {took[0]:.2f} s, again {took[1]:.2f} s")
    assert took[0] < 20
    assert took[1] < 8
    assert len(ready(datapath)) == 250


def test_what_cannot_be_is_refused_before_anything_is_changed(datapath):
    run_module("endpoints", **cell_options(datapath, [pod("web-1", 1)]))
    pods = [pod("web-1", 1), pod("web-2", 2)]
    fails(
        "endpoints", "prefix_length", "33", "32", **cell_options(datapath, pods, prefix_length=33)
    )
    fails(
        "endpoints", "route_src", "'fe80::1'", **cell_options(datapath, pods, route_src="fe80::1")
    )
    if datapath == "bridge":
        missing = run_module("endpoints", **cell_options(datapath, pods, bridge="br9"))
        assert missing.failed
        assert "'br9' does not exist" in missing["msg"]
        do("ip", "link", "add", "br9", "type", "bridge")
        fails(
            "endpoints", "'br9'", "podnet:bridge:br9", **cell_options(datapath, pods, bridge="br9")
        )
        do("ip", "link", "del", "br9")
    else:
        do("ip", "route", "add", "10.111.160.2", "via", PEER_IP, "proto", "static")
        fails("endpoints", "10.111.160.2", "'eth0'", "web-2", **cell_options(datapath, pods))
        do("ip", "route", "del", "10.111.160.2")
    assert "web-2" not in do("ip", "netns", "list").split()
    assert_whole(datapath, "web-1", "10.111.160.1")
