# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The inventory's variables, read and checked one by one: see docs/planning.md for their meaning.

What the values mean together (what overlaps, what lies outside) is the matter of ``checks``.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from . import masquerade, metrics, namespaces, pods, values
from .devices import MTUS
from .kubernetes import manifests
from .kubernetes.documents import sentence
from .model import (
    NETWORK_TYPES,
    Cluster,
    Group,
    Node,
    Pod,
    Range,
    Subnet,
    Tunnel,
)
from .policy import read as policies
from .prefix import Prefix, text
from .problems import refuse
from .services import read as services
from .values import Field, Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .policy.model import Policy

    NodeVars = Mapping[str, Any]

DATAPATHS = ("ebpf", "bridge", "routed")
ATTACH_MODES = ("auto", "tcx", "clsact")
MASKS = (16, 28)
#: RFC 7348: 24 bits. The VNI 0 is what a device has that takes it from each packet.
VNIS = (1, 2**24 - 1)
DEFAULT = "default"


def _subnet(name: str, cidr: Prefix, gateway: int | None) -> Subnet:
    return Subnet(name, cidr, cidr.first + 1 if gateway is None else gateway)


_SUBNETS = values.list_of(
    values.record(
        _subnet,
        {
            "name": Field(values.words, DEFAULT),
            "cidr": Field(values.prefix, needed="the subnet's CIDR such as 10.111.0.0/24"),
            "gateway": Field(values.address),
        },
    )
)
_RANGES = values.list_of(
    values.record(
        Range,
        {
            "name": Field(values.words, DEFAULT),
            "cidr": Field(values.prefix, needed="the range's CIDR such as 10.111.160.0/20"),
            "cluster": Field(values.words),
        },
    )
)
_GROUPS = values.list_of(
    values.record(
        dict,
        {
            "name": Field(values.words, DEFAULT),
            "subnet": Field(values.words),
            "secondary_ranges": Field(values.list_of(values.words)),
            "node_cidr_mask_size": Field(values.whole(*MASKS)),
        },
    )
)

#: Variables with one value for the whole cluster.
CLUSTER_VARIABLES: dict[str, Field] = {
    "podnet_network_type": Field(values.choice(*NETWORK_TYPES), NETWORK_TYPES[0]),
    "podnet_datapath": Field(values.choice(*DATAPATHS), DATAPATHS[0]),
    "podnet_vpc_cidr": Field(values.prefix, needed="the CIDR of the VPC such as 10.111.0.0/16"),
    "podnet_native_routing_cidr": Field(values.prefix),
    "podnet_subnets": Field(
        _SUBNETS, needed="a list such as [{name: default, cidr: 10.111.0.0/24}]"
    ),
    "podnet_secondary_ranges": Field(
        _RANGES, needed="a list such as [{name: default, cidr: 10.111.160.0/20}]"
    ),
    "podnet_node_cidr_mask_size": Field(values.whole(*MASKS), 25),
    "podnet_node_groups": Field(_GROUPS, []),
    "podnet_namespaces": Field(namespaces.LISTED, []),
    "podnet_deployments": Field(pods.DEPLOYMENTS, []),
    manifests.VARIABLE: Field(values.listed, []),
    policies.VARIABLE: Field(values.listed, []),
    "podnet_cluster_size": Field(values.whole(1, 1_000_000)),
    "podnet_forget_nodes": Field(values.list_of(values.address_or_prefix), []),
    "podnet_vxlan_vni": Field(values.whole(*VNIS), 1),
    "podnet_vxlan_port": Field(values.whole(1, 65535), 8472),
    "podnet_direct_routing": Field(values.truth, default=False),
    "podnet_vxlan_checksum_offload": Field(values.truth, default=True),
    **services.VARIABLES,
    **masquerade.VARIABLES,
}

#: Variables with a value for each node.
NODE_VARIABLES: dict[str, Field] = {
    "podnet_node_ip": Field(values.address),
    "podnet_node_group": Field(values.words),
    "podnet_device": Field(values.words),
    "podnet_mtu": Field(values.whole(*MTUS)),
    "podnet_attach_mode": Field(values.choice(*ATTACH_MODES), ATTACH_MODES[0]),
    "podnet_vtep_ip": Field(values.address),
    "podnet_vxlan_device": Field(values.words),
    "podnet_pod_cidr": Field(values.prefix),
    "podnet_health_ip": Field(values.address),
    "podnet_max_pods": Field(values.whole(0, 1 << (32 - MASKS[0]))),
    "podnet_pods": Field(pods.PODS, []),
    "podnet_confirm_timeout": Field(values.zero_or(30, 3600), 120),
    **masquerade.NODE_VARIABLES,
    "podnet_flows": Field(values.truth, default=False),
    "podnet_flows_sample": Field(values.whole(1, 1_000_000), 1),
    **metrics.NODE_VARIABLES,
}

#: Variables that are lists: those whose readers take the empty one.
LISTS = frozenset(
    name
    for name, variable in {**CLUSTER_VARIABLES, **NODE_VARIABLES}.items()
    if values.takes(variable.read, [])
)

#: Everything that the planner reads of a node.
VARIABLES = ("podnet_cluster", *CLUSTER_VARIABLES, *NODE_VARIABLES, "ansible_host")


def read(nodes: Mapping[str, NodeVars]) -> list[Cluster]:
    """Read the clusters of an inventory, each in the order of its first node.

    :param nodes: the variables of every node, in the order of the inventory.
    """
    problems: list[str] = []
    members: dict[str, dict[str, NodeVars]] = {}
    for node, variables in nodes.items():
        name = variables.get("podnet_cluster")
        if values.is_set(name) and not isinstance(name, str):
            problems.append(Invalid(name, "a text").sentence("podnet_cluster", f" of {node}"))
            continue
        members.setdefault(name or DEFAULT, {})[node] = variables
    clusters = [_cluster(name, of, problems) for name, of in members.items()]
    refuse(problems)
    return [cluster for cluster in clusters if cluster is not None]


def _cluster(name: str, nodes: Mapping[str, NodeVars], problems: list[str]) -> Cluster | None:
    first = next(iter(nodes))
    before = len(problems)
    problems.extend(_differing(name, nodes))
    given = _values(CLUSTER_VARIABLES, nodes[first], "", problems)
    if len(problems) > before:
        return None
    size = given["podnet_cluster_size"]
    if size and len(nodes) < size:
        problems.append(
            f"podnet_cluster_size of cluster {name} is {size}, but its inventory has {len(nodes)} "
            f"nodes; a job that is sliced or limited to part of the inventory cannot plan."
        )
    subnets = _by_name("podnet_subnets", given["podnet_subnets"], problems)
    ranges = _by_name("podnet_secondary_ranges", given["podnet_secondary_ranges"], problems)
    groups = {group.name: group for group in _groups(given, subnets, ranges, problems)}
    found = manifests.read(given[manifests.VARIABLE], problems)
    listed = _by_name("podnet_namespaces", given["podnet_namespaces"], problems)
    for whose, each in found.namespaces.values():
        if listed.setdefault(each.name, each) is not each:
            problems.append(f"{whose} is in podnet_namespaces, too; each name is valid once.")
    deployments = _by_name("podnet_deployments", given["podnet_deployments"], problems)
    for deployment in deployments.values():
        wanted = deployment.node_group
        if wanted is not None and wanted not in groups:
            problems.append(
                _unknown(
                    f"podnet_deployments {deployment.name}.node_group",
                    wanted,
                    "podnet_node_groups",
                    groups,
                )
            )
    vpc, network_type = given["podnet_vpc_cidr"], given["podnet_network_type"]
    cluster = Cluster(
        name=name,
        network_type=network_type,
        datapath=given["podnet_datapath"],
        vpc=vpc,
        native_routing=given["podnet_native_routing_cidr"] or vpc,
        subnets=tuple(subnets.values()),
        ranges=tuple(ranges.values()),
        groups=tuple(groups.values()),
        deployments=(*deployments.values(), *pods.others(found.deployments, deployments, problems)),
        tunnel=Tunnel(
            vni=given["podnet_vxlan_vni"],
            port=given["podnet_vxlan_port"],
            direct=given["podnet_direct_routing"],
            checksum_offload=given["podnet_vxlan_checksum_offload"],
        ),
        services=services.read(given, problems, found.services),
        masquerade=masquerade.read(given, problems, native=network_type == NETWORK_TYPES[0]),
        forget=tuple(given["podnet_forget_nodes"]),
        namespaces={each.name: each.labels for each in listed.values()},
        namespaced=found.namespaced or bool(listed) or namespaces.are_named(pods.lists(nodes)),
        warnings=tuple(found.warnings),
        policies=tuple(_policies(given[policies.VARIABLE], found.policies, problems)),
    )
    problems += [
        sentence(pod.where, Invalid(node, f"{values.one_of(nodes)}, or none", ".spec.nodeName"))
        for node, bound in found.pods.items()
        if node not in nodes
        for pod in bound
    ]
    if len(problems) > before:
        return None
    for node, variables in nodes.items():
        read_node = _node(node, variables, cluster, groups, problems, found.pods.get(node, ()))
        if read_node is not None:
            cluster.nodes[node] = read_node
    return cluster


def _values(
    table: Mapping[str, Field], given: NodeVars, of: str, problems: list[str]
) -> dict[str, Any]:
    result = {}
    for name, variable in table.items():
        try:
            result[name] = variable.value(given.get(name))
        except Invalid as invalid:
            problems.append(invalid.sentence(name, of))
    return result


def _differing(cluster: str, nodes: Mapping[str, NodeVars]) -> list[str]:
    """Say which cluster-wide variables have more than one value among the nodes."""
    (first, one), *others = nodes.items()
    problems = []
    for variable in CLUSTER_VARIABLES:
        wanted = one.get(variable) if values.is_set(one.get(variable)) else None
        for node, variables in others:
            found = variables.get(variable)
            if found is not wanted and (found if values.is_set(found) else None) != wanted:
                problems.append(
                    f"{variable} is {values.shown(wanted)} on {first} and {values.shown(found)} "
                    f"on {node}; all nodes of cluster {cluster} need the same value."
                )
                break
    return problems


def _by_name(variable: str, items: list[Any], problems: list[str]) -> dict[str, Any]:
    by_name: dict[str, Any] = {}
    for item in items:
        if item.name in by_name:
            problems.append(
                f"{variable} has the name {item.name!r} twice; each name is valid once."
            )
        by_name[item.name] = item
    return by_name


def _policies(
    listed: Iterable[Any], found: Iterable[Policy], problems: list[str]
) -> Iterator[Policy]:
    first: dict[str, str] = {}
    for each in chain(policies.items(listed, problems), found):
        other = first.setdefault(each.name, each.where)
        if other is not each.where:
            problems.append(
                f"{each.where} is given twice, as {other} before; each policy is valid once."
            )
        yield each


def _unknown(what: str, name: str, variable: str, known: Mapping[str, object]) -> str:
    return f"{what} is {name!r}, which {variable} does not have; valid is {values.one_of(known)}."


def _groups(
    given: Mapping[str, Any],
    subnets: Mapping[str, Subnet],
    ranges: Mapping[str, Range],
    problems: list[str],
) -> list[Group]:
    groups: list[Group] = []
    for group in given["podnet_node_groups"] or _GROUPS([{}]):
        name, subnet = group["name"], group["subnet"]
        what = f"podnet_node_groups {name}"
        if any(other.name == name for other in groups):
            problems.append(
                f"podnet_node_groups has the name {name!r} twice; each name is valid once."
            )
        if subnet is not None and subnet not in subnets:
            problems.append(_unknown(f"{what}.subnet", subnet, "podnet_subnets", subnets))
        used = list(ranges) if group["secondary_ranges"] is None else group["secondary_ranges"]
        problems.extend(
            _unknown(f"{what}.secondary_ranges", each, "podnet_secondary_ranges", ranges)
            for each in used
            if each not in ranges
        )
        groups.append(
            Group(
                name,
                subnets.get(subnet),
                tuple(ranges[each] for each in used if each in ranges),
                group["node_cidr_mask_size"] or given["podnet_node_cidr_mask_size"],
            )
        )
    return groups


def _node(
    name: str,
    variables: NodeVars,
    cluster: Cluster,
    groups: Mapping[str, Group],
    problems: list[str],
    bound: Iterable[Pod],
) -> Node | None:
    of = f" of {name}"
    before = len(problems)
    given = _values(NODE_VARIABLES, variables, of, problems)
    if len(problems) > before:
        return None
    ip = given["podnet_node_ip"]
    if ip is None:
        try:
            ip = values.address(variables.get("ansible_host"))
        except Invalid:
            problems.append(
                f"podnet_node_ip of {name} is not set, and its ansible_host "
                f"{values.shown(variables.get('ansible_host'))} is no address; valid is the IPv4 "
                "address of the node in its subnet."
            )
            return None
    group_name = given["podnet_node_group"]
    if group_name is None:
        group_name = next(iter(groups)) if len(groups) == 1 else DEFAULT
    group = groups.get(group_name)
    if group is None:
        problems.append(
            _unknown(f"podnet_node_group{of}", group_name, "podnet_node_groups", groups)
        )
        return None
    candidates = [group.subnet] if group.subnet else cluster.subnets
    subnet = next((each for each in candidates if each.cidr.holds(ip)), None)
    if subnet is None:
        problems.append(
            f"podnet_node_ip{of} is {text(ip)}, which lies outside its subnet; valid is an "
            f"address in {values.one_of(f'{each.name} {each.cidr}' for each in candidates)}."
        )
        return None
    return Node(
        name=name,
        ip=ip,
        group=group,
        subnet=subnet,
        device=given["podnet_device"],
        mtu=given["podnet_mtu"],
        attach_mode=given["podnet_attach_mode"],
        vtep=ip if given["podnet_vtep_ip"] is None else given["podnet_vtep_ip"],
        vxlan_device=given["podnet_vxlan_device"],
        pod_cidr=given["podnet_pod_cidr"],
        health_ip=given["podnet_health_ip"],
        max_pods=given["podnet_max_pods"],
        pods=(*given["podnet_pods"], *bound),
        egress_devices=tuple(given["podnet_masquerade_devices"]),
        addresses=tuple(dict.fromkeys(given["podnet_node_addresses"])),
        metrics=metrics.read(given),
        confirm_timeout=given["podnet_confirm_timeout"],
        flows=given["podnet_flows_sample"] if given["podnet_flows"] else 0,
    )
