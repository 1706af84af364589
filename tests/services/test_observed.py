# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Packets while they pass: what people see who look at a whole cluster, or at one of its nodes."""

from __future__ import annotations

import json
import select
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.waiting import wait_for

from .clients import Client
from .write_up import IPS, NETPOD, SVC, WEBPOD1, WEBPODS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.cluster import Cluster

OBSERVE = ("/usr/local/sbin/podnet", "observe")


@contextmanager
def pinging(cluster: Cluster) -> Iterator[None]:
    """Let netpod ping webpod1 for the length of a ``with`` block."""
    with cluster.start(NETPOD, "ping", "-i", "0.3", IPS[WEBPOD1]) as process:
        assert process.stdout.readline().startswith("PING ")
        try:
            yield
        finally:
            process.kill()


@contextmanager
def observe(cluster: Cluster, node: str, *words: str) -> Iterator[Any]:
    """Run the node's command for the length of a ``with`` block."""
    with cluster.start(node, *OBSERVE, *words) as process:
        try:
            yield process
        finally:
            process.kill()


def test_the_four_lines_of_the_write_ups_ping(cluster):
    words = {"observe_seconds": 3, "observe_pod": "netpod", "observe_protocol": "icmp"}
    with pinging(cluster):
        run = cluster.play("observe", "-e", json.dumps(words)).ok()
    lines = run.result("k8s-m", "Show what was seen")["msg"]
    netpod, webpod = f"{IPS[NETPOD]} (netpod)", f"{IPS[WEBPOD1]} (webpod1)"
    expected = [
        f"k8s-m {netpod} -> {webpod} to-network FORWARDED (ICMPv4 EchoRequest)",
        f"k8s-w1 {netpod} -> {webpod} to-endpoint FORWARDED (ICMPv4 EchoRequest)",
        f"k8s-w1 {netpod} <- {webpod} to-network FORWARDED (ICMPv4 EchoReply)",
        f"k8s-m {netpod} <- {webpod} to-endpoint FORWARDED (ICMPv4 EchoReply)",
    ]
    found = [line.partition(" ")[2] for line in lines]
    assert set(found) == set(expected), lines
    assert any(found[at : at + 4] == expected for at in range(len(found))), lines
    assert run.changed == {}


def test_a_process_that_calls_a_service(cluster):
    with observe(cluster, "k8s-m", "--follow", "--address", SVC, "--json") as looking:
        client = Client(cluster, NETPOD)

        ready = select.select([looking.stdout], [], [], 0)[0]
        while not ready:  # until it looks
            client.ask(SVC)
            ready = select.select([looking.stdout], [], [], 0.2)[0]
        line = json.loads(looking.stdout.readline())
        looking.send_signal(signal.SIGINT)
        assert looking.wait(10) == 0
    assert (line["verdict"], line["point"], line["destination"]) == ("TRANSLATED", "socket", SVC)
    assert line["to_destination"] in WEBPODS
    assert line["source_name"] == "a pod"


@pytest.mark.parametrize("last", [[], ["--last", "2"]])
def test_so_many_lines(cluster, last):
    words = ("--count", "4", "--protocol", "icmp", *last)
    with pinging(cluster), observe(cluster, "k8s-m", *words) as looking:
        output, errors = looking.communicate()
    assert (looking.returncode, errors) == (0, "")
    assert len(output.splitlines()) == (2 if last else 4)
    assert all("ICMPv4 Echo" in line for line in output.splitlines())


def test_one_looks_at_a_time_and_who_is_killed_is_gone(cluster):
    with pinging(cluster), observe(cluster, "k8s-m", "--follow") as first:
        assert first.stdout.readline()
        run = cluster.play("observe", "--limit", "k8s-m", "-e", "observe_seconds=1")
        assert run.status != 0
        assert "looks at the packets of this node, and one can at a time" in run.errors[0]
        first.kill()
        first.wait()
        with observe(cluster, "k8s-m", "--count", "1") as second:
            assert second.communicate()[0]


def test_words_that_are_none(cluster):
    run = cluster.play("observe", "-e", "observe_reason=forwarded")
    assert run.status != 0
    assert run.errors[0].startswith("reason: 'forwarded' is none; valid are unsupported_l3, ")


def test_a_pod_that_no_node_has(cluster):
    run = cluster.play("observe", "-e", "observe_from_pod=webpod9")
    assert run.status != 0
    said = "only.from_pod: 'webpod9' is no pod of the nodes that are asked; valid are webpod"
    assert {error.startswith(said) for error in run.errors} == {True}


def test_nothing_stays(cluster):
    lease = "/sys/fs/bpf/podnet/maps/event_lease"

    def ended() -> bool:
        (entry,) = cluster.json("k8s-m", "bpftool", "-j", "map", "dump", "pinned", lease)
        return {*entry["value"][:8]} == {"0x00"}  # of its two clocks the first one counts

    with pinging(cluster):
        wait_for("the end of all leases", ended, 10)
