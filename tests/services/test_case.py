# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The write-up's own case: a client pod, a service from its manifest, two web pods elsewhere."""

from __future__ import annotations

import json
import re

from scapy.layers.inet import IP
from scapy.layers.l2 import ARP

from tests.cluster.capture import capture
from tests.cluster.probes import PYTHON

from .chance import assert_fair
from .clients import Client
from .write_up import IPS, NETPOD, SVC, WEBPODS

PEER = """
import json, socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as connection:
    print(json.dumps(connection.getpeername()))
"""


def test_connect_names_the_service_and_the_wire_never_does(cluster):
    with capture(cluster.lab, NETPOD, "eth0") as wire:
        done = cluster.try_exec(
            NETPOD, "strace", "-f", "-e", "trace=connect", "curl", "-s", f"http://{SVC}/"
        )
    assert "answers 172.16.0.79" in done.stdout, done
    connects = [line for line in done.stderr.splitlines() if "AF_INET" in line]
    assert [re.findall(r'inet_addr\("(.*?)"\)', line) for line in connects] == [[SVC]], done.stderr
    assert "htons(80)" in connects[0]

    pairs = {(packet[IP].src, packet[IP].dst) for packet in wire if IP in packet}
    (backend,) = {address for pair in pairs for address in pair} - {IPS[NETPOD]}
    assert backend in WEBPODS
    assert pairs == {(IPS[NETPOD], backend), (backend, IPS[NETPOD])}
    asked = {address for p in wire if ARP in p for address in (p[ARP].psrc, p[ARP].pdst)}
    assert SVC not in asked


def test_both_web_pods_answer_with_a_fair_share(cluster):
    pages = Client(cluster, NETPOD).ask(SVC, times=400)
    assert_fair([page.address for page in pages], WEBPODS)
    assert {(page.server, page.visitor) for page in pages} == {
        ("webpod1", IPS[NETPOD]),
        ("webpod2", IPS[NETPOD]),
    }


def test_the_peer_of_a_connection_is_the_service(cluster):
    told = cluster.json(NETPOD, *PYTHON, "-c", PEER, SVC, "80")
    assert told == [SVC, 80]


def test_a_process_of_the_node_is_a_client_like_a_pod(cluster):
    for node in cluster.nodes:
        pages = Client(cluster, node).ask(SVC, times=40)
        assert_fair([page.address for page in pages], WEBPODS)
    assert json.loads(Client(cluster, "k8s-m").say(*PYTHON, "-c", PEER, SVC, "80")) == [SVC, 80]
