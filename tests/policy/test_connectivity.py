# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The connectivity test passes on a sound cluster, and says what is wrong with a broken one."""

from __future__ import annotations

import json
import signal
import time
from xml.etree import ElementTree

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.connectivity import responder, scenarios

from tests.cluster.cluster import INTERNET, ROOT
from tests.cluster.probes import differences, snapshots
from tests.scope import WHOLE

from .model import ADDRESSES
from .probing import THERE, place
from .scope import CELLS
from .vpc import EVERYTHING

OUTSIDE = ("-e", "podnet_outside_host=internet", "-e", f"podnet_outside_address={INTERNET}")
#: What such a cluster cannot have: pods keep their addresses towards a CIDR of documentation.
LEFT_OUT = {"pod-to-outside-masqueraded", "outside-to-pod"}
NATIVE, OVERLAY = CELLS[:2]
#: The last one is a classic datapath in a tunnel of the kernel's. In the first one the command of
#: its page runs over the demo, see tests/cluster/test_commands.py.
SOUND = CELLS if WHOLE else CELLS[-1:]
PORT = "4242"


def report(run, task="Show how the scenarios went"):
    """Return the lines that a run has shown, less those of the table."""
    lines = run.result("node-1", task)["msg"]
    return [line.split(":", 1)[1].strip() for line in lines if line.startswith("Problem:")]


@pytest.mark.parametrize("cell", SOUND, ids=str)
def test_every_scenario_passes_on_a_sound_cluster_and_nothing_is_left(standing, tmp_path, cell):
    cluster = standing.cluster
    if standing.brought != EVERYTHING:  # other tests leave policies of theirs, or none
        standing.site()
    before = snapshots(cluster)
    json_file, xml_file = tmp_path / "report.json", tmp_path / "junit.xml"
    page = tmp_path / "page.html"
    named = {"report_file": json_file, "junit_file": xml_file, "report_page": page}
    files = [word for name, file in named.items() for word in ("-e", f"podnet_{name}={file}")]
    talk = cluster.start(place("x/a"), "ping", "-q", "-i", "0.01", ADDRESSES["y/a"])
    run = cluster.play("connectivity", *OUTSIDE, *files)
    talk.send_signal(signal.SIGINT)
    sent = talk.communicate()[0]
    assert run.status == 0, (report(run), run.errors)
    assert ", 0% packet loss" in sent, sent

    found = json.loads(json_file.read_text())
    results = {one["name"]: one["result"] for one in found["scenarios"]}
    assert list(results) == list(scenarios.NAMES)
    assert {name for name, result in results.items() if result != "passed"} == LEFT_OUT
    assert run.output.count("[=] Test [") + run.output.count("[=] Skipping test [") == 30
    suite = ElementTree.parse(xml_file).getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("32", "0", "2")
    actions = [one for each in found["scenarios"] for one in each["actions"]]
    assert all(
        one["command"] and one["expected"] and one["saw"] for one in actions if one["source"]
    )
    forms = {one["saw"] for one in actions if one.get("scenario") == "encapsulation"}
    assert {"tunnel" in form for form in forms} == {cell.overlay}
    shown = page.read_text()
    assert [name for name in scenarios.NAMES if name not in shown] == []
    assert run.changed == {}
    assert differences(before, snapshots(cluster)) == {}


@pytest.mark.parametrize("cell", [NATIVE], ids=str)
def test_what_is_broken_fails_the_scenarios_that_it_concerns(standing):
    cluster = standing.cluster
    breaks = {
        "node-1": ["policy", "node_port"],
        "node-2": ["program"],
        "node-3": ["mtu"],
    }
    asked = [
        "pod-to-pod-across",
        "pod-to-nodeport-local",
        "largest-packet",
        "policy-deny-all",
        "icmp",
    ]
    values = {"breaks": breaks, "scenarios": asked, "collections": str(ROOT / ".build/collections")}
    cluster.exec("gateway", "ip", "route", "del", "10.111.161.0/25")
    try:
        run = cluster.play(str(THERE / "broken.yml"), "-e", json.dumps(values)).ok()
    finally:
        route_again(cluster)
        standing.site()
    found = run.result("node-1", "Show how the scenarios went")["msg"]
    failed = {one["name"]: set(one["failures"]) for one in found["scenarios"]}

    def says(scenario, source, target, *words):
        (line,) = [
            one for one in failed[scenario] if f"{source} -> {target} " in one and words[0] in one
        ]
        assert all(word in line for word in words), line

    says(
        "policy-deny-all",
        "client-1",
        "guarded-1",
        "nc 10",
        "expected no answer",
        "guarded-1, which saw",
    )
    says(
        "pod-to-nodeport-local",
        "client-1",
        "node port of node-1",
        "nc 10",
        "expected an answer, saw connection refused",
    )
    says("pod-to-pod-across", "client-1", "server-2", "saw no answer")
    # The router tells a few in a second that it knows no way, and others nothing.
    says("pod-to-pod-across", "client-1", "server-3", "expected an answer")
    says("largest-packet", "client-3", "server-3", "nc -u", "an answer", "saw message too long")
    assert not any("client-2 -> server-2 " in one for one in failed["icmp"])


def route_again(cluster):
    """Give the router back what a cloud fills in."""
    words = ("route", "add", "10.111.161.0/25", "via", "10.111.1.11", "proto", "112")
    cluster.exec("gateway", "ip", *words)


def chain(family, hook, rule, name):
    """Return a table with one chain and one rule, and what names it."""
    return f"table {family} {name} {{ chain c {{ type filter hook {hook} priority 0; {rule}; }}; }}"


def try_underlay(cluster, rules, *more):
    """Run the playbook while rules of nft are there: by host, family and text of each."""
    added = [
        (host, family, f"t{number}", chain(family, hook, rule, f"t{number}"))
        for number, (host, family, hook, rule) in enumerate(rules)
    ]
    try:
        for host, _family, _name, text in added:
            cluster.exec(host, "nft", "-f", "-", stdin=text)
        run = cluster.play("underlay", *more)
    finally:
        for host, family, name, _text in added:
            cluster.try_exec(host, "nft", "delete", "table", family, name)
    return run.status, {
        tuple(line.split(": ", 1)) for line in report(run, "Show what is in the way")
    }


PODS = "10.111.160.0/20"
SPOOF = (
    "the cloud checks sources (spoof protection): no packet from a pod's address leaves {0}; "
    "switch that check off for {0}, or allow it {1}"
)
GROUP = "a security group drops packets from pods' addresses: let {} in where {} is"
VPC = "a route is missing in the VPC: {} via {}; without it the router does not know the pods of {}"
SMALL = (
    "the MTU is smaller than planned: a packet of 1500 bytes does not arrive, the largest that "
    "does has {}; podnet_mtu: {} fits"
)
FIREWALL = "the packet arrives, and the node's own firewall drops it: let it take UDP port {}"
FILTER = (
    "the packet arrives, and the node's reverse path filter drops it: set net.ipv4.conf.*.rp_filter"
    " to 2 or 0, or let the answer leave by the same device"
)
TUNNEL = (
    "a security group or a firewall on the way drops the tunnel's port: let UDP port 8472 to {} "
    "pass"
)


@pytest.mark.parametrize("cell", [NATIVE], ids=str)
def test_what_is_in_the_way_of_pods_addresses_is_named(standing):
    cluster = standing.cluster
    cluster.exec("gateway", "ip", "route", "del", "10.111.161.0/25")
    try:
        status, said = try_underlay(
            cluster,
            [
                (
                    "switch",
                    "netdev",
                    'ingress device "node-1.eth0"',
                    f"ip saddr {PODS} drop",
                ),
                (
                    *("switch", "bridge", "forward"),
                    f'oifname "node-2.eth0" ip saddr {PODS} udp dport {PORT} drop',
                ),
                ("switch", "bridge", "forward", 'oifname "node-3.eth0" meta length > 1400 drop'),
                ("node-3", "ip", "input", f"ip saddr 10.111.0.12 udp dport {PORT} drop"),
            ],
        )
    finally:
        route_again(cluster)
    assert status != 0
    assert said == {
        ("node-1 -> node-2", SPOOF.format("node-1", "10.111.160.0/25")),
        ("node-1 -> node-3", SPOOF.format("node-1", "10.111.160.0/25")),
        ("node-3 -> node-2", GROUP.format("10.111.161.0/25", "node-2")),
        ("node-2 -> node-3", VPC.format("10.111.161.0/25", "10.111.1.11", "node-3")),
        ("node-1 -> node-3", SMALL.format(1400, 1400)),
        ("node-2 -> node-3", SMALL.format(1400, 1400)),
        ("node-2 -> node-3", FIREWALL.format("4242 and perhaps others")),
    }


@pytest.mark.parametrize("cell", [NATIVE], ids=str)
def test_a_reverse_path_filter_is_named(standing):
    cluster = standing.cluster
    health = "10.111.160.253"
    setting = "net.ipv4.conf.eth0.rp_filter"
    before = cluster.exec("node-1", "sysctl", "-n", setting).strip()
    cluster.exec("node-1", "sysctl", "-w", f"{setting}=1")
    cluster.exec("node-1", "ip", "route", "add", health, "dev", "pn_host")
    try:
        status, said = try_underlay(cluster, [])
    finally:
        cluster.exec("node-1", "ip", "route", "del", health, "dev", "pn_host")
        cluster.exec("node-1", "sysctl", "-w", f"{setting}={before}")
    assert status != 0
    assert said == {("node-2 -> node-1", FILTER)}


@pytest.mark.parametrize("cell", [OVERLAY], ids=str)
def test_what_is_in_the_way_of_a_tunnel_is_named(standing):
    cluster = standing.cluster
    status, said = try_underlay(
        cluster,
        [
            ("switch", "bridge", "forward", 'oifname "node-2.eth0" udp dport 8472 drop'),
            ("switch", "bridge", "forward", 'oifname "node-2.eth0" meta length > 1450 drop'),
            ("node-1", "ip", "input", "udp dport 8472 drop"),
        ],
    )
    assert status != 0
    own = FIREWALL.format("8472 of the tunnel")
    assert said == {
        *((f"{name} -> node-2", TUNNEL.format("10.111.0.12")) for name in ("node-1", "node-3")),
        *((f"{name} -> node-2", SMALL.format(1450, 1400)) for name in ("node-1", "node-3")),
        *((f"{name} -> node-1", own) for name in ("node-2", "node-3")),
    }


@pytest.mark.parametrize("cell", [OVERLAY], ids=str)
def test_what_an_interrupted_run_left_the_nodes_remove_by_themselves(standing):
    cluster = standing.cluster
    before = snapshots(cluster)
    journal = cluster.folder / "interrupted"
    process = cluster.start_play("connectivity", "-e", "podnet_scenarios=policies", journal=journal)
    numbers = {}
    while len(numbers) < len(cluster.nodes):
        assert process.poll() is None, process.stdout.read()
        for name in cluster.nodes:
            said = cluster.try_exec(name, "cat", str(responder.PID_FILE)).stdout.split()
            if said:
                numbers[name] = said[0]
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert any("podnet-connectivity" in pod for pod in cluster.pods())
    for name, number in numbers.items():
        cluster.exec(name, "kill", "-ALRM", number)  # its time is up
    end = time.monotonic() + 30
    while any(_lives(cluster, name, number) for name, number in numbers.items()):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert differences(before, snapshots(cluster)) == {}


def _lives(cluster, name, number):
    return cluster.try_exec(name, "test", "-d", f"/proc/{number}").returncode == 0
