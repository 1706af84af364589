# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the devices of a node add to its slice: names, numbers, MTUs; and what they rule out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..datapath.cells import cell_of
from .problems import refuse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: RFC 791: every host takes 576 bytes; an IPv4 packet has 65,535 at most.
MTUS = (576, 65535)

#: What VXLAN over IPv4 takes of a packet: Ethernet 14, VXLAN 8, UDP 8, IPv4 20 bytes.
OVERHEAD = 50

_NO_ETHERNET = "which is no Ethernet device; valid is one that is, such as eth0."


def settle(node: Mapping[str, Any], seen: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a slice lacks as long as nobody has looked at the node's devices.

    :param seen: what M(podnet.fabric.node_info) returned.
    :raises Failure: with a sentence for everything that the devices do not allow.
    """
    refuse(problems(node, seen))
    device = seen["device"]
    found: dict[str, Any] = {
        "device": str(device["name"]),
        "device_ifindex": int(device["ifindex"]),
        "device_mtu": int(device["mtu"]),
    }
    if node["masquerade"]:
        found["masquerade"] = {**node["masquerade"], "devices": _egress_devices(node, seen)}
    if not node["vxlan"]:
        return {**found, "mtu": int(node["mtu"] or device["mtu"])}
    underlay = seen["underlay"]
    left = int(underlay["mtu"]) - OVERHEAD
    below = {
        "device": str(underlay["name"]),
        "device_ifindex": int(underlay["ifindex"]),
        "mtu": left,
    }
    return {**found, "mtu": int(node["mtu"] or left), "vxlan": {**node["vxlan"], **below}}


def problems(node: Mapping[str, Any], seen: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for everything that the devices of a node do not allow."""
    name = node["name"]
    if not seen.get("device"):
        wanted = node["device"] or f"device that holds its address {node['node_ip']}"
        yield f"podnet_device of {name}: there is no {wanted}; name a device of the node."
    elif not seen["device"]["ethernet"]:
        has = "" if node["device"] else "not set, and the device that holds podnet_node_ip is "
        yield f"podnet_device of {name} is {has}{seen['device']['name']}, {_NO_ETHERNET}"
    if node["vxlan"]:
        yield from _of_the_tunnel(node, seen)
    if node["masquerade"]:
        yield from _of_masquerading(node, seen)
    cell = cell_of(node)
    for device in seen.get("foreign") or ():
        if device in cell.devices:
            yield (
                f"{name} has a device {device} that this network did not make, and "
                f"podnet_datapath {node['datapath']} with podnet_network_type "
                f"{node['network_type']} needs that name; rename or remove the device."
            )


def _egress_devices(node: Mapping[str, Any], seen: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = {one["name"]: one for one in seen["egress_devices"]}
    return [
        {"name": str(name), "ifindex": int(found[name]["ifindex"]), "ip": str(found[name]["ip"])}
        for name in node["masquerade"]["devices"] or found
    ]


def _of_masquerading(node: Mapping[str, Any], seen: Mapping[str, Any]) -> Iterator[str]:
    name, wanted = node["name"], node["masquerade"]["devices"]
    what = f"podnet_masquerade_devices of {name}"
    found = {one["name"]: one for one in seen.get("egress_devices") or ()}
    for device in wanted or found:
        has = f"{what} has {device}" if wanted else f"{what} is not set, and its device is {device}"
        if device not in found:
            yield f"{what}: there is no {device}; name devices of the node."
        elif not found[device]["ethernet"]:
            if wanted:  # else it is the node's device, which is refused as such
                yield f"{has}, {_NO_ETHERNET}"
        elif not found[device]["ip"]:
            yield f"{has}, which has no global IPv4 address; valid is a device that has one."


def _of_the_tunnel(node: Mapping[str, Any], seen: Mapping[str, Any]) -> Iterator[str]:
    name, vxlan, underlay = node["name"], node["vxlan"], seen.get("underlay")
    if not seen.get("vtep_device"):
        yield (
            f"podnet_vtep_ip of {name} is {vxlan['ip']}, which no device of the node holds; valid "
            "is an address of the node."
        )
    if not underlay:
        if vxlan["device"]:
            yield (
                f"podnet_vxlan_device of {name}: there is no {vxlan['device']}; name a device of "
                "the node."
            )
        return
    left = int(underlay["mtu"]) - OVERHEAD
    if left < MTUS[0]:
        yield (
            f"podnet_vxlan_device of {name} is {underlay['name']} with an MTU of "
            f"{underlay['mtu']}, of which the tunnel takes {OVERHEAD}; valid is a device with an "
            f"MTU of at least {MTUS[0] + OVERHEAD}."
        )
    elif node["mtu"] and node["mtu"] > left:
        yield (
            f"podnet_mtu of {name} is {node['mtu']}, but of the MTU {underlay['mtu']} of "
            f"{underlay['name']} the tunnel leaves {left}; valid is a whole number from "
            f"{MTUS[0]} to {left}."
        )
