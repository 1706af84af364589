"""All steps of a part of a node in one process, and a look at those that come after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.ebpf.bpf_sources import (
    COLLECTION_SOURCES,
)
from ansible_collections.podnet.fabric.plugins.module_utils.steps import given, parts
from ansible_collections.podnet.fabric.plugins.plugin_utils import folded
from bpf_support import compiled
from node_support import bare_node, plan
from running import do, run, run_module

if TYPE_CHECKING:
    from running import Run

AFTER = [part for part in parts.PARTS if part != "node"]
PEER_ROUTE = "10.111.160.128/25"


def node(**more: Any) -> dict[str, Any]:
    found = {"balances": False, "holds_policies": False, "fresh_cluster": False}
    return {**plan("web-1"), **found, **more}


def options(part: str, of: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return what the action plugin sends."""
    programs = given.programs(parts.PARTS, of)
    sources = compiled(programs, lambda name: str(COLLECTION_SOURCES / name))
    done = {part, *(parts.alone_after(part, of) if more.get("go_on") else ())}
    sent = {"_sources": sources, "_folded": folded.of_all_programs(texts="peers" in done)}
    return {"part": part, "path": "of the run", "_node": of, **sent, **more}


def look(of: dict[str, Any]) -> Run:
    return run("converge", **options("node", of, look_ahead=True))


@pytest.fixture(scope="module", autouse=True)
def _bare():
    with bare_node():
        yield


@pytest.fixture
def made() -> dict[str, Any]:
    of = node()
    for part in parts.PARTS:
        run("converge", **options(part, of))
    return of


def test_a_host_without_a_plan_is_made_ready_and_lacks_nothing():
    done = run("converge", part="node", _node={}, _sources={})
    assert "lacks" not in done


def test_where_nobody_has_a_network_one_process_makes_all_of_a_node():
    of = node(fresh_cluster=True)
    run("converge", **options("node", of))
    along = options("datapath", of, go_on=True)
    after = AFTER[1:]
    for check in (True, False):
        done = run_module("converge", check=check, **along)
        assert list(done["went_on"]) == after
        changed = [part for part, one in done["went_on"].items() if one["changed"]]
        # A check says all of the routes where the last of them go.
        said = ["peers", "endpoints", *(["settle"] if check else []), "boot"]
        assert (done["changed"], changed) == (True, said)
    assert look(of)["as_planned"] == AFTER
    assert f"{PEER_ROUTE} via 10.111.0.9" in do("ip", "route")
    for check in (True, False):
        again = run_module("converge", check=check, **along)
        assert not any(one["changed"] for one in (again, *again["went_on"].values()))
    run("teardown")


def test_a_part_that_fails_is_the_last_that_is_done_along_with_another():
    of = node(fresh_cluster=True)
    of["peers"] = [{**peer, "node_ip": "192.0.2.1"} for peer in of["peers"]]
    done = run_module("converge", **options("datapath", of, go_on=True))
    assert "failed" not in done
    assert list(done["went_on"]) == ["peers"]
    assert done["went_on"]["peers"]["msg"].startswith("Set routes to pods: ")
    run("teardown")


def test_parts_in_their_order_make_a_node_and_a_rerun_finds_nothing():
    of = node()
    assert look(of)["as_planned"] == []  # it lacks even what takes packets
    for part in ("datapath", "peers", "endpoints", "boot"):
        done = run("converge", **options(part, of))
        assert done["changes"] == [line for step in done["steps"] for line in step["changes"]]
        headers = [one["before_header"] for one in done["diff"]]
        assert headers == [step["name"] for step in done["steps"]] != []
    assert look(of)["as_planned"] == AFTER
    for part in parts.PARTS:
        for check in (True, False):
            again = run_module("converge", check=check, **options(part, of))
            assert (again["changed"], again["changes"], again["steps"]) == (False, [], [])
    assert f"{PEER_ROUTE} via 10.111.0.9" in do("ip", "route")


def test_parts_that_wait_for_no_node_are_done_along_with_the_one_before_them(made):
    do("rm", "/var/lib/podnet/boot.json")
    along = options("settle", made, go_on=True)
    for check in (True, False):
        went_on = run_module("converge", check=check, **along)["went_on"]
        assert list(went_on) == ["services", "masquerade", "boot"]
        assert not went_on["services"]["changed"]
        assert went_on["boot"]["changes"] == ["create file /var/lib/podnet/boot.json"]
        assert went_on["boot"]["steps"][0]["name"] == "Write down the network for a boot"
    again = run("converge", **along)["went_on"]
    assert not any(one["changed"] for one in again.values())
    assert look(made)["as_planned"] == AFTER


def test_a_look_ahead_ends_where_something_differs_and_changes_nothing(made):
    do("ip", "route", "del", PEER_ROUTE)
    assert look(made)["as_planned"] == ["datapath"]
    assert PEER_ROUTE not in do("ip", "route")
    done = run("converge", **options("settle", made))
    assert [step["name"] for step in done["steps"]] == ["Set routes to pods, remove others"]
    assert look(made)["as_planned"] == AFTER


def test_a_setting_of_the_host_is_set_before_anybody_looks_ahead(made):
    setting = "net.ipv4.conf.eth0.log_martians"
    given_once = options("node", made, look_ahead=True, sysctls={setting: 1})
    assert "as_planned" not in run("converge", **given_once)
    run("converge", **options("boot", made, sysctls={setting: 1}))
    assert run("converge", **given_once)["as_planned"] == AFTER


@pytest.mark.usefixtures("made")
def test_a_step_that_fails_is_named_and_what_was_done_before_it_is_told():
    do("ip", "link", "del", "pn_host")
    broken = node(datapath="routed", device="nosuch")
    done = run_module("converge", **options("datapath", broken))
    assert done.failed
    assert done["msg"].startswith("Set forwarding: values: this kernel has no ")
    assert done["changed"] is True
    assert [step["name"] for step in done["steps"]] == [
        "Create the devices between pods and the node's stack"
    ]
    assert "veth pn_host" in done["changes"][0]


def test_without_its_action_plugin_it_says_how_to_call_it():
    done = run_module("converge", part="peers", path="/tmp/plan")
    assert done.failed
    assert "call it as podnet.fabric.converge" in done["msg"]


def disabled() -> dict[str, int]:
    """Return what is set for IPv6 of our devices that have it."""
    shown = do("sh", "-c", "grep -H . /proc/sys/net/ipv6/conf/*/disable_ipv6 || true")
    found = (line.rpartition(":") for line in shown.splitlines())
    return {
        path.split("/")[-2]: int(value)
        for path, _colon, value in found
        if path.split("/")[-2][:3] in ("pn_", "cbr")
    }


def converge_four_times(of: dict[str, Any]) -> None:
    """Run the part datapath in check mode, run it, and again both ways; nothing is left to do."""
    for again in (False, True):
        for check in (True, False):
            done = run_module("converge", check=check, **options("datapath", of))
            assert not done.failed, done["msg"]
            assert done["changed"] is not again


@pytest.mark.parametrize("datapath", ["ebpf", "bridge"])
def test_an_mtu_below_that_of_ipv6_and_one_above(datapath):
    own = {"ebpf": ["pn_host", "pn_net"], "bridge": ["cbr0"]}[datapath]
    converge_four_times(node(datapath=datapath, mtu=1000))
    assert not set(own) & set(disabled())
    converge_four_times(node(datapath=datapath, mtu=1280))
    assert {name: disabled()[name] for name in own} == dict.fromkeys(own, 1)


def test_a_kernel_without_ipv6():
    # Which has no folder of its settings.
    do("ip", "link", "del", "pn_host")
    do("mount", "-t", "tmpfs", "none", "/proc/sys/net/ipv6")
    try:
        converge_four_times(node())
    finally:
        do("umount", "/proc/sys/net/ipv6")
