# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The table of scenarios, what follows from it and a plan, and the reports; no root."""

from __future__ import annotations

import re
import socket
import struct
from pathlib import Path
from xml.etree import ElementTree

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.podnet.fabric.plugins.filter.connectivity_summary import (
    connectivity_summary,
)
from ansible_collections.podnet.fabric.plugins.module_utils.connectivity import (
    actions,
    items,
    probes,
    responder,
    scenarios,
)
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.plan import planner
from ansible_collections.podnet.fabric.plugins.module_utils.reports import connectivity
from ansible_collections.podnet.fabric.plugins.module_utils.underlay import packets, verdict

DOCS = Path(__file__).parent.parent.parent / "docs/connectivity.md"
NODES = {
    f"node-{number}": {
        "podnet_node_ip": f"10.111.0.{number}",
        "podnet_vpc_cidr": "10.111.0.0/16",
        "podnet_subnets": [{"cidr": "10.111.0.0/24"}],
        "podnet_secondary_ranges": [{"cidr": "10.111.160.0/20"}],
        "podnet_service_cidr": "10.10.0.0/16",
        "podnet_deployments": [{"name": "web", "replicas": 4, "labels": {"app": "web"}}],
        "podnet_services": [{"name": "web", "selector": {"app": "web"}, "ports": [{"port": 80}]}],
        "podnet_network_policies": [{"name": "web", "spec": {"podSelector": {}, "ingress": [{}]}}],
    }
    for number in (11, 12, 13)
}
OUTSIDE = actions.Outside("internet", "8.8.8.8")


def planned(nodes):
    return planner.plan(nodes, {name: {"pod_cidr": None} for name in nodes})


@pytest.fixture(scope="module")
def plan():
    return planned(items.added(NODES))


def part(plan, name, **more):
    """Return a node's part of a plan, as it is once its devices are known."""
    seen = {"device": "eth0", "mtu": 1500, "balances": True, "holds_policies": True}
    return {**plan.node(name), **seen, **more}


def facts(plan, name="node-11", outside=OUTSIDE, **more):
    others = [part(plan, other) for other in NODES if other != name]
    services = {one["name"]: one for one in plan.services["default"]}
    return actions.Facts(part(plan, name, **more), others, services, outside)


def test_the_test_has_pods_of_its_own_beside_those_of_the_inventory_which_stay(plan):
    without = planned(NODES)
    for name in NODES:
        had = {(one["name"], one["ip"]) for one in without.node(name)["endpoints"]}
        has = {(one["name"], one["ip"]) for one in plan.node(name)["endpoints"]}
        own = {each for each in has if items.is_own(each[0])}
        assert len(own) == len(items.PODS)
        assert {one for one, _ip in has - own} == {one for one, _ip in had}
    others = [one for one in plan.services["default"] if items.NAMESPACE not in one["name"]]
    assert [one["name"] for one in others] == ["default/web"]


def test_a_second_plan_leaves_the_pods_of_the_test_where_they_are(plan):
    held = {
        name: {
            "pod_cidr": plan.node(name)["pod_cidr"],
            "endpoints": {one["name"]: one["ip"] for one in plan.node(name)["endpoints"]},
        }
        for name in NODES
    }
    again = planner.plan(items.added(NODES), held)
    for name in NODES:
        assert again.node(name)["endpoints"] == plan.node(name)["endpoints"]


def test_without_a_range_for_services_none_is_added():
    nodes = {name: {**each, "podnet_service_cidr": None} for name, each in NODES.items()}
    assert all(
        each["podnet_services"] == NODES[name]["podnet_services"]
        for name, each in items.added(nodes).items()
    )


def test_what_is_no_list_is_left_to_the_plan():
    nodes = {"node-11": {**NODES["node-11"], "podnet_pods": "web-1, web-2"}}
    assert items.added(nodes)["node-11"]["podnet_pods"] == "web-1, web-2"


def test_every_scenario_has_actions_and_each_a_command(plan):
    for one in scenarios.SCENARIOS:
        reason = actions.skipped(one, facts(plan))
        if reason:
            assert one.name in ("pod-to-outside-masqueraded", "outside-to-pod"), reason
            continue
        found = actions.actions(one, facts(plan)) + actions.actions(one, facts(plan), outside=True)
        assert found, one.name
        for action in found:
            assert action["address"]
            assert "{" not in probes.PROBES[action["probe"]].command(action)


@pytest.mark.parametrize(
    ("more", "outside", "skipped"),
    [
        ({"balances": False, "holds_policies": False}, OUTSIDE, {"policies"}),
        ({}, None, {"outside"}),
    ],
)
def test_what_a_cluster_cannot_have_is_skipped_with_a_reason(plan, more, outside, skipped):
    found = facts(plan, outside=outside, **more)
    for one in scenarios.SCENARIOS:
        if one.group in skipped:
            assert actions.skipped(one, found), one.name
        if one.group == "pods":
            assert not actions.skipped(one, found)


def test_a_node_alone_asks_nobody_else(plan):
    alone = actions.Facts(part(plan, "node-11"), [])
    for one in scenarios.SCENARIOS:
        assert all(action["target"][-2:] != "-2" for action in actions.actions(one, alone))
    (across,) = [one for one in scenarios.SCENARIOS if one.name == "pod-to-pod-across"]
    assert "second node" in actions.skipped(across, alone)


def test_scenarios_are_chosen_by_their_names_and_groups():
    assert scenarios.chosen([]) == list(scenarios.NAMES)
    assert scenarios.chosen(["icmp", "hosts"]) == ["icmp", "pod-to-host", "host-to-pod"]
    with pytest.raises(Failure, match=r"has 'moon', which is none; valid are pod-to-pod-on-node, "):
        scenarios.chosen(["moon"])


def test_a_scenario_that_is_none_is_refused_by_what_the_role_asks_first():
    with pytest.raises(AnsibleFilterError, match="podnet_scenarios has 'moon', which is none"):
        connectivity_summary([], {}, "pods, moon")
    assert connectivity_summary([], {}, "pods, icmp")["data"]["ok"]


def test_the_page_has_each_scenario():
    table = DOCS.read_text().partition("### Scenarios")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([a-z-]+)`", table)) - set(scenarios.GROUPS)
    assert named == set(scenarios.NAMES)


def test_an_answer_of_dns_is_to_its_question():
    question = responder.dns_question(4711, "a.b")
    answer = responder.dns_answer(question)
    assert struct.unpack("!6H", answer[:12]) == (4711, 0x8180, 1, 1, 0, 0)
    assert answer[12:].startswith(question[12:])


@pytest.mark.parametrize("expects", [scenarios.ANSWER, scenarios.NOTHING])
@pytest.mark.parametrize("probe", ["tcp", "udp"])
def test_who_refuses_has_neither_answered_nor_been_silent(probe, expects):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    action = {
        "probe": probe,
        "expects": expects,
        "port": port,
        "size": 0,
        "fragment": True,
        "source": "a",
        "target": "b",
        "own": "127.0.0.1",
        "address": "127.0.0.1",
        "netns": None,
        "scenario": "udp",
    }
    (found,) = probes.run([action])
    assert not found["ok"]
    assert found["saw"] == "connection refused; nobody listens there"


def result(name, *, ok, saw="it"):
    return {
        "scenario": name,
        "source": "client-1",
        "target": "server-2",
        "command": "nc <1>",
        "expected": "an answer",
        "saw": saw,
        "ok": ok,
        "seconds": 0.5,
    }


def test_a_report_has_each_result_and_reason():
    said = {
        "node-1": {"results": [result("udp", ok=True), result("icmp", ok=False, saw="none")]},
        "node-2": {"results": [result("udp", ok=True)]},
    }
    for one in said.values():
        one["left_out"] = {"dns": "no pod"}
    drop = {"source": "a", "destination": "b", "hook": "h", "reason": "r", "protocol": "UDP"}
    found = connectivity.summary(
        ["udp", "icmp", "dns", "no-unexpected-drops", "underlay"],
        said,
        {"node-3": "it did not answer"},
        {"node-1": [{**drop, "packets": 3}], "node-2": []},
        [],
    )
    results = {one["name"]: one["result"] for one in found["scenarios"]}
    assert results == {
        "udp": "passed",
        "icmp": "failed",
        "dns": "skipped",
        "underlay": "passed",
        "no-unexpected-drops": "failed",
    }
    assert not found["ok"]
    lines = "\n".join(connectivity.render(found))
    assert "2 passed, 2 failed, 1 skipped" in lines
    assert "node-3: it did not answer" in lines
    assert "icmp: node-1: client-1 -> server-2 (nc <1>): expected an answer, saw none" in lines
    assert "3 dropped at h: r (UDP)" in lines
    assert connectivity.failure(found) == (
        "node-3: it did not answer; 2 of 5 scenarios failed: icmp, no-unexpected-drops."
    )
    suite = ElementTree.fromstring(connectivity.junit(found))
    counts = ("tests", "failures", "errors", "skipped")
    assert [suite.get(word) for word in counts] == ["6", "2", "1", "1"]
    assert suite.find("testcase[@name='dns']/skipped").get("message") == "no pod"


def test_what_nobody_sent_is_of_no_run():
    data = packets.payload(7, packets.NODE, 100, "10.0.0.1")
    assert len(data) == 100 - 28
    assert packets.read(data, 7) == packets.Said(packets.NODE, 100, "10.0.0.1")
    assert packets.read(data, 8) is None
    assert packets.read(data[:9], 7) is None


def two_nodes(*heard, tunnel=None, failures=None):
    """Return a sender and a receiver that has heard these kinds."""
    own = {"node_ip": "10.0.0.1", "pod": "10.9.0.1", "pod_cidr": "10.9.0.0/24", "size": 1500}
    peer = {"name": "b", "node_ip": "10.0.0.2", "pod": "10.9.1.1", "pod_cidr": "10.9.1.0/24"}
    peer |= {"way": "tunnel" if tunnel else "direct", "tunnel": tunnel}
    wire = [(*one, "10.0.0.1") for one in heard]
    said = {"wire": wire, "sockets": [one for one in wire if one[0] != packets.PODS]}
    sent = {"own": own, "peers": [peer], "failures": failures or {}}
    other = {"own": {**own, "node_ip": "10.0.0.2"}, "peers": [], "failures": {}}
    nodes = {"a": verdict.read(sent, {}), "b": verdict.read(other, said)}
    return verdict.summary(nodes)["problems"]


WHOLE = [(packets.NODE, 0), (packets.SIZED, 1500)]
AS_PODS = [(packets.SOURCE, 0), (packets.TARGET, 0), (packets.PODS, 0)]


@pytest.mark.parametrize(
    ("heard", "words"),
    [
        ([*WHOLE, *AS_PODS], []),
        ([], ["nothing arrives at 10.0.0.2"]),
        ([WHOLE[0], *AS_PODS], ["a packet of 1500 bytes does not arrive, none of 576 does"]),
        (
            [WHOLE[0], (packets.SIZED, 1400), *AS_PODS],
            ["the largest that does has 1400; podnet_mtu: 1400"],
        ),
        (WHOLE, ["checks sources"]),
        ([*WHOLE, AS_PODS[2]], ["a security group drops packets from pods' addresses"]),
        ([*WHOLE, AS_PODS[0]], ["to pods' addresses"]),
        ([*WHOLE, *AS_PODS[:2]], ["between pods"]),
    ],
)
def test_what_arrives_tells_what_is_in_the_way(heard, words):
    found = two_nodes(*heard)
    assert len(found) == len(words), found
    assert all(word in line for word, line in zip(words, found)), found
