# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Services that leave a cluster which stands, come to one, and go with the rest of it."""

from __future__ import annotations

import re

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import nat_layout

from tests.cluster.predictions import predicted_then_done
from tests.cluster.probes import differences, everybody_reaches_everybody, snapshots

from . import maps
from .clients import Client
from .write_up import HOST_PORT, NETPOD, SVC, WEBPODS, services

RESERVED = "net.ipv4.ip_local_reserved_ports"


@pytest.fixture(scope="module")
def settings(cluster):
    """The cluster's variables of services, which these tests take away and bring back."""
    names = [name for name in cluster.variables if name.startswith(("podnet_serv", "podnet_load"))]
    return {name: cluster.variables[name] for name in names}


def host_port(cluster):
    """Return the port of a container that the node has, too: a service like others."""
    (webpod1,) = (p for p in cluster.nodes["k8s-w1"]["podnet_pods"] if p["name"] == "webpod1")
    return webpod1["containers"][0]["ports"][0]


def balancing(cluster, node):
    """Return what a node runs for services: programs of its sockets, and pins."""
    programs = cluster.exec(node, "bpftool", "cgroup", "show", "/sys/fs/cgroup").splitlines()[1:]
    pins = cluster.exec(
        node, "ls", *(f"/sys/fs/bpf/podnet/{part}" for part in ("links", "programs"))
    )
    ours = [pin for pin in pins.split() if re.search("socket|cgroup|to_netdev|eth0-tc_egress", pin)]
    return [*programs, *ours]


def test_without_services_nothing_of_them_is_left(cluster, settings, bare):
    for node in cluster.nodes:
        assert len(maps.services(cluster, node)) > len(services())
        assert balancing(cluster, node)
    for name in settings:
        del cluster.variables[name]
    del host_port(cluster)["host_port"]
    before = cluster.exec("k8s-m", "ls", "/sys/fs/bpf/podnet/maps").split()
    cluster.play("site").ok()

    for node in cluster.nodes:
        assert balancing(cluster, node) == []
        assert maps.services(cluster, node) == {}
        for table in (maps.service_layout.SERVICE_NAMES, maps.service_layout.SOURCE_RANGES):
            assert maps.entries(cluster, node, table) == []
        for table in (maps.service_layout.REVERSE_SOCKETS, nat_layout.NAT):
            assert maps.entries(cluster, node, table) == []
        held = f"{RESERVED.replace('.', '/')} = "
        (reserved,) = (line for line in bare.before[node]["sysctls"] if held in line)
        assert reserved.endswith(f"= {cluster.exec(node, 'sysctl', '-n', RESERVED).strip()}")
    # The maps themselves are the network's.
    assert cluster.exec("k8s-m", "ls", "/sys/fs/bpf/podnet/maps").split() == before
    everybody_reaches_everybody(cluster)
    assert cluster.play("site").ok().changed == {}


def test_services_come_to_a_cluster_that_stands(cluster, settings):
    cluster.variables.update(settings)
    host_port(cluster)["host_port"] = HOST_PORT
    predicted_then_done(cluster)
    assert {page.address for page in Client(cluster, NETPOD).ask(SVC, times=40)} == set(WEBPODS)
    assert {page.address for page in Client(cluster, NETPOD, raw=True).ask(SVC, times=40)} == set(
        WEBPODS
    )


def test_teardown_leaves_nothing(cluster, bare):
    cluster.play("teardown").ok()
    after = snapshots(cluster)
    for sections in after.values():
        # What runs in the pods is the lab's matter, not the network's.
        for section in ("cgroups", "files"):
            sections[section] = [line for line in sections[section] if "/podnet-pods" not in line]
    assert differences(bare.before, after) == {}
