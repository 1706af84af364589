# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The slice of one node: what its kernel must hold.

It is cut in two: what all nodes of a cluster have in common, kept once, and what is the node's
own. Both are plain data that JSON carries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..names import GATEWAY_MAC_PREFIX, HEALTH, POD_MAC_PREFIX
from .checks import prefixes_of, used_ranges
from .model import Pod
from .prefix import text

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from .addresses import Addresses
    from .model import Cluster, Node
    from .prefix import Prefix


def mac(address: int) -> str:
    """Return the MAC address of a pod: it follows from the IP address, so it is as stable."""
    return _mac(POD_MAC_PREFIX, address)


def vtep_mac(cidr: Prefix) -> str:
    """Return the MAC address of a node's tunnel endpoint: that of the one address no pod has."""
    return mac(cidr.first)


def gateway_mac(gateway: int) -> str:
    """Return the MAC address that all pods of a node take for their gateway's."""
    return _mac(GATEWAY_MAC_PREFIX, gateway)


def _mac(prefix: str, address: int) -> str:
    return prefix + address.to_bytes(4, "big").hex(":")


def common(
    cluster: Cluster,
    cidrs: Mapping[str, Prefix | None],
    health: Mapping[str, str | None],
    services: int,
) -> dict[str, Any]:
    """Return what the slices of a cluster share.

    :param health: each node's health address.
    :param services: how many services there are; services and policies themselves travel apart.
    """
    native, tunnel, masquerade = cluster.native, cluster.tunnel, cluster.masquerade
    return {
        "cluster": cluster.name,
        "network_type": cluster.network_type,
        "datapath": cluster.datapath,
        "vpc_cidr": str(cluster.vpc),
        "native_routing_cidr": str(cluster.native_routing) if native else None,
        "vxlan": None
        if native
        else {
            "vni": tunnel.vni,
            "port": tunnel.port,
            "checksum_offload": tunnel.checksum_offload,
        },
        "services": services,
        "policies": len(cluster.policies),
        "masquerade": masquerade
        and {
            "nodes": masquerade.nodes,
            "prefixes": [{"cidr": str(cidr), "why": why} for cidr, why in prefixes_of(cluster)],
        },
        "pod_ranges": [str(each.cidr) for each in used_ranges(cluster)],
        "ways": _ways(cluster),
        "nodes": [
            {
                "name": node.name,
                "node_ip": text(node.ip),
                "subnet": node.subnet.name,
                "pod_cidr": str(cidr),
                "health_ip": health[node.name],
                "vtep_ip": None if native else text(node.vtep),
                "vtep_mac": None if native else vtep_mac(cidr),
                "addresses": _further(node),
            }
            for node in cluster.nodes.values()
            if (cidr := cidrs[node.name])
        ],
    }


def _ways(cluster: Cluster) -> dict[str, str]:
    """Return how packets get to the pods of a peer on the same subnet, and on another one."""
    if cluster.native:
        return {"near": "direct", "far": "gateway"}
    return {"near": "direct" if cluster.tunnel.direct else "tunnel", "far": "tunnel"}


def own(
    node: Node,
    cidr: Prefix | None,
    *,
    reason: str,
    observed: bool,
    limit: int,
    pods: list[Pod],
    addresses: Addresses | None,
) -> dict[str, Any]:
    """Return what is a node's own; ``addresses`` is None where it has no CIDR.

    The health endpoint comes first, the pods follow in the order of their addresses.
    """
    endpoints = []
    if addresses is not None:
        health = Pod(HEALTH, addresses.health, {}, [])
        endpoints.append(_endpoint(health, addresses.health, "health"))
        endpoints += [
            _endpoint(pod, ip, "pod")
            for ip, pod in sorted(zip(addresses.pods, pods), key=lambda pair: pair[0])
        ]
    return {
        "name": node.name,
        "observed": observed,
        "node_ip": text(node.ip),
        "device": node.device,
        "mtu": node.mtu,
        "attach_mode": node.attach_mode,
        "addresses": _further(node),
        "masquerade": {"devices": list(node.egress_devices)},
        "metrics": node.metrics._asdict(),
        "confirm_timeout": node.confirm_timeout,
        "flows": {"sample": node.flows} if node.flows else None,
        "node_group": node.group.name,
        "subnet": {"name": node.subnet.name, "cidr": str(node.subnet.cidr)},
        "vpc_gateway": text(node.subnet.gateway),
        "vxlan": {
            "ip": text(node.vtep),
            "mac": None if cidr is None else vtep_mac(cidr),
            "device": node.vxlan_device,
        },
        "usable": cidr is not None,
        "reason": reason,
        "pod_cidr": None if cidr is None else str(cidr),
        "gateway_ip": None if addresses is None else text(addresses.gateway),
        "gateway_mac": None if addresses is None else gateway_mac(addresses.gateway),
        "health_ip": None if addresses is None else text(addresses.health),
        "capacity": {
            "addresses": 0 if cidr is None else cidr.size,
            "usable_pods": limit,
            "used": len(pods),
        },
        "endpoints": endpoints,
        "isolation": False,
    }


def isolate(mine: dict[str, Any], isolated: Container[str]) -> None:
    """Say in what is a node's own which of its pods a policy selects, by their names."""
    for endpoint in mine["endpoints"]:
        endpoint["isolated"] = endpoint["name"] in isolated
    mine["isolation"] = any(endpoint["isolated"] for endpoint in mine["endpoints"])


def _further(node: Node) -> list[str]:
    return [text(address) for address in node.addresses]


def _endpoint(pod: Pod, ip: int, kind: str) -> dict[str, Any]:
    return {
        "name": pod.name,
        "ip": text(ip),
        "mac": mac(ip),
        "netns": pod.netns,
        "kind": kind,
        "labels": pod.labels,
        "isolated": False,
        "containers": pod.containers,
    }
