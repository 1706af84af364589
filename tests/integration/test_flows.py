# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Aggregated flows come to a node and go from it; what the module and the command say of them."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.command.table import SOUND, UNSOUND
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import flow_layout
from ansible_collections.podnet.fabric.plugins.module_utils.installed import command
from ansible_collections.podnet.fabric.plugins.module_utils.names import PROGRAM_PINS
from ansible_collections.podnet.fabric.plugins.module_utils.steps import parts
from node_support import PEER_IP, bare_node, plan
from running import do, run, run_module
from test_converge import options

if TYPE_CHECKING:
    from collections.abc import Iterator

PINS = [table.pin for table in flow_layout.MAPS] + [f"{PROGRAM_PINS}/flows"]
#: Sends a line to a port of an address by TCP, and reads one, so many times; or serves that.
CALL = """
import socket, sys
address, port, times = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for _time in range(times):
    with socket.create_connection((address, port), 5) as one:
        one.sendall(b"x" * 1000)
        one.shutdown(socket.SHUT_WR)
        while one.recv(4096):
            pass
"""
SERVE = """
import socket, sys
with socket.create_server(("", int(sys.argv[1]))) as server:
    print("ready", flush=True)
    while True:
        one, _who = server.accept()
        with one:
            while one.recv(4096):
                pass
            one.sendall(b"y" * 5000)
"""


def node(sample: int = 0) -> dict[str, Any]:
    flows = {"sample": sample} if sample else None
    return {**plan("web-1", "db-1"), "balances": False, "holds_policies": False, "flows": flows}


@pytest.fixture(scope="module")
def made() -> Iterator[dict[str, str]]:
    """A node that counts nothing: the addresses of its pods."""
    with bare_node():
        do("ip", "link", "set", "lo", "up")
        of = node()
        for part in parts.PARTS:
            run("converge", **options(part, of))
        yield {one["name"]: one["ip"] for one in of["endpoints"]}
        run("teardown")
        assert not Path(PINS[0]).exists()


def switch(of: dict[str, Any]) -> dict[str, bool]:
    """Bring the node to another plan, with a look before and after: which parts changed."""
    changed = {}
    for part in ("datapath", "endpoints", "settle"):
        said = []
        for check in (True, False, True, False):
            done = run_module("converge", check=check, **options(part, of))
            assert not done.failed, done["msg"]
            said.append((done["changed"], done["changes"]))
        assert said[0] == said[1]
        assert said[2:] == [(False, [])] * 2
        changed[part] = said[0][0]
    return changed


def there() -> list[str]:
    return [pin for pin in PINS if Path(pin).exists()]


def podnet(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([command.COMMAND, *words], capture_output=True, text=True, check=False)


@pytest.mark.usefixtures("made")
def test_where_nothing_is_counted_it_says_so():
    assert there() == []
    found = run("flows_info")
    assert (found["flows"], found["matched"], found["counter"]["used"]) == ([], 0, None)
    assert found["report"] == "In all: no flows are counted here: podnet_flows is off"
    done = podnet("flows")
    assert (done.returncode, done.stdout) == (UNSOUND, found["report"] + "\n")


@pytest.mark.usefixtures("made")
def test_a_live_switch_loses_no_packet():
    words = ["ip", "netns", "exec", "web-1", "ping", "-i", "0.002", "-q", PEER_IP]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as ping:
        try:
            for sample, wanted in ((1, PINS), (10, PINS), (0, [])):
                changed = switch(node(sample))
                assert changed["datapath"]
                assert changed["settle"] == (sample == 0)
                assert there() == wanted
        finally:
            ping.send_signal(signal.SIGINT)
            said = ping.communicate()[0]
    assert " 0% packet loss" in said, said


@pytest.fixture
def counting(made: dict[str, str]) -> dict[str, str]:
    """The node counts, and has counted nothing yet."""
    for of in (node(), node(1)):
        for part in ("datapath", "endpoints", "settle"):
            run("converge", **options(part, of))
    return made


def exchange(ip: dict[str, str]) -> None:
    """Twenty connections from a pod to another one, and three pings of a pod to the peer."""
    serve = ["ip", "netns", "exec", "db-1", "python3", "-c", SERVE, "50051"]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            server.stdout.readline()
            do("ip", "netns", "exec", "web-1", "python3", "-c", CALL, ip["db-1"], "50051", "20")
        finally:
            server.terminate()
    do("ip", "netns", "exec", "web-1", "ping", "-c3", "-i0.01", "-q", PEER_IP)


def test_what_was_exchanged_is_told(counting):
    ip = counting
    exchange(ip)
    found = run("flows_info")
    first, second = found["flows"]
    assert (first["client_name"], first["server_name"]) == ("web-1", "db-1")
    assert (first["client"], first["server"]) == (ip["web-1"], ip["db-1"])
    assert (first["port"], first["protocol"], first["verdict"]) == (50051, "TCP", "to_endpoint")
    assert (first["syns"], first["handshakes"]) == (20, 20)
    assert (first["retries"], first["resets"], first["dropped"]) == (0, 0, 0)
    # A segment has 66 bytes of headers, and up to 94 where it opens.
    for packets, size, sent in (("packets", "bytes", 1000), ("back_packets", "back_bytes", 5000)):
        assert 66 * first[packets] <= first[size] - 20 * sent <= 94 * first[packets]
    assert 0 < first["rtt"]["min"] <= first["rtt"]["mean"] < 100
    assert (second["client_name"], second["server_name"]) == ("web-1", f"node {PEER_IP}")
    assert (second["port"], second["protocol"]) == (0, "ICMP")
    assert (second["packets"], second["back_packets"]) == (3, 3)
    assert second["rtt"] is None
    counter = found["counter"]
    assert counter["used"] >= 3  # of what is between two pods of the node, each has a part
    assert counter["icmp"] == {"0": 3, "8": 3}
    assert (counter["tcp"]["syn"], counter["tcp"]["syn_ack"]) == (20, 20)
    assert (counter["given_up"], counter["no_room"]) == (0, 0)

    done = podnet("flows", "--json")
    assert done.returncode == SOUND
    own = json.loads(done.stdout)
    own.pop("warnings", None)
    theirs = {word: found[word] for word in ("flows", "matched", "counter")}
    assert own == theirs
    shown = podnet("flows")
    assert shown.stdout == found["report"] + "\n"
    assert re.search(
        rf"^web-1 \({ip['web-1']}\) +db-1 \({ip['db-1']}:50051\) +TCP ", shown.stdout, re.M
    )


def test_filters_metrics_and_a_question_that_leaves_no_flow(counting):
    exchange(counting)
    metrics = podnet("metrics").stdout.splitlines()
    assert 'podnet_tcp_segments_total{flag="syn"} 20' in metrics
    assert 'podnet_icmp_packets_total{type="8"} 3' in metrics
    assert "podnet_flow_packets_without_room_total 0" in metrics

    # Whoever asks what would become of a packet leaves no flow.
    done = podnet("why", "web-1", "db-1", "--port", "81")
    assert done.returncode == SOUND, done.stderr
    assert run("flows_info", port=81)["flows"] == []

    def ports(**wanted: Any) -> list[int]:
        return [flow["port"] for flow in run("flows_info", **wanted)["flows"]]

    assert ports(pod="db-*") == ports(protocol="tcp") == ports(port=50051) == [50051]
    assert ports(address=PEER_IP) == ports(protocol="1") == [0]
    assert ports(top=1) == [50051]
    assert ports(since="1h", sort="packets") == [50051, 0]
    assert ports(since="2000-01-01") == [50051, 0]
    assert ports(pod="nosuch") == []


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"top": -1}, "top: -1 flows cannot be returned; 0 stands for all."),
        ({"protocol": "nosuch"}, "protocol: 'nosuch' is none; valid are"),
        ({"address": "x"}, "address: 'x' is neither an address nor a prefix"),
        ({"since": "x"}, "since: 'x' is no time"),
        ({"sort": "x"}, "value of sort must be one of"),
    ],
)
@pytest.mark.usefixtures("made")
def test_bad_input_gets_a_sentence(wanted, said):
    done = run_module("flows_info", **wanted)
    assert done.failed
    assert done["msg"].startswith(said)
