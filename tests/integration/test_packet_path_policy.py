"""packet_path_info: which policy, which rule, and what an answer is known by."""

from __future__ import annotations

import socket

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath.nat_layout import NAT
from ansible_collections.podnet.fabric.plugins.module_utils.drops import records
from ansible_collections.podnet.fabric.plugins.module_utils.engine import namespaces
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import maps
from ansible_collections.podnet.fabric.plugins.module_utils.why import report
from ansible_collections.podnet.fabric.tests.waiting import wait_for
from node_support import PEER_IP, bare_node, items, make_datapath, options, plan
from path_support import NODE, Asked
from running import run


@pytest.fixture(scope="module")
def isolated():
    """A node whose pod ``web`` a policy isolates for ingress: near ones may come to its port 80."""
    with bare_node():
        node = {**plan("web", "db"), "isolation": True}
        make_datapath(node)
        pods = items(node)
        run("endpoints", **options([{**one, "isolated": one["name"] == "web"} for one in pods]))
        (web,) = (one["ip"] for one in pods if one["name"] == "web")
        entry = [2, 6, 80, 32, 7]
        run(
            "policy",
            partition=5,
            classes={"0.0.0.0/0": 1, "10.111.0.0/16": 2, "::/0": 1},
            sets=[
                {
                    "number": 21,
                    "direction": "ingress",
                    "policies": ["default/web"],
                    "entries": [entry],
                }
            ],
            rules={"7": "default/web ingress[0]"},
            pods=[{"ip": web, "ingress": 21}],
        )
        yield Asked()


@pytest.mark.parametrize(
    ("question", "verdict", "rules"),
    [
        (("db", "web", "tcp", 80), "delivered", [("rule", "default/web ingress[0]")]),
        ((PEER_IP, "web", "tcp", 80), "delivered", [("rule", "default/web ingress[0]")]),
        (("db", "web", "tcp", 81), "ingress_denied", [("set", "ingress default/web")]),
        (("8.8.8.8", "web", "tcp", 80), "ingress_denied", [("set", "ingress default/web")]),
        ((NODE, "web", "tcp", 81), "delivered", []),
    ],
)
def test_a_policy_is_named_with_its_rule(isolated, question, verdict, rules):
    found = isolated(*question)
    said = found["verdicts"]["forward"]
    assert said.get("reason", said["verdict"]) == verdict
    assert [(one["kind"], one["name"]) for hop in found["hops"] for one in hop["rules"]] == rules


def test_what_was_recorded_of_such_packets_is_told(isolated):
    before = isolated("db", "web", "udp", 53)
    assert before["recorded"] == []
    web = before["question"]["destination"]["address"]
    with namespaces.inside("db"), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.sendto(b"who are you?", (web, 53))
    wait_for("a record", lambda: records.recorded(destination=web, port=53), 10)
    found = isolated("db", "web", "udp", 53)
    (record,) = found["recorded"]
    assert (record["node"], record["way"], record["reason"], record["packets"]) == (
        *(NODE, "forward", "ingress_denied", 1),
    )
    assert record["policies"] == ["default/web"]
    assert f"{NODE}: {record['last']} from_container ingress_denied UDP" in report.render(found)
    # To another port, or the other way, there were none.
    assert isolated("db", "web", "udp", 54)["recorded"] == []
    assert isolated("web", "db", "udp", 53)["recorded"] == []


def test_an_answer_is_known_by_what_the_question_would_have_noted(isolated):
    found = isolated("web", "db", "udp", 9)
    assert found["verdicts"]["reply"] == {"verdict": "delivered", "at": f"web on {NODE}"}
    assert found["written"][NODE]["nat"]
    with maps.open_pin(NAT.pin) as nat:
        assert nat.empty()
    stranger = isolated("db", "web", "udp", 9)
    assert stranger["verdicts"]["forward"]["reason"] == "ingress_denied"
