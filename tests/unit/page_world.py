# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a cluster of any size says of itself, for the page: planned by the planner, then made up."""

from __future__ import annotations

from typing import Any

from ansible_collections.podnet.fabric.plugins.module_utils.plan.planner import plan
from ansible_collections.podnet.fabric.plugins.module_utils.plan.policy import options
from ansible_collections.podnet.fabric.plugins.module_utils.policy import matrix

from tests.unit.planning import fresh, inventory

ROLES = ("web", "api", "db")
POLICIES = [
    {
        "name": "api",
        "spec": {
            "podSelector": {"matchLabels": {"role": "api"}},
            "ingress": [
                {
                    "from": [{"podSelector": {"matchLabels": {"role": "web"}}}],
                    "ports": [{"port": 80}, {"port": 8000, "endPort": 8100}],
                }
            ],
        },
    },
    {
        "name": "db",
        "spec": {
            "podSelector": {"matchLabels": {"role": "db"}},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {
                    "from": [
                        {"podSelector": {"matchLabels": {"role": "api"}}},
                        {"ipBlock": {"cidr": "192.0.2.0/24"}},
                    ]
                }
            ],
        },
    },
]


def planned(nodes: int = 3, pods: int = 12) -> Any:
    """Return the plan of a cluster with policies, its pods web, api and db by turns."""
    names = {
        f"node-{number:04}": f"10.111.{number // 200}.{number % 200 + 8}" for number in range(nodes)
    }
    deployments = [
        {"name": role, "replicas": pods // 3 + (pods % 3 > at), "labels": {"role": role}}
        for at, role in enumerate(ROLES)
    ]
    wide = {
        "podnet_subnets": [{"name": "default", "cidr": "10.111.0.0/19", "gateway": "10.111.0.1"}]
    }
    roomy = {
        "podnet_secondary_ranges": [{"name": "default", "cidr": "10.112.0.0/14"}],
        "podnet_vpc_cidr": "10.96.0.0/11",
        "podnet_node_cidr_mask_size": 22,
    }
    given = inventory(
        names, podnet_deployments=deployments, podnet_network_policies=POLICIES, **wide, **roomy
    )
    return plan(given, fresh(names))


def cluster(nodes: int = 3, pods: int = 12) -> dict[str, Any]:
    """Return what ``build.cluster`` takes."""
    made = planned(nodes, pods)
    summary = made.clusters["demo"]
    names = [node["name"] for node in summary["nodes"]]
    statuses = {name: status(made, name) for name in names}
    return {
        "summary": {**summary, "services": 1},
        "reported": {name: {**one["node"], "status": one} for name, one in statuses.items()},
        "places": {
            name: {"subnet": made.own[name]["subnet"], "gateway": made.own[name]["vpc_gateway"]}
            for name in names
        },
        "matrix": table(made),
        "probed": {name: [probe(other) for other in names] for name in names},
        "failures": {},
    }


def table(made: Any) -> dict[str, Any]:
    """Return who may talk to whom in a plan."""
    tables = made.policies["demo"]
    nodes = [options.of_node(tables, own["endpoints"]) for own in made.own.values()]
    return matrix.matrix([options.of_cluster(tables), *nodes], made.labels["demo"])


def status(made: Any, name: str) -> dict[str, Any]:
    """Return as much of a node's status as the page shows."""
    own = made.own[name]
    endpoints = [
        {"state": "ready", **{word: one[word] for word in ("name", "kind", "ip")}}
        for one in own["endpoints"]
    ]
    front = {"name": "default/web:80/TCP", "type": "ClusterIP", "protocol": "TCP"}
    backends = [
        {"address": f"{one['ip']}:80", "state": "active"}
        for mine in made.own.values()
        for one in mine["endpoints"]
        if one["name"].startswith("web-")
    ]
    return {
        "node": {"name": name, "node_ip": own["node_ip"], "usable": True, "reason": ""},
        "kernel": "6.18.44",
        "attach_mode": "tcx",
        "endpoints": endpoints,
        "ipam": {"addresses": {one["ip"]: one["name"] for one in endpoints}},
        "peers": [{"name": "other", "route": "direct"}],
        "masquerade": {"missing": [], "unplanned": [], "exhausted": 0, "warnings": []},
        "services": {
            "frontends": [
                {**front, "frontend": "10.10.0.80:80", "backends": backends, "outside_backends": []}
            ]
        },
        "policies": {
            "sets": [
                {
                    "direction": "ingress",
                    "policies": ["default/api"],
                    "pods": ["10.0.0.1"],
                    "dropped": {"packets": 3, "bytes": 222},
                    "would_drop": {"packets": 0, "bytes": 0},
                }
            ],
            "notes": 4,
            "planned": True,
            "judges": True,
        },
        "forwarded": [count("to_endpoint", "delivered into a pod of this node", 1200)],
        "drops": [count("ingress_denied", "for a pod that a policy isolates", 3)],
        "recorder": {"unrecorded": 0},
        "maps": [
            {"name": "nat", "type": "hash", "used": 120_000, "size": 131_072},
            {"name": "drops", "type": "lru_hash", "used": 16_384, "size": 16_384},
            {"name": "metrics", "type": "percpu_array", "used": 512, "size": 512},
            {"name": "policy_pods", "type": "hash", "used": None, "size": 65_535},
        ],
    }


def count(verdict: str, what: str, packets: int) -> dict[str, Any]:
    """Return what a node has counted of a verdict."""
    return {
        "hook": "from_container",
        "verdict": verdict,
        "what": what,
        "packets": packets,
        "bytes": 74 * packets,
    }


def probe(name: str, *, error: str | None = None) -> dict[str, Any]:
    """Return a probe of a node: ICMP and HTTP to it, and to its health endpoint."""
    good = {"ok": True, "rtt": 0.0004, "error": None}
    bad = {"ok": error is None, "rtt": None if error else 0.001, "error": error}
    return {
        "name": name,
        "host": {"address": "10.111.0.8", "icmp": good, "http": good},
        "endpoint": {"address": "10.112.0.2", "icmp": good, "http": bad},
    }
