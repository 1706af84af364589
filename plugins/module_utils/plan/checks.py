# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the values of an inventory must not mean together; a sentence for each that they do."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from ..datapath.nat_layout import MASQUERADE, NON_MASQUERADE
from ..names import BRIDGE_DEVICE, DEVICE_PREFIX, HEALTH
from . import masquerade
from .prefix import Prefix, overlapping, text
from .values import NAME_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .model import Cluster, Group, Node, Pod, Range

#: RFC 1122 and 5771: what is nobody's address to others.
UNREACHABLE = (
    ("this network", Prefix(0, 8)),
    ("loopback", Prefix(127 << 24, 8)),
    ("multicast or reserved", Prefix(224 << 24, 3)),
)


def problems(clusters: Iterable[Cluster]) -> Iterator[str]:
    """Yield what is wrong: in each cluster, then between clusters."""
    clusters = list(clusters)
    for cluster in clusters:
        yield from _subnets(cluster)
        yield from _ranges(cluster)
        yield from _masks(cluster)
        yield from _fixed_cidrs(cluster)
        yield from _pods(cluster)
        yield from _prefixes(cluster)
        yield from _egress_devices(cluster)
    yield from _between(clusters)
    yield from _load_balancers(clusters)
    yield from _node_addresses(clusters)
    yield from _further_addresses(clusters)
    yield from _tunnel_endpoints(cluster for cluster in clusters if not cluster.native)


def used_ranges(cluster: Cluster) -> list[Range]:
    """Return the secondary ranges of the node groups, each once, in the order of the list."""
    used = {each.name for group in cluster.groups for each in group.ranges}
    return [each for each in cluster.ranges if each.name in used]


def prefixes_of(cluster: Cluster) -> list[tuple[Prefix, str]]:
    """Return the prefixes of which a cluster masquerades nothing: see ``masquerade``."""
    if cluster.masquerade is None:
        return []
    pods = [each.cidr for each in used_ranges(cluster)]
    native = cluster.native_routing if cluster.native else None
    return masquerade.prefixes(cluster.masquerade, pods, native)


def _subnets(cluster: Cluster) -> Iterator[str]:
    for subnet in cluster.subnets:
        what = f"podnet_subnets {subnet.name}"
        if not cluster.vpc.contains(subnet.cidr):
            yield (
                f"{what} is {subnet.cidr}, which lies outside its VPC; valid is a CIDR within "
                f"podnet_vpc_cidr {cluster.vpc}."
            )
        if not subnet.cidr.holds(subnet.gateway) or subnet.cidr.reserves(subnet.gateway):
            yield (
                f"{what}.gateway is {text(subnet.gateway)}; valid is an address of "
                f"{subnet.cidr} other than the first and the last."
            )
    for one, other in overlapping([subnet.cidr for subnet in cluster.subnets]):
        first, second = cluster.subnets[one], cluster.subnets[other]
        yield (
            f"podnet_subnets {second.name} {second.cidr} overlaps {first.name} {first.cidr}; "
            "subnets of a VPC must not share an address."
        )


def _ranges(cluster: Cluster) -> Iterator[str]:
    named = [("podnet_subnets", each.name, each.cidr) for each in cluster.subnets]
    named += [("podnet_secondary_ranges", each.name, each.cidr) for each in cluster.ranges]
    for one, other in overlapping([each[2] for each in named]):
        variable, name, cidr = named[other]
        if variable == "podnet_secondary_ranges":
            yield (
                f"podnet_secondary_ranges {name} {cidr} overlaps {named[one][0]} {named[one][1]} "
                f"{named[one][2]}; a secondary range must share no address with a primary or "
                "another secondary range."
            )
    for each in used_ranges(cluster):
        if each.cluster not in (None, cluster.name):
            yield (
                f"podnet_secondary_ranges {each.name} {each.cidr} belongs to cluster "
                f"{each.cluster}, and cluster {cluster.name} uses it; valid is a range that no "
                "other cluster has."
            )
        if cluster.native and not cluster.native_routing.contains(each.cidr):
            yield (
                f"podnet_secondary_ranges {each.name} {each.cidr} lies outside the native-routing "
                f"CIDR {cluster.native_routing}; valid is a range within it, or a "
                "podnet_native_routing_cidr that holds both the VPC and the range."
            )


def _masks(cluster: Cluster) -> Iterator[str]:
    for group in cluster.groups:
        for each in group.ranges:
            if group.mask < each.cidr.length:
                yield (
                    f"podnet_node_cidr_mask_size of node group {group.name} is {group.mask}, "
                    f"outside the secondary range {each.name} {each.cidr}; valid is "
                    f"{max(each.cidr.length, 16)} to 28."
                )


def group_holds(group: Group, cidr: Prefix) -> bool:
    """Say whether a node CIDR lies in a range of the node group."""
    return any(each.cidr.contains(cidr) for each in group.ranges)


def ranges_of(group: Group) -> str:
    """Return the ranges of a node group as a sentence names them."""
    return ", ".join(f"{each.name} {each.cidr}" for each in group.ranges) or "none"


def _fixed_cidrs(cluster: Cluster) -> Iterator[str]:
    for node in cluster.nodes.values():
        cidr, group = node.pod_cidr, node.group
        if cidr is not None and (cidr.length != group.mask or not group_holds(group, cidr)):
            yield (
                f"podnet_pod_cidr of {node.name} is {cidr}; valid is a /{group.mask} within the "
                f"secondary ranges of its node group {group.name}: {ranges_of(group)}."
            )


def _pods(cluster: Cluster) -> Iterator[str]:
    listed: dict[str, tuple[str, str]] = {}
    for whose, at, pod in _single_pods(cluster):
        if pod.name == HEALTH:
            yield (
                f"{whose} has the name {HEALTH!r}, which is that of the health endpoint; valid is "
                "any other."
            )
        if pod.name in listed:
            yield (
                f"{whose} has the name {pod.name!r}, which {listed[pod.name][1]} has too; each "
                "name is valid once in a cluster."
            )
        listed[pod.name] = whose, at
    for deployment in cluster.deployments:
        if deployment.replicas is None:
            continue
        if len(deployment.name) + 1 + len(str(deployment.replicas)) > NAME_MAX:
            yield (
                f"{deployment.where or 'podnet_deployments'} name {deployment.name!r} is too long; "
                "valid is a name that leaves room for the pod's number within "
                f"{NAME_MAX} characters."
            )
        if listed:
            yield from (
                f"{listed[pod.name][0]} has the name {pod.name!r}, which is a pod of deployment "
                f"{deployment.name} too; each name is valid once in a cluster."
                for pod in deployment.pods()
                if pod.name in listed
            )


def _single_pods(cluster: Cluster) -> Iterator[tuple[str, str, Pod]]:
    """Yield pods that are given by themselves: by what or whom, and where."""
    for node in cluster.nodes.values():
        for pod in node.pods:
            yield pod.where or f"podnet_pods of {node.name}", pod.where or node.name, pod
    for deployment in cluster.deployments:
        if deployment.replicas is None:
            yield deployment.where, deployment.where, deployment.pods()[0]


def _prefixes(cluster: Cluster) -> Iterator[str]:
    stay = prefixes_of(cluster)
    if len(stay) > NON_MASQUERADE.max_entries:
        listed = sum(why == "listed" for _cidr, why in stay)
        others = len(stay) - listed
        yield (
            f"podnet_non_masquerade_cidrs of cluster {cluster.name} has {listed} prefixes; valid "
            f"are up to {NON_MASQUERADE.max_entries - others}, since {others} others go into the "
            "same map."
        )


def _egress_devices(cluster: Cluster) -> Iterator[str]:
    for node in cluster.nodes.values():
        what, devices = f"podnet_masquerade_devices of {node.name}", node.egress_devices
        if len(devices) > MASQUERADE.max_entries:
            yield f"{what} has {len(devices)} devices; valid are up to {MASQUERADE.max_entries}."
        yield from (
            f"{what} has {device!r} twice; each device is valid once."
            for device in dict.fromkeys(devices)
            if devices.count(device) > 1
        )
        yield from (
            f"{what} has {device!r}, which is a device of the pod network itself; valid is a "
            "device that leads out of the node such as eth0."
            for device in dict.fromkeys(devices)
            if device == BRIDGE_DEVICE or device.startswith(DEVICE_PREFIX)
        )


def _between(clusters: list[Cluster]) -> Iterator[str]:
    if len(clusters) == 1:
        return
    owned = [(cluster, each) for cluster in clusters for each in used_ranges(cluster)]
    for one, other in overlapping([each[1].cidr for each in owned]):
        (first, mine), (second, theirs) = owned[one], owned[other]
        if first is not second:
            yield (
                f"podnet_secondary_ranges {theirs.name} {theirs.cidr} of cluster {second.name} "
                f"overlaps {mine.name} {mine.cidr} of cluster {first.name}; a secondary range "
                "belongs to one cluster alone."
            )
    for cluster, each in owned:
        for subnet in chain.from_iterable(c.subnets for c in clusters if c is not cluster):
            if subnet.cidr.overlaps(each.cidr):
                yield (
                    f"podnet_secondary_ranges {each.name} {each.cidr} of cluster {cluster.name} "
                    f"overlaps the subnet {subnet.name} {subnet.cidr} of another cluster; a "
                    "secondary range must share no address with a primary range."
                )


def _load_balancers(clusters: Iterable[Cluster]) -> Iterator[str]:
    """Yield CIDRs out of which two clusters would choose the same address."""
    owned = [
        (cluster, each) for cluster in clusters for each in cluster.services.load_balancer_cidrs
    ]
    for one, other in overlapping([each[1] for each in owned]):
        (first, mine), (second, theirs) = owned[one], owned[other]
        if first is not second:
            yield (
                f"podnet_load_balancer_cidrs of cluster {second.name} has {theirs}, which overlaps "
                f"{mine} of cluster {first.name}; each cluster needs its own."
            )


def _node_addresses(clusters: Iterable[Cluster]) -> Iterator[str]:
    holder: dict[int, str] = {}
    for node in chain.from_iterable(cluster.nodes.values() for cluster in clusters):
        if node.ip in holder:
            yield (
                f"podnet_node_ip of {node.name} is {text(node.ip)}, which {holder[node.ip]} has "
                "too; each address is valid once."
            )
        if node.ip == node.subnet.gateway or node.subnet.cidr.reserves(node.ip):
            yield (
                f"podnet_node_ip of {node.name} is {text(node.ip)}, which is reserved; valid is "
                f"an address of {node.subnet.cidr} other than the first, the last and the "
                f"gateway {text(node.subnet.gateway)}."
            )
        holder[node.ip] = node.name


def _further_addresses(clusters: Iterable[Cluster]) -> Iterator[str]:
    clusters = list(clusters)
    holder: dict[int, str] = {}
    for cluster in clusters:
        for node in cluster.nodes.values():
            holder.setdefault(node.ip, node.name)
            if not cluster.native:
                holder.setdefault(node.vtep, node.name)
    ranges = [each for cluster in clusters for each in used_ranges(cluster)]
    for node in chain.from_iterable(cluster.nodes.values() for cluster in clusters):
        for address in node.addresses:
            what = f"podnet_node_addresses of {node.name} has {text(address)}"
            other = holder.setdefault(address, node.name)
            if other != node.name:
                yield f"{what}, which {other} has too; each address is valid once."
            yield from (
                f"{what}, which lies within the secondary range {each.name} {each.cidr}; valid is "
                "an address that no pod can have."
                for each in ranges
                if each.cidr.holds(address)
            )
            yield from (
                f"{what}, which is {kind} ({cidr}); valid is an address that others reach the "
                "node by."
                for kind, cidr in UNREACHABLE
                if cidr.holds(address)
            )


def _tunnel_endpoints(clusters: Iterable[Cluster]) -> Iterator[str]:
    holder: dict[int, Node] = {}
    for cluster in clusters:
        ranges = used_ranges(cluster)
        for node in cluster.nodes.values():
            what = f"podnet_vtep_ip of {node.name} is {text(node.vtep)}"
            first = holder.setdefault(node.vtep, node)
            # Of two nodes with one address it has been said already.
            if first is not node and first.ip != node.ip:
                yield f"{what}, which {first.name} has too; each tunnel endpoint needs its own."
            yield from (
                f"{what}, which lies within the secondary range {each.name} {each.cidr}; valid is "
                "an address that is reached without the tunnel."
                for each in ranges
                if each.cidr.holds(node.vtep)
            )
