"""What the tests of the planner share: the write-up's cluster, and a world of kernels."""

from __future__ import annotations

import copy
from typing import Any

from ansible_collections.podnet.fabric.plugins.module_utils.plan.planner import Plan, plan

CLUSTER: dict[str, Any] = {
    "podnet_cluster": "demo",
    "podnet_network_type": "native_routing",
    "podnet_datapath": "ebpf",
    "podnet_vpc_cidr": "10.111.0.0/16",
    "podnet_subnets": [{"name": "default", "cidr": "10.111.0.0/24", "gateway": "10.111.0.1"}],
    "podnet_secondary_ranges": [{"name": "default", "cidr": "10.111.160.0/20"}],
    "podnet_node_cidr_mask_size": 25,
    "podnet_deployments": [
        {"name": "nginx-app", "replicas": 20, "command": ["nginx"], "labels": {"app": "nginx"}}
    ],
}

#: The write-up's nodes, in the order in which they joined.
NODES = {"node-e6e4d": "10.111.0.8", "node-63344": "10.111.0.9", "node-39206": "10.111.0.14"}

FRESH: dict[str, Any] = {"pod_cidr": None, "peers": {}, "endpoints": {}}


def inventory(nodes: dict[str, str] | None = None, **cluster: Any) -> dict[str, dict[str, Any]]:
    """Return the variables of nodes (name: address) with those of the cluster, some changed."""
    variables = {**CLUSTER, **cluster}
    return {
        name: {**variables, "podnet_node_ip": ip}
        for name, ip in (NODES if nodes is None else nodes).items()
    }


def fresh(nodes: Any) -> dict[str, dict[str, Any]]:
    """Return the observation of nodes that hold nothing."""
    return {name: copy.deepcopy(FRESH) for name in nodes}


def cidrs(result: Plan) -> dict[str, str | None]:
    """Return the pod CIDR of every node of a plan."""
    return {name: own["pod_cidr"] for name, own in result.own.items()}


def pods(result: Plan) -> dict[str, tuple[str, str]]:
    """Return (node, address) of every pod of a plan."""
    return {
        endpoint["name"]: (name, endpoint["ip"])
        for name, own in result.own.items()
        for endpoint in own["endpoints"]
        if endpoint["kind"] == "pod"
    }


class World:
    """Nodes with kernels: a run plans from what they hold and changes what they hold."""

    def __init__(self, nodes: dict[str, dict[str, Any]]) -> None:
        self.nodes = nodes
        self.kernels: dict[str, dict[str, Any]] = {}
        self.down: set[str] = set()

    def observed(self, limit: Any = None) -> dict[str, dict[str, Any] | None]:
        """Return what a run sees of its hosts."""
        return {
            name: None if name in self.down else copy.deepcopy(self.kernels.get(name, FRESH))
            for name in self.nodes
            if limit is None or name in limit
        }

    def plan(self, limit: Any = None) -> Plan:
        """Plan and change nothing."""
        return plan(self.nodes, self.observed(limit))

    def run(self, limit: Any = None, killed_at: Any = ()) -> Plan:
        """Plan and apply; ``killed_at`` names nodes that the run does not get to."""
        result = self.plan(limit)
        for name, seen in self.observed(limit).items():
            if seen is not None and name not in killed_at:
                node = result.node(name)
                self.kernels[name] = {
                    "pod_cidr": node["pod_cidr"],
                    "peers": {peer["pod_cidr"]: peer["node_ip"] for peer in node["peers"]},
                    "endpoints": {each["name"]: each["ip"] for each in node["endpoints"]},
                }
        return result

    def leave(self, name: str) -> None:
        """Let a node leave for good, and say so."""
        ip = self.nodes.pop(name)["podnet_node_ip"]
        for node in self.nodes.values():
            node["podnet_forget_nodes"] = [*node.get("podnet_forget_nodes", ()), ip]

    def holding(self) -> dict[str, dict[str, Any]]:
        """Return the kernels of the inventory's nodes that hold something."""
        return {
            name: kernel
            for name, kernel in self.kernels.items()
            if name in self.nodes and kernel["pod_cidr"]
        }
