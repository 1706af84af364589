# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kernel settings of a node's devices: those that its cell needs, and those that it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import names
from ..engine import ipv6
from .cells import devices_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .cells import Cell

#: How names of settings of IPv6 begin.
_IPV6 = ("net.ipv6.", "net/ipv6/")


def of(node: Mapping[str, Any], cell: Cell) -> dict[str, Any]:
    """Return the options ``values`` and ``restore`` of the module ``sysctls``.

    Settings of our own devices go with them. Those of the node's device outlive them, so they are
    given back where no cell asks for them.
    """
    values: dict[str, int] = {}
    for device in devices_of(node, cell.forwarding):
        values[_name("ipv4", device, "forwarding")] = 1
    for device in devices_of(node, cell.loose):
        values[_name("ipv4", device, "rp_filter")] = 2
    # What is translated and has to be fragmented goes that way, with an address of the node for its
    # source.
    values[_name("ipv4", cell.gateway, "accept_local")] = 1
    for own in cell.devices:
        if own in cell.forwarding:
            # Where it forwards, the device's own word is enough, whatever all devices have.
            values[_name("ipv4", own, "accept_redirects")] = 0
        mtu = node["vxlan"]["mtu"] if own == names.OVERLAY_DEVICE else node["mtu"]
        if mtu >= ipv6.MIN_MTU:
            values[_name("ipv6", own, "disable_ipv6")] = 1
    of_the_node = [_name("ipv4", node["device"], what) for what in ("forwarding", "rp_filter")]
    return {"values": values, "restore": [name for name in of_the_node if name not in values]}


def without_ipv6(values: Mapping[str, int]) -> dict[str, int]:
    """Return the settings less those that a kernel without IPv6 does not have."""
    return {name: value for name, value in values.items() if not name.startswith(_IPV6)}


def _name(family: str, of_device: str, what: str) -> str:
    # As sysctl(8): slashes where the name of a device holds a dot.
    return ("/" if "." in of_device else ".").join(("net", family, "conf", of_device, what))
