# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""veth pairs: two ends, each in a namespace of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..engine import devices, links, namespaces, values
from ..engine.change import Changes
from ..engine.failure import Failure
from ..names import ALIAS_PREFIX, DEVICE_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..engine.devices import Network, State

QUEUES = ("numtxqueues", "numrxqueues")

END_OPTIONS: dict[str, dict[str, Any]] = {
    **devices.OPTIONS,
    **{word: {"type": "int"} for word in QUEUES},
}


@dataclass
class End:
    """One end: where it shall be, what is wanted of it, and the device that has its name now."""

    network: Network
    wish: State
    purge_addresses: bool
    where: str

    @property
    def link(self) -> links.Link | None:
        """The device that has the name now."""
        return self.network.links.get(self.wish["name"])

    def state(self) -> State | None:
        """Its state as found, None where no device has the name."""
        return None if self.link is None else _state(self.network, self.link)

    def target(self, before: Mapping[str, Any]) -> State:
        """Its state as wanted, after it was as given."""
        return devices.target(before, self.wish, purge_addresses=self.purge_addresses)


def converge(items: list[dict[str, Any]], netns: str | None, *, check_mode: bool) -> dict[str, Any]:
    """Bring veth pairs into the wanted state; ``netns`` is the default of each end."""
    with devices.networks(check_mode=check_mode) as network:
        changes = Changes()
        pairs: list[tuple[End, End | None]] = []
        for position, item in enumerate(items):
            where = f"veths[{position}]"
            end = _end(network, item, netns, where)
            if item["state"] == "absent":
                pairs.append((end, None))
                _plan_removal(changes, end)
                continue
            if item.get("peer") is None:
                raise Failure(f"{where}: a veth has two ends; peer.name names the other one.")
            peer = _end(network, item["peer"], netns, f"{where}.peer")
            if (peer.network.netns, peer.wish["name"]) == (end.network.netns, end.wish["name"]):
                raise Failure(
                    f"{where}: peer.name is {peer.wish['name']!r}, as name is; valid is another "
                    f"name, or another namespace for one of the ends."
                )
            pairs.append((end, peer))
            _plan(changes, end, peer, recreate=item["recreate"])
        ends = [end for pair in pairs for end in pair if end is not None]
        values.unique([(end.network.netns, end.wish["name"]) for end in ends], "veths")
        changes.apply(check_mode=check_mode)
        if changes.steps and not check_mode:
            for touched in {end.network for end in ends}:
                touched.read()
        warnings = devices.warnings(end.network for end in ends)
        outcome = [_outcome(*pair, check_mode) for pair in pairs]
        return {**changes.result(), **warnings, "veths": outcome}


def gather(netns: str | None, name: str | None = None) -> list[dict[str, Any]]:
    """Read the veths of a namespace, each with its ``peer``: a name and a namespace.

    A peer in a namespace that has no name has None as its name.
    """
    with devices.networks(check_mode=False) as network:
        here = network(netns)
        found = [link for link in here.links.values() if link.kind == "veth"]
        found = [link for link in found if name is None or link.name == name]
        by_number = _namespaces_by_number(here) if any(x.netnsid is not None for x in found) else {}
        veths = []
        for link in found:
            there = here
            if link.netnsid is not None:
                if link.netnsid not in by_number:
                    veths.append({**_state(here, link), "peer": {"name": None, "netns": None}})
                    continue
                there = network(by_number[link.netnsid])
            peer = {"name": there.device_names.get(link.lower or 0), "netns": there.netns}
            veths.append({**_state(here, link), "peer": peer})
        return veths


def are_pair(one: End, other: End) -> bool:
    """Say whether the two devices that have the names are the two ends of one pair."""
    a, b = one.link, other.link
    if a is None or b is None or a.lower != b.index or b.lower != a.index:
        return False
    # The same index may stand in many namespaces: the numbers of the namespaces have to fit too.
    number = links.netnsid(one.network.ip, other.network.netns)
    return a.netnsid == number


def _end(
    network: Callable[[str | None], Network], item: Mapping[str, Any], netns: str | None, where: str
) -> End:
    here = network(item["netns"] or netns)
    wish = devices.wanted(item, where, here)
    for word in QUEUES:
        if item.get(word) is not None:
            wish[word] = values.number(item[word], f"{where}.{word}", 1, 4096)
    return End(here, wish, item["purge_addresses"], where)


def _state(network: Network, link: links.Link) -> State:
    queues = {"numtxqueues": link.numtxqueues, "numrxqueues": link.numrxqueues}
    return {**devices.state(network, link), **queues}


def _plan_removal(changes: Changes, end: End) -> None:
    link = end.link
    if link is None:
        return
    devices.must_be(link, "veth", end.where)
    index = link.index
    changes.add(_what(end), end.state(), None, lambda: links.delete(end.network.ip, index))


def _plan(changes: Changes, end: End, peer: End, *, recreate: bool) -> None:
    before: State | None = None
    if end.link is not None or peer.link is not None:
        before = {**(end.state() or {}), "peer": peer.state()}
    if before is None:
        after = {**end.wish, "netns": end.network.netns}
        after["peer"] = {**peer.wish, "netns": peer.network.netns}
        changes.add(_what(end), None, after, lambda: _create(end, peer))
        return
    reason = _reason_to_recreate(end, peer, recreate=recreate)
    if reason:
        after = {**before, **end.wish, "peer": {**(before["peer"] or {}), **peer.wish}}
        after["recreated_because"] = reason
        changes.add(_what(end), before, after, lambda: _recreate(end, peer))
        return
    after = {**end.target(before), "peer": peer.target(before["peer"])}
    changes.add(_what(end), before, after, lambda: _change(end, peer))


def _reason_to_recreate(end: End, peer: End, *, recreate: bool) -> str | None:
    for one in (end, peer):
        if one.link is not None:
            devices.must_be(one.link, "veth", one.where)
    if are_pair(end, peer):
        for one in (end, peer):
            found = one.state() or {}
            for word in QUEUES:
                if word in one.wish and one.wish[word] != found[word]:
                    return (
                        f"{word} of {one.wish['name']} cannot change from {found[word]} to "
                        f"{one.wish[word]} in place"
                    )
        return None
    present = [one.link for one in (end, peer) if one.link is not None]
    strangers = [link.name for link in present if not _is_ours(link)]
    if strangers and not recreate:
        raise Failure(
            f"{end.where}: {' and '.join(map(repr, strangers))} is a veth of another pair than "
            f"{end.wish['name']!r} with the peer {peer.wish['name']!r}; recreate: true replaces it."
        )
    return " and ".join(link.name for link in present) + " belonged to another pair"


def _is_ours(link: links.Link) -> bool:
    return link.name.startswith(DEVICE_PREFIX) or (link.alias or "").startswith(ALIAS_PREFIX)


def _create(end: End, peer: End) -> None:
    links.add_veth(
        end.network.ip,
        _for_kernel(end.wish),
        _for_kernel(peer.wish),
        peer.network.netns,
        netns=end.network.netns,
    )
    for one in (end, peer):
        devices.added(one.network, one.wish["name"])
    try:
        _change(end, peer)
    except Failure:
        if end.link is not None:
            links.delete(end.network.ip, end.link.index)  # nothing is left half made
        raise


def _recreate(end: End, peer: End) -> None:
    for one in (end, peer):
        # Two ends of one pair: the second went with the first.
        one.network.read()
        if one.link is not None:
            links.delete(one.network.ip, one.link.index)
    _create(end, peer)


def _change(end: End, peer: End) -> None:
    for one in (end, peer):
        link = one.link
        if link is not None:
            before = _state(one.network, link)
            devices.apply(one.network, link.index, before, one.target(before))


def _for_kernel(wish: Mapping[str, Any]) -> State:
    # A master is known by its index in the end's own namespace: it is set once the end is there.
    return {word: value for word, value in wish.items() if word not in ("master", "addresses")}


def _what(end: End) -> str:
    place = f" in netns {end.network.netns}" if end.network.netns else ""
    return f"veth {end.wish['name']}{place}"


def _outcome(end: End, peer: End | None, check_mode: bool) -> State:
    """State of a pair after the run; in check mode as it would be."""
    if peer is None:
        return {"name": end.wish["name"], "netns": end.network.netns, "state": "absent"}
    result: list[State] = []
    for one in (end, peer):
        before = one.state() or {"name": one.wish["name"], "netns": one.network.netns}
        result.append(one.target(before) if check_mode else before)
    return {**result[0], "state": "present", "peer": result[1]}


def _namespaces_by_number(here: Network) -> dict[int, str | None]:
    numbers: dict[int, str | None] = {}
    for candidate in [*reversed(namespaces.names()), None]:
        number = links.netnsid(here.ip, candidate)
        if number is not None:
            numbers[number] = candidate
    return numbers
