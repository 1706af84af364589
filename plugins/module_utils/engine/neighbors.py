# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Neighbor and forwarding entries between the kernel and one canonical form.

An entry is a plain dict in the words of the module's options; its ``type`` is ``neighbor`` (ARP and
NDP) or ``fdb`` (the forwarding database of a bridge or a VXLAN device).
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from . import netlink, rtnl

try:
    from pyroute2.netlink.rtnl.ndmsg import ndmsg
except ImportError:  # runner.require() has said so before anything here is called
    ndmsg = None
else:
    rtnl.teach(ndmsg, "NDA_", {11: ("SRC_VNI", "uint32"), 12: ("PROTOCOL", "uint8")})

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .devices import Network

    Entry = dict[str, Any]
    Identity = tuple[Any, ...]

AF_INET, AF_INET6, AF_BRIDGE = 2, 10, 7
SELF, MASTER, PROXY = 0x02, 0x04, 0x08
PERMANENT, NOARP = 0x80, 0x40
NO_MAC = "00:00:00:00:00:00"

STATES = {
    "permanent": PERMANENT,
    "noarp": NOARP,
    "reachable": 0x02,
    "stale": 0x04,
    "delay": 0x08,
    "probe": 0x10,
    "failed": 0x20,
    "incomplete": 0x01,
    "none": 0,
}
#: States that stay until somebody changes them.
LASTING = ("permanent", "noarp")
#: States between which the kernel moves an entry by itself.
AGEING = ("reachable", "stale", "delay", "probe")
FLAGS = {"extern_learn": 0x10, "sticky": 0x40, "router": 0x80}

#: Numbers of a forwarding entry: our word → the kernel's.
FDB_NUMBERS = {
    "vlan": "NDA_VLAN",
    "port": "NDA_PORT",
    "vni": "NDA_VNI",
    "src_vni": "NDA_SRC_VNI",
}
#: What tells the endpoints of one MAC address apart, where it may have several.
ENDPOINT = ("dst", "port", "vni", "via")


def read(here: Network) -> list[Entry]:
    """Read all entries of a namespace; those that no program asked for are among them."""
    if here.ip is None:
        return []
    found = []
    for family in (AF_INET, AF_INET6):
        for flags in (0, PROXY):
            header = {"family": family, "flags": flags}
            found += [
                _neighbor(here, entry)
                for entry in rtnl.dump(here.ip, rtnl.GETNEIGH, ndmsg, header)
                if entry["ifindex"] in here.device_names
            ]
    found += [
        _forwarding(here, entry)
        for entry in rtnl.dump(here.ip, rtnl.GETNEIGH, ndmsg, {"family": AF_BRIDGE})
        if entry["ifindex"] in here.device_names
    ]
    return found


def identity(entry: Mapping[str, Any]) -> Identity:
    """What makes an entry this one and no other."""
    if entry["type"] == "neighbor":
        return entry["type"], entry["dev"], entry["dst"], entry["proxy"]
    key = tuple(entry[word] for word in ("type", "dev", "lladdr", "vlan", "src_vni", "master"))
    return key + tuple(entry[word] for word in ENDPOINT) if has_many(entry) else key


def has_many(entry: Mapping[str, Any]) -> bool:
    """Say whether the MAC address may have several tunnel endpoints: it is zero or of a group."""
    return entry["lladdr"] == NO_MAC or bool(int(entry["lladdr"][:2], 16) & 1)


def replace(here: Network, entry: Entry) -> None:
    """Put an entry in the place of the one of its identity, or add it, in one request."""
    adds = entry["type"] == "fdb" and not entry["master"] and has_many(entry)
    flags = rtnl.CREATE | (rtnl.APPEND if adds else rtnl.REPLACE)
    with netlink.doing(f"the {name(entry)}"):
        rtnl.request(here.ip, rtnl.NEWNEIGH, _encode(here, entry), flags)


def remove(here: Network, entry: Entry) -> None:
    """Remove an entry that was read."""
    with netlink.doing(f"the removal of the {name(entry)}"):
        rtnl.request(here.ip, rtnl.DELNEIGH, _encode(here, entry))


def name(entry: Mapping[str, Any]) -> str:
    """Name an entry by its identity, as a person would."""
    if entry["type"] == "neighbor":
        return f"{'proxy' if entry['proxy'] else 'neighbor'} {entry['dst']} dev {entry['dev']}"
    words = [f"fdb entry {entry['lladdr']} dev {entry['dev']}"]
    shown = ["vlan", "src_vni", *(ENDPOINT if has_many(entry) else ())]
    words += [f"{word} {entry[word]}" for word in shown if entry[word] is not None]
    return " ".join(words + (["master"] if entry["master"] else []))


def _neighbor(here: Network, entry: Any) -> Entry:
    proxy = bool(entry["flags"] & PROXY)
    return {
        "type": "neighbor",
        "dev": here.device_names[entry["ifindex"]],
        "dst": str(ipaddress.ip_address(entry.get_attr("NDA_DST"))),
        "lladdr": None if proxy else entry.get_attr("NDA_LLADDR"),
        # The kernel has no state for a proxy; it stays until it is removed.
        "state": "permanent" if proxy else _state(entry["state"]),
        "proxy": proxy,
        "router": bool(entry["flags"] & FLAGS["router"]),
        "extern_learn": bool(entry["flags"] & FLAGS["extern_learn"]),
        "protocol": entry.get_attr("NDA_PROTOCOL") or 0,
    }


def _forwarding(here: Network, entry: Any) -> Entry:
    dst = entry.get_attr("NDA_DST")
    return {
        "type": "fdb",
        "dev": here.device_names[entry["ifindex"]],
        "lladdr": entry.get_attr("NDA_LLADDR"),
        "dst": None if dst is None else str(ipaddress.ip_address(dst)),
        **{word: entry.get_attr(kernel_word) for word, kernel_word in FDB_NUMBERS.items()},
        "via": here.device_names.get(entry.get_attr("NDA_IFINDEX") or 0),
        "state": _state(entry["state"]),
        "master": entry.get_attr("NDA_MASTER") is not None,
        **{word: bool(entry["flags"] & bit) for word, bit in FLAGS.items()},
    }


def _state(number: int) -> str:
    # Forwarding entries may carry two bits, of which the stronger one counts.
    for word, bit in STATES.items():
        if number & bit:
            return word
    return "none"


def _encode(here: Network, entry: Entry) -> Any:
    attributes: list[tuple[str, object]] = []
    for word, kernel_word in (("dst", "NDA_DST"), ("lladdr", "NDA_LLADDR")):
        if entry[word] is not None:
            attributes.append((kernel_word, entry[word]))
    flags = sum(bit for word, bit in FLAGS.items() if entry.get(word))
    state = STATES[entry["state"]]
    if entry["type"] == "neighbor":
        family = AF_INET if ipaddress.ip_address(entry["dst"]).version == 4 else AF_INET6
        attributes.append(("NDA_PROTOCOL", entry["protocol"]))
        flags |= PROXY if entry["proxy"] else 0
    else:
        family = AF_BRIDGE
        for word, kernel_word in FDB_NUMBERS.items():
            if entry[word] is not None:
                attributes.append((kernel_word, entry[word]))
        if entry["via"] is not None:
            attributes.append(("NDA_IFINDEX", here.index(entry["via"], name(entry))))
        flags |= MASTER if entry["master"] else SELF
        # As iproute2 does: a device that forwards does not resolve either.
        state |= NOARP if entry["state"] == "permanent" else 0
    fields = {
        "family": family,
        "ifindex": here.index(entry["dev"], name(entry)),
        "state": state,
        "flags": flags,
    }
    return rtnl.message(ndmsg, fields, attributes)
