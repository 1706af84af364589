# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The word ``why``: the walk of the playbook ``why``, as far as it leads over this node.

The node knows the others by the slice of the plan that a run left here: who has which pod CIDR, and
by which way. Where a packet is sent to one of them, that one says what becomes of it.
"""

from __future__ import annotations

import importlib
import ipaddress
from typing import TYPE_CHECKING, Any

from ..command.table import Usage
from ..engine.failure import Failure
from ..installed import objects, sources
from ..node import planned
from ..why import node as asked
from ..why import report, walk

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    Item = dict[str, Any]

#: Variables of the playbook, and what they are here.
_HERE = {
    "why_source_address": "--source-address",
    "why_source": "SOURCE",
    "why_destination": "DESTINATION",
    "why_protocol": "--protocol",
    "why_port": "--port",
}
_GOOD = ("delivered", "sent")


def ask(options: argparse.Namespace) -> tuple[Item, bool]:
    """Return the walk, and whether the packet and what answers it arrive, as far as known here."""
    slice_, read = planned.slice_here(), planned.there(sources.PATH, sources.read)
    went = _walked(_begun(slice_, options), slice_["name"], read)
    found = {word: went[word] for word in ("question", "verdicts", "hops", "recorded")}
    return found, all(one["verdict"] in _GOOD for one in went["verdicts"].values())


def render(found: Mapping[str, Any]) -> str:
    """Return it as people read it."""
    return report.render(found)


def _begun(slice_: Mapping[str, Any], options: argparse.Namespace) -> Item:
    """Return the walk at this node, whether it begins here or at a node that is not asked."""
    nodes: dict[str, Item] = {
        peer["name"]: {"node_ip": peer["node_ip"], "addresses": peer["addresses"], "pods": {}}
        for peer in slice_["peers"]
    }
    nodes[slice_["name"]] = asked.identify()
    try:
        begun = walk.begin(
            nodes,
            options.SOURCE,
            options.DESTINATION,
            options.protocol,
            options.port,
            options.source_address,
        )
    except Failure as wrong:
        said = wrong.message
        for variable, word in _HERE.items():
            said = said.replace(variable, word)
        raise Usage(said) from wrong
    return _brought(begun, slice_)


def _brought(begun: Item, slice_: Mapping[str, Any]) -> Item:
    """Let a packet of another node's pod or process come to this node as that node sends it."""
    at = begun["at"]
    if at is None and begun["verdicts"].get(walk.REPLY):  # it has arrived, and its answer
        return begun
    if at is None:
        raise Usage(f"{begun['verdicts'][walk.FORWARD]['reason']}; ask the node that it passes")
    source = begun["question"]["source"]
    if at["node"] == slice_["name"] and source["kind"] != "outside":
        return begun
    frame = {"node": slice_["name"], "entry": "network", "packet": at["packet"]}
    peer = _peer_of(slice_, source["address"])
    if peer is not None and peer["route"] == "tunnel":
        frame |= {"entry": "tunnel", "tunnel_endpoint": peer["vtep_ip"]}
    elif at["node"] != slice_["name"]:
        raise Usage(f"the packet begins at {at['node']}, not here: ask there")
    return {**begun, "at": frame}


def _peer_of(slice_: Mapping[str, Any], address: str) -> Item | None:
    """Return the node whose pods have an address."""
    ip = ipaddress.ip_address(address)
    found: list[Item] = [
        peer for peer in slice_["peers"] if ip in ipaddress.ip_network(peer["pod_cidr"])
    ]
    return found[0] if found else None


def _walked(went: Item, here: str, read: Item) -> Item:
    """Lead the packet on as long as it is at this node."""
    digest = sources.digest(sources.fold(read))
    made = objects.read(digest)
    while went["at"] is not None and went["at"]["node"] == here:
        at = went["at"]
        options = {"pod": None, "tunnel_endpoint": None, **at}
        options["written"] = went["written"].get(here, {})
        answer = asked.answer(options, {**read, "objects": made}, _require)
        if answer["objects"].keys() - made.keys():
            made = answer["objects"]
            objects.keep(digest, made)
        went = walk.follow(went, answer)
    if went["at"] is None:
        return went
    sent = {"verdict": "sent", "reason": f"{went['at']['node']} has it next; ask there"}
    return {**went, "at": None, "verdicts": {**went["verdicts"], went["direction"]: sent}}


def _require(library: str) -> None:
    """Say what lacks for programs to be made, and who else can tell."""
    try:
        importlib.import_module(library)
    except ImportError as error:
        raise Failure(
            f"this node has no compiler (there is no {library}), so it cannot load its programs "
            "once more; the playbook podnet.fabric.why asks it with what another host compiles."
        ) from error
