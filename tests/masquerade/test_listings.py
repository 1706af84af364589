# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Flows are listed as the write-up lists them, and the status says whom a node masquerades."""

from __future__ import annotations

import re

from .asked import nat_info
from .flows import flow
from .vpc import INTERNET, IPS, LISTED, NETPOD, NODES, OTHERPOD

NODE, POD = NODES["k8s-s"], IPS[NETPOD]
AGE = r"Created=\d+sec ago"


def test_a_flow_is_listed_in_both_directions(cluster):
    with (
        flow(cluster, NETPOD, "tcp", INTERNET, own_port=49000) as tcp,
        flow(cluster, NETPOD, "udp", INTERNET, own_port=49000) as udp,
    ):
        assert tcp.seen() == udp.seen() == (NODE, 49000)
        told = nat_info(cluster, "k8s-s", f"source={POD}:49000")
        answers = nat_info(cluster, "k8s-s", f"translation={POD}:49000 direction=in")
    out, back = told["report"].splitlines(), answers["report"].splitlines()
    for protocol in ("TCP", "UDP"):
        there = f"{protocol} OUT {POD}:49000 -> {INTERNET}:4711 XLATE_SRC {NODE}:49000 {AGE}"
        here = f"{protocol} IN {INTERNET}:4711 -> {NODE}:49000 XLATE_DST {POD}:49000 {AGE}"
        assert [line for line in out if re.match(there, line)], told["report"]
        assert [line for line in back if re.match(here, line)], answers["report"]
    assert {one["kind"] for one in told["entries"]} == {"masquerade"}
    assert told["matched"] == 2


def test_pings_are_listed_by_their_identifier(cluster):
    cluster.exec(OTHERPOD, "ping", "-n", "-e", "4900", "-c", "1", "-W", "3", INTERNET)
    told = nat_info(cluster, "k8s-s", f"protocol=icmp source={IPS[OTHERPOD]}")
    line = f"ICMP OUT {IPS[OTHERPOD]}:4900 -> {INTERNET}:0 XLATE_SRC {NODE}:4900 {AGE}"
    assert re.search(line, told["report"]), told["report"]


def test_what_keeps_its_address_is_no_flow(cluster):
    with flow(cluster, NETPOD, "tcp", LISTED, own_port=49010) as one:
        assert one.seen() == (POD, 49010)
        assert nat_info(cluster, "k8s-s", f"destination={LISTED}")["entries"] == []


def test_status_says_what_is_masqueraded_where(cluster):
    seen = cluster.play("status").ok()
    report = " ".join(seen.result("k8s-s", "Read the node's status")["report"].split())
    assert "Usable: Yes" in report
    assert "Masquerading: BPF [eth0, eth1] 172.16.0.0/16" in report
    report = " ".join(seen.result("k8s-w1", "Read the node's status")["report"].split())
    assert "Masquerading: BPF [eth0] 172.16.0.0/16" in report
