# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How many nodes and pods fit: the table of a range, and the limits of a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..engine.failure import Failure
from .prefix import BITS, Prefix

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Node CIDR mask sizes that the table shows unless told otherwise.
USUAL_MASKS = (24, 25, 26)

#: Addresses of a node CIDR that no pod gets: network, broadcast, gateway, health.
RESERVED = 4


def usual_limit(cidr: Prefix) -> int:
    """Return how many pods a node takes unless told otherwise: half of its addresses.

    The other half is what lets an address rest after its pod has gone.
    """
    return cidr.size // 2


def upper_limit(cidr: Prefix) -> int:
    """Return how many pods a node can take at all."""
    return max(cidr.size - RESERVED, 0)


def gateway(cidr: Prefix) -> int:
    """Return the gateway address of a node: the last usable one."""
    return cidr.last - 1


def table(secondary_range: Prefix, masks: Iterable[int] = USUAL_MASKS) -> list[dict[str, int]]:
    """Return what a secondary range holds, one row for each node CIDR mask size."""
    rows = []
    for mask in masks:
        if not secondary_range.length <= mask <= BITS:
            raise Failure(
                f"The mask /{mask} lies outside the range {secondary_range}; valid is "
                f"{secondary_range.length} to {BITS}."
            )
        cidr = Prefix(secondary_range.first, mask)
        rows.append(
            {
                "mask": mask,
                "addresses_per_node": cidr.size,
                "nodes": secondary_range.size // cidr.size,
                "pod_addresses": cidr.size,
                "usable_pods": usual_limit(cidr),
            }
        )
    return rows
