"""node_info and status_info: what they say is what the kernel holds."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils import names
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import layout, reasons, tasks
from ansible_collections.podnet.fabric.plugins.module_utils.datapath.cells import SOCKET_PROGRAMS
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import maps
from ansible_collections.podnet.fabric.plugins.module_utils.engine.map_spec import MapSpec
from ansible_collections.podnet.fabric.plugins.module_utils.restoration import entries
from bpf_support import bpftool
from nat_support import empty as forget_flows
from nat_support import flow, write
from node_support import (
    CIDR,
    GATEWAY,
    NODE_IP,
    PEER_IP,
    bare_node,
    items,
    make_datapath,
    options,
    plan,
)
from running import do, run, run_module


@pytest.fixture(scope="module")
def cluster_node():
    """A node with two pods of a plan, the same for all tests that only read it."""
    with bare_node():
        node = plan("web-1", "web-2")
        make_datapath(node)
        made = run_module("endpoints", **options(items(node)))
        assert not made.failed, made["msg"]
        yield node


def test_node_info_says_what_was_planned_before(cluster_node):
    found = run_module("node_info", node_ip=NODE_IP)
    assert found["pod_cidr"] == CIDR
    assert found["peers"] == {"10.111.160.128/25": PEER_IP}
    assert found["endpoints"] == {one["name"]: one["ip"] for one in cluster_node["endpoints"]}


def status(node, **more):
    found = run_module("status_info", node=node, **more)
    assert not found.failed, found["msg"]
    assert found["changed"] is False
    return found


def test_status_is_what_the_kernel_holds(cluster_node):
    found = status(cluster_node)["status"]
    assert found["attach_mode"] == "tcx"
    ips = {one["ip"]: one["name"] for one in cluster_node["endpoints"]}
    assert found["ipam"] == {
        "pod_cidr": CIDR,
        "used": 3,
        "total": 128,
        "usable_pods": 64,
        "gateway": GATEWAY,
        "addresses": ips,
    }
    assert [one["state"] for one in found["endpoints"]] == ["ready"] * 3
    devices = {
        "from_container": {names.endpoint_device(name) for name in ips.values()},
        "from_netdev": {"eth0"},
        "from_host": {"pn_host"},
    }
    for program in found["programs"]:
        shown = bpftool("prog", "show", "pinned", f"/sys/fs/bpf/podnet/programs/{program['name']}")
        assert (program["id"], program["tag"]) == (shown["id"], shown["tag"])
        assert {place["device"] for place in program["attached"]} == devices[program["name"]]
    used = {table["name"]: table["used"] for table in found["maps"]}
    for name in ("endpoints", "ipcache", "allocations"):
        dumped = bpftool("map", "dump", "pinned", f"/sys/fs/bpf/podnet/maps/{name}")
        assert used[name] == len(dumped)
    assert used["endpoints"] == 5


NOTHING = {word: [] for word in ("programs", "maps", "endpoints", *entries.KINDS)}


def test_what_is_missing_makes_a_node_unusable(cluster_node):
    """Programs by their place, maps by their name, endpoints that are not ready."""
    assert status(cluster_node)["status"]["missing"] == NOTHING
    device = names.endpoint_device("web-1")
    name = f"from_container at tc_ingress of {device}"
    for pins, missing, said in (
        (
            [f"{names.LINK_PINS}/eth0-tc_ingress"],
            {"programs": ["from_netdev at tc_ingress of eth0"]},
            "1 program missing: from_netdev at tc_ingress of eth0",
        ),
        (
            [f"{names.LINK_PINS}/{device}-tc_ingress", layout.IPCACHE.pin],
            {"programs": [name], "maps": ["ipcache"], "endpoints": ["web-1"]},
            f"1 program missing: {name}; 1 map missing: ipcache; 1 endpoint not ready: web-1",
        ),
    ):
        for pin in pins:
            Path(pin).unlink()
        found = status(cluster_node)
        assert found["status"]["missing"] == {**NOTHING, **missing}
        assert found["status"]["node"]["usable"] is False
        assert f"Usable:                 No: {said}\n" in found["report"]
        make_datapath(cluster_node)
        run_module("endpoints", **options(items(cluster_node)))
        assert status(cluster_node)["status"]["node"]["usable"] is True


def test_socket_programs_are_missing_where_the_cluster_has_services(cluster_node):
    """And nowhere else; so is what a cell has beside them for services."""
    missing = status({**cluster_node, "services": True})["status"]["missing"]
    assert missing["programs"] == [
        "to_netdev at tc_egress of eth0",
        *(f"socket_{name} at cgroup_{name}" for name in SOCKET_PROGRAMS),
    ]


def masquerade_of(node):
    return status(node)["status"]["masquerade"]


def test_status_of_masquerading(cluster_node):
    (line,) = re.findall("^Masquerading:.*", status(cluster_node)["report"], re.M)
    assert line == "Masquerading:           Disabled"
    index = cluster_node["device_ifindex"]
    planned = {
        "nodes": False,
        "prefixes": [
            {"cidr": "10.111.160.0/20", "why": "pods"},
            {"cidr": "10.111.0.0/16", "why": "native"},
            {"cidr": "192.168.0.0/16", "why": "listed"},
        ],
        "devices": [{"name": "eth0", "ifindex": index, "ip": NODE_IP}],
    }
    node = {**cluster_node, "masquerade": planned}
    everything = [
        "device eth0 10.111.0.8",
        *(f"prefix {one['cidr']}" for one in planned["prefixes"]),
    ]
    assert masquerade_of(node)["missing"] == sorted(everything)
    run("bpf_map", maps=tasks.build(node)["masquerade_maps"])
    write(flow(("10.111.160.1", 1), ("8.8.8.8", 53), (NODE_IP, 1024)))
    found = status(node)
    assert found["status"]["masquerade"] == {
        "devices": [{"name": "eth0", "ip": NODE_IP}],
        "nodes": False,
        "native_routing_cidr": "10.111.0.0/16",
        "pod_ranges": ["10.111.160.0/20"],
        "prefixes": 3,
        "missing": [],
        "unplanned": [],
        "nat": {"used": 2, "size": 131072, "over": 0, "notes": 0},
        "accounts": [],
        "exhausted": 0,
        "warnings": [],
    }
    (line,) = re.findall("^Masquerading:.*", found["report"], re.M)
    assert line.endswith("BPF   [eth0]   10.111.0.0/16 [IPv4: Enabled, IPv6: Disabled]")
    assert re.search(r"^  nat +hash +2 +131072$", found["report"], re.M)

    # The kernel is asked: by the plan nobody is masqueraded any more, or otherwise.
    assert masquerade_of(cluster_node)["unplanned"] == sorted(everything)
    other = {
        **planned,
        "nodes": True,
        "prefixes": [],
        "devices": [
            {"name": "eth0", "ifindex": index, "ip": "10.111.0.77"},
            {"name": "gone", "ifindex": 4711, "ip": "10.112.0.8"},
        ],
    }
    run("bpf_map", maps=tasks.build({**node, "masquerade": other})["masquerade_maps"])
    found = masquerade_of(node)
    assert found["nodes"] is True
    assert found["missing"] == sorted(everything)
    assert found["unplanned"] == [
        "device eth0 10.111.0.77",
        "device number 4711, which is gone 10.112.0.8",
    ]
    exhaust(3)
    assert masquerade_of(node)["exhausted"] == 3 * maps.possible_cpus()
    exhaust(0)
    run("bpf_map", maps=tasks.build(cluster_node)["masquerade_maps"])
    forget_flows()


def exhaust(packets):
    """Set what each CPU counted of packets for which the program at the egress found no port."""
    hook = next(hook.number for hook in reasons.HOOKS if hook.name == "to_netdev")
    verdict = next(one.number for one in reasons.VERDICTS if one.name == "nat_exhausted")
    key = layout.METRICS.pack_key(index=hook * layout.VERDICTS + verdict)
    with maps.open_pin(layout.METRICS.pin) as found:
        found.update({key: layout.METRICS.pack_value(packets=packets, bytes=0)})


def test_drops_and_deliveries_are_counted_by_name(cluster_node):
    def counts():
        found = status(cluster_node, check=True)["status"]
        return {
            (one["hook"], one["verdict"]): one["packets"]
            for one in (*found["forwarded"], *found["drops"])
        }

    before = counts()
    (target,) = [one["ip"] for one in cluster_node["endpoints"] if one["name"] == "web-1"]
    do("ip", "netns", "exec", "web-2", "ping", "-q", "-c", "5", "-i", "0.01", target)
    do("ip", "-n", "web-2", "addr", "add", "10.9.9.9/32", "dev", "lo")
    forged = ["ping", "-q", "-c", "3", "-i", "0.01", "-W", "1", "-I", "10.9.9.9", target]
    done = subprocess.run(["ip", "netns", "exec", "web-2", *forged], check=False)
    assert done.returncode == 1
    nobody = ["ping", "-q", "-c", "2", "-i", "0.01", "-W", "1", "10.111.160.99"]
    subprocess.run(["ip", "netns", "exec", "peer", *nobody], check=False)
    do("ip", "-n", "web-2", "addr", "del", "10.9.9.9/32", "dev", "lo")
    more = {key: number - before.get(key, 0) for key, number in counts().items()}
    assert more["from_container", "spoofed_source"] == 3
    assert more["from_netdev", "no_endpoint"] == 2
    assert more["from_container", "to_endpoint"] == 10
    report = status(cluster_node)["report"]
    assert re.search(r"from_container +egress +spoofed_source +3 +294\b", report)


@pytest.mark.parametrize(("value_size", "max_entries"), [(16, 256), (8, 64), (24, 2048)])
def test_counts_of_another_version_are_read_and_kept(cluster_node, value_size, max_entries):
    """The map of counts had 256 entries once; a site run makes room, with what was counted."""
    counts = layout.METRICS
    key = counts.pack_key(index=0)
    with maps.open_pin(counts.pin) as now:
        try:
            spec = MapSpec("metrics", "percpu_array", 4, value_size, max_entries)
            with maps.create(spec) as old:
                old.update({key: (3).to_bytes(8, "little").ljust(value_size, b"\0")})
                old.pin(counts.pin)
            sums = [
                one
                for one in status(cluster_node)["status"]["forwarded"]
                + status(cluster_node)["status"]["drops"]
                if one["packets"]
            ]
            assert [one["packets"] for one in sums] == [3 * maps.possible_cpus()]
            if value_size <= 16 and max_entries <= counts.max_entries:
                run("bpf_map", maps=[counts.task(entries=[])])
                with maps.open_pin(counts.pin) as found:
                    assert found.spec == counts.spec
                    assert found.sums()[key] == (3 * maps.possible_cpus(), 0)
        finally:
            now.pin(counts.pin)


def test_what_stands_in_the_kernels_own_tables_is_shown(cluster_node):
    """Each entry of the plan, there or not, and what the host has added to its rules."""
    rule = ("priority", "100", "from", "10.9.0.0/16", "fwmark", "0x10", "table", "7")
    (route,) = [one for one in status(cluster_node)["status"]["routes"] if one.get("via")]
    assert route["present"]
    do("ip", "rule", "add", *rule)
    do("ip", "route", "del", route["dst"])
    try:
        done = status(cluster_node)
    finally:
        do("ip", "rule", "del", *rule)
        do("ip", "route", "add", route["dst"], "via", route["via"], "proto", "112")
    found = done["status"]
    assert found["rules"] == [
        {
            "family": "ipv4",
            "priority": 100,
            "from": "10.9.0.0/16",
            "to": "all",
            "mark": 16,
            "iif": None,
            "oif": None,
            "table": 7,
        }
    ]
    assert [one["dst"] for one in found["routes"] if not one["present"]] == [route["dst"]]
    assert found["missing"]["routes"] == [f"route {route['dst']}"]
    lines = done["report"].splitlines()
    assert "Rules:                  none of the network, 1 of the host's own" in lines
    assert "  100       10.9.0.0/16  all  0x10  -   -    7" in lines
    again = status(cluster_node)["status"]
    assert (again["rules"], again["missing"]) == ([], NOTHING)
