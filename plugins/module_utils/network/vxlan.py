# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""VXLAN devices: every attribute that iproute2 has."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from ..engine import ethtool, kinds, links, values
from ..engine.failure import Failure
from ..engine.kinds import Field

try:
    from pyroute2.netlink import nla
except ImportError:  # runner.require() has said so before anything here is called
    nla = object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..engine.devices import Network, State
    from ..engine.links import Link

DF = {0: "unset", 1: "set", 2: "inherit"}

#: Addresses, each with the kernel's words for IPv4 and IPv6; a group is a remote of multicast.
ADDRESSES = {"remote": ("GROUP", "GROUP6"), "local": ("LOCAL", "LOCAL6")}
#: Bytes of the outer headers of IPv4 and IPv6: IP, UDP, VXLAN, and the inner one of Ethernet.
HEADERS_V4, HEADERS_V6 = 50, 70
ENDPOINTS = ("remote", "group", "local")


class _port_range(nla):  # type: ignore[misc]  # noqa: N801 - a message class, named as pyroute2's are
    fields = (("low", ">H"), ("high", ">H"))


class Vxlan(kinds.Kind):
    """The kind ``vxlan``."""

    name = "vxlan"
    plural = "vxlans"
    prefix = "IFLA_VXLAN_"
    # Tried on Linux 6.18: what is fixed here is refused on a device that is there.
    fields = (
        Field("id", 1, "ID", "uint32", high=2**24 - 1, fixed=True),
        Field("learning", 7, "LEARNING", "uint8", boolean=True),
        Field("ageing", 8, "AGEING", "uint32", low=1),
        Field("maxaddress", 9, "LIMIT", "uint32", fixed=True),
        Field("proxy", 11, "PROXY", "uint8", boolean=True, fixed=True),
        Field("rsc", 12, "RSC", "uint8", boolean=True, fixed=True),
        Field("l2miss", 13, "L2MISS", "uint8", boolean=True, fixed=True),
        Field("l3miss", 14, "L3MISS", "uint8", boolean=True, fixed=True),
        Field("dstport", 15, "PORT", "be16", low=1, fixed=True),
        Field("udpcsum", 18, "UDP_CSUM", "uint8", boolean=True, fixed=True),
        Field("udp6zerocsumtx", 19, "UDP_ZERO_CSUM6_TX", "uint8", boolean=True, fixed=True),
        Field("udp6zerocsumrx", 20, "UDP_ZERO_CSUM6_RX", "uint8", boolean=True, fixed=True),
        Field("remcsumtx", 21, "REMCSUM_TX", "uint8", boolean=True, fixed=True),
        Field("remcsumrx", 22, "REMCSUM_RX", "uint8", boolean=True, fixed=True),
        Field("gbp", 23, "GBP", "flag", boolean=True, fixed=True),
        Field("external", 25, "COLLECT_METADATA", "uint8", boolean=True, fixed=True),
        Field("flowlabel", 26, "LABEL", "be32", high=2**20 - 1),
        Field("gpe", 27, "GPE", "flag", boolean=True, fixed=True),
        Field("df", 29, "DF", "uint8", names=DF),
        Field("vnifilter", 30, "VNIFILTER", "uint8", boolean=True, fixed=True, absent=False),
        Field("localbypass", 31, "LOCALBYPASS", "uint8", boolean=True),
    )
    further = (
        (2, "GROUP", "ip4addr"),
        (3, "LINK", "uint32"),
        (4, "LOCAL", "ip4addr"),
        (5, "TTL", "uint8"),
        (6, "TOS", "uint8"),
        (10, "PORT_RANGE", "port_range"),
        (16, "GROUP6", "ip6addr"),
        (17, "LOCAL6", "ip6addr"),
        # Sent as a flag, without content; shown as one byte that says yes or no.
        (28, "TTL_INHERIT", "cdata"),
    )
    classes: Mapping[str, Any] = {"port_range": _port_range}

    def options(self) -> dict[str, dict[str, Any]]:
        """Argument spec of one VXLAN device."""
        return {
            **super().options(),
            **{word: {"type": "str"} for word in (*ENDPOINTS, "dev", "ttl", "tos")},
            "srcport": {"type": "list", "elements": "int"},
            "checksum_offload": {"type": "bool"},
        }

    def wish(self, item: Mapping[str, Any], where: str, network: Network) -> State:
        """Check what the user wrote and return it."""
        found = super().wish(item, where, network)
        if item["state"] == "absent":
            return found
        for word in ENDPOINTS:
            if item.get(word) is not None:
                found[word] = _endpoint(item[word], f"{where}.{word}")
        if item.get("dev") is not None:
            found["dev"] = values.device_name(item["dev"], f"{where}.dev")
            network.index(item["dev"], f"{where}.dev")
        for word, words in (("ttl", ("auto", "inherit")), ("tos", ("inherit",))):
            if item.get(word) is not None:
                found[word] = _word_or_byte(item[word], words, f"{where}.{word}")
        if item.get("checksum_offload") is not None:
            found["checksum_offload"] = item["checksum_offload"]
        if item.get("srcport") is not None:
            found["srcport"] = _port_range_of(item["srcport"], f"{where}.srcport")
        _check_together(found, network, where)
        _check_mtu(found, network, where)
        link = network.links.get(found["name"])
        if found.get("external") and not (link and link.data("IFLA_VXLAN_COLLECT_METADATA")):
            # As iproute2 does: there is nothing to learn where each packet brings its endpoint.
            found.setdefault("learning", False)
        return found

    def state(self, network: Network, link: Link) -> State:
        """Read a VXLAN device."""
        found = super().state(network, link)
        for word, kernel_words in ADDRESSES.items():
            known = [link.data(self.prefix + kernel_word) for kernel_word in kernel_words]
            address = next((str(ipaddress.ip_address(value)) for value in known if value), None)
            found[word] = address
        found["group"] = None
        if found["remote"] and ipaddress.ip_address(found["remote"]).is_multicast:
            found["remote"], found["group"] = None, found["remote"]
        found["dev"] = network.device_names.get(link.data("IFLA_VXLAN_LINK") or 0)
        ttl = link.data("IFLA_VXLAN_TTL")
        found["ttl"] = str(ttl) if ttl else "auto"
        if link.data("IFLA_VXLAN_TTL_INHERIT") not in (None, b"\0"):
            found["ttl"] = "inherit"
        tos = link.data("IFLA_VXLAN_TOS")
        found["tos"] = "inherit" if tos == 1 else str(tos or 0)
        ports = link.data("IFLA_VXLAN_PORT_RANGE")
        found["srcport"] = [ports["low"], ports["high"]] if ports else None
        found["checksum_offload"] = ethtool.tx_checksum(network.netns, link.name)
        return found

    def data(self, network: Network, wish: Mapping[str, Any]) -> list[tuple[str, object]]:
        """Attributes of the device for the kernel."""
        found = super().data(network, wish)
        known = {
            "remote": wish.get("group") or wish.get("remote"),
            "local": wish.get("local"),
        }
        for word, address in known.items():
            if address is not None:
                is_v6 = ipaddress.ip_address(address).version == 6
                found.append((self.prefix + ADDRESSES[word][is_v6], address))
        if wish.get("dev") is not None:
            found.append(("IFLA_VXLAN_LINK", network.index(wish["dev"], "dev")))
        if wish.get("ttl") == "inherit":
            found.append(("IFLA_VXLAN_TTL_INHERIT", b""))
        elif wish.get("ttl") is not None:
            found.append(("IFLA_VXLAN_TTL", 0 if wish["ttl"] == "auto" else int(wish["ttl"])))
        if wish.get("tos") is not None:
            found.append(("IFLA_VXLAN_TOS", 1 if wish["tos"] == "inherit" else int(wish["tos"])))
        if wish.get("srcport") is not None:
            low, high = wish["srcport"]
            found.append(("IFLA_VXLAN_PORT_RANGE", {"low": low, "high": high}))
        return found

    def apply(self, network: Network, index: int, before: State, after: State, wish: State) -> None:
        """Bring a device that is there from one state to the other."""
        for word, (v4, v6) in ADDRESSES.items():
            was = before[word] or (word == "remote" and before["group"])
            if was and not (after[word] or (word == "remote" and after["group"])):
                of_v6 = ipaddress.ip_address(was).version == 6
                none = (self.prefix + (v6 if of_v6 else v4), "::" if of_v6 else "0.0.0.0")  # noqa: S104
                links.set_data(network.ip, index, self.name, [none])
        super().apply(network, index, before, after, wish)
        offload = after["checksum_offload"]
        if offload != before["checksum_offload"]:
            ethtool.set_tx_checksum(network.netns, after["name"], on=offload)

    def reason_to_recreate(self, before: State, wish: State) -> str | None:
        """Say which attribute cannot be changed in place, None where all can."""
        reason = super().reason_to_recreate(before, wish)
        if reason:
            return reason
        if "srcport" in wish and wish["srcport"] != before["srcport"]:
            return f"srcport cannot change from {before['srcport']} to {wish['srcport']} in place"
        if "ttl" in wish and (wish["ttl"] == "inherit") != (before["ttl"] == "inherit"):
            return f"ttl cannot change from {before['ttl']} to {wish['ttl']} in place"
        old, new = _family(before) or 4, _family(wish)
        if new is not None and new != old:
            return f"the addresses cannot change from IPv{old} to IPv{new} in place"
        return None

    def target(self, before: State, wish: State, item: Mapping[str, Any]) -> State:
        """State after the wish is fulfilled."""
        after = super().target(before, wish, item)
        # One attribute of the kernel: what the item names takes the place of the other.
        for word, other in (("remote", "group"), ("group", "remote")):
            if word in wish and other not in wish:
                after[other] = None
        if wish.get("external"):
            # The VNI then comes with each packet.
            after["id"] = 0
        family = _family(wish)
        for word in ENDPOINTS:
            # An address of the other family cannot stay beside the wanted one.
            if word not in wish and after.get(word) and _family({word: after[word]}) != family:
                after[word] = after[word] if family is None else None
        return after


def _word_or_byte(value: str, words: tuple[str, ...], where: str) -> str:
    if value in words:
        return value
    number = values.integer(value)
    if number is None or number > 255:
        raise Failure(f"{where}: {value!r} is neither {' nor '.join(words)} nor from 0 to 255.")
    if number == 0 and "auto" in words:
        return "auto"
    return "inherit" if number == 1 and words == ("inherit",) else str(number)


def _endpoint(value: str, where: str) -> str | None:
    """Accept an address; the empty string and the address of zeros are none, as to the kernel."""
    address = values.address(value, where) if value else None
    return None if address and ipaddress.ip_address(address).is_unspecified else address


def _check_mtu(wish: State, network: Network, where: str) -> None:
    """Refuse an MTU that the device below cannot carry: the kernel does so without a reason."""
    link = network.links.get(wish["name"])
    known = link.data("IFLA_VXLAN_LINK") if link else None
    lower = network.links.get(wish.get("dev") or network.device_names.get(known or 0, ""))
    if "mtu" not in wish or lower is None:
        return
    now = VXLAN.state(network, link) if link else {}
    v6 = _family({**now, **wish}) == 6
    room = lower.mtu - (HEADERS_V6 if v6 else HEADERS_V4)
    if wish["mtu"] > room:
        raise Failure(
            f"{where}.mtu: {wish['mtu']} does not fit in {lower.name}, whose MTU is {lower.mtu}; "
            f"up to {room} is valid."
        )


def _port_range_of(value: list[int], where: str) -> list[int]:
    if len(value) != 2 or not 0 <= value[0] <= value[1] <= 65535:
        raise Failure(f"{where}: {value} is not a range of ports such as [32768, 61000].")
    return list(value)


def _check_together(wish: State, network: Network, where: str) -> None:
    present = wish["name"] in network.links
    if wish.get("remote") and wish.get("group"):
        raise Failure(f"{where}: remote and group are one attribute of the kernel; give one.")
    for word, multicast in (("remote", False), ("group", True)):
        if wish.get(word) and ipaddress.ip_address(wish[word]).is_multicast is not multicast:
            kind = "a multicast address" if multicast else "the address of one host"
            raise Failure(f"{where}.{word}: {wish[word]!r} is not {kind}.")
    if wish.get("group") and not wish.get("dev") and not present:
        raise Failure(f"{where}.group: {wish['group']!r} needs dev, the device that joins it.")
    if wish.get("external") and "id" in wish:
        raise Failure(f"{where}.id: {wish['id']} and external: true exclude each other.")
    if not present and not wish.get("external") and "id" not in wish:
        raise Failure(f"{where}.id: a VXLAN device needs its VNI, from 0 to {2**24 - 1}.")
    if wish.get("vnifilter") and not wish.get("external"):
        raise Failure(f"{where}.vnifilter: true is valid with external: true only.")
    families = {ipaddress.ip_address(wish[word]).version for word in ENDPOINTS if wish.get(word)}
    if len(families) > 1:
        raise Failure(f"{where}: remote, group and local are of one family, IPv4 or IPv6.")


def _family(state: Mapping[str, Any]) -> int | None:
    for word in ENDPOINTS:
        if state.get(word):
            return ipaddress.ip_address(state[word]).version
    return None


VXLAN = Vxlan()
