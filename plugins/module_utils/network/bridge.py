# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bridges: every attribute that iproute2 has, and their ports."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..engine import kinds, links, values
from ..engine.failure import Failure
from ..engine.kinds import Field

try:
    from pyroute2.netlink import nla
except ImportError:  # runner.require() has said so before anything here is called
    nla = object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..engine.devices import Network, State

#: Options that are a bit of IFLA_BR_MULTI_BOOLOPT (enum br_boolopt_id).
BITS = {"no_linklocal_learn": 0, "mcast_vlan_snooping": 1, "mst_enabled": 2, "fdb_local_vlan_0": 4}
#: Forward delays that a spanning tree takes, and one without it.
STP_DELAYS = (200, 3000)
#: Bits of ``group_fwd_mask`` that no bridge forwards: spanning tree, pause frames, LACP.
NEVER_FORWARDED = 0b111
#: Groups in which a bridge can take part; those that end in 1, 2 and 3 are others' for good.
_GROUP = re.compile("01:80:c2:00:00:0[04-9a-f]")
VLAN_PROTOCOLS = {0x8100: "802.1Q", 0x88A8: "802.1ad"}


class _boolopt(nla):  # type: ignore[misc]  # noqa: N801 - a message class, named as pyroute2's are
    fields = (("optval", "I"), ("optmask", "I"))


class Bridge(kinds.Kind):
    """The kind ``bridge``."""

    name = "bridge"
    plural = "bridges"
    prefix = "IFLA_BR_"
    # A bridge keeps to an MTU that it was given by a change, and else follows that of its ports.
    at_once = ("mac", "txqueuelen", "devgroup")
    # Times are in hundredths of a second, as in iproute2.
    fields = (
        Field("forward_delay", 1, "FORWARD_DELAY", "uint32", slack=1),
        Field("hello_time", 2, "HELLO_TIME", "uint32", low=100, high=1000, slack=1),
        Field("max_age", 3, "MAX_AGE", "uint32", low=600, high=4000, slack=1),
        Field("ageing_time", 4, "AGEING_TIME", "uint32", slack=1),
        Field("stp_state", 5, "STP_STATE", "uint32", boolean=True),
        Field("priority", 6, "PRIORITY", "uint16"),
        Field("vlan_filtering", 7, "VLAN_FILTERING", "uint8", boolean=True),
        Field("vlan_protocol", 8, "VLAN_PROTOCOL", "be16", names=VLAN_PROTOCOLS),
        Field("group_fwd_mask", 9, "GROUP_FWD_MASK", "uint16"),
        Field("mcast_router", 22, "MCAST_ROUTER", "uint8", high=2),
        Field("mcast_snooping", 23, "MCAST_SNOOPING", "uint8", boolean=True),
        Field("mcast_query_use_ifaddr", 24, "MCAST_QUERY_USE_IFADDR", "uint8", boolean=True),
        Field("mcast_querier", 25, "MCAST_QUERIER", "uint8", boolean=True),
        Field("mcast_hash_elasticity", 26, "MCAST_HASH_ELASTICITY", "uint32"),
        Field("mcast_hash_max", 27, "MCAST_HASH_MAX", "uint32"),
        Field("mcast_last_member_count", 28, "MCAST_LAST_MEMBER_CNT", "uint32"),
        Field("mcast_startup_query_count", 29, "MCAST_STARTUP_QUERY_CNT", "uint32"),
        Field("mcast_last_member_interval", 30, "MCAST_LAST_MEMBER_INTVL", "uint64", slack=1),
        Field("mcast_membership_interval", 31, "MCAST_MEMBERSHIP_INTVL", "uint64", slack=1),
        Field("mcast_querier_interval", 32, "MCAST_QUERIER_INTVL", "uint64", slack=1),
        Field("mcast_query_interval", 33, "MCAST_QUERY_INTVL", "uint64", low=100, slack=1),
        Field("mcast_query_response_interval", 34, "MCAST_QUERY_RESPONSE_INTVL", "uint64", slack=1),
        Field(
            "mcast_startup_query_interval",
            35,
            "MCAST_STARTUP_QUERY_INTVL",
            "uint64",
            low=100,
            slack=1,
        ),
        Field("nf_call_iptables", 36, "NF_CALL_IPTABLES", "uint8", boolean=True),
        Field("nf_call_ip6tables", 37, "NF_CALL_IP6TABLES", "uint8", boolean=True),
        Field("nf_call_arptables", 38, "NF_CALL_ARPTABLES", "uint8", boolean=True),
        Field("vlan_default_pvid", 39, "VLAN_DEFAULT_PVID", "uint16", high=4094),
        Field("vlan_stats_enabled", 41, "VLAN_STATS_ENABLED", "uint8", boolean=True),
        Field("mcast_stats_enabled", 42, "MCAST_STATS_ENABLED", "uint8", boolean=True),
        Field("mcast_igmp_version", 43, "MCAST_IGMP_VERSION", "uint8", low=2, high=3),
        Field("mcast_mld_version", 44, "MCAST_MLD_VERSION", "uint8", low=1, high=2),
        Field("vlan_stats_per_port", 45, "VLAN_STATS_PER_PORT", "uint8", boolean=True),
        Field("fdb_max_learned", 49, "FDB_MAX_LEARNED", "uint32"),
    )
    further = ((20, "GROUP_ADDR", "l2addr"), (46, "MULTI_BOOLOPT", "boolopt"))
    classes: Mapping[str, Any] = {"boolopt": _boolopt}

    def options(self) -> dict[str, dict[str, Any]]:
        """Argument spec of one bridge."""
        return {
            **super().options(),
            **{word: {"type": "bool"} for word in BITS},
            "group_address": {"type": "str"},
            "ports": {"type": "list", "elements": "str"},
            "purge_ports": {"type": "bool", "default": False},
        }

    def wish(self, item: Mapping[str, Any], where: str, network: Network) -> State:
        """Check what the user wrote and return it."""
        found = super().wish(item, where, network)
        found.update({word: item[word] for word in BITS if item.get(word) is not None})
        if item.get("group_address") is not None:
            found["group_address"] = values.mac(item["group_address"], f"{where}.group_address")
        if item.get("ports") is not None:
            found["ports"] = list(item["ports"])
            values.unique(found["ports"], f"{where}.ports")
        if item["state"] == "present":
            _check(found, network, where)
        return found

    def state(self, network: Network, link: links.Link) -> State:
        """Read a bridge."""
        found = super().state(network, link)
        bits = link.data("IFLA_BR_MULTI_BOOLOPT")
        for word, bit in BITS.items():
            known = bits is not None and bits["optmask"] >> bit & 1
            found[word] = bool(bits["optval"] >> bit & 1) if known else None
        found["group_address"] = link.data("IFLA_BR_GROUP_ADDR")
        found["ports"] = [p.name for p in network.links.values() if p.master == link.index]
        return found

    def data(self, network: Network, wish: Mapping[str, Any]) -> list[tuple[str, object]]:
        """Attributes of the bridge for the kernel."""
        found = super().data(network, wish)
        if wish.get("group_address") is not None:
            found.append(("IFLA_BR_GROUP_ADDR", wish["group_address"]))
        bits = {bit: wish[word] for word, bit in BITS.items() if wish.get(word) is not None}
        if bits:
            value = sum(1 << bit for bit, on in bits.items() if on)
            mask = sum(1 << bit for bit in bits)
            found.append(("IFLA_BR_MULTI_BOOLOPT", {"optval": value, "optmask": mask}))
        return found

    def target(self, before: State, wish: State, item: Mapping[str, Any]) -> State:
        """State after the wish is fulfilled: ports are added up, with ``purge_ports`` others go."""
        after = super().target(before, wish, item)
        if "ports" in wish:
            present = before.get("ports", [])
            kept = [port for port in present if not item["purge_ports"] or port in wish["ports"]]
            after["ports"] = kept + [port for port in wish["ports"] if port not in present]
        return after

    def apply(self, network: Network, index: int, before: State, after: State, wish: State) -> None:
        """Bring a bridge from one state to the other, and its ports with it."""
        if before["stp_state"] and not after["stp_state"]:
            # The kernel takes the delay first, and while the spanning tree runs not every delay.
            links.set_data(network.ip, index, self.name, [("IFLA_BR_STP_STATE", 0)])
        super().apply(network, index, before, after, wish)
        old, new = before.get("ports", []), after.get("ports", [])
        for port in [name for name in old if name not in new]:
            links.set_(network.ip, network.index(port, port), master=0)
        for port in [name for name in new if name not in old]:
            links.set_(network.ip, network.index(port, port), master=index)
        if "mtu" in wish and old != new:
            links.set_(network.ip, index, mtu=wish["mtu"])


def _check(wish: State, network: Network, where: str) -> None:
    """Refuse what the kernel would refuse without a word about the attribute."""
    link = network.links.get(wish["name"])
    runs = wish.get("stp_state", bool(link and link.data("IFLA_BR_STP_STATE")))
    if runs and "forward_delay" in wish:
        values.number(wish["forward_delay"], f"{where}.forward_delay, with STP", *STP_DELAYS)
    mask = wish.get("group_fwd_mask", 0)
    if mask & NEVER_FORWARDED:
        raise Failure(
            f"{where}.group_fwd_mask: {mask} has one of the lowest three bits, whose groups no "
            f"bridge forwards; {mask & ~NEVER_FORWARDED} is valid."
        )
    group = wish.get("group_address")
    if group is not None and not _GROUP.fullmatch(group):
        raise Failure(
            f"{where}.group_address: {group!r} is no group of bridges; valid is 01:80:c2:00:00:0X "
            "with X 0 or from 4 to f."
        )
    for position, port in enumerate(wish.get("ports", ())):
        network.index(port, f"{where}.ports[{position}]")
        found = network.links.get(port)
        if port == wish["name"] or (found and (found.kind == "bridge" or found.loopback)):
            raise Failure(
                f"{where}.ports[{position}]: {port!r} cannot be a port; neither a bridge nor the "
                "loopback device can."
            )


BRIDGE = Bridge()
