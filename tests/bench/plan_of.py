"""Plan a large cluster: ``python -m tests.bench.plan_of NODES PODS``.

Prints what came of it, so that a plan that was refused or left nodes out is not taken for a
quick one.
"""

from __future__ import annotations

import sys
from ipaddress import IPv4Address
from typing import Any

from ansible_collections.podnet.fabric.plugins.module_utils.plan.planner import plan

FIRST_NODE = IPv4Address("10.0.1.0")


def inventory(nodes: int, pods: int) -> dict[str, dict[str, Any]]:
    """Variables of every node, as Ansible gives them: the cluster's, and the node's own."""
    cluster = {
        "podnet_cluster": "large",
        "podnet_network_type": "native_routing",
        "podnet_vpc_cidr": "10.0.0.0/8",
        "podnet_subnets": [{"name": "default", "cidr": "10.0.0.0/16", "gateway": "10.0.0.1"}],
        "podnet_secondary_ranges": [{"name": "default", "cidr": "10.64.0.0/10"}],
        "podnet_node_cidr_mask_size": 24,
        "podnet_deployments": [{"name": "nginx-app", "replicas": pods}],
    }
    return {
        f"node-{number:05}": {**cluster, "podnet_node_ip": str(FIRST_NODE + number)}
        for number in range(nodes)
    }


def main() -> int:
    """Return 0 where every node has a CIDR and every pod an address."""
    nodes, pods = (int(argument) for argument in sys.argv[1:])
    asked = inventory(nodes, pods)
    planned = plan(asked, {name: {} for name in asked})  # all were asked, none holds anything yet
    slices = [planned.node(name) for name in asked]
    cidrs = {one["pod_cidr"] for one in slices}
    placed = {
        endpoint["ip"]
        for one in slices
        for endpoint in one["endpoints"]
        if endpoint["kind"] == "pod"
    }
    print(f"{len(cidrs)} pod CIDRs, {len(placed)} pods")
    return 0 if (len(cidrs), len(placed)) == (nodes, pods) else 1


if __name__ == "__main__":
    sys.exit(main())
