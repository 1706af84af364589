# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The cluster of nine pods, and two that come later, in any cell: three on each of three nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.cells.cells import small_vpc

from .model import ADDRESSES, NODES, port_names

if TYPE_CHECKING:
    from tests.cells.cells import Cell

#: Selects every pod and keeps nobody out: every node has the programs that know of policies.
EVERYTHING = [
    {
        "name": "everything",
        "namespace": space,
        "spec": {
            "podSelector": {},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{}],
            "egress": [{}],
        },
    }
    for space in "xyzw"
]

#: The service of x/a by every way, and that of all pods c of y.
SERVER, NODE_PORT = "10.10.0.80", 30080
OTHERS = "10.10.0.81"
VARIABLES: dict[str, Any] = {
    "podnet_deployments": [],
    "podnet_namespaces": [{"name": space, "labels": {"ns": space}} for space in "xyzw"],
    "podnet_network_policies": EVERYTHING,
    "podnet_masquerade": True,
    "podnet_service_cidr": "10.10.0.0/16",
    "podnet_services": [
        {
            "name": "server",
            "namespace": "x",
            "type": "NodePort",
            "cluster_ip": SERVER,
            "selector": {"pod": "a"},
            "ports": [{"port": 80, "node_port": NODE_PORT}],
        },
        {
            "name": "others",
            "namespace": "y",
            "cluster_ip": OTHERS,
            "selector": {"pod": "c"},
            "ports": [{"port": 8080, "target_port": 81}],
        },
    ],
}


def inventory(cell: Cell) -> dict[str, Any]:
    """Return the inventory: the small VPC of all cells, with pods of three namespaces."""
    made = small_vpc(cell, **VARIABLES)
    nodes = made["all"]["children"]["podnet_nodes"]["hosts"]
    for name, pods in NODES.items():
        nodes[name]["podnet_pods"] = [_pod(pod) for pod in pods]
    return made


def _pod(name: str) -> dict[str, Any]:
    space, _slash, own = name.partition("/")
    ports = [
        {"name": called, "protocol": protocol, "port": port}
        for called, protocol, port in port_names()
    ]
    return {
        "name": own,
        "namespace": space,
        "ip": ADDRESSES[name],
        "labels": {"pod": own},
        "containers": [{"name": "idle", "command": ["sleep", "infinity"], "ports": ports}],
    }
