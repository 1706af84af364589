# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs find nothing to do, or what was broken; masquerading goes, comes, and leaves with the
network."""

from __future__ import annotations

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import nat_layout

from tests.cluster.predictions import predicted_then_done
from tests.cluster.probes import differences, everybody_reaches_everybody, snapshots
from tests.services.maps import entries, opened

from .flows import flow, seen
from .test_changes import FILL
from .vpc import INTERNET, IPS, LISTED, NETPOD, NODES, SECOND_DEVICE, SERVER, WEBPOD

TABLES = (nat_layout.MASQUERADE, nat_layout.NON_MASQUERADE)
NODE, POD = NODES["k8s-s"], IPS[NETPOD]


def held(cluster, node):
    """Return what the maps of a node say of whom to masquerade."""
    return {table.name: sorted(map(str, entries(cluster, node, table))) for table in TABLES}


def test_a_rerun_changes_nothing(cluster):
    before = snapshots(cluster), {node: held(cluster, node) for node in cluster.nodes}
    assert cluster.play("demo").ok().changed == {}
    assert differences(before[0], snapshots(cluster)) == {}
    assert {node: held(cluster, node) for node in cluster.nodes} == before[1]


def remove_one(table):
    table.delete(list(table.items())[:1])


def remove_all(table):
    table.delete(list(table.items()))


def add_one(layout, key, value):
    def add(table):
        table.update({layout.pack_key(**key): layout.pack_value(**value)})

    return add


def change_all(layout, **fields):
    def change(table):
        for key, value in table.items().items():
            table.update({key: layout.pack_value(**{**layout.unpack_value(value), **fields})})

    return change


#: What somebody does to a map by hand.
SPOILED = {
    "a prefix that is gone": (nat_layout.NON_MASQUERADE, remove_one),
    "no prefixes": (nat_layout.NON_MASQUERADE, remove_all),
    "a prefix more": (
        nat_layout.NON_MASQUERADE,
        add_one(nat_layout.NON_MASQUERADE, {"prefixlen": 96 + 8, "address": "8.0.0.0"}, {"why": 3}),
    ),
    "prefixes of another kind": (
        nat_layout.NON_MASQUERADE,
        change_all(nat_layout.NON_MASQUERADE, why=9),
    ),
    "no devices": (nat_layout.MASQUERADE, remove_all),
    "another address": (
        nat_layout.MASQUERADE,
        change_all(nat_layout.MASQUERADE, address="192.0.2.1"),
    ),
    "other flags": (
        nat_layout.MASQUERADE,
        change_all(nat_layout.MASQUERADE, flags=nat_layout.MASQUERADE_NODES),
    ),
}


def test_what_was_changed_by_hand_comes_back(cluster):
    spoiled = {"k8s-s": list(SPOILED.values())[::2], "k8s-w1": list(SPOILED.values())[1::2]}
    before = {node: held(cluster, node) for node in spoiled}
    for node, ways in spoiled.items():
        for layout, spoil in ways:
            with opened(cluster, node, layout) as table:
                spoil(table)
        assert held(cluster, node) != before[node]
    run = predicted_then_done(cluster)
    assert set(run.changed) == set(spoiled)
    assert {task for tasks in run.changed.values() for task in tasks} == {FILL}
    assert {node: held(cluster, node) for node in spoiled} == before
    for place in (NETPOD, WEBPOD):
        assert seen(cluster, place, INTERNET) == NODES[place.partition("/")[0]]
        assert seen(cluster, place, LISTED) == IPS[place]


def egress(cluster, node):
    """Return the pins of what is at the devices of a node."""
    pins = cluster.exec(node, "ls", "/sys/fs/bpf/podnet/links").split()
    return sorted(pin for pin in pins if pin.startswith(("eth0-", f"{SECOND_DEVICE}-")))


def test_programs_that_were_taken_away_come_back(cluster):
    pins = egress(cluster, "k8s-s")
    assert pins == ["eth0-tc_egress", "eth0-tc_ingress", "eth1-tc_egress", "eth1-tc_ingress"]
    cluster.exec("k8s-s", "rm", *(f"/sys/fs/bpf/podnet/links/{pin}" for pin in pins))
    assert seen(cluster, NETPOD, INTERNET, "udp") in (POD, "silent")
    run = cluster.play("site").ok()
    assert set(run.changed) == {"k8s-s"}
    assert egress(cluster, "k8s-s") == pins
    for kind in ("tcp", "udp"):
        assert seen(cluster, NETPOD, INTERNET, kind) == NODE


def test_switched_off_it_leaves_nothing_and_it_comes_back_as_a_check_says(cluster):
    before = held(cluster, "k8s-s")
    with flow(cluster, NETPOD, "tcp", INTERNET, own_port=46020) as pod:
        assert pod.seen() == (NODE, 46020)
        cluster.variables["podnet_masquerade"] = False
        predicted_then_done(cluster)
    # The flows of before are nobody's: their ports are the node's again.
    with flow(cluster, "k8s-s", "tcp", INTERNET, own_port=46020) as node:
        assert node.seen() == (NODE, 46020)
    for node in cluster.nodes:
        assert [entry for table in TABLES for entry in entries(cluster, node, table)] == []
    # What services need stays.
    assert egress(cluster, "k8s-s") == ["eth0-tc_egress", "eth0-tc_ingress"]
    everybody_reaches_everybody(cluster)
    for kind in ("tcp", "udp"):
        assert seen(cluster, NETPOD, INTERNET, kind) == POD
    cluster.exec(NETPOD, "ping", "-n", "-c", "1", "-W", "3", INTERNET)

    cluster.variables["podnet_masquerade"] = True
    with flow(cluster, NETPOD, "tcp", INTERNET, own_port=46010) as older:
        assert older.seen() == (POD, 46010)
        predicted_then_done(cluster)
        # A connection from before masquerading goes on as it was.
        assert older.seen() == (POD, 46010)
    assert held(cluster, "k8s-s") == before
    assert seen(cluster, NETPOD, INTERNET) == NODE


@pytest.mark.whole  # as programs and packets are: tests/packet
def test_without_services_it_is_the_same(cluster):
    kept = {
        name: cluster.variables.pop(name) for name in ("podnet_services", "podnet_service_cidr")
    }
    cluster.play("site").ok()
    for kind in ("tcp", "udp"):
        assert seen(cluster, NETPOD, INTERNET, kind) == NODE
        assert seen(cluster, NETPOD, SERVER, kind) == POD
    cluster.exec(NETPOD, "ping", "-n", "-c", "1", "-W", "3", INTERNET)

    cluster.variables.update(kept)
    cluster.play("site").ok()
    assert seen(cluster, NETPOD, INTERNET) == NODE


def test_teardown_leaves_nothing(cluster, bare):
    cluster.play("teardown").ok()
    after = snapshots(cluster)
    for sections in after.values():
        # What runs in the pods is the lab's matter, not the network's.
        for section in ("cgroups", "files"):
            sections[section] = [line for line in sections[section] if "/podnet-pods" not in line]
    assert differences(bare.before, after) == {}
