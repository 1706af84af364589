"""endpoints: all pods of a node in one call, on a node as the role native_routing leaves it."""

from __future__ import annotations

import re
import socket
import subprocess
import time

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils import names
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import nat_layout
from ansible_collections.podnet.fabric.plugins.module_utils.datapath.layout import ENDPOINTS
from ansible_collections.podnet.fabric.plugins.module_utils.engine import namespaces
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import maps, syscall
from ansible_collections.podnet.fabric.plugins.module_utils.engine.map_spec import MapSpec
from bpf_support import bpftool, pins
from nat_support import NAT, TCP, entry, flow, held, keys, write
from nat_support import empty as forget_flows
from node_support import (
    GATEWAY,
    GATEWAY_MAC,
    NODE_IP,
    PEER_IP,
    bare_node,
    make_datapath,
    options,
    plan,
    pod,
)
from running import ROOT, do, fails, four_runs, ip, ip_here, run, run_module, until

MAPS = "/sys/fs/bpf/podnet/maps/"
PROGRAM = "/sys/fs/bpf/podnet/programs/from_container"
HOST_DEVICE = names.endpoint_device
#: Bytes of a value of the map of endpoints.
VALUE = ENDPOINTS.value_struct.size


@pytest.fixture(scope="module")
def node():
    """One node for all tests of this file; compiling its programs is what takes time."""
    with bare_node():
        make_datapath(plan())
        assert not run_module("endpoints", **options([])).failed
        yield


@pytest.fixture(autouse=True)
def empty(node):
    """Leave the node without endpoints and foreign things, and see that nothing else is left."""
    yield
    done = run_module("endpoints", **options([]))
    assert not done.failed, done["msg"]
    for name in do("ip", "netns", "list").split():
        if name.startswith(("own-", "foreign")):
            do("ip", "netns", "del", name)
    assert [line.split()[0] for line in do("ip", "netns", "list").splitlines()] == ["peer"]
    assert sorted(link["ifname"] for link in ip_here("link")) == ["eth0", "lo", "pn_host", "pn_net"]
    assert [pin for pin in pins() if "pn_" in pin and "pn_host" not in pin] == []
    assert bpftool("map", "dump", "pinned", MAPS + "allocations") == []
    assert set(entries()) == {GATEWAY, NODE_IP}


def use_pyroute2(version, monkeypatch):
    """Let modules take Debian's version, or the newest one, which `make` puts below .build."""
    newest = ROOT / ".build" / "pyroute2-0.9"
    assert (newest / "pyroute2").exists(), (
        f"pyroute2 0.9 is not in {newest}; make installs it there"
    )
    monkeypatch.setenv("PYROUTE2_PATH", str(newest) if version == "0.9" else "")


def entries():
    """The map of endpoints: address -> number of its device."""
    return {
        ".".join(str(int(byte, 16)) for byte in entry["key"][12:]): int.from_bytes(
            bytes(int(byte, 16) for byte in entry["value"][:4]), "little"
        )
        for entry in bpftool("map", "dump", "pinned", MAPS + "endpoints")
    }


def key(address):
    """The words with which bpftool names the entry of an address."""
    return ["key", *(["0"] * 10), "255", "255", *address.split(".")]


def attached(device):
    """What runs at tc ingress of a device: mechanism and program of each."""
    index = socket.if_nametoindex(device)
    found = [("tcx", number) for number, _link in syscall.program_query(index, 46, links=True)]
    shown = do("tc", "filter", "show", "dev", device, "ingress")
    return found + [("clsact", int(number)) for number in re.findall(r" id (\d+) ", shown)]


def reaches(netns, address):
    """Say whether a ping of a namespace, None for the node itself, is answered."""
    inside = [] if netns is None else ["ip", "netns", "exec", netns]
    command = [*inside, "ping", "-n", "-q", "-c", "1", "-W", "1", address]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def assert_whole(name, address, *, mode="tcx", netns=None):
    """Hold every part of an endpoint against what it must be."""
    inside = netns or name
    (device,) = ip_here("link", "show", HOST_DEVICE(name))
    (eth0,) = ip(inside, "link", "show", "eth0")
    number = int(address.rpartition(".")[2])
    assert (device["address"], device["mtu"]) == (GATEWAY_MAC, 1500)
    assert (eth0["address"], eth0["mtu"]) == (f"0a:58:0a:6f:a0:{number:02x}", 1500)
    assert device["ifalias"] == f"podnet:{'attached' if netns else 'endpoint'}:{name}"
    assert device["operstate"] == eth0["operstate"] == "UP"
    assert (device["link_index"], eth0["link_index"]) == (eth0["ifindex"], device["ifindex"])
    (shown,) = ip(inside, "addr", "show", "eth0")
    assert [f"{a['local']}/{a['prefixlen']}" for a in shown["addr_info"]] == [f"{address}/32"]
    (route,) = [r for r in ip(inside, "route") if r["dst"] == "default"]
    assert (route["gateway"], route["dev"], route["flags"]) == (GATEWAY, "eth0", ["onlink"])
    assert "UP" in ip(inside, "link", "show", "lo")[0]["flags"]
    assert attached(HOST_DEVICE(name)) == [(mode, bpftool("prog", "show", "pinned", PROGRAM)["id"])]
    assert entries()[address] == device["ifindex"]


@pytest.mark.parametrize(("mode", "version"), [("tcx", "0.9"), ("clsact", "0.7")])
def test_made_and_removed(mode, version, monkeypatch):
    use_pyroute2(version, monkeypatch)
    do("ip", "netns", "add", "own-db")
    pods = [pod("web-1", 1), pod("web-2", 2), pod("db", 3, netns="/run/netns/own-db")]
    done = four_runs("endpoints", **options(pods, attach_mode=mode))
    assert done["changes"] == [f"create endpoint {name}" for name in ("web-1", "web-2", "db")]
    assert_whole("web-1", "10.111.160.1", mode=mode)
    assert_whole("web-2", "10.111.160.2", mode=mode)
    assert_whole("db", "10.111.160.3", mode=mode, netns="own-db")
    found = {one["name"]: one for one in run_module("endpoints_info")["endpoints"]}
    assert [one["ready"] for one in found.values()] == [True] * 3
    assert found["db"]["netns"] is None  # not ours
    assert run_module("endpoints_info", name="web-2")["endpoints"] == [
        {
            **{key: value for key, value in pods[1].items() if key in ("name", "ip", "mac")},
            "gateway_mac": GATEWAY_MAC,
            "mtu": 1500,
            "isolated": False,
            "device": HOST_DEVICE("web-2"),
            "netns": "web-2",
            "program": mode,
            "ready": True,
        }
    ]
    for source, targets in (
        ("web-1", ("10.111.160.2", "10.111.160.3", GATEWAY, NODE_IP, PEER_IP)),
        ("own-db", ("10.111.160.1", PEER_IP)),
        (None, ("10.111.160.1", "10.111.160.3")),
        ("peer", ("10.111.160.1", "10.111.160.3")),
    ):
        for target in targets:
            assert reaches(source, target), f"{source or 'the node'} does not reach {target}"

    done = four_runs("endpoints", **options(pods[:1], attach_mode=mode))
    assert done["changes"] == ["remove endpoint db", "remove endpoint web-2"]
    assert_whole("web-1", "10.111.160.1", mode=mode)
    assert "web-2" not in do("ip", "netns", "list").split()
    # What was there before stays; our device in it is gone.
    assert [link["ifname"] for link in ip("own-db", "link")] == ["lo"]


def test_from_one_mechanism_to_the_other():
    pods = [pod("web-1", 1), pod("web-2", 2)]
    for mode in ("tcx", "clsact", "tcx"):
        done = run_module("endpoints", **options(pods, attach_mode=mode))
        assert not done.failed, done["msg"]
        assert_whole("web-1", "10.111.160.1", mode=mode)
    assert done["diff"]["before"]["endpoint web-1"] == {"program": "from_container, clsact"}
    assert "clsact" not in do("tc", "qdisc", "show", "dev", HOST_DEVICE("web-1"))


#: What is done to an endpoint by hand, and the words of the diff that must tell of it.
DRIFT = {
    "ip link set {device} down": {"device"},
    "ip link set {device} address 02:00:00:00:00:01": {"device"},
    "ip link set {device} mtu 1400": {"device"},
    "ip link set {device} alias mine": {"device"},
    "ip link del {device}": {
        "device",
        "pod_device",
        "addresses",
        "gateway",
        "settings",
        "program",
        "map_entry",
    },
    "ip -n {name} link set eth0 down": {"pod_device", "gateway"},
    "ip -n {name} link set lo down": {"pod_device"},
    "ip -n {name} link set eth0 address 02:00:00:00:00:01": {"pod_device"},
    "ip -n {name} link set eth0 mtu 1400": {"pod_device"},
    "ip -n {name} addr flush dev eth0": {"addresses", "gateway"},
    "ip -n {name} addr add 10.9.9.9/32 dev eth0": {"addresses"},
    "ip -n {name} route del default": {"gateway"},
    "ip -n {name} route replace default via 10.9.9.9 dev eth0 onlink": {"gateway"},
    "ip netns del {name}": {
        *("netns", "device", "pod_device", "addresses", "gateway", "settings", "program"),
        "map_entry",
    },
    "bpftool link detach pinned {link}": {"program"},
    "rm {link}": {"program"},
    "bpftool map delete pinned {maps}endpoints {key}": {"map_entry"},
    "bpftool map update pinned {maps}endpoints {key} value 9 {zeros}": {"map_entry"},
    "bpftool map delete pinned {maps}allocations key {allocation}": {"allocation"},
}


@pytest.mark.parametrize("version", ["0.7", "0.9"])
def test_drift_of_every_part_is_repaired_and_only_that_is_reported(version, monkeypatch):
    use_pyroute2(version, monkeypatch)
    pods = [pod(f"web-{number}", number) for number in range(1, len(DRIFT) + 2)]
    assert run_module("endpoints", **options(pods))["changed"]
    for one, command in zip(pods, DRIFT):
        device = HOST_DEVICE(one["name"])
        words = command.format(
            device=device,
            name=one["name"],
            link=f"/sys/fs/bpf/podnet/links/{device}-tc_ingress",
            maps=MAPS,
            key=" ".join(key(one["ip"])),
            zeros=" ".join(["0"] * (VALUE - 1)),
            allocation=" ".join(str(byte) for byte in one["name"].encode().ljust(256, b"\0")),
        )
        do(*words.split())
    # Namespaces and devices that go take their pairs along, in the kernel's own time.
    gone = HOST_DEVICE(pods[list(DRIFT).index("ip netns del {name}")]["name"])
    until(lambda: gone not in do("ip", "link"))

    done = four_runs("endpoints", **options(pods))
    assert done["changes"] == [f"change endpoint {one['name']}" for one in pods[:-1]]
    told = [set(done["diff"]["before"][f"endpoint {one['name']}"]) for one in pods[:-1]]
    assert dict(zip(DRIFT, told)) == DRIFT
    for one in pods:
        assert_whole(one["name"], one["ip"])
        assert reaches("peer", one["ip"])


def test_entries_that_belong_to_nobody():
    run_module("endpoints", **options([pod("web-1", 1)]))
    stale = "10.111.160.77"
    do("bpftool", "map", "update", "pinned", MAPS + "endpoints", *key(stale), "value", *"9" * VALUE)
    do("bpftool", "map", "delete", "pinned", MAPS + "endpoints", *key(NODE_IP))
    done = four_runs("endpoints", **options([pod("web-1", 1)]))
    assert done["changes"] == [f"create host address {NODE_IP}", f"remove stale address {stale}"]
    assert_whole("web-1", "10.111.160.1")
    assert reaches("web-1", NODE_IP)


def test_addresses_change_and_change_places():
    run_module("endpoints", **options([pod("web-1", 1), pod("web-2", 2), pod("web-3", 3)]))
    device = ip_here("link", "show", HOST_DEVICE("web-1"))[0]["ifindex"]
    moved = [pod("web-1", 2), pod("web-2", 1), pod("web-3", 33)]
    done = four_runs("endpoints", **options(moved))
    assert done["changes"] == [f"change endpoint web-{number}" for number in (1, 2, 3)]
    for one in moved:
        assert_whole(one["name"], one["ip"])
        assert reaches("peer", one["ip"])
    assert "10.111.160.3" not in entries()
    assert ip_here("link", "show", HOST_DEVICE("web-1"))[0]["ifindex"] == device

    # Its address goes to another one in the run that removes it.
    done = four_runs("endpoints", **options([pod("web-4", 2), *moved[1:]]))
    assert done["changes"] == ["remove endpoint web-1", "create endpoint web-4"]
    assert_whole("web-4", "10.111.160.2")


def pod_flows(number):
    """Every kind of flow that a pod begins or answers, with the n-th address of the pod CIDR."""
    address = f"10.111.160.{number}"
    inbound = ((address, 5000), ("203.0.113.77", 6000))
    service, backend = ("10.10.252.131", 80), ("10.111.160.200", 8080)
    begun, client = (address, 40000), (address, 40001)
    return [
        flow(begun, ("203.0.113.9", 443), (NODE_IP, 40000 + number), protocol=TCP),
        flow(client, service, client, backend, protocol=TCP, flags=0, number=1),
        entry(*inbound, *inbound, flags=nat_layout.NAT_INBOUND),
    ]


def test_flows_go_with_the_pod_and_no_other_pod_gets_them():
    host = nat_layout.NAT_MASQUERADE | nat_layout.NAT_HOST
    server, killed = ("203.0.113.9", 443), ("10.111.160.99", 1)
    others = [
        # Of the node itself, by another device; of a client outside, whose backend the services
        # look after.
        flow(("10.112.0.8", 5000), server, ("10.112.0.8", 5001), flags=host),
        flow(("203.0.113.9", 1), (NODE_IP, 31000), (NODE_IP, 1), ("10.111.160.1", 80), flags=0),
    ]
    left = flow(killed, server, (NODE_IP, 6000))
    first, second, third = (pod_flows(number) for number in (1, 2, 3))
    try:
        write(*others, left, *first, *second, *third)
        everything = held()
        pods = [pod("web-1", 1), pod("web-2", 2), pod("web-3", 3)]
        # Where no pod goes nothing is swept, not even what a killed run left.
        for wanted in (pods[:2], pods):
            run("endpoints", **options(wanted))
            assert held() == everything
        run_module("endpoints", check=True, **options(pods[1:]))
        assert held() == everything
        run("endpoints", **options(pods[1:]))
        assert held() == keys(*others, *second, *third)
        # Another address.
        run("endpoints", **options([pod("web-2", 22), pods[2]]))
        assert held() == keys(*others, *third)
        # Its address goes to another one in the run that removes it.
        run("endpoints", **options([pod("web-2", 22), pod("web-4", 3)]))
        assert held() == keys(*others)
        # An address that only the map of endpoints knows.
        stale = "10.111.160.77"
        do(
            "bpftool",
            "map",
            "update",
            "pinned",
            MAPS + "endpoints",
            *key(stale),
            "value",
            *"9" * VALUE,
        )
        write(*pod_flows(77))
        run("endpoints", **options([pod("web-2", 22), pod("web-4", 3)]))
        assert held() == keys(*others)
    finally:
        forget_flows()


def test_pods_go_whatever_map_of_flows_there_is():
    with maps.open_pin(NAT.pin) as found:
        for other in (None, MapSpec("nat", "lru_hash", 40, 56, 16)):
            run("endpoints", **options([GOOD]))
            maps.unpin(NAT.pin)
            if other:
                with maps.create(other) as made:
                    made.update({bytes(40): bytes(56)})
                    made.pin(NAT.pin)
            run("endpoints", **options([]))
            found.pin(NAT.pin)
    assert set(entries()) == {GATEWAY, NODE_IP}


def test_a_pod_that_took_its_device_down_is_not_ready():
    run_module("endpoints", **options([pod("web-1", 1)]))
    for state, ready in (("down", False), ("up", True)):
        do("ip", "-n", "web-1", "link", "set", "eth0", state)
        assert [one["ready"] for one in run_module("endpoints_info")["endpoints"]] == [ready]


def test_without_purge_others_stay():
    run_module("endpoints", **options([pod("web-1", 1)]))
    done = four_runs("endpoints", **options([pod("web-2", 2)], purge=False))
    assert done["changes"] == ["create endpoint web-2"]
    assert_whole("web-1", "10.111.160.1")
    fails("endpoints", "'10.111.160.1'", "'web-1'", **options([pod("web-3", 1)], purge=False))
    assert_whole("web-1", "10.111.160.1")


def test_what_a_killed_run_leaves_is_completed_or_removed():
    run_module("endpoints", **options([pod("web-1", 1), pod("web-2", 2)]))
    # As if killed after the namespace, and after the pair was made: no alias, nothing attached.
    for name in ("web-1", "web-2"):
        do("ip", "link", "set", HOST_DEVICE(name), "alias", "")
        do("rm", f"/sys/fs/bpf/podnet/links/{HOST_DEVICE(name)}-tc_ingress")
        do("ip", "-n", name, "route", "del", "default")
    do("ip", "link", "del", HOST_DEVICE("web-2"))
    # Known by its allocation alone, which is written before all else and goes after all else.
    done = four_runs("endpoints", **options([pod("web-1", 1)]))
    assert done["changes"] == ["remove endpoint web-2", "change endpoint web-1"]
    assert_whole("web-1", "10.111.160.1")
    assert "web-2" not in do("ip", "netns", "list").split()


GOOD = pod("web-1", 1)


def test_no_program_no_change():
    run_module("endpoints", **options([GOOD]))
    done = run_module("endpoints", **options([pod("web-2", 2)], program="/sys/fs/bpf/podnet/none"))
    assert done.failed
    assert "'/sys/fs/bpf/podnet/none'" in done["msg"]
    assert_whole("web-1", "10.111.160.1")


def test_what_others_made_is_not_taken():
    run_module("endpoints", **options([GOOD]))
    wanted = [GOOD, pod("web-2", 2), pod("foreign", 3)]
    do("ip", "netns", "add", "foreign")
    do("ip", "-n", "foreign", "link", "add", "br0", "type", "bridge")
    fails("endpoints", "netns 'foreign'", "br0", **options(wanted))
    do("ip", "-n", "foreign", "link", "del", "br0")
    do("ip", "-n", "foreign", "link", "add", "eth0", "type", "veth", "peer", "name", "x")
    fails("endpoints", "netns 'foreign'", "eth0", "x", **options(wanted))
    do("ip", "netns", "del", "foreign")
    device = HOST_DEVICE("foreign")
    do("ip", "link", "add", device, "type", "bridge")
    fails("endpoints", f"'{device}'", "bridge", "'foreign'", **options(wanted))
    do("ip", "link", "del", device)
    # It concerns that endpoint alone.
    assert_whole("web-1", "10.111.160.1")
    assert_whole("web-2", "10.111.160.2")


def test_250_pods_in_one_call():
    many = [
        {"name": f"web-{number}", "ip": f"10.8.0.{number}", "mac": f"0a:58:0a:08:00:{number:02x}"}
        for number in range(1, 251)
    ]
    took = []
    for expected in (250, 0):
        start = time.monotonic()
        done = run_module("endpoints", **options(many))
        took.append(time.monotonic() - start)
        assert not done.failed, done["msg"]
        assert len(done["changes"]) == expected
    print(f"250 pods: {took[0]:.2f} s, again {took[1]:.2f} s")
    assert took[0] < 20
    assert took[1] < 8
    assert len(entries()) == 252
    assert len(ip_here("link")) == 254
    # Taking away their namespaces all at once is faster than one device after the other.
    for one in many:
        namespaces.delete(one["name"])
    until(lambda: len(ip_here("link")) == 4)
