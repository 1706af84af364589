# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of a node's addresses, routes and neighbors is not there, and the way to bring it back."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ..engine import devices, values
from ..engine.failure import Failure
from ..network import neighbors, routes, routes_wanted
from . import addresses

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..engine.devices import Network
    from ..engine.lack import Lack

    Entries = Mapping[str, list[dict[str, Any]]]

#: In the order in which one needs the other.
KINDS = {
    "addresses": addresses.lacking,
    "routes": routes.lacking,
    "neighbors": neighbors.lacking,
}


#: Words of an item of each kind, less those that are not for the node's own tables.
_WORDS = {
    "addresses": {"dev", "address", "of"},
    "routes": {*routes_wanted.OPTIONS} - {"state", "netns"},
    "neighbors": {*neighbors.OPTIONS} - {"state", "netns"},
}


def check(entries: Entries) -> None:
    """Refuse entries that could not be put back.

    :raises Failure: names the item, its value, and what is valid.
    """
    for kind, words in _WORDS.items():
        for position, item in enumerate(entries[kind]):
            unknown = sorted(set(item) - words)
            if unknown:
                raise Failure(
                    f"{kind}[{position}]: {unknown[0]!r} is no option of an item; valid are "
                    f"{', '.join(sorted(words))}."
                )
    for position, item in enumerate(entries["addresses"]):
        values.interface(item.get("address", ""), f"addresses[{position}].address")
    for position, item in enumerate(entries["routes"]):
        given = {"dst": "", **item}
        whole = values.with_defaults(given, routes_wanted.OPTIONS)
        routes_wanted.wanted(whole, f"routes[{position}]", "main")


def look(entries: Entries) -> tuple[dict[str, list[dict[str, Any]]], dict[str, list[str]]]:
    """Return by kind the entries, each with ``present``, and the names of what is not there."""
    with devices.networks(check_mode=False) as network:
        here = network(None)
        lacks = {kind: lacking(here, entries[kind]) for kind, lacking in KINDS.items()}
    absent = {id(lack.item) for found in lacks.values() for lack in found}
    seen = {
        kind: [{**item, "present": id(item) not in absent} for item in entries[kind]]
        for kind in KINDS
    }
    return seen, {kind: [lack.what for lack in found] for kind, found in lacks.items()}


def put_back(entries: Entries) -> tuple[list[str], list[str]]:
    """Bring what is not there; return what was brought, and what could not be."""
    brought: list[str] = []
    left: list[str] = []
    with devices.networks(check_mode=False) as network:
        here = network(None)
        for kind, lacking in KINDS.items():
            for lack in lacking(here, entries[kind]):
                (brought if _put(lack) else left).append(lack.what)
    return brought, left


def drop_others(entries: Entries) -> list[str]:
    """Take away what the host has given up itself; say what."""
    with devices.networks(check_mode=False) as network:
        here: Network = network(None)
        return addresses.drop_others(here, entries["addresses"])


def _put(lack: Lack) -> bool:
    # What the kernel refuses now it may take after the next event: a gateway comes with an address.
    with contextlib.suppress(Failure):
        if lack.put is not None:
            lack.put()
            return True
    return False
