# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pods, services and policies of the connectivity test, as an inventory would list them.

All of them are in a namespace of the test's own. A plan that has them beside what the inventory has
gives them addresses that nobody has; of that plan a node is brought these alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NAMESPACE, OTHER_NAMESPACE = "podnet-connectivity", "podnet-connectivity-other"
#: The label by which the test's services and policies know its pods.
ROLE, NODE = "podnet-connectivity/role", "podnet-connectivity/node"

#: Ports of the responders, each of TCP and UDP: of pods, and of nodes and hosts outside.
PORT, CLOSED_PORT, HOST_PORT, DNS_PORT = 8080, 8081, 4241, 53
#: What the rules of the pod ``guarded`` let in: by label, by namespace, by CIDR, by another one.
LABEL_PORT, NAMESPACE_PORT, CIDR_PORT, OTHER_CIDR_PORT = 8001, 8002, 8003, 8004
SERVICE_PORT = 80

#: Pods of each node by their role: namespace, ports of TCP and UDP.
PODS: dict[str, tuple[str, tuple[int, ...]]] = {
    "client": (NAMESPACE, ()),
    "server": (NAMESPACE, (PORT, CLOSED_PORT)),
    "guarded": (NAMESPACE, (PORT, LABEL_PORT, NAMESPACE_PORT, CIDR_PORT, OTHER_CIDR_PORT)),
    "caged": (NAMESPACE, (PORT, LABEL_PORT)),
    "other": (OTHER_NAMESPACE, (PORT,)),
}
#: Those that are there for policies alone.
OF_POLICIES = ("guarded", "caged", "other")

ECHO = f"{NAMESPACE}/echo"
_OF_NODE = "node-"

_CLIENT = {"podSelector": {"matchLabels": {ROLE: "client"}}}


def _both(port: int) -> list[dict[str, Any]]:
    return [{"protocol": protocol, "port": port} for protocol in ("TCP", "UDP")]


def _selects(role: str) -> dict[str, Any]:
    return {"podSelector": {"matchLabels": {ROLE: role}}}


#: Policies, in the words of ``podnet_network_policies``. Addresses of documentation are nobody's.
POLICIES: tuple[dict[str, Any], ...] = (
    {"name": "deny-all", "spec": {**_selects("guarded"), "policyTypes": ["Ingress"]}},
    {
        "name": "by-label",
        "spec": {
            **_selects("guarded"),
            "ingress": [{"from": [_CLIENT], "ports": _both(LABEL_PORT)}],
        },
    },
    {
        "name": "by-namespace",
        "spec": {
            **_selects("guarded"),
            "ingress": [
                {
                    "from": [
                        {
                            "namespaceSelector": {
                                "matchLabels": {"kubernetes.io/metadata.name": OTHER_NAMESPACE}
                            }
                        }
                    ],
                    "ports": _both(NAMESPACE_PORT),
                }
            ],
        },
    },
    {
        "name": "by-cidr",
        "spec": {
            **_selects("guarded"),
            "ingress": [
                {"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": _both(CIDR_PORT)},
                {"from": [{"ipBlock": {"cidr": "192.0.2.0/24"}}], "ports": _both(OTHER_CIDR_PORT)},
            ],
        },
    },
    {
        "name": "caged",
        "spec": {
            **_selects("caged"),
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [_CLIENT], "ports": _both(LABEL_PORT)}],
            "egress": [{"to": [_selects("server")], "ports": _both(PORT)}],
        },
    },
    {
        "name": "allow-all",
        "namespace": OTHER_NAMESPACE,
        "spec": {"podSelector": {}, "ingress": [{}], "policyTypes": ["Ingress"]},
    },
)


def is_own(endpoint: str) -> bool:
    """Say whether an endpoint of this name is one of the test."""
    return any(
        endpoint.startswith(names.endpoint(each, "")) for each in (NAMESPACE, OTHER_NAMESPACE)
    )


def role_of(endpoint: Mapping[str, Any]) -> str | None:
    """Return the role of an endpoint of a plan; None: it is not the test's."""
    role: str | None = endpoint["labels"].get(ROLE) if is_own(endpoint["name"]) else None
    return role


def service_of(node: str) -> str:
    """Return the service whose one backend is the server of a node; a node by its number."""
    return f"{NAMESPACE}/{_OF_NODE}{node}"


def added(nodes: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the variables of nodes with those of the test beside theirs."""
    of_cluster: dict[object, list[str]] = {}
    for number, variables in enumerate(nodes.values(), 1):
        of_cluster.setdefault(variables.get("podnet_cluster"), []).append(str(number))
    return {
        name: {
            **variables,
            "podnet_pods": _more(variables.get("podnet_pods"), _pods(str(number))),
            "podnet_network_policies": _more(
                variables.get("podnet_network_policies"),
                ({"namespace": NAMESPACE, **policy} for policy in POLICIES),
            ),
            **_with_services(variables, of_cluster[variables.get("podnet_cluster")]),
        }
        for number, (name, variables) in enumerate(nodes.items(), 1)
    }


def _pods(node: str) -> Iterable[dict[str, Any]]:
    for role, (namespace, _ports) in PODS.items():
        labels = {ROLE: role, NODE: node}
        yield {"name": f"{role}-{node}", "namespace": namespace, "labels": labels}


def _with_services(variables: Mapping[str, Any], numbers: Iterable[str]) -> dict[str, Any]:
    """Return the list of services with the test's, where there can be services."""
    if not variables.get("podnet_service_cidr"):
        return {}
    ports = [
        {
            "name": protocol.lower(),
            "port": SERVICE_PORT,
            "target_port": PORT,
            "protocol": protocol,
        }
        for protocol in ("TCP", "UDP")
    ]
    server = {ROLE: "server"}
    own = [
        {"name": f"{_OF_NODE}{number}", "selector": {**server, NODE: number}} for number in numbers
    ]
    listed = [{"name": "echo", "type": "NodePort", "selector": server}, *own]
    more = ({"namespace": NAMESPACE, "ports": ports, **one} for one in listed)
    return {"podnet_services": _more(variables.get("podnet_services"), more)}


def _more(given: Any, more: Iterable[dict[str, Any]]) -> Any:
    """Return a list with more items; what is no list the plan refuses."""
    if given in (None, ""):
        given = []
    return [*given, *more] if isinstance(given, (list, tuple)) else given
