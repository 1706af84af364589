# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a node's network has in tables that others write to as well: addresses, routes, neighbors.

The kernel takes them away with what they hang on, and so does whoever manages the host's network:
``status`` looks for them, and the node's own command puts them back. The network has no rules
(``ip rule``) of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import peers, tasks
from .cells import cell_of

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Lists of items of what a node has on the three kinds of devices of its own.
_DEVICES = ("veths", "bridges", "vxlans")


def build(
    node: Mapping[str, Any], items: Mapping[str, Any] | None = None
) -> dict[str, list[dict[str, Any]]]:
    """Return ``addresses``, ``routes`` and ``neighbors`` of a node, by its part of the plan.

    An address is a dict of ``dev``, ``address`` and, where it is the host's own, ``of``: the
    device that has it there. The others are items of the modules of their names.

    :param items: what ``tasks.build`` returned for the node, where somebody has it.
    """
    items = items or tasks.build(node)
    own = f"{node['node_ip']}/32"
    return {
        "addresses": [
            {
                "dev": device["name"],
                "address": address,
                **({"of": node["device"]} if address == own else {}),
            }
            for kind in _DEVICES
            for device in items.get(kind, [])
            for address in device["addresses"]
        ],
        "routes": items["routes"] + (_endpoints(node) if node["usable"] else []),
        "neighbors": items["neighbors"],
    }


def _endpoints(node: Mapping[str, Any]) -> list[dict[str, Any]]:
    return peers.endpoint_routes(node, cell_of(node))
