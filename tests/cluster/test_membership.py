# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Nodes come and go, are left out of a run, are down or boot again: nobody moves."""

from __future__ import annotations

import shutil
import signal
from ipaddress import ip_address, ip_network

import pytest

from .cluster import ROOT, inventory, node
from .probes import differences, everybody_reaches_everybody, snapshots

MAPS = "Fill the maps, with entries of other nodes"
COMES_BACK = "Install the restoration of routes"
COMMAND = "Install the command"
ROUTES = "Set routes to pods"
FIRST, SECOND, THIRD, FOURTH = (
    "10.111.160.0/25",
    "10.111.160.128/25",
    "10.111.161.0/25",
    "10.111.161.128/25",
)


@pytest.fixture(scope="module")
def trio(make_module_cluster):
    """A running cluster that begins with three nodes and six pods."""
    cluster = make_module_cluster(inventory(3, pods=6))
    cluster.play("site").ok()
    return cluster


def routes(cluster, name):
    """Return our routes on a node: the gateway of each CIDR, None for its own."""
    shown = cluster.json(name, "ip", "-j", "route", "show", "proto", "112")
    return {route["dst"]: route.get("gateway") for route in shown}


def cidrs(cluster):
    """Return the pod CIDR of each node that has one, by its own kernel."""
    return {
        name: cidr
        for name in cluster.nodes
        for cidr, gateway in routes(cluster, name).items()
        if gateway is None
    }


def wanted_routes(cluster, held):
    """Return what ``routes`` is for each node where everybody knows everybody."""
    address = {name: variables["ansible_host"] for name, variables in cluster.nodes.items()}
    return {
        name: {cidr: None if other == name else address[other] for other, cidr in held.items()}
        for name in cluster.nodes
    }


def names(pods):
    """Return the names of pods, without their nodes."""
    return sorted(place.split("/")[1] for place in pods)


def test_a_node_joins_and_the_order_of_the_inventory_says_nothing(trio):
    pods, held = trio.pods(), cidrs(trio)
    assert held == {"node-1": FIRST, "node-2": SECOND, "node-3": THIRD}
    others = dict(reversed(trio.nodes.items()))
    trio.nodes.clear()
    trio.nodes.update({"node-4": node(14), **others})
    run = trio.up().play("site").ok()

    news = {
        MAPS: [
            f"change entries of map /sys/fs/bpf/podnet/maps/{name}"
            for name in ("ipcache", "node_addresses")
        ],
        ROUTES: [f"create route {FOURTH}"],
        COMMAND: ["change file /var/lib/podnet/plan.json"],
        COMES_BACK: ["change file /var/lib/podnet/entries.json"],
    }
    assert {name: run.changed[name] for name in others} == dict.fromkeys(others, news)
    assert cidrs(trio) == {**held, "node-4": FOURTH}
    assert trio.pods() == pods
    everybody_reaches_everybody(trio)


def test_a_node_leaves_and_its_pods_and_its_cidr_are_free(trio):
    before, held = trio.pods(), cidrs(trio)
    gone = {place: ip for place, ip in before.items() if place.startswith("node-2/")}
    assert gone
    del trio.nodes["node-2"]
    trio.up()
    before_the_run = snapshots(trio, *trio.nodes)
    # Nobody knows whether it left, or whether this run sees a part of the inventory alone.
    for arguments in ((), ("--check",), ("--limit", "node-1")):
        run = trio.play("site", *arguments)
        assert run.status != 0
        assert "podnet_forget_nodes: [10.111.0.12]." in run.errors[0]
        assert run.changed == {}
    assert differences(before_the_run, snapshots(trio, *trio.nodes)) == {}
    trio.play("site", "-e", '{"podnet_forget_nodes": ["10.111.0.12"]}').ok()
    trio.play("site").ok()  # nobody knows it any more

    after = trio.pods()
    assert {place: after.get(place) for place in before if place not in gone} == {
        place: ip for place, ip in before.items() if place not in gone
    }
    assert names(after) == names(before)
    del held["node-2"]
    assert cidrs(trio) == held
    assert {name: routes(trio, name) for name in trio.nodes} == wanted_routes(trio, held)
    everybody_reaches_everybody(trio)


def test_a_new_node_in_a_run_of_its_own_gets_what_nobody_has(trio):
    trio.nodes["node-5"] = node(15)
    trio.up()
    others = [name for name in trio.nodes if name != "node-5"]
    before, held = snapshots(trio, *others), cidrs(trio)
    pods = trio.pods()
    run = trio.play("site", "--limit", "node-5").ok()
    assert set(run.changed) == {"node-5"}
    assert differences(before, snapshots(trio, *others)) == {}
    free = next(cidr for cidr in (FIRST, SECOND, THIRD, FOURTH) if cidr not in held.values())
    assert cidrs(trio) == {**held, "node-5": free}
    assert trio.pods() == pods
    held["node-5"] = free
    assert routes(trio, "node-5") == wanted_routes(trio, held)["node-5"]

    # Its peers hear of it in the next run that has them.
    trio.play("site").ok()
    assert {name: routes(trio, name) for name in trio.nodes} == wanted_routes(trio, held)
    assert trio.pods() == pods
    everybody_reaches_everybody(trio)


def test_a_run_for_one_node_leaves_the_others_alone(trio):
    others = [name for name in trio.nodes if name != "node-1"]
    pods, before = trio.pods(), snapshots(trio, *others)
    one, other = {place.split("/")[0]: place for place in pods if "node-1/" not in place}.values()
    gone = next(cidr for cidr, gateway in routes(trio, "node-1").items() if gateway)
    trio.exec("node-1", "ip", "route", "del", gone)
    ping = trio.start(one, "ping", "-q", "-i", "0.002", pods[other])
    run = trio.play("site", "--limit", "node-1").ok()
    ping.send_signal(signal.SIGINT)
    sent = ping.communicate()[0]
    assert run.changed == {"node-1": {ROUTES: [f"create route {gone}"]}}
    assert differences(before, snapshots(trio, *others)) == {}
    assert trio.pods() == pods
    assert ", 0% packet loss" in sent, sent


def test_a_run_in_slices_from_a_fresh_checkout_by_nobody_in_particular(make_cluster, tmp_path):
    cluster = make_cluster(inventory(3, pods=6))

    def slice_of_a_job(*limit):
        # Where an execution environment ends, all that it wrote ends with it.
        checkout, home = tmp_path / "checkout", tmp_path / "home"
        ignored = shutil.ignore_patterns(".*", "__pycache__")
        shutil.copytree(ROOT, checkout / "ansible_collections/podnet/fabric", ignore=ignored)
        home.mkdir()
        run = cluster.play(
            "site",
            *limit,
            HOME=str(home),
            ANSIBLE_COLLECTIONS_PATH=str(checkout),
            ANSIBLE_CACHE_PLUGIN="memory",
        ).ok()
        for folder in (checkout, home):
            shutil.rmtree(folder)
        return run

    slice_of_a_job("--limit", "node-3,node-1")
    some = cluster.pods()
    slice_of_a_job("--limit", "node-2")
    held = {"node-1": FIRST, "node-2": SECOND, "node-3": THIRD}
    assert cidrs(cluster) == held
    assert some.items() <= cluster.pods().items()
    assert names(cluster.pods()) == [f"app-{number}" for number in range(1, 7)]
    everybody_reaches_everybody(cluster)
    assert slice_of_a_job().changed == {}


def test_a_node_that_is_down_keeps_what_it_has(make_cluster):
    cluster = make_cluster(inventory(3, pods=4))
    late = cluster.nodes.pop("node-3")
    cluster.play("site").ok()
    pods, held = cluster.pods(), cidrs(cluster)
    cluster.kill("node-2")
    cluster.nodes["node-3"] = late
    run = cluster.play("site")

    assert {event.host for event in run.of("unreachable")} == {"node-2"}
    assert run.of("failed") == []
    up = ("node-1", "node-3")
    assert cluster.pods(*up) == {p: ip for p, ip in pods.items() if p.startswith("node-1/")}
    held["node-3"] = THIRD
    wanted = wanted_routes(cluster, held)
    assert {name: routes(cluster, name) for name in up} == {name: wanted[name] for name in up}

    # It comes back with an empty kernel, and another one loses all that was in its own: the pods
    # are new, but each stands once and in the CIDR that its node has always had.
    cluster.up()
    cluster.reboot("node-1", bare=True)
    assert cluster.pods() == {}
    cluster.play("site").ok()
    assert cidrs(cluster) == held
    assert names(cluster.pods()) == names(pods)
    for place, ip in cluster.pods().items():
        assert ip_address(ip) in ip_network(held[place.split("/")[0]]), place
    everybody_reaches_everybody(cluster)
