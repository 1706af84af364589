# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs that change policies: what they say before, live traffic, --limit, a pod that is new."""

from __future__ import annotations

import time

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath.policy_layout import (
    POLICY_CLASSES,
    POLICY_PODS,
    POLICY_RULES,
)

from tests.cells.state import states
from tests.cluster.capture import capture
from tests.cluster.predictions import predicted_then_done
from tests.cluster.probes import PYTHON, differences
from tests.services.maps import opened

from .asked import becomes
from .model import (
    ADDRESSES,
    BEGINNING,
    LATER,
    after,
    block,
    labelled,
    listed,
    peer,
    port,
    rule,
    spec,
    world,
)
from .probing import THERE, packets, place
from .scope import RUNS
from .storm import Change, Flow, Right, flowing
from .vpc import EVERYTHING

pytestmark = pytest.mark.parametrize("cell", RUNS, ids=str)

FLOWS = [Flow("y/a", "x/a", 80), Flow("z/c", "x/b", 80), Flow("x/b", "z/a", 81)]
FIRST = {("policy", "x/p"): spec("ingress", rule("ingress", [peer(None, labelled(ns="y"))]))}
SECOND = {
    ("policy", "x/p"): spec(
        "ingress",
        rule("ingress", [peer(None, labelled(ns="y"))], [port(80, "UDP")]),
        rule("ingress", [peer(None, labelled(ns="z"))]),
    ),
    ("policy", "x/out"): spec("egress", pods=labelled(pod="b")),
}


def test_a_check_says_what_the_run_does(standing):
    standing.cluster.variables["podnet_network_policies"] = listed(FIRST)
    done = predicted_then_done(standing.cluster, held=states)
    steps = ("Fill the policy maps", "Remove policies that no pod has")
    assert {step for tasks in done.changed.values() for step in tasks} >= set(steps)
    told = [
        line
        for event in done.of("changed")
        for each in event.result["diff"]
        for line in each.get("after", "").splitlines()
        if line.startswith("newly denied: ")
    ]
    # What is the same on both nodes, one of them says.
    assert told
    assert all(line.startswith("newly denied: ingress from ") for line in told)
    standing.sees(FIRST)


def test_runs_lose_nothing_that_is_allowed_and_end_what_is_not(standing):
    worlds, changes = [standing.take(BEGINNING)], []
    with flowing(standing.cluster, FLOWS) as flows:
        for step in (FIRST, SECOND, {}):
            begin = time.monotonic_ns()
            standing.site(listed(step))
            changes.append(Change(begin, time.monotonic_ns()))
            worlds.append(world(after(BEGINNING, step)))
    for flow, times in flows.items():
        judged = Right(flow, worlds, changes).judge(times)
        assert (judged.lost, judged.leaked, judged.unanswered) == ([], [], []), flow
        assert judged.passed > 1000, flow


#: Tells the same pods apart as the first.
NARROW = {
    ("policy", "x/p"): spec(
        "ingress", rule("ingress", [peer(None, labelled(ns="y"))], [port(80, "UDP")])
    )
}


def assert_ingress(standing, policies):
    """Fail unless what gets into each of these pods is what its policies say."""
    pods = [pod for pod in ADDRESSES if pod not in LATER]
    passed = standing.prober.round(pods).passed
    for pod, step in policies.items():
        given = world(after(BEGINNING, step))
        for packet in packets(pods):
            if packet.destination == pod != packet.source:
                ends = ADDRESSES[packet.source], ADDRESSES[pod]
                may = given.lets("ingress", *ends, packet.protocol, packet.port)
                assert (packet in passed) == may, packet


@pytest.mark.whole
def test_a_run_of_one_node_changes_that_node(standing):
    standing.take(after(BEGINNING, FIRST))
    standing.site(listed(NARROW), "--limit", "node-1")
    assert_ingress(standing, {"x/a": NARROW, "x/b": FIRST, "x/c": FIRST})
    standing.site(listed(NARROW))
    standing.sees(NARROW)


#: A block that is neither all of a node nor a pod.
PART = {("policy", "x/p"): spec("ingress", rule("ingress", [block("10.111.160.160/28")]))}


@pytest.mark.whole
def test_a_run_of_one_node_names_nothing_anew(standing):
    standing.site(listed(PART))
    held = states(standing.cluster)
    assert standing.site(listed(PART), "--limit", "node-1").changed == {}
    assert standing.site(listed(PART)).changed == {}
    assert differences(held, states(standing.cluster)) == {}
    standing.sees(PART)


@pytest.mark.whole
def test_a_node_that_does_not_answer_keeps_its_policies_and_gets_the_new_ones_later(standing):
    """Its pods work meanwhile: each end is judged by what its own node holds."""
    standing.site(listed(FIRST))
    node = standing.cluster.nodes["node-2"]
    before = dict(node)
    refused = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 9}
    node.update(refused, podnet_node_ip=before["ansible_host"])
    standing.cluster.variables["podnet_network_policies"] = listed(NARROW)
    run = standing.cluster.play("site")
    node.clear()
    node.update(before)
    assert {event.host for event in run.of("unreachable")} == {"node-2"}
    assert run.of("failed") == []
    assert_ingress(standing, {"x/a": NARROW, "x/b": FIRST, "x/c": NARROW})
    back = standing.site(listed(NARROW))
    assert back.changed.keys() == {"node-2"}
    standing.sees(NARROW)
    assert standing.site(listed(NARROW)).changed == {}


@pytest.mark.whole
def test_what_was_broken_by_hand_is_repaired(standing):
    """Who shall be judged, and by what is not known, gets and sends nothing."""
    cluster, own = standing.cluster, ADDRESSES["x/a"]
    standing.site(listed(FIRST))
    with opened(cluster, "node-1", POLICY_PODS) as pods:
        pods.delete([POLICY_PODS.pack_key(address=own)])
    assert becomes(standing, "y/a", "tcp", own, 80) == "node-1 denies ingress"
    assert becomes(standing, "x/a", "tcp", ADDRESSES["y/a"], 80) == "node-1 denies egress"
    for node, table in (("node-2", POLICY_RULES), ("node-3", POLICY_CLASSES)):
        with opened(cluster, node, table) as found:
            found.delete(list(found.items()))
    assert becomes(standing, "y/a", "tcp", ADDRESSES["x/b"], 80) == "node-2 denies ingress"
    assert becomes(standing, "y/a", "tcp", ADDRESSES["x/c"], 80) == "node-3 denies ingress"
    assert standing.site(listed(FIRST)).changed.keys() == cluster.nodes.keys()
    standing.sees(FIRST)


NEW = {"name": "new", "namespace": "x", "ip": "10.111.160.28", "labels": {"pod": "new"}}


def test_a_pod_that_sends_from_its_first_instruction_sends_nothing(standing):
    """Pod and policy come by one run."""
    variables, pods = standing.cluster.variables, standing.cluster.nodes["node-1"]["podnet_pods"]
    shut = {("policy", "x/shut"): spec("egress", pods=labelled(pod="new"))}
    words = [*PYTHON, str(THERE / "first.py"), ADDRESSES["y/c"], ADDRESSES["y/a"]]
    drops = standing.prober.drops.read()
    with (
        capture(standing.cluster.lab, place("y/c"), "eth0") as near,
        capture(standing.cluster.lab, place("y/a"), "eth0") as far,
    ):
        variables["podnet_network_policies"] = listed(shut)
        pods.append({**NEW, "command": words})
        standing.cluster.play("demo").ok()
        while (standing.prober.drops.read() - drops)["node-1", "egress"] < 100:
            time.sleep(0.01)
    assert [each.summary() for each in (*near, *far) if b"first" in bytes(each)] == []
    pods.pop()
    standing.site(EVERYTHING)  # or its nodes have programs without policies
