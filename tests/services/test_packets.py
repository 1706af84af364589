# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a pod sends to services by packets: programs in its network that no cgroup of ours holds."""

from __future__ import annotations

import json

import pytest

from tests.cells.counts import counts
from tests.cluster.probes import PYTHON

from .chance import assert_fair
from .clients import SILENT, Client
from .test_case import PEER
from .write_up import (
    CLAIMED,
    EMPTY,
    GUARDED,
    HAIRPIN,
    INTERNET,
    IPS,
    KUBERNETES,
    LOAD_BALANCER,
    LOCAL_INSIDE,
    LONER,
    NETPOD,
    NODE_PORT,
    NODES,
    STICKY,
    SVC,
    WEBPOD1,
    WEBPODS,
)


def raw(cluster, place):
    return Client(cluster, place, raw=True)


@pytest.mark.parametrize("place", [NETPOD, LONER, WEBPOD1])
def test_a_cluster_address_is_balanced_and_the_client_is_seen_as_who_he_is(place, cluster):
    pages = raw(cluster, place).ask(SVC, times=60)
    assert_fair([page.address for page in pages], WEBPODS)
    assert {page.visitor for page in pages if page.address != IPS[place]} == {IPS[place]}


def test_the_packets_do_name_the_service(cluster):
    """What the others rely on: these clients are balanced by packets, not by their sockets."""
    before = counts(cluster, "k8s-m")
    assert json.loads(raw(cluster, NETPOD).say(*PYTHON, "-c", PEER, SVC, "80")) == [SVC, 80]
    nat = cluster.json(
        "k8s-m", "bpftool", "-j", "map", "dump", "pinned", "/sys/fs/bpf/podnet/maps/nat"
    )
    assert nat
    assert counts(cluster, "k8s-m")["from_container", "to_network"] > before.get(
        ("from_container", "to_network"), 0
    )


def test_a_pod_reaches_itself_through_its_service(cluster):
    pages = raw(cluster, LONER).ask(HAIRPIN, times=5)
    # The one address that is neither its own nor a stranger's: its gateway's.
    assert set(pages) == {("loner", IPS[LONER], "172.16.1.254")}
    pages = Client(cluster, LONER).ask(HAIRPIN, times=5)
    assert set(pages) == {("loner", IPS[LONER], IPS[LONER])}


def test_a_pod_reaches_another_of_its_node_through_a_service(cluster):
    pages = raw(cluster, WEBPOD1).ask(HAIRPIN, times=5)
    assert set(pages) == {("loner", IPS[LONER], IPS[WEBPOD1])}


def test_node_ports_and_load_balancers_are_there_for_pods(cluster):
    for address, port in [(LOAD_BALANCER, 80), (GUARDED, 80)] + [
        (ip, NODE_PORT) for ip in NODES.values()
    ]:
        pages = raw(cluster, NETPOD).ask(address, port, times=30)
        assert_fair([page.address for page in pages], WEBPODS)


@pytest.mark.parametrize("place", [NETPOD, LONER])
def test_a_process_of_a_node_is_a_backend_too(place, cluster, web_server):
    pages = raw(cluster, place).ask(KUBERNETES, 443, times=5)
    assert set(pages) == {("k8s-m", NODES["k8s-m"], IPS[place])}


def test_policy_local_inside_keeps_to_the_node(cluster):
    pages = raw(cluster, LONER).ask(LOCAL_INSIDE, times=10)
    assert {page.address for page in pages} == {IPS[WEBPOD1]}
    raw(cluster, NETPOD).refused(LOCAL_INSIDE)


def test_a_service_without_backends_refuses_at_once(cluster):
    before = counts(cluster, "k8s-m").get(("from_container", "no_backend"), 0)
    raw(cluster, NETPOD).refused(EMPTY)
    assert counts(cluster, "k8s-m")["from_container", "no_backend"] > before


def test_a_port_that_a_service_does_not_have_is_dropped(cluster):
    before = counts(cluster, "k8s-m").get(("from_container", "unknown_service_port"), 0)
    assert raw(cluster, NETPOD).fail(SVC, 81).status == SILENT
    assert counts(cluster, "k8s-m")["from_container", "unknown_service_port"] > before


def test_a_client_keeps_his_server(cluster):
    for place in (NETPOD, LONER):
        pages = raw(cluster, place).ask(STICKY, times=20)
        assert len({page.address for page in pages}) == 1


def test_an_address_that_a_service_only_claims_is_its_owner_s(cluster, web_outside):
    """CVE-2020-8554."""
    pages = raw(cluster, NETPOD).ask(CLAIMED, times=5)
    assert set(pages) == {("internet", INTERNET, IPS[NETPOD])}
    # And so are its ports that no service has, as those from which it asks itself.
    raw(cluster, NETPOD).refused(CLAIMED, 81)
    pages = Client(cluster, "internet").ask(IPS[WEBPOD1], times=5)
    assert set(pages) == {("webpod1", IPS[WEBPOD1], INTERNET)}
