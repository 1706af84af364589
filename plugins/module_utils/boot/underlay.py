# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a node's network stands on, devices and addresses: at a boot they come when they come."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from .. import names
from ..engine import events, ipv4
from ..engine.failure import Failure
from ..node import node_info
from ..plan import devices, hosts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def settled(node: Mapping[str, Any], say: Callable[[str], None], seconds: float) -> dict[str, Any]:
    """Wait for what the network of a node stands on; return its slice with that.

    No target of the host's says that an address is there, and a lease may take long.

    :param node: its slice, as a run has settled it.
    :param say: called once with what is waited for.
    :raises Failure: what is missing, or in the way, when the time is over.
    """
    unsettled = _unsettled(node)
    end, said = time.monotonic() + seconds, False
    with events.listen() as heard:
        while True:
            seen = _look(unsettled)
            lacking = _missing(unsettled) or list(devices.problems(unsettled, seen))
            if not lacking:
                break
            if not said and seconds:
                say(f"waiting for at most {seconds:g} s: {' '.join(lacking)}")
                said = True
            # Another device's events come, too: the end is looked at after each.
            heard.wait(min(1.0, end - time.monotonic()))
            if time.monotonic() >= end:
                raise Failure(" ".join(lacking))
    in_the_way = list(hosts.problems(unsettled, seen))
    if in_the_way:
        raise Failure(" ".join(in_the_way))
    found = {word: bool(seen[word]) for word in ("balances", "holds_policies")}
    return {**unsettled, **devices.settle(unsettled, seen), **found}


def _unsettled(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return a slice as it was before somebody looked at the node's devices."""
    masquerade = node["masquerade"]
    if masquerade:
        named = [one["name"] for one in masquerade["devices"]]
        masquerade = {**masquerade, "devices": named}
    return {**node, "masquerade": masquerade}


def _look(node: Mapping[str, Any]) -> dict[str, Any]:
    masquerade, vxlan = node["masquerade"] or {}, node["vxlan"] or {}
    return node_info.read(
        node["node_ip"],
        node["device"],
        vxlan.get("ip"),
        vxlan.get("device"),
        masquerade.get("devices", ()),
    )


def _missing(node: Mapping[str, Any]) -> list[str]:
    """Return a sentence where the node has not the address that it was planned with."""
    held = {one.address for one in ipv4.addresses() if one.device != names.GATEWAY_DEVICE}
    if node["node_ip"] in held:
        return []
    return [
        f"podnet_node_ip of {node['name']} is {node['node_ip']}, which no device of the node "
        "holds: its network stays down until one does, or until podnet.fabric.site has run with "
        "the address that it has now."
    ]
