# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Real programs in pods talk to the outside: curl, dig, ping, traceroute, mtr, iperf3."""

from __future__ import annotations

import contextlib
import hashlib
import re

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP

from tests.cells.counts import counts
from tests.cluster.capture import capture
from tests.cluster.probes import PYTHON

from .flows import flow
from .vpc import CROWD, INTERNET, NETPOD, NODES, OTHERPOD, THERE, WEBPOD

NODE = NODES["k8s-s"]
ROUTER = "192.168.10.1"

#: Of the page that curl fetches, bytes.
SIZE = 32 << 20


@contextlib.contextmanager
def running(cluster, place, *command, ready):
    """Run a server for the length of a ``with`` block; it listens once it has said so."""
    with cluster.start(place, *command) as process:
        try:
            if ready:
                while not re.search(ready, line := process.stdout.readline()):
                    assert line, process.stderr.read()
            yield process
        finally:
            process.kill()


def sources(packets, layer):
    """Return as whom packets of a kind were sent to the host outside."""
    return {p[IP].src for p in packets if IP in p and p[IP].dst == INTERNET and layer in p}


@pytest.mark.parametrize("place", [NETPOD, WEBPOD])
def test_curl_fetches_a_large_file(place, cluster):
    server = (*PYTHON, str(THERE / "page.py"), str(SIZE))
    with running(cluster, "internet", *server, ready="^[0-9a-f]{64}$"):
        for _time in range(2):
            done = cluster.exec(place, "sh", "-c", f"curl -sS -m 20 http://{INTERNET}/ | sha256sum")
            assert done.split()[0] == digest()
        # And the other way: what a pod sends.
        sent = cluster.exec(
            place,
            *("sh", "-c"),
            f"head -c {SIZE} /dev/zero | curl -sS -m 20 -T - http://{INTERNET}/",
        )
        assert sent.split() == [
            hashlib.sha256(bytes(SIZE)).hexdigest(),
            NODES[place.partition("/")[0]],
        ]


def digest():
    """Return the checksum of what ``there/page.py`` serves."""
    block = bytes(range(256)) * 4096
    return hashlib.sha256(block * (SIZE // len(block))).hexdigest()


@pytest.mark.parametrize("over", ["+notcp", "+tcp"])
def test_dig_asks_a_dns_server_outside(over, cluster):
    words = ("dnsmasq", "--keep-in-foreground", "--user=root", "--no-resolv", "--no-hosts")
    more = ("--pid-file=/run/dnsmasq.pid", "--log-facility=-", "--log-queries")
    answers = ("--host-record=www.test,192.0.2.53", "--txt-record=long.test," + "x" * 200)
    with running(cluster, "internet", *words, *more, *answers, ready=None) as server:
        # It says what it does on the other channel.
        while "started" not in (line := server.stderr.readline()):
            assert line
        dig = ("dig", over, "+short", "+tries=1", "+timeout=3", f"@{INTERNET}")
        for place in CROWD:
            assert cluster.exec(place, *dig, "www.test") == "192.0.2.53\n"
            assert "x" * 200 in cluster.exec(place, *dig, "long.test", "txt")
        while "query[A] www.test from" not in (line := server.stderr.readline()):
            assert line
        assert line.split()[-1] == NODE


def test_many_pings_at_once(cluster):
    ping = ("ping", "-n", "-c", "10", "-i", "0.02", "-W", "3", INTERNET)
    same = ("ping", "-n", "-e", "7", "-c", "10", "-i", "0.02", "-W", "3", INTERNET)
    with capture(cluster.lab, "switch", "internet") as wire:
        started = [
            cluster.start(place, *words) for place in CROWD for words in (ping, ping, ping, same)
        ]
        told = [process.communicate()[0] for process in started]
    assert all("10 received" in output and "DUP" not in output for output in told), told
    identifiers = {p[ICMP].id for p in wire if ICMP in p and p[ICMP].type == 8}
    assert len(identifiers) == len(started)
    assert sources(wire, ICMP) == {NODE}


@pytest.mark.parametrize("place", [NETPOD, WEBPOD])
def test_a_ping_in_fragments(place, cluster):
    with capture(cluster.lab, "switch", "internet") as wire:
        done = cluster.exec(place, "ping", "-n", "-c", "3", "-i", "0.1", "-s", "4000", INTERNET)
    assert "3 received" in done
    parts = [p for p in wire if IP in p and p[IP].dst == INTERNET]
    assert len(parts) == 9
    assert {p[IP].src for p in parts} == {NODES[place.partition("/")[0]]}


def test_datagrams_in_fragments(cluster):
    with capture(cluster.lab, "switch", "internet") as wire:
        with flow(cluster, NETPOD, "udp", INTERNET, own_port=44000) as one:
            assert [one.seen(size) for size in (4000, 32, 9000)] == [(NODE, 44000)] * 3
        with flow(cluster, OTHERPOD, "udp", INTERNET, own_port=44000) as two:
            address, port = two.seen(4000)
            assert (address, port != 44000) == (NODE, True)
    firsts = [p for p in wire if UDP in p and p[IP].dst == INTERNET and p[IP].flags.MF]
    assert {p[UDP].sport for p in firsts} == {44000, port}
    assert {p[IP].src for p in wire if IP in p} == {NODE, INTERNET}


@pytest.mark.parametrize("how", [(), ("-I",), ("-T",)], ids=["UDP", "ICMP", "TCP"])
@pytest.mark.parametrize("place", [NETPOD, WEBPOD])
def test_traceroute_names_every_hop(place, how, cluster):
    done = cluster.exec(place, "traceroute", "-n", "-w", "2", "-q", "2", *how, INTERNET)
    hops = [line.split() for line in done.splitlines()[1:]]
    assert [hop[1] for hop in hops] == [NODES[place.partition("/")[0]], ROUTER, INTERNET], done
    assert "*" not in done, done


@pytest.mark.parametrize("how", [(), ("-u",), ("-T",)], ids=["ICMP", "UDP", "TCP"])
def test_mtr_names_every_hop(how, cluster):
    mtr = ("mtr", "-n", "-j", "-c", "3", "-i", "0.2", "-G", "1", *how, INTERNET)
    told = cluster.json(NETPOD, *mtr)
    hubs = told["report"]["hubs"]
    assert [hub["host"] for hub in hubs] == [NODE, ROUTER, INTERNET], told
    assert {float(hub["Loss%"]) for hub in hubs} == {0.0}, told


@pytest.mark.parametrize("how", [(), ("-R",)], ids=["up", "down"])
@pytest.mark.parametrize("over", ["TCP", "UDP", "UDP in fragments"])
def test_iperf3(over, how, cluster):
    more = {
        "TCP": ("-n", "50M"),
        "UDP": ("-u", "-b", "8M", "-n", "1M"),
        "UDP in fragments": ("-u", "-b", "8M", "-n", "1M", "-l", "4000"),
    }[over]
    with running(cluster, "internet", "iperf3", "-s", "-1", "--forceflush", ready="listening"):
        words = ("timeout", "20", "iperf3", "-J", "-c", INTERNET, *more, *how)
        told = cluster.json(NETPOD, *words)
    end = told["end"]
    if over == "TCP":
        assert end["sum_received"]["bytes"] > 40 << 20
    else:
        assert end["sum"]["packets"] > 100
        assert end["sum"]["lost_packets"] <= end["sum"]["packets"] // 10, end["sum"]


@contextlib.contextmanager
def narrow(cluster, mtu="1300"):
    """Let the gateway pass no more than so much, to the outside and back."""
    routes = {
        dst: cluster.exec("gateway", "ip", "route", "show", dst).split()
        for dst in ("8.8.8.0/24", "192.168.10.0/24")
    }
    for words in routes.values():
        cluster.exec("gateway", "ip", "route", "replace", *words, "mtu", "lock", mtu)
    try:
        yield
    finally:
        for words in routes.values():
            cluster.exec("gateway", "ip", "route", "replace", *words)
        for place in (NETPOD, "k8s-s", "internet"):
            cluster.exec(place, "ip", "route", "flush", "cache")


def learned(cluster, place):
    """Return the MTU that a place has learned of the way to the host outside."""
    (route,) = cluster.json(place, "ip", "-j", "route", "get", INTERNET)
    return next((metric["mtu"] for metric in route.get("metrics", []) if "mtu" in metric), None)


def test_a_pod_learns_of_a_smaller_link_on_the_way(cluster):
    with narrow(cluster):
        assert learned(cluster, NETPOD) is None
        said = cluster.try_exec(
            NETPOD, "ping", "-n", "-c", "1", "-W", "3", "-M", "do", "-s", "1400", INTERNET
        )
        assert f"From {ROUTER} icmp_seq=1 Frag needed and DF set (mtu = 1300)" in said.stdout
        assert learned(cluster, NETPOD) == 1300
        cluster.exec(NETPOD, "ip", "route", "flush", "cache")
        told = cluster.exec(NETPOD, "tracepath", "-n", INTERNET)
        assert re.search(r"Resume: pmtu 1300", told), told


def test_tcp_passes_a_smaller_link_on_the_way(cluster):
    for how in ((), ("-R",)):
        with (
            narrow(cluster),
            running(cluster, "internet", "iperf3", "-s", "-1", "--forceflush", ready="listening"),
            capture(cluster.lab, "switch", "internet") as wire,
        ):
            iperf = ("timeout", "20", "iperf3", "-J", "-c", INTERNET, "-n", "20M", *how)
            told = cluster.json(NETPOD, *iperf)
            # It ends with the last write: some megabytes may still lie in the sockets of both.
            assert told["end"]["sum_received"]["bytes"] >= 4 << 20
            if not how:
                assert learned(cluster, NETPOD) == 1300
        assert sources(wire, TCP) == {NODE}


def test_a_datagram_past_a_smaller_link_is_cut_on_the_way(cluster):
    with narrow(cluster), flow(cluster, NETPOD, "udp", INTERNET, own_port=44010) as one:
        # Both what is asked and what is answered.
        assert [one.seen(size) for size in (1400, 4000)] == [(NODE, 44010)] * 2


def test_nothing_of_this_was_dropped(cluster):
    for node in cluster.nodes:
        found = counts(cluster, node)
        dropped = {
            verdict: packets
            for (_hook, verdict), packets in found.items()
            if verdict in ("unknown_fragment", "nat_exhausted", "nat_unsupported", "malformed")
        }
        assert dropped == {}, node
