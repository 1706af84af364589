# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The endpoints of a node, held against what its cell has at each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import names
from ..datapath.cells import FROM_POD, TO_POD, cell_of
from ..endpoints import info

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The cell of a node that has no plan.
_USUAL: Mapping[str, Any] = {
    "datapath": "ebpf",
    "network_type": "native_routing",
    "isolation": False,
}


def held(node: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return what the module ``endpoints_info`` does, by the cell of a slice of the plan."""
    node = node or _USUAL
    pins = {hook: f"{names.PROGRAM_PINS}/{name}" for hook, name in cell_of(node).pods.items()}
    return info.gather(pins[FROM_POD], node["datapath"], pins.get(TO_POD))
