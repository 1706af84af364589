# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An endpoint as the kernel has it, and as it shall be: the two sides of a diff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..datapath.layout import ALLOCATIONS
from ..engine import namespaces
from ..engine.bpf import attach
from .held import address_key, entry_value, name_key

if TYPE_CHECKING:
    from ..engine import links
    from ..pod_device import PodDevice
    from .held import Held
    from .wanted import Endpoint, Node

HOOK = "tc_ingress"


def actual(
    endpoint: Endpoint,
    node: Node,
    link: links.Link | None,
    pod: PodDevice,
    held: Held,
) -> dict[str, Any]:
    """State of an endpoint as found; every word is empty where nothing of it is there."""
    entry = held.entry_values.get(address_key(endpoint.ip))
    whole = link is not None and entry == entry_value(endpoint, node, link.index)
    allocation = held.allocation_values.get(name_key(endpoint.name))
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
        "program": _attached(endpoint, held) if link else None,
        "map_entry": entry and ("whole" if whole else "stale"),
        "allocation": allocation and ALLOCATIONS.unpack_value(allocation)["address"],
    }


def wanted(endpoint: Endpoint, node: Node) -> dict[str, Any]:
    """State of an endpoint that is complete, in the same words."""
    device = {"mac": node.gateway_mac, "mtu": node.mtu, "alias": endpoint.alias, "up": True}
    return {
        "netns": endpoint.namespace,
        "device": {"name": endpoint.device, **device},
        "pod_device": {"mac": endpoint.mac, "mtu": node.mtu, "up": True},
        "addresses": [f"{endpoint.ip}/32"],
        "gateway": node.gateway_ip,
        "program": attach.mechanism(HOOK, node.attach_mode),
        "map_entry": "whole",
        "allocation": endpoint.ip,
    }


def _attached(endpoint: Endpoint, held: Held) -> str | None:
    """How the wanted program is attached; None where it is another one or none."""
    found = held.attacher.find(attach.Place(HOOK, endpoint.device))
    if found is None or held.program is None or found.program_id != held.program.info.id:
        return None
    return f"{found.mechanism}, twice" if found.stale else found.mechanism
