"""What of a node's plan lies in tables that others write to as well."""

from __future__ import annotations

from ansible_collections.podnet.fabric.plugins.module_utils import names
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import entries, tasks
from samples import NODE


def test_the_hosts_own_address_names_the_device_that_has_it():
    assert entries.build(NODE)["addresses"] == [
        {"dev": "pn_host", "address": "10.111.160.126/32"},
        {"dev": "pn_host", "address": "10.111.0.8/32", "of": "eth0"},
    ]


def test_routes_to_pods_are_those_of_the_endpoints_too():
    node = {**NODE, "datapath": "routed"}
    found = entries.build(node)["routes"]
    own = [
        {
            "dst": f"{one['ip']}/32",
            "dev": names.endpoint_device(one["name"]),
            "src": NODE["node_ip"],
        }
        for one in NODE["endpoints"]
    ]
    assert own
    assert found == tasks.build(node)["routes"] + own
    assert entries.build(NODE)["routes"] == tasks.build(NODE)["routes"]


def test_a_node_without_a_pod_cidr_has_routes_alone():
    node = {**NODE, "usable": False, "datapath": "routed"}
    assert entries.build(node) == {
        "addresses": [],
        "routes": [{"dst": "10.111.160.128/25", "via": "10.111.0.9"}],
        "neighbors": [],
    }
