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
FILL = "Configure masquerading"
COMMAND = "Install the command"


@pytest.fixture(scope="module", autouse=True)
def inside(cluster):
    """Mirrors in the cluster, too."""
    with mirrors(cluster, "k8s-w1", WEBPOD):
        yield


@pytest.fixture(scope="module")
def older(cluster):
    """Flows that were begun with the default list, by kind."""
    with contextlib.ExitStack() as stack:
        yield {
            kind: stack.enter_context(flow(cluster, NETPOD, kind, INTERNET, own_port=46000))
            for kind in KINDS
        }


@pytest.fixture(scope="module")
def change(cluster, older):
    """Bring the cluster to other variables; at the end, to its own."""
    names = set()

    def change(run=None, **variables):
        for name in names:
            cluster.variables.pop(name, None)
        names.clear()
        names.update(variables)
        cluster.variables.update(variables)
        return run(cluster) if run else cluster.play("site").ok()

    yield change
    if names:
        change()


def prefixes(cluster, node):
    """Return what a node's map excepts, and why."""
    return {
        f"{key['address']}/{key['prefixlen'] - 96}": value["why"]
        for key, value in entries(cluster, node, nat_layout.NON_MASQUERADE)
    }


def listed(cluster):
    """Return the prefixes that the user lists."""
    found = prefixes(cluster, "k8s-s").items()
    return {prefix for prefix, why in found if why == nat_layout.NON_MASQUERADE_LISTED}


def views(cluster, older):
    """Return whom each host sees in a pod, by TCP as by UDP; older flows are as they were."""
    assert {kind: one.seen() for kind, one in older.items()} == dict.fromkeys(KINDS, (NODE, 46000))
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


def test_the_default_list_is_the_agent_s(cluster, older):
    assert prefixes(cluster, "k8s-s") == {
        **dict.fromkeys(DEFAULT_LIST, nat_layout.NON_MASQUERADE_LISTED),
        "172.16.0.0/16": nat_layout.NON_MASQUERADE_PODS,
        "169.254.0.0/16": nat_layout.NON_MASQUERADE_LINK_LOCAL,
    }
    assert views(cluster, older) == DEFAULT


def test_variables_say_another_list(cluster, older, change):
    run = change(
        predicted_then_done,
        podnet_non_masquerade_cidrs=["8.8.8.0/24"],
        podnet_masquerade_link_local=True,
        podnet_masquerade_nodes=False,  # as by default in native networks
    )
    assert {node: list(tasks) for node, tasks in run.changed.items()} == {
        node: [COMMAND, FILL] for node in cluster.nodes
    }
    assert listed(cluster) == {"8.8.8.0/24"}
    # What was begun goes on; what begins now is on the list.
    assert views(cluster, older) == {
        **dict.fromkeys((LISTED, METADATA, SERVER), "the node"),
        **dict.fromkeys((INTERNET, NODES["k8s-w1"], IPS[WEBPOD]), "the pod"),
    }
    for kind in KINDS:
        with flow(cluster, NETPOD, kind, INTERNET, own_port=46001) as one:
            assert one.seen() == (POD, 46001)


AGENT = {"nonMasqueradeCIDRs": ["203.0.113.10/32", "8.8.4.0/22"], "resyncInterval": "60s"}


def test_a_file_of_the_agent_says_another_list(cluster, older, change, tmp_path):
    """As its configuration as a variable does: see tests/unit/test_plan_masquerade.py."""
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump({**AGENT, "masqLinkLocal": True}))
    change(podnet_ip_masq_agent=str(file))
    assert listed(cluster) == set(AGENT["nonMasqueradeCIDRs"])
    assert views(cluster, older) == {**DEFAULT, SERVER: "the node", METADATA: "the node"}


def test_an_empty_list_leaves_pods_and_nodes(cluster, older, change):
    change(podnet_non_masquerade_cidrs=[])
    assert listed(cluster) == set()
    assert views(cluster, older) == {**DEFAULT, LISTED: "the node", SERVER: "the node"}


def test_without_one_the_default_is_back(cluster, older, change):
    change()
    assert views(cluster, older) == DEFAULT
