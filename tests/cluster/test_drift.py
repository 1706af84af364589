# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What somebody changed by hand is put right, and nothing else is touched or reported."""

from __future__ import annotations

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.names import (
    LINK_PINS,
    MAP_PINS,
    endpoint_device,
)

from .probes import differences, everybody_reaches_everybody, snapshots

DOOR = "Create the devices between pods and the node's stack"
SETTINGS = "Set forwarding"
MAPS = "Fill the maps, with entries of other nodes"
PROGRAMS = "Attach the programs"
COMMAND = "Install the command"
ROUTES = "Set routes to pods"
PODS = "Connect the pods"

FIRST, SECOND = "10.111.160.0/25", "10.111.160.128/25"


def words(address, prefix=""):
    """Return an address as bpftool takes a map's key: a hash's, or with its prefix a trie's."""
    length = [str(96 + int(prefix)), "0", "0", "0"] if prefix else []
    return [*length, *["0"] * 10, "255", "255", *address.split(".")]


def forget(table, key):
    return ["bpftool", "map", "delete", "pinned", f"{MAP_PINS}/{table}", "key", *key]


def unpin(device, hook="tc_ingress"):
    return ["rm", f"{LINK_PINS}/{device}-{hook}"]


@pytest.fixture
def drift(pair):
    """Run what breaks things on each node; repair; only what was broken is reported, and works."""

    def drift(broken, reported):
        pods = pair.pods()
        for node, commands in broken.items():
            for place, *command in commands:
                pair.exec(f"{node}{place}", *command)
        run = pair.play("site").ok()
        changed = {
            node: {task: sorted(what) for task, what in tasks.items()}
            for node, tasks in run.changed.items()
        }
        assert changed == reported
        assert pair.pods() == pods
        everybody_reaches_everybody(pair)

    return drift


def test_what_was_removed_comes_back(drift, pair):
    pods = {place.split("/")[1]: ip for place, ip in pair.pods().items()}
    drift(
        {
            "node-1": [
                ["", "ip", "route", "del", SECOND],
                ["", *unpin("eth0")],
                ["", *forget("ipcache", words("10.111.160.128", "25"))],
                ["", "ip", "link", "del", endpoint_device("app-1")],
            ],
            "node-2": [
                ["", "ip", "netns", "del", "app-2"],
                ["", *forget("endpoints", words(pods["app-4"]))],
                ["", *forget("endpoints", words("10.111.0.12"))],
                ["", "bpftool", "link", "detach", "pinned", f"{LINK_PINS}/pn_host-tc_egress"],
            ],
        },
        {
            "node-1": {
                ROUTES: [f"create route {SECOND}"],
                PROGRAMS: ["create program from_netdev at tc_ingress of eth0"],
                MAPS: [f"change entries of map {MAP_PINS}/ipcache"],
                PODS: ["change endpoint app-1"],
            },
            "node-2": {
                PROGRAMS: ["create program from_host at tc_egress of pn_host"],
                PODS: [
                    "change endpoint app-2",
                    "change endpoint app-4",
                    "create host address 10.111.0.12",
                ],
            },
        },
    )


def test_what_was_changed_is_as_it_was(drift):
    drift(
        {
            "node-1": [["", "ip", "link", "del", "pn_host"]],
            "node-2": [
                ["/app-4", "ip", "address", "flush", "dev", "eth0"],
                ["", "ip", "link", "set", endpoint_device("app-2"), "mtu", "1400"],
                ["", "ip", "address", "del", "10.111.160.254/32", "dev", "pn_host"],
                ["", "sh", "-c", "echo 0 > /proc/sys/net/ipv4/conf/pn_host/forwarding"],
                ["", *unpin(endpoint_device("podnet-health"))],
                ["", "ip", "route", "change", FIRST, "via", "10.111.0.1", "proto", "112"],
            ],
        },
        {
            # What hangs on the device goes with it, and the programs know it by its number.
            "node-1": {
                DOOR: ["create veth pn_host"],
                SETTINGS: [
                    "change sysctl net.ipv4.conf.pn_host.accept_local",
                    "change sysctl net.ipv4.conf.pn_host.accept_redirects",
                    "change sysctl net.ipv4.conf.pn_host.forwarding",
                    "change sysctl net.ipv4.conf.pn_host.rp_filter",
                    "change sysctl net.ipv6.conf.pn_host.disable_ipv6",
                    "change sysctl net.ipv6.conf.pn_net.disable_ipv6",
                ],
                MAPS: [f"change entries of map {MAP_PINS}/config"],
                PROGRAMS: ["create program from_host at tc_egress of pn_host"],
                ROUTES: [f"create route {FIRST}"],
            },
            "node-2": {
                DOOR: ["change veth pn_host"],
                SETTINGS: ["change sysctl net.ipv4.conf.pn_host.forwarding"],
                # That by pn_host stays: the node's own address is still there.
                ROUTES: [f"change route {FIRST}"],
                PODS: [
                    "change endpoint app-2",
                    "change endpoint app-4",
                    "change endpoint podnet-health",
                ],
            },
        },
    )


def test_status_of_nodes_that_are_not_well(pair):
    """One lacks a program, another the address by which it was planned: each says so itself."""
    first, second = pair.nodes
    address = pair.nodes[second]["ansible_host"]
    pair.exec(first, *unpin("eth0"))
    pair.exec(second, "ip", "addr", "del", f"{address}/24", "dev", "eth0")
    run = pair.play("status")
    lost = "1 program missing: from_netdev at tc_ingress of eth0"
    refused = f"podnet_device of {second}: there is no device that holds its address {address}; "
    (said,) = run.errors
    assert said.startswith(refused)
    found = run.result(first, "Read the node's status")
    assert f"Usable:                 No: {lost}\n" in found["report"]
    lines = run.result(first, "Show the cluster")["msg"]
    assert lines[1:4] == [
        "Verdict:                2 problems",
        f"  {first}: not usable: {lost}",
        f"  {second}: not usable: {said}",
    ]
    assert "Nodes:                  0/2 usable" in lines
    # What changes a node is for all of them, or for none.
    run = pair.play("site")
    assert (run.errors, run.changed) == ([said], {})
    pair.exec(second, "ip", "addr", "add", f"{address}/24", "dev", "eth0")
    pair.play("site").ok()
    lines = pair.play("status").ok().result(first, "Show the cluster")["msg"]
    assert "Nodes:                  2/2 usable" in lines
    everybody_reaches_everybody(pair)


def test_what_the_host_does_to_its_own_network_takes_nothing(pair):
    """By the command that a run has put together on the node, with no run between."""
    before = snapshots(pair)
    node, *_others = pair.nodes
    address = pair.nodes[node]["ansible_host"]
    (default,) = pair.json(node, "ip", "-j", "route", "show", "default")
    for command in (
        f"addr del {address}/24 dev eth0",
        "link set eth0 down",
        f"addr add {address}/24 dev eth0",
        "link set eth0 up",
        f"route add default via {default['gateway']} proto {default['protocol']}",
    ):
        pair.exec(node, "ip", *command.split())
    assert differences(before, snapshots(pair)) != {}
    status = pair.play("status", "--limit", node).ok().result(node, "Read the node's status")
    assert status["status"]["missing"]["routes"] == [f"route {SECOND}"]
    assert f"No: 1 route missing: route {SECOND}\n" in status["report"]
    assert pair.exec(node, "podnet", "restore") == f"put back: route {SECOND}\n"
    assert differences(before, snapshots(pair)) == {}
    everybody_reaches_everybody(pair)


def test_filters_of_clsact_come_back(drift, pair):
    pair.variables["podnet_attach_mode"] = "clsact"
    run = pair.play("site").ok()
    tasks = {task for tasks in run.changed.values() for task in tasks}
    assert tasks == {PROGRAMS, COMMAND, PODS}
    everybody_reaches_everybody(pair)
    drift(
        {
            "node-1": [["", "tc", "filter", "del", "dev", "eth0", "ingress"]],
            "node-2": [
                ["", "tc", "qdisc", "del", "dev", "pn_host", "clsact"],
                ["", "tc", "qdisc", "del", "dev", endpoint_device("app-2"), "clsact"],
            ],
        },
        {
            "node-1": {PROGRAMS: ["create program from_netdev at tc_ingress of eth0"]},
            "node-2": {
                PROGRAMS: ["create program from_host at tc_egress of pn_host"],
                PODS: ["change endpoint app-2"],
            },
        },
    )
    assert pair.play("site").ok().changed == {}
