# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Other lists, by variables and by the agent's file, and none at all; what was begun before goes on
as it was."""

from __future__ import annotations

import contextlib

import pytest
import yaml
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import nat_layout

from tests.cluster.predictions import predicted_then_done
from tests.services.maps import entries

from .flows import flow, mirrors, seen
from .vpc import (
    DEFAULT_LIST,
    INTERNET,
    IPS,
    LISTED,
    METADATA,
    NETPOD,
    NODES,
    SERVER,
    WEBPOD,
)

KINDS = ("tcp", "udp")
NODE, POD = NODES["k8s-s"], IPS[NETPOD]
FILL = "Let pods go out with their node's address"


@pytest.fixture
def changed(cluster):
    """Bring the cluster to other variables, and back at the end of the ``with`` block."""

    @contextlib.contextmanager
    def changed(**variables):
        try:
            cluster.variables.update(variables)
            yield predicted_then_done(cluster)
        finally:
            for name in variables:
                del cluster.variables[name]
            cluster.variables["podnet_masquerade"] = True
            cluster.play("site").ok()

    return changed


def prefixes(cluster, node):
    """Return what a node's map excepts, and why."""
    return {
        f"{key['address']}/{key['prefixlen'] - 96}": value["why"]
        for key, value in entries(cluster, node, nat_layout.NON_MASQUERADE)
    }


def views(cluster):
    """Return who sees whom in a pod, by TCP and by UDP alike."""
    found = {}
    for address in (INTERNET, LISTED, METADATA, SERVER, NODES["k8s-w1"], IPS[WEBPOD]):
        one, other = (seen(cluster, NETPOD, address, kind) for kind in KINDS)
        assert one == other, address
        found[address] = {NODE: "the node", POD: "the pod"}.get(one, one)
    return found


#: With the default list.
DEFAULT = {
    INTERNET: "the node",
    **dict.fromkeys((LISTED, METADATA, SERVER, NODES["k8s-w1"], IPS[WEBPOD]), "the pod"),
}


@pytest.fixture(autouse=True)
def inside(cluster):
    """Mirrors in the cluster, too."""
    with mirrors(cluster, "k8s-w1", WEBPOD):
        yield


def test_the_default_list_is_the_agent_s(cluster):
    assert prefixes(cluster, "k8s-s") == {
        **dict.fromkeys(DEFAULT_LIST, nat_layout.NON_MASQUERADE_LISTED),
        "172.16.0.0/16": nat_layout.NON_MASQUERADE_PODS,
        "169.254.0.0/16": nat_layout.NON_MASQUERADE_LINK_LOCAL,
    }
    assert views(cluster) == DEFAULT


def test_variables_say_another_list(cluster, changed):
    with (
        flow(cluster, NETPOD, "tcp", INTERNET, own_port=46000) as tcp,
        flow(cluster, NETPOD, "udp", INTERNET, own_port=46000) as udp,
    ):
        assert tcp.seen() == udp.seen() == (NODE, 46000)
        more = {
            "podnet_non_masquerade_cidrs": ["8.8.8.0/24"],
            "podnet_masquerade_link_local": True,
        }
        with changed(**more) as run:
            assert set(run.changed) == set(cluster.nodes)
            # What was begun goes on; what begins now is on the list.
            assert tcp.seen() == udp.seen() == (NODE, 46000)
            assert views(cluster) == {
                **dict.fromkeys((LISTED, METADATA, SERVER), "the node"),
                **dict.fromkeys((INTERNET, NODES["k8s-w1"], IPS[WEBPOD]), "the pod"),
            }
            for kind in KINDS:
                with flow(cluster, NETPOD, kind, INTERNET, own_port=46001) as one:
                    assert one.seen() == (POD, 46001)
        assert tcp.seen() == udp.seen() == (NODE, 46000)
        assert views(cluster) == DEFAULT


@pytest.mark.parametrize("form", ["a file", "a mapping"])
def test_the_agent_s_configuration_says_another_list(form, cluster, changed, tmp_path):
    agent = {
        "nonMasqueradeCIDRs": ["203.0.113.10/32", "8.8.4.0/22"],
        "masqLinkLocal": form == "a mapping",
        "resyncInterval": "60s",
    }
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump(agent))
    with changed(podnet_ip_masq_agent=str(file) if form == "a file" else agent):
        listed = nat_layout.NON_MASQUERADE_LISTED
        assert {c for c, why in prefixes(cluster, "k8s-s").items() if why == listed} == {
            "203.0.113.10/32",
            "8.8.4.0/22",
        }
        assert views(cluster) == {
            **DEFAULT,
            SERVER: "the node",
            METADATA: "the node" if form == "a mapping" else "the pod",
        }


def test_an_empty_list_leaves_pods_and_nodes(cluster, changed):
    with changed(podnet_non_masquerade_cidrs=[]):
        assert views(cluster) == {**DEFAULT, LISTED: "the node", SERVER: "the node"}


def test_without_masquerading_the_outside_sees_the_pod(cluster, changed):
    with changed(podnet_masquerade=False):
        for node in cluster.nodes:
            for table in (nat_layout.MASQUERADE, nat_layout.NON_MASQUERADE):
                assert entries(cluster, node, table) == []
        assert views(cluster) == dict.fromkeys(DEFAULT, "the pod")
        cluster.exec(NETPOD, "ping", "-n", "-c", "1", "-W", "3", INTERNET)
        with flow(cluster, NETPOD, "tcp", INTERNET, own_port=46010) as older:
            assert older.seen() == (POD, 46010)
            cluster.variables["podnet_masquerade"] = True
            cluster.play("site").ok()
            # A connection from before masquerading goes on as it was.
            assert older.seen() == (POD, 46010)
            assert views(cluster) == DEFAULT
