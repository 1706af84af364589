# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An endpoint as the kernel has it, and as it shall be: the two sides of a diff."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..datapath.cells import FROM_POD, TO_POD
from ..datapath.layout import ENDPOINTS
from ..engine import namespaces
from ..engine.bpf import hooks, programs
from ..policy.held import is_isolated
from . import attachment
from .held import address_key, entry_value, name_key

if TYPE_CHECKING:
    from ..engine import links
    from .held import Held
    from .pod_device import PodDevice
    from .wanted import Endpoint, Node

#: Words of what is inside the pod's namespace.
INSIDE = ("pod_device", "addresses", "gateway")


def actual(
    endpoint: Endpoint,
    node: Node,
    link: links.Link | None,
    pod: PodDevice,
    held: Held,
) -> dict[str, Any]:
    """State of an endpoint as found; every word is empty where nothing of it is there."""
    entry = held.entry_values.get(address_key(endpoint.ip))
    whole = link is not None and entry == entry_value(endpoint, node, link)
    return {
        "netns": endpoint.namespace if namespaces.exists(endpoint.namespace) else None,
        "device": link
        and {
            "name": link.name,
            "mac": link.mac,
            "mtu": link.mtu,
            "alias": link.alias,
            "up": link.up,
        },
        "pod_device": {"mac": pod.mac, "mtu": pod.mtu, "up": pod.up} if pod.present else None,
        "addresses": list(pod.addresses),
        "gateway": pod.gateway,
        **attachment.actual(endpoint, node, link, held),
        "program": _attached(endpoint, FROM_POD, node.program, held.program, held)
        if link
        else None,
        "delivery": _attached(endpoint, TO_POD, node.delivery_program, held.delivery, held)
        if link
        else None,
        "map_entry": entry and ("whole" if whole else "stale"),
        "isolated": is_isolated(entry),
        "allocation": _allocation(endpoint, held),
    }


def wanted(endpoint: Endpoint, node: Node) -> dict[str, Any]:
    """State of an endpoint that is complete, in the same words."""
    device = {"mac": node.gateway_mac, "mtu": node.mtu, "alias": endpoint.alias, "up": True}
    return {
        "netns": endpoint.namespace,
        "device": {"name": endpoint.device, **device},
        "pod_device": {"mac": endpoint.mac, "mtu": node.mtu, "up": True},
        "addresses": [f"{endpoint.ip}/{node.prefix_length}"],
        "gateway": node.gateway_ip,
        **attachment.wanted(endpoint, node),
        "program": _wanted(FROM_POD, node.program, node),
        "delivery": node.delivery_program and _wanted(TO_POD, node.delivery_program, node),
        "map_entry": "whole",
        "isolated": endpoint.isolated,
        "allocation": endpoint.ip,
    }


def _allocation(endpoint: Endpoint, held: Held) -> str | None:
    key = name_key(endpoint.name)
    address = held.allocation_values.get(key)
    if address is None:
        return None
    shown = str(ENDPOINTS.unpack_key(address)["address"])
    known = endpoint.netns is not None or not namespaces.exists(endpoint.name)
    return shown if known or held.made_netns(endpoint.name) else f"{shown}, of another netns"


def _wanted(hook: str, pin: str, node: Node) -> str:
    return f"{Path(pin).name}, {hooks.mechanism(hook, node.attach_mode)}"


def _attached(
    endpoint: Endpoint, hook: str, pin: str | None, program: programs.Program | None, held: Held
) -> str | None:
    """Which program of ours is attached and how, such as ``guard, tcx``; None without one."""
    found = held.attacher.find(hooks.Place(hook, endpoint.device))
    if found is None:
        return None
    name = Path(pin or "").name
    if program is None or found.program_id != program.info.id:
        other = programs.name(found.program_id)
        name = f"another {name}" if other == name else other
    return ", ".join([name, found.mechanism, *(["twice"] if found.stale else [])])
