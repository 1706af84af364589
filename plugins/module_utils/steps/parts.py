# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The parts of a node, in the order of a run, and the steps that bring each to its plan.

The order is that of a live switch: what carries the new way stands before anything is sent that
way, and what an earlier choice left goes last. Each part waits for all nodes of the run to have the
one before it, unless no node of the cluster has ever sent anything: there no order loses a packet.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..datapath import settings
from ..datapath.cells import cell_of
from ..engine import ipv6

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .given import Given

    Node = Mapping[str, Any]
    Arguments = dict[str, Any]

#: What a process that asks for any port must not get, for services have them.
_RESERVED = {"net.ipv4.ip_local_reserved_ports": "30000-32767"}


@dataclass(frozen=True)
class Step:
    """One module's work on a node.

    :param name: what it does, for people.
    :param module: a module of ``specs``.
    :param arguments: its arguments, made when all steps before it are done.
    :param when: whether a node needs it.
    :param said_later: whether a later step says in check mode all that this one does.
    :param guarded: whether the node's own connections depend on it: see ``guard``.
    """

    name: str
    module: str
    arguments: Callable[[Given], Arguments]
    when: Callable[[Node], Any] = lambda node: node["usable"]
    said_later: bool = False
    guarded: bool = False


def _always(_node: Node) -> bool:
    return True


def _has_tunnel(node: Node) -> bool:
    return bool(node["usable"] and cell_of(node).tunnel)


def _balances(node: Node) -> bool:
    """Say whether there are services, or were."""
    return bool(node["usable"] and (node["services"] or node["balances"]))


def _isolates(node: Node) -> bool:
    """Say whether a policy selects a pod of the node."""
    return bool(node["usable"] and node["isolation"])


def _isolates_none(node: Node) -> bool:
    """Say whether no pod is isolated, and the node has to know of policies, or still does."""
    knows = node["policies"] or node["holds_policies"]
    return bool(node["usable"] and knows and not node["isolation"])


def _counts(node: Node) -> bool:
    """Say whether the node counts flows."""
    return bool(node["usable"] and node.get("flows"))


def _policies(given: Given, **does: bool) -> Arguments:
    labels = {} if given.labels is None else {"_labels": list(given.labels)}
    return {"_policies": list(given.policies), **labels, **does}


def _settings(given: Given) -> dict[str, int]:
    values: dict[str, int] = given.items["sysctls"]["values"]
    return values if ipv6.is_known() else settings.without_ipv6(values)


def _reserved_ports(given: Given) -> Arguments:
    if given.node["services"]:
        return {"ranges": _RESERVED, "remember": True}
    return {"restore": list(_RESERVED), "remember": True}


def _routes(given: Given, **more: Any) -> Arguments:
    return {"routes": given.items["routes"], **more}


PARTS: dict[str, tuple[Step, ...]] = {
    "node": (
        Step("Mount bpffs and cgroup2", "mounts", lambda _: {}, when=_always),
        Step(
            "Set kernel settings",
            "sysctls",
            lambda given: {"values": dict(given.sysctls), "remember": True},
            when=_always,
            guarded=True,
        ),
    ),
    # What a node needs to take packets, whichever way they come.
    "datapath": (
        Step(
            "Create the devices between pods and the node's stack",
            "veth",
            lambda given: {"veths": given.items["veths"]},
            when=lambda node: node["usable"] and not cell_of(node).bridged,
            guarded=True,
        ),
        Step(
            "Create the bridge",
            "bridge",
            lambda given: {"bridges": given.items["bridges"]},
            when=lambda node: node["usable"] and cell_of(node).bridged,
            guarded=True,
        ),
        Step(
            "Create the VXLAN device",
            "vxlan",
            lambda given: {"vxlans": given.items["vxlans"]},
            when=_has_tunnel,
            guarded=True,
        ),
        Step(
            "Set forwarding",
            "sysctls",
            lambda given: {"values": _settings(given), "remember": True},
            guarded=True,
        ),
        Step(
            "Create the maps, with entries of this node",
            "bpf_map",
            lambda given: given.maps("first_maps"),
            said_later=True,
            guarded=True,
        ),
        Step(
            "Keep the programs for a boot",
            "compiled",
            lambda given: given.programs("policy_programs", "flow_programs", "programs"),
            guarded=True,
        ),
        # Before programs come that hand packets over.
        Step(
            "Create the maps of flows",
            "bpf_map",
            lambda given: {"maps": given.items["flow_maps"]},
            when=_counts,
        ),
        Step(
            "Load the program that counts flows",
            "bpf_program",
            lambda given: given.programs("flow_programs"),
            when=_counts,
        ),
        Step(
            "Let programs hand packets over to the count",
            "bpf_map",
            lambda given: {"maps": given.items["flow_stage"]},
            when=_counts,
        ),
        Step(
            "Load the program of policies",
            "bpf_program",
            lambda given: given.programs("policy_programs"),
            when=_isolates,
        ),
        Step(
            "Let programs hand packets over to it",
            "bpf_map",
            lambda given: {"maps": given.items["policy_maps"]},
            when=_isolates,
        ),
        # Before programs come that judge nothing: a pod that is judged at one of its hooks alone
        # would lose answers.
        Step(
            "Fill the policy maps, isolate no pod",
            "policy",
            lambda given: _policies(given, purge=True),
            when=_isolates_none,
        ),
        Step(
            "Attach the programs",
            "bpf_program",
            lambda given: {
                **given.programs("programs"),
                "attach_mode": given.node["attach_mode"],
            },
            guarded=True,
        ),
    ),
    # What sends packets to the others, all of which can take them by now.
    "peers": (
        Step(
            "Set the tunnel endpoints of other nodes",
            "neighbors",
            lambda given: {
                "neighbors": given.items["neighbors"],
                "devices": [one["name"] for one in given.items["vxlans"]],
                "purge": True,
            },
            when=_has_tunnel,
            guarded=True,
        ),
        Step(
            "Install the command",
            "node_command",
            lambda given: {"node": dict(given.node), "_folded": dict(given.folded)},
            when=_always,
        ),
        Step(
            "Install the restoration of routes",
            "restoration",
            lambda given: given.restoration(),
            when=_always,
        ),
        # None goes yet: until the pods have moved over, they need those of the old way.
        Step(
            "Set routes to pods",
            "routes",
            _routes,
            when=_always,
            said_later=True,
            guarded=True,
        ),
        Step(
            "Fill the maps, with entries of other nodes",
            "bpf_map",
            lambda given: given.maps("maps"),
            guarded=True,
        ),
    ),
    # Policies before pods: none is without its policy for a packet.
    "endpoints": (
        Step(
            "Fill the policy maps",
            "policy",
            _policies,
            when=_isolates,
        ),
        Step(
            "Connect the pods",
            "endpoints",
            lambda given: {
                "endpoints": given.items["endpoints"],
                "purge": True,
                **given.items["endpoint_options"],
            },
        ),
    ),
    # After the pods have moved over: what another datapath or network type left.
    "settle": (
        Step(
            "Set routes to pods, remove others",
            "routes",
            # A pod's own route belongs to its endpoint.
            lambda given: _routes(given, purge=True, keep_devices=["pn_????????????"]),
            when=_always,
            guarded=True,
        ),
        Step(
            "Remove policies that no pod has",
            "policy",
            lambda given: _policies(replace(given, labels=None), write=False, purge=True),
            when=_isolates,
        ),
        Step(
            "Remove unused devices, maps and programs",
            "teardown",
            lambda given: {"keep": given.items["keep"]},
            guarded=True,
        ),
        Step(
            "Restore unused settings",
            "sysctls",
            # Those that the user asked for are the user's.
            lambda given: {
                "restore": [
                    name for name in given.items["sysctls"]["restore"] if name not in given.sysctls
                ]
            },
            guarded=True,
        ),
    ),
    # Backends before sockets: what is sent to a service finds it complete.
    "services": (
        Step(
            "Fill the service maps",
            "services",
            lambda given: {
                "_services": given.services,
                "node": given.node["name"],
                "purge": True,
            },
            when=_balances,
        ),
        Step(
            "Keep the socket programs for a boot",
            "compiled",
            lambda given: given.programs("socket_programs"),
            when=_balances,
            guarded=True,
        ),
        Step(
            "Attach the socket programs",
            "bpf_program",
            lambda given: given.programs("socket_programs"),
            when=_balances,
            guarded=True,
        ),
        Step("Reserve the node ports", "sysctls", _reserved_ports, when=_balances),
    ),
    # First what keeps its address, so that nothing is masqueraded for a moment which must not be.
    # Where pods are not masqueraded any more, the part before has emptied the maps.
    "masquerade": (
        Step(
            "Configure masquerading",
            "bpf_map",
            lambda given: {"maps": given.items["masquerade_maps"]},
            when=lambda node: node["usable"] and node["masquerade"] is not None,
            guarded=True,
        ),
    ),
    # When all of it stands: what a boot brings back is never half of a plan.
    "boot": (
        Step("Write down the network for a boot", "boot", lambda given: given.boot(), when=_always),
    ),
}

#: What M(podnet.fabric.converge) takes; its action plugin adds options that begin with ``_``.
ARGUMENTS: dict[str, Any] = {
    "path": {"type": "str"},
    "part": {"type": "str", "required": True, "choices": list(PARTS)},
    "network_type": {"type": "str", "choices": ["native_routing", "overlay"]},
    "sysctls": {"type": "dict", "default": {}},
    "look_ahead": {"type": "bool", "default": False},
    "go_on": {"type": "bool", "default": False},
    "compile": {"type": "bool", "default": True},
}

#: Parts that concern no other node: they begin when the one before them is done on their own.
_ALONE = ("services", "masquerade", "boot")

#: What an argument spec says of the parts that are made of a plan: they need its path.
NEED_PLAN = [("part", part, ("path",)) for part in PARTS if part != "node"]


def steps(part: str, node: Node) -> list[Step]:
    """Return the steps of a part that a node needs."""
    return [step for step in PARTS[part] if step.when(node)]


def after(part: str, node: Node) -> dict[str, list[Step]]:
    """Return the parts that come after one, each with the steps that a node needs."""
    names = list(PARTS)
    return {name: steps(name, node) for name in names[names.index(part) + 1 :]}


def alone_after(part: str, node: Node) -> dict[str, list[Step]]:
    """Return the parts after one that may begin at once, and have all they need on the node.

    A part that loads programs waits for what compiles them, unless the part before it, too, loads
    some: then what all parts lack is at hand.
    """
    found: dict[str, list[Step]] = {}
    at_hand = loads(PARTS[part])
    for name, its_steps in after(part, node).items():
        waits = name not in _ALONE and not (at_hand and node["fresh_cluster"])
        if waits or (loads(its_steps) and not at_hand):
            break
        found[name] = its_steps
    return found


def loads(its_steps: Iterable[Step]) -> bool:
    """Say whether steps load programs."""
    return any(step.module == "bpf_program" for step in its_steps)
