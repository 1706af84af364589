"""packet_path_info: on one node, what its programs and its kernel would do with a packet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import layout
from ansible_collections.podnet.fabric.plugins.module_utils.ebpf.bpf_sources import without_texts
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import maps
from ansible_collections.podnet.fabric.plugins.module_utils.why import packets
from node_support import (
    GATEWAY,
    NODE_IP,
    PEER_IP,
    bare_node,
    items,
    make_datapath,
    options,
    plan,
)
from path_support import NODE, Asked
from running import ROOT, do, fails, run

BIN = Path(sys.executable).parent


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
