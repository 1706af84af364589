"""What Kubernetes says of a packet, straight from the YAML: no classes, no tables, no code of ours.

Two pods and a packet, rule by rule. The tables of the planner are held against it.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Any


@dataclass
class World:
    """``pods`` by address, each with namespace, labels and ports (name, protocol, number)."""

    pods: dict[str, dict[str, Any]]
    policies: list[dict[str, Any]]
    namespaces: dict[str, dict[str, str]] = field(default_factory=dict)

    def allows(self, source: str, destination: str, protocol: str, port: int) -> bool:
        """Say whether a packet passes the policies of both of its ends."""
        return self.denied(source, destination, protocol, port) is None

    def denied(self, source: str, destination: str, protocol: str, port: int) -> str | None:
        """Return the direction in which it does not pass, the first that it meets; else None."""
        if source == destination:
            return None
        for way in ("egress", "ingress"):
            if not self.lets(way, source, destination, protocol, port):
                return way
        return None

    def lets(self, way: str, source: str, destination: str, protocol: str, port: int) -> bool:
        """Say whether one end lets it through: egress of the source, ingress of the other."""
        packet = (protocol, port, self.pods.get(destination))
        if way == "egress":
            return self._end(way, "to", source, destination, packet)
        return self._end(way, "from", destination, source, packet)

    def selects(self, address: str) -> bool:
        """Say whether a policy isolates the pod at an address, in whichever direction."""
        pod = self.pods[address]
        return any(_isolates(p, pod, way) for p in self.policies for way in ("ingress", "egress"))

    def _end(self, way: str, key: str, own: str, other: str, packet: Any) -> bool:
        pod = self.pods.get(own)
        isolating = [p for p in self.policies if pod and _isolates(p, pod, way)]
        return not isolating or any(
            (not rule.get(key) or any(self._is(each, p, other) for each in rule[key]))
            and (not rule.get("ports") or any(_covers(each, *packet) for each in rule["ports"]))
            for p in isolating
            for rule in p["spec"].get(way) or []
        )

    def _is(self, peer: dict[str, Any], policy: dict[str, Any], other: str) -> bool:
        if "ipBlock" in peer:
            blocks = [peer["ipBlock"]["cidr"], *peer["ipBlock"].get("except", [])]
            inside = [_holds(each, other) for each in blocks]
            return inside[0] and not any(inside[1:])
        pod = self.pods.get(other)
        if pod is None or not _matches(peer.get("podSelector"), pod["labels"]):
            return False
        if peer.get("namespaceSelector") is None:
            return bool(pod["namespace"] == policy["namespace"])
        name = pod["namespace"]
        labels = {**self.namespaces.get(name, {}), "kubernetes.io/metadata.name": name}
        return _matches(peer["namespaceSelector"], labels)


def _isolates(policy: dict[str, Any], pod: dict[str, Any], way: str) -> bool:
    spec = policy["spec"]
    types = spec.get("policyTypes") or ["Ingress"] + ["Egress"] * bool(spec.get("egress"))
    return (
        policy["namespace"] == pod["namespace"]
        and way.capitalize() in types
        and _matches(spec.get("podSelector"), pod["labels"])
    )


def _covers(wanted: dict[str, Any], protocol: str, port: int, destination: Any) -> bool:
    if wanted.get("protocol", "TCP") != protocol:
        return False
    number = wanted.get("port")
    if isinstance(number, str):
        return destination is not None and (number, protocol, port) in destination["ports"]
    return number is None or number <= port <= wanted.get("endPort", number)


def _matches(selector: dict[str, Any] | None, labels: dict[str, str]) -> bool:
    expressions = (selector or {}).get("matchExpressions") or []
    wanted = (selector or {}).get("matchLabels") or {}
    return wanted.items() <= labels.items() and all(
        {
            "In": labels.get(each["key"]) in each.get("values", []),
            "NotIn": labels.get(each["key"]) not in each.get("values", []),
            "Exists": each["key"] in labels,
            "DoesNotExist": each["key"] not in labels,
        }[each["operator"]]
        for each in expressions
    )


def _holds(cidr: str, address: str) -> bool:
    network, ip = ipaddress.ip_network(cidr, strict=False), ipaddress.ip_address(address)
    return ip.version == network.version and ip in network
