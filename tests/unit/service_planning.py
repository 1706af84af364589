"""What the tests of planned services share: the write-up's cluster and its manifest."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.plan.planner import Plan, plan
from ansible_collections.podnet.fabric.plugins.plugin_utils import service_files
from planning import fresh

#: Of cilium-hands-on-native-routing.md: three nodes, a client, two web pods on the other nodes.
NODES = {"k8s-s": "192.168.10.10", "k8s-w1": "192.168.10.101", "k8s-w2": "192.168.10.102"}
WEB = {"app": "webpod"}
PODS: dict[str, list[dict[str, Any]]] = {
    "k8s-s": [{"name": "netpod", "ip": "172.16.0.79"}],
    "k8s-w1": [{"name": "webpod1", "ip": "172.16.1.235", "labels": WEB}],
    "k8s-w2": [{"name": "webpod2", "ip": "172.16.2.253", "labels": WEB}],
}
CLUSTER: dict[str, Any] = {
    "podnet_vpc_cidr": "192.168.0.0/16",
    "podnet_native_routing_cidr": "128.0.0.0/1",
    "podnet_subnets": [{"name": "default", "cidr": "192.168.10.0/24"}],
    "podnet_secondary_ranges": [{"name": "default", "cidr": "172.16.0.0/16"}],
    "podnet_node_cidr_mask_size": 24,
    "podnet_service_cidr": "10.10.0.0/16",
}

#: The write-up's manifest, letter for letter.
MANIFEST = """\
apiVersion: v1
kind: Service
metadata:
  name: svc
spec:
  ports:
    - name: svc-webport
      port: 80
      targetPort: 80
  selector:
    app: webpod
  type: ClusterIP
"""

WEB_1 = {"ip": "172.16.1.235", "port": 80, "node": "k8s-w1", "state": "active"}
WEB_2 = {"ip": "172.16.2.253", "port": 80, "node": "k8s-w2", "state": "active"}


def nodes(pods: dict[str, list[dict[str, Any]]] | None = None, **cluster: Any) -> dict[str, Any]:
    """Return the variables of the write-up's nodes, some changed; ``pods`` on top of its own."""
    return {
        name: {
            **CLUSTER,
            **cluster,
            "podnet_node_ip": ip,
            "podnet_pods": PODS[name] + (pods or {}).get(name, []),
        }
        for name, ip in NODES.items()
    }


def planned(
    *services: dict[str, Any], observed: dict[str, Any] | None = None, **variables: Any
) -> Plan:
    """Return the plan of the write-up's cluster with these services."""
    inventory = nodes(podnet_services=list(services), **variables)
    return plan(inventory, {**fresh(NODES), **(observed or {})})


def services(result: Plan) -> dict[str, dict[str, Any]]:
    """Return the planned services by name."""
    return {each["name"]: each for each in result.services["default"]}


def one(*given: dict[str, Any], **variables: Any) -> dict[str, Any]:
    """Return the first planned service."""
    first: dict[str, Any] = planned(*given, **variables).services["default"][0]
    return first


def refused(*given: dict[str, Any], **variables: Any) -> list[str]:
    """Return all that is said to be wrong."""
    with pytest.raises(Failure) as failure:
        planned(*given, **variables)
    problems = failure.value.details["problems"]
    assert isinstance(problems, list)
    return problems


def text(yaml: str, where: str = "svc.yml") -> dict[str, Any]:
    """Return a YAML text as the plan gets a file."""
    return {"source": where, "documents": service_files.documents(yaml, where)}


def holding(**services: Any) -> dict[str, dict[str, Any]]:
    """Return the observation of nodes that all hold these allocations."""
    return {name: {**seen, "services": services} for name, seen in fresh(NODES).items()}
