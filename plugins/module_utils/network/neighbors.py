# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Neighbor and forwarding entries: a list that converges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..engine import neighbors, values
from ..engine.change import Changes
from ..engine.devices import networks, warnings
from ..engine.failure import Failure
from ..engine.lack import Lack
from ..names import ALIAS_PREFIX, DEVICE_PREFIX, ROUTE_PROTOCOL
from .confirm import confirmed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..engine.devices import Network
    from ..engine.links import Link
    from ..engine.neighbors import Entry, Identity

    Table = dict[Identity, Entry]

STATES = ["present", "absent", "permanent", "noarp", *neighbors.AGEING]
VNI_MAX = 2**24 - 1

OPTIONS: dict[str, dict[str, Any]] = {
    "type": {"type": "str", "choices": ["neighbor", "fdb"], "default": "neighbor"},
    "dev": {"type": "str", "required": True},
    "state": {"type": "str", "choices": STATES, "default": "present"},
    "netns": {"type": "str"},
    "dst": {"type": "str"},
    "lladdr": {"type": "str"},
    **{
        word: {"type": "bool", "default": False}
        for word in ("proxy", "router", "extern_learn", "master", "sticky")
    },
    **{word: {"type": "int"} for word in ("vlan", "vni", "src_vni", "port")},
    "via": {"type": "str"},
}

#: States beside ``permanent`` of forwarding entries, by the kind of device that keeps them; others
#: keep none.
FDB_STATES = {"bridge": ("noarp", "reachable"), "vxlan": ("reachable",)}

#: Options of one type alone.
NEIGHBOR_ONLY = ("proxy",)
FDB_ONLY = ("vlan", "vni", "src_vni", "port", "via", "master", "sticky")


@dataclass(frozen=True)
class Plan:
    """One item of the list: the namespace, the entry as wanted, and where the user wrote it."""

    here: Network
    wish: Entry
    present: bool
    where: str


def converge(
    items: list[dict[str, Any]],
    netns: str | None,
    *,
    devices: list[str],
    purge: bool,
    check_mode: bool,
) -> dict[str, Any]:
    """Bring entries into the wanted state.

    :param devices: devices that ``purge`` looks at beside those that the items name.
    :param purge: remove what is ours (:func:`_is_ours`) on those devices and not listed.
    """
    with networks(check_mode=check_mode) as network:
        home = network(netns)
        for position, device in enumerate(devices):
            home.index(device, f"devices[{position}]")
        plans = []
        for position, item in enumerate(items):
            where = f"neighbors[{position}]"
            here = network(item["netns"]) if item["netns"] else home
            plans.append(Plan(here, wanted(item, where, here), item["state"] != "absent", where))
        keys = [(plan.here.netns, neighbors.identity(plan.wish)) for plan in plans]
        values.unique(keys, "neighbors")
        tables = {here: _table(here) for here in {home, *(plan.here for plan in plans)}}
        changes = Changes()
        gone: list[tuple[Network, Entry]] = []
        for plan in plans:
            before = tables[plan.here].get(neighbors.identity(plan.wish))
            if plan.present:
                after = _resolved(plan.wish, before)
                changes.add(_what(plan.here, plan.wish), before, after, _replacer(plan))
            elif before is not None:
                gone.append((plan.here, before))
        if purge:
            looked_at = {(plan.here, plan.wish["dev"]) for plan in plans}
            looked_at |= {(home, device) for device in devices}
            listed = {(plan.here, neighbors.identity(plan.wish)) for plan in plans}
            gone += [
                (here, entry)
                for here, table in tables.items()
                for identity, entry in table.items()
                if (here, entry["dev"]) in looked_at
                and (here, identity) not in listed
                and _is_ours(here, entry)
            ]
        for here, entry in gone:
            changes.add(_what(here, entry), entry, None, _remover(here, entry))
        changes.apply(check_mode=check_mode)
        with changes.accounted():
            outcome = _outcome(plans, check_mode=check_mode)
        told = warnings([home, *(plan.here for plan in plans)])
        return {**changes.result(), **told, "neighbors": outcome}


def gather(
    netns: str | None,
    *,
    type: str | None = None,  # noqa: A002 - the word of the option
    dev: str | None = None,
    protocol: int | None = None,
) -> list[Entry]:
    """Read the entries of a namespace, less those that a filter leaves out."""
    tests = {"type": type, "dev": dev, "protocol": protocol}
    with networks(check_mode=False) as network:
        return [
            entry
            for entry in neighbors.read(network(netns))
            if all(entry.get(word) == value for word, value in tests.items() if value is not None)
        ]


def lacking(here: Network, items: list[dict[str, Any]]) -> list[Lack]:
    """Return what is not there of entries, given as items that need not name every option."""
    table = _table(here)
    found = []
    for position, item in enumerate(items):
        whole = values.with_defaults(item, OPTIONS)
        if item["dev"] not in here.links:
            found.append(Lack(item, neighbors.name(whole), None))
            continue
        where = f"neighbors[{position}]"
        plan = Plan(here, wanted(whole, where, here), True, where)
        before = table.get(neighbors.identity(plan.wish))
        if before is None or before != _resolved(plan.wish, before):
            found.append(Lack(item, neighbors.name(plan.wish), _replacer(plan)))
    return found


def wanted(item: Mapping[str, Any], where: str, here: Network) -> Entry:
    """Check an entry that a user wrote and return it in the canonical form."""
    values.device_name(item["dev"], f"{where}.dev")
    if item["state"] != "absent":
        here.index(item["dev"], f"{where}.dev")
    foreign = FDB_ONLY if item["type"] == "neighbor" else NEIGHBOR_ONLY
    for word in foreign:
        if item.get(word) not in (None, False):
            raise Failure(f"{where}.{word}: an entry of type {item['type']} has no {word}.")
    for word, low, high in (
        ("vlan", 1, 4094),
        ("vni", 0, VNI_MAX),
        ("src_vni", 0, VNI_MAX),
        ("port", 1, 65535),
    ):
        if item.get(word) is not None:
            values.number(item[word], f"{where}.{word}", low, high)
    entry: Entry = {
        "type": item["type"],
        "dev": item["dev"],
        "dst": values.address(item["dst"], f"{where}.dst") if item.get("dst") else None,
        "lladdr": values.mac(item["lladdr"], f"{where}.lladdr") if item.get("lladdr") else None,
        "state": "permanent" if item["state"] in ("present", "absent") else item["state"],
        "router": item["router"],
        "extern_learn": item["extern_learn"],
    }
    if item["type"] == "neighbor":
        return _neighbor(entry, item, where)
    return _forwarding(entry, item, where, here)


def _neighbor(entry: Entry, item: Mapping[str, Any], where: str) -> Entry:
    if entry["dst"] is None:
        raise Failure(f"{where}.dst: a neighbor is known by its IP address; give it.")
    if entry["lladdr"] is None and not item["proxy"] and item["state"] != "absent":
        raise Failure(f"{where}.lladdr: the neighbor {entry['dst']} needs its MAC address.")
    if entry["lladdr"] is not None and item["proxy"]:
        raise Failure(f"{where}.lladdr: a proxy answers with the device's own MAC address.")
    if item["proxy"] and item["state"] not in ("present", "absent", "permanent"):
        raise Failure(f"{where}.state: {item['state']!r}: a proxy is there or not; give present.")
    return {**entry, "proxy": item["proxy"], "protocol": ROUTE_PROTOCOL}


def _forwarding(entry: Entry, item: Mapping[str, Any], where: str, here: Network) -> Entry:
    if entry["lladdr"] is None:
        raise Failure(f"{where}.lladdr: a forwarding entry is known by its MAC address; give it.")
    if item["master"] and entry["dst"] is not None:
        raise Failure(f"{where}.dst: the bridge of {item['dev']} knows ports, no tunnel endpoints.")
    ages_or_is_static = item["master"] and item["state"] not in ("present", "permanent")
    if item["sticky"] and not ages_or_is_static:
        raise Failure(
            f"{where}.sticky: only an entry of a bridge, with master: true and the state noarp or "
            "reachable, can be sticky."
        )
    if item.get("via") and item["state"] != "absent":
        here.index(item["via"], f"{where}.via")
    entry.update({word: item[word] for word in FDB_ONLY})
    link = here.links.get(item["dev"])
    if item["state"] != "absent":
        _check_forwarding(item, link, where)
    # The kernel does not show what is as the device has it.
    entry["src_vni"] = entry["src_vni"] or None
    for word, attribute in (("vni", "IFLA_VXLAN_ID"), ("port", "IFLA_VXLAN_PORT")):
        if link and link.kind == "vxlan" and entry[word] == link.data(attribute):
            entry[word] = None
    return entry


def _check_forwarding(item: Mapping[str, Any], link: Link | None, where: str) -> None:
    """Refuse what no device takes, or takes and does not keep."""
    kind = "bridge" if item["master"] else link.kind if link else None
    states = FDB_STATES.get(kind or "", FDB_STATES["bridge"] if link is None else ())
    if item["state"] not in ("present", "permanent", *states):
        valid = " or ".join(("permanent", *states))
        raise Failure(f"{where}.state: {item['state']!r} of this entry cannot be; it is {valid}.")
    if kind == "vxlan" and item.get("dst") is None:
        raise Failure(f"{where}.dst: an entry of {item['dev']} needs its tunnel endpoint.")
    if kind == "vxlan" and item.get("vlan") is not None:
        raise Failure(f"{where}.vlan: {item['dev']} is a VXLAN device and keeps no VLAN.")
    external = link is not None and link.data("IFLA_VXLAN_COLLECT_METADATA")
    if item.get("src_vni") and kind == "vxlan" and not external:
        raise Failure(f"{where}.src_vni: {item['dev']} is not external and has one VNI alone.")
    if kind == "bridge" and item["router"]:
        raise Failure(f"{where}.router: an entry of a bridge does not keep that.")
    if link is not None and link.kind == "bridge" and not item["master"]:
        raise Failure(
            f"{where}.dev: {item['dev']} is the bridge itself, whose entries the kernel shows as "
            "those of no port; name the port, with master: true."
        )
    permanent = item["state"] in ("present", "permanent")
    if kind == "bridge" and item["extern_learn"] and permanent:
        raise Failure(f"{where}.state: an entry with extern_learn is not permanent; say reachable.")


def _table(here: Network) -> Table:
    # What the kernel could not resolve, or is about to forget, is not there.
    return {
        neighbors.identity(entry): entry
        for entry in neighbors.read(here)
        if entry["state"] in neighbors.LASTING + neighbors.AGEING
    }


def _resolved(wish: Entry, before: Entry | None) -> Entry:
    """What was wished, with the state to which the kernel has aged it."""
    if before and wish["state"] in neighbors.AGEING and before["state"] in neighbors.AGEING:
        return {**wish, "state": before["state"]}
    return wish


def _is_ours(here: Network, entry: Entry) -> bool:
    """Say whether ``purge`` may remove an entry, see the documentation of the module."""
    lasting = entry["state"] in neighbors.LASTING
    if entry["type"] == "neighbor":
        return lasting and entry["protocol"] == ROUTE_PROTOCOL
    link = here.links[entry["dev"]]
    return (
        lasting
        and (link.name.startswith(DEVICE_PREFIX) or (link.alias or "").startswith(ALIAS_PREFIX))
        and not int(entry["lladdr"][:2], 16) & 1
        and entry["lladdr"] not in {other.mac for other in here.links.values()} - {neighbors.NO_MAC}
        and not (entry["lladdr"] == neighbors.NO_MAC and entry["dst"] in _remotes(link))
    )


def _remotes(link: Link) -> list[Any]:
    return [link.data(f"IFLA_VXLAN_{word}") for word in ("GROUP", "GROUP6")]


def _replacer(plan: Plan) -> Callable[[], None]:
    return lambda: neighbors.replace(plan.here, plan.wish)


def _remover(here: Network, entry: Entry) -> Callable[[], None]:
    return lambda: neighbors.remove(here, entry)


def _outcome(plans: list[Plan], *, check_mode: bool) -> list[Entry]:
    """Return the entries as the kernel then has them, in check mode as wanted."""
    tables = {here: _table(here) for here in {plan.here for plan in plans} if not check_mode}
    outcome = []
    for plan in plans:
        shown = plan.wish
        if plan.present and not check_mode:
            found = tables[plan.here].get(neighbors.identity(plan.wish))
            took = f"{plan.where}: the kernel took the {neighbors.name(plan.wish)}"
            shown = confirmed(took, _resolved(plan.wish, found), found)
        state = shown["state"] if plan.present else "absent"
        outcome.append({**shown, "netns": plan.here.netns, "state": state})
    return outcome


def _what(here: Network, entry: Mapping[str, Any]) -> str:
    return neighbors.name(entry) + (f" in netns {here.netns}" if here.netns else "")
