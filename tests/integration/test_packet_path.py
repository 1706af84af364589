"""packet_path_info: on one node, what its programs and its kernel would do with a packet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import layout, tasks
from ansible_collections.podnet.fabric.plugins.module_utils.datapath.nat_layout import NAT
from ansible_collections.podnet.fabric.plugins.module_utils.ebpf.bpf_sources import without_texts
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import maps
from ansible_collections.podnet.fabric.plugins.module_utils.why import copies, packets, walk
from ansible_collections.podnet.fabric.plugins.plugin_utils import programs
from bpf_support import sources
from node_support import (
    CLUSTER,
    GATEWAY,
    NODE_IP,
    PEER_IP,
    bare_node,
    items,
    make_datapath,
    options,
    plan,
)
from running import ROOT, do, fails, run

NODE = "node-e6e4d"
BIN = Path(sys.executable).parent


class Asked:
    """The node, asked as the playbook does."""

    def __init__(self):
        self.known = {NODE: run("packet_path_info")}
        self.sources = {**programs.own_sources(copies.all_items()), "objects": {}}

    def __call__(self, *question):
        now = walk.begin(self.known, *question)
        while now["at"]:
            asked = {word: value for word, value in now["at"].items() if word != "node"}
            before = now["written"].get(NODE, {})
            answer = run("packet_path_info", **asked, written=before, _sources=self.sources)
            assert answer["changed"] is False
            self.sources["objects"] = answer["objects"]
            now = walk.follow(now, answer)
        return now


@pytest.fixture(scope="module")
def asked():
    """A node with two pods."""
    with bare_node():
        node = plan("web-1", "web-2")
        make_datapath(node)
        run("endpoints", **options(items(node)))
        yield Asked()


def forward(found):
    """Return programs and verdicts on the way there."""
    return [(hop["hook"], hop["verdict"]) for hop in found["hops"] if hop["direction"] == "forward"]


def test_it_says_who_the_node_is(asked):
    known = asked.known[NODE]
    assert known["node_ip"] == NODE_IP
    assert set(known["addresses"]) >= {NODE_IP, GATEWAY}
    assert {"web-1", "web-2"} <= set(known["pods"])


def test_one_pod_reaches_another_and_is_answered(asked):
    found = asked("web-1", "web-2", "tcp", 80)
    assert forward(found) == [("from_container", "to_endpoint")]
    assert found["verdicts"] == {
        "forward": {"verdict": "delivered", "at": f"web-2 on {NODE}"},
        "reply": {"verdict": "delivered", "at": f"web-1 on {NODE}"},
    }


def test_between_a_pod_and_its_node_the_kernel_is_named(asked):
    assert forward(asked("web-1", NODE, "tcp", 22)) == [
        ("from_container", "to_stack"),
        ("kernel", "local"),
    ]
    assert forward(asked(NODE, "web-1", "icmp")) == [
        ("kernel", "forwarded"),
        ("from_host", "to_endpoint"),
    ]


def test_the_network_brings_and_takes(asked):
    assert forward(asked(PEER_IP, "web-1", "udp", 53)) == [("from_netdev", "to_endpoint")]
    assert forward(asked("web-1", PEER_IP, "udp", 53)) == [
        ("from_container", "to_network"),
        ("network", "sent"),
    ]


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        (("web-1", "web-2", "tcp", 80, "10.111.160.77"), "spoofed_source"),
        (("web-1", "10.111.160.99", "tcp", 80), "no_endpoint"),
        (
            ("web-1", "8.8.8.8", "udp", 53),
            "the kernel has no route to 8.8.8.8: Network is unreachable",
        ),
    ],
)
def test_what_is_dropped_has_a_reason(asked, question, reason):
    assert asked(*question)["verdicts"]["forward"]["reason"] == reason


def test_a_route_that_says_no_is_named(asked):
    do("ip", "route", "add", "blackhole", "198.51.100.0/24")
    found = asked("web-1", "198.51.100.1", "icmp")["verdicts"]["forward"]
    do("ip", "route", "del", "blackhole", "198.51.100.0/24")
    assert (found["reason"], found["hook"]) == ("blackhole_route", "from_container")


def test_nothing_is_counted(asked):
    def counted():
        with maps.open_pin(layout.METRICS.pin) as metrics:
            return metrics.sums()

    before = counted()
    asked("web-1", "web-2", "tcp", 80)
    asked("web-1", "web-2", "tcp", 80, "10.111.160.77")
    assert counted() == before


def test_bad_input_is_refused_in_a_sentence(asked):
    frame = packets.make(packets.Packet("10.0.0.1", "10.0.0.2", "tcp", 1, 2, reply=False)).hex()
    read = asked.sources
    fails("packet_path_info", "packet is 'xyz'", packet="xyz", entry="network", _sources=read)
    fails("packet_path_info", "packet is '00'", packet="00", entry="network", _sources=read)
    for bad in ("nobody", "10.111.160.99"):
        fails("packet_path_info", bad, packet=frame, entry="pod", pod=bad, _sources=read)
    fails(
        *("packet_path_info", "tunnel_endpoint is 'x'"),
        packet=frame,
        entry="tunnel",
        tunnel_endpoint="x",
        _sources=read,
    )


def test_a_program_of_other_sources_is_not_asked(asked):
    known = without_texts(asked.sources)
    others = [{**one, "digest": "0" * 64} for one in known["sources"]]
    frame = packets.make(packets.Packet("10.0.0.1", "10.0.0.2", "tcp", 1, 2, reply=False)).hex()
    said = fails(
        "packet_path_info",
        packet=frame,
        entry="network",
        _sources={**known, "sources": others},
    )
    assert "was made of other sources" in said


@pytest.fixture(scope="module")
def isolated():
    """A node whose pod ``web`` a policy isolates for ingress: near ones may come to its port 80."""
    with bare_node():
        node = {**plan("web", "db"), "isolation": True}
        wanted = tasks.build(node)
        (stage,) = wanted["policy_maps"]
        run("bpf_map", maps=[{**stage, "entries": []}])
        make_datapath(node)
        judges = [
            {**one, "src": str(ROOT / "bpf" / one["src"])} for one in wanted["policy_programs"]
        ]
        run("bpf_program", programs=judges, _sources=sources(judges))
        run("bpf_map", maps=[stage])
        pods = items(node)
        run("endpoints", **options([{**one, "isolated": one["name"] == "web"} for one in pods]))
        web = next(one["ip"] for one in pods if one["name"] == "web")
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


def test_an_answer_is_known_by_what_the_question_would_have_noted(isolated):
    found = isolated("web", "db", "udp", 9)
    assert found["verdicts"]["reply"] == {"verdict": "delivered", "at": f"web on {NODE}"}
    assert found["written"][NODE]["nat"]
    with maps.open_pin(NAT.pin) as nat:
        assert nat.empty()
    stranger = isolated("db", "web", "udp", 9)
    assert stranger["verdicts"]["forward"]["reason"] == "ingress_denied"


@pytest.fixture(scope="module", params=["ebpf", "bridge", "routed"])
def masquerading(request):
    """A node of each datapath that masquerades its pods on eth0, but for the VPC."""
    with pytest.MonkeyPatch.context() as patch, bare_node():
        patch.setitem(CLUSTER, "podnet_datapath", request.param)
        do("ip", "route", "add", "default", "via", PEER_IP)
        node = plan("web", "db")
        device = {"name": "eth0", "ifindex": node["device_ifindex"], "ip": NODE_IP}
        listed = [{"cidr": "10.0.0.0/8", "why": "listed"}]
        node["masquerade"] = {"devices": [device], "nodes": False, "prefixes": listed}
        wanted = tasks.build(node)
        tables = wanted["masquerade_maps"]
        run("bpf_map", maps=[{**one, "entries": [], "purge": False} for one in tables])
        make_datapath(node)
        run("bpf_map", maps=tables)
        run("endpoints", endpoints=items(node), **wanted["endpoint_options"])
        yield Asked()


@pytest.mark.parametrize("protocol", ["tcp", "udp", "icmp"])
def test_what_goes_outside_has_the_address_of_the_node_and_its_answer_comes_back(
    masquerading, protocol
):
    port = None if protocol == "icmp" else 53
    found = masquerading("db", "8.8.8.8", protocol, port)
    out, back = (hop for hop in found["hops"] if "translated" in hop)
    assert (out["hook"], out["verdict"]) == ("to_netdev", "masqueraded")
    assert out["translated"].startswith(NODE_IP)
    db = masquerading.known[NODE]["pods"]["db"]
    assert back["verdict"] == "to_endpoint"
    assert f"-> {db}" in back["translated"]
    assert found["verdicts"]["reply"] == {"verdict": "delivered", "at": f"db on {NODE}"}


def test_what_is_listed_keeps_its_address(masquerading):
    found = masquerading("db", PEER_IP, "udp", 53)
    assert [hop for hop in found["hops"] if "translated" in hop] == []
    assert {each["verdict"] for each in found["verdicts"].values()} == {"delivered"}


def test_each_datapath_knows_its_pods_and_its_node(masquerading):
    for question in (("db", "web", "tcp", 80), (NODE, "web", "icmp"), (PEER_IP, "web", "tcp", 80)):
        verdicts = masquerading(*question)["verdicts"]
        assert verdicts["forward"] == {"verdict": "delivered", "at": f"web on {NODE}"}
        assert verdicts["reply"]["verdict"] == "delivered"
    assert (
        masquerading("db", "10.111.160.99", "tcp", 80)["verdicts"]["forward"]["verdict"]
        == "dropped"
    )
    spoofed = masquerading("db", "web", "tcp", 80, "10.111.160.77")["verdicts"]["forward"]
    assert spoofed["reason"] == "spoofed_source"


def play(folder, *words):
    """Run the playbook over the node that the test is on."""
    host = {"ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3"}
    (folder / "inventory.json").write_text(json.dumps({"podnet_nodes": {"hosts": {NODE: host}}}))
    return subprocess.run(
        [BIN / "ansible-playbook", "-i", folder / "inventory.json", "podnet.fabric.why", *words],
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build/collections"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("check", [[], ["--check"]], ids=["run", "check"])
def test_the_playbook_leads_a_packet_there_and_back(asked, tmp_path, check):
    assert asked.known
    done = play(tmp_path, *check, "-e", "why_source=web-1 why_destination=web-2 why_port=80")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Forward: delivered to web-2 on {NODE}" in done.stdout
    assert f"Reply: delivered to web-1 on {NODE}" in done.stdout
    assert "changed=0" in done.stdout


def test_the_playbook_refuses_a_question_in_a_sentence(asked, tmp_path):
    assert asked.known
    done = play(tmp_path, "-e", "why_source=web-1 why_destination=web-2 why_port=0")
    assert done.returncode != 0
    assert "msg: why_port is '0'; valid is a whole number from 1 to 65535." in done.stdout
