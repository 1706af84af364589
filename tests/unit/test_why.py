"""A walk from node to node: what is refused of a question, and packets and their answers."""

from __future__ import annotations

import pytest
from ansible_collections.podnet.fabric.plugins.filter.why_begin import why_begin
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.why import packets, report, walk

NODES = {
    "n1": {
        "node_ip": "10.0.0.1",
        "addresses": ["10.0.0.1"],
        "pods": {"web": "10.1.0.1", "shop_db": "10.1.0.2"},
    },
    "n2": {"node_ip": "10.0.0.2", "addresses": ["10.0.0.2"], "pods": {"other_db": "10.1.1.1"}},
}


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (
            ("nobody", "web", "tcp", 80),
            "why_source is 'nobody'; valid is a pod or a node by its name (shop_db, other_db, web; "
            "n1, n2), or an address of IPv4.",
        ),
        (
            ("web", "10.1.0.1/32", "tcp", 80),
            "why_destination is '10.1.0.1/32'; valid is a pod or a node by its name (other_db, "
            "shop_db, web; n1, n2), or an address of IPv4.",
        ),
        (
            ("db", "web", "tcp", 80),
            "why_source is 'db', which are other_db, shop_db; valid is one of these.",
        ),
        (("web", "web", "gre", 80), "why_protocol is 'gre'; valid are tcp, udp, icmp."),
        (
            ("web", "web", "udp", None),
            "why_port is missing; valid is a whole number from 1 to 65535.",
        ),
        (
            ("web", "web", "udp", "65536"),
            "why_port is '65536'; valid is a whole number from 1 to 65535.",
        ),
        (("web", "web", "icmp", 80), "why_port is 80, and icmp has no ports; valid is none."),
        (
            ("web", "web", "tcp", 80, "x"),
            "why_source_address is 'x'; valid is an address of IPv4.",
        ),
    ],
)
def test_a_bad_question_is_refused_in_a_sentence(question, said):
    with pytest.raises(Failure) as caught:
        walk.begin(NODES, *question)
    assert caught.value.message == said


@pytest.mark.parametrize(
    ("asked", "silent", "said"),
    [
        ("n3", ["n3"], "why_destination is 'n3', and that node did not answer, or failed."),
        (
            *("web-3", ["n3"]),
            "why_destination is 'web-3'; valid is a pod or a node by its name (web, other_db, "
            "shop_db; n1, n2), or an address of IPv4. Pods of a node that did not answer, or "
            "failed, are not known: n3.",
        ),
        (
            *("web-3", ["n4", "n3"]),
            "why_destination is 'web-3'; valid is a pod or a node by its name (web, other_db, "
            "shop_db; n1, n2), or an address of IPv4. Pods of nodes that did not answer, or "
            "failed, are not known: n3, n4.",
        ),
    ],
)
def test_of_a_node_that_did_not_answer_it_is_said_that_its_pods_are_not_known(asked, silent, said):
    with pytest.raises(Failure) as caught:
        walk.begin(NODES, "web", asked, "tcp", 80, silent=silent)
    assert caught.value.message == said
    assert why_begin(NODES, "web", asked, "tcp", 80, None, silent)["refused"] == said


@pytest.mark.parametrize("question", [("shop_db", "10.1.0.2"), ("10.1.0.2", "shop/db")])
def test_a_pod_reaches_itself(question):
    went = walk.begin(NODES, *question, "tcp", 80)
    assert went["at"] is None
    arrived = {"verdict": "delivered", "at": "shop_db on n1"}
    assert went["verdicts"] == {"forward": arrived, "reply": arrived}
    assert [(hop["direction"], hop["device"], hop["packet"]) for hop in went["hops"]] == [
        ("forward", "lo", "10.1.0.2:54321 -> 10.1.0.2:80 tcp"),
        ("reply", "lo", "10.1.0.2:80 -> 10.1.0.2:54321 tcp"),
    ]


@pytest.mark.parametrize("name", ["shop_db", "shop/db", "10.1.0.2"])
def test_a_pod_is_known_by_its_names(name):
    at = walk.begin(NODES, name, "8.8.8.8", "tcp", 80)["at"]
    assert (at["node"], at["entry"], at["pod"]) == ("n1", "pod", "10.1.0.2")


def test_outside_comes_in_where_the_address_is():
    assert walk.begin(NODES, "8.8.8.8", "n2", "tcp", 80)["at"]["node"] == "n2"
    assert walk.begin(NODES, "8.8.8.8", "10.1.1.1", "tcp", 80)["at"]["node"] == "n2"
    lost = walk.begin(NODES, "8.8.8.8", "10.9.9.9", "tcp", 80)
    assert lost["at"] is None
    assert lost["verdicts"]["forward"]["reason"] == "no node of this run has 10.9.9.9"


def test_what_goes_round_ends():
    now = walk.begin(NODES, "web", "10.1.1.1", "tcp", 80)
    steps = 0
    while now["at"]:
        answer = {"hops": [], "recorded": [], "end": "network", "node": "10.0.0.2", "written": {}}
        now = walk.follow(now, {**answer, "packet": now["at"]["packet"]})
        steps += 1
    assert steps == walk.MOST_STEPS
    assert now["verdicts"]["forward"]["verdict"] == "lost"


@pytest.mark.parametrize("protocol", packets.PROTOCOLS)
def test_an_answer_goes_back(protocol):
    ports = (54321, 0) if protocol == "icmp" else (54321, 80)
    asked = packets.Packet("10.1.0.1", "10.1.1.1", protocol, *ports, reply=False)
    assert packets.read(packets.make(asked)) == asked
    back = packets.read(packets.answer(packets.make(asked)))
    assert (back.source, back.destination) == (asked.destination, asked.source)
    assert (back.source_port, back.destination_port) == ports[::-1]
    assert back.reply is (protocol != "udp")


def test_the_records_of_drops_name_pods_of_other_nodes_too():
    now = walk.begin(NODES, "web", "10.1.1.1", "tcp", 80)
    record = {"source": "10.1.0.1", "source_name": "web", "destination": "10.1.1.1"}
    answer = {"hops": [], "recorded": [{**record, "destination_name": None}], "written": {}}
    end = {"end": "network", "node": "10.0.0.2", "packet": now["at"]["packet"]}
    (told,) = walk.follow(now, {**answer, **end})["recorded"]
    (name,) = (name for name, ip in NODES["n2"]["pods"].items() if ip == "10.1.1.1")
    assert (told["source_name"], told["destination_name"]) == ("web", name)


def test_a_verdict_by_one_of_several_backends_says_so():
    hop = {"node": "n1", "device": None, "packet": "", "rules": [], "direction": "forward"}
    socket = {**hop, "hook": "socket", "verdict": "balanced", "what": "looked up", "backends": 4}
    verdicts = {"forward": {"verdict": "delivered", "at": "web on n1"}}
    said = report.render({"verdicts": verdicts, "hops": [socket], "recorded": []})
    title = "Forward: delivered to web on n1 (by the first backend of the service; 3 more)"
    assert said.splitlines()[0] == title
    alone = report.render(
        {"verdicts": verdicts, "hops": [{**socket, "backends": 1}], "recorded": []}
    )
    assert alone.splitlines()[0] == "Forward: delivered to web on n1"
