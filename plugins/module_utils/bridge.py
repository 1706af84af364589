# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bridges: every attribute that iproute2 has, and their ports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .engine import kinds, links, values
from .engine.kinds import Field

try:
    from pyroute2.netlink import nla
except ImportError:  # runner.require() has said so before anything here is called
    nla = object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .engine.devices import Network, State

#: Options that are a bit of IFLA_BR_MULTI_BOOLOPT (enum br_boolopt_id).
BITS = {"no_linklocal_learn": 0, "mcast_vlan_snooping": 1, "mst_enabled": 2, "fdb_local_vlan_0": 4}
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
        Field("hello_time", 2, "HELLO_TIME", "uint32", slack=1),
        Field("max_age", 3, "MAX_AGE", "uint32", slack=1),
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
        Field("mcast_query_interval", 33, "MCAST_QUERY_INTVL", "uint64", slack=1),
        Field("mcast_query_response_interval", 34, "MCAST_QUERY_RESPONSE_INTVL", "uint64", slack=1),
        Field("mcast_startup_query_interval", 35, "MCAST_STARTUP_QUERY_INTVL", "uint64", slack=1),
        Field("nf_call_iptables", 36, "NF_CALL_IPTABLES", "uint8", boolean=True),
        Field("nf_call_ip6tables", 37, "NF_CALL_IP6TABLES", "uint8", boolean=True),
        Field("nf_call_arptables", 38, "NF_CALL_ARPTABLES", "uint8", boolean=True),
        Field("vlan_default_pvid", 39, "VLAN_DEFAULT_PVID", "uint16", high=4094),
        Field("vlan_stats_enabled", 41, "VLAN_STATS_ENABLED", "uint8", boolean=True),
        Field("mcast_stats_enabled", 42, "MCAST_STATS_ENABLED", "uint8", boolean=True),
        Field("mcast_igmp_version", 43, "MCAST_IGMP_VERSION", "uint8", high=3),
        Field("mcast_mld_version", 44, "MCAST_MLD_VERSION", "uint8", high=2),
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
                for position, port in enumerate(found["ports"]):
                    network.index(port, f"{where}.ports[{position}]")
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
        super().apply(network, index, before, after, wish)
        old, new = before.get("ports", []), after.get("ports", [])
        for port in [name for name in old if name not in new]:
            links.set_(network.ip, network.index(port, port), master=0)
        for port in [name for name in new if name not in old]:
            links.set_(network.ip, network.index(port, port), master=index)
        if "mtu" in wish and old != new:
            links.set_(network.ip, index, mtu=wish["mtu"])


BRIDGE = Bridge()
