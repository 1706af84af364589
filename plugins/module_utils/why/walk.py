# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From node to node: a question, the packet that it is asked with, and the answers on its way.

Pure: a walk is data, each step makes another one of it and of what a node answered.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from ..engine.failure import Failure
from ..text.tables import first, nearest
from . import packets

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    Item = dict[str, Any]

#: As many nodes as no packet and its answer pass; a walk that goes on ends here.
MOST_STEPS = 12
FORWARD, REPLY = "forward", "reply"
_PORTS = 65535


def begin(
    nodes: Mapping[str, Item],
    source: object,
    destination: object,
    protocol: object,
    port: object = None,
    source_address: object = None,
    silent: Collection[str] = (),
) -> Item:
    """Return a walk at its first node.

    :param nodes: inventory name -> what :mod:`packet_path_info` said of the node.
    :param source: a pod by ``namespace/name``, its name or its address; a node by its name or an
        address; any other address: somebody outside.
    :param destination: as ``source``, or the address of a service.
    :param source_address: what the sender writes as its own, where that is another one.
    :param silent: nodes that did not answer, or failed, of which nothing is known.
    :raises Failure: one sentence about the variable that is wrong.
    """
    start = _place(nodes, silent, "why_source", source)
    target = _place(nodes, silent, "why_destination", destination)
    known = _protocol(protocol)
    number = _port(port, known)
    address = start["address"]
    if source_address not in (None, ""):
        address = _ipv4("why_source_address", source_address)
    elif start["kind"] == "node" and start["name"]:
        address = packets.ANY  # the node chooses, as it does for its processes
    packet = packets.Packet(
        address, target["address"], known, packets.CLIENT_PORT, number, reply=False
    )
    walk: Item = {
        "question": {"source": start, "destination": target, "protocol": known, "port": number},
        "nodes": dict(nodes),
        "hops": [],
        "recorded": [],
        "written": {},
        "verdicts": {},
        "steps": 0,
        "direction": FORWARD,
        "at": None,
        "reason": None,
    }
    frame = packets.make(packet)
    if start["kind"] == "pod" and start["address"] == address == target["address"]:
        return _own(walk, frame)
    if start["kind"] == "outside":
        return _into(walk, frame, _holder(nodes, target["address"]))
    entry = {"entry": start["kind"], "packet": frame.hex()}
    if start["kind"] == "pod":
        entry["pod"] = start["address"]
    return {**walk, "at": {"node": start["node"], **entry}}


def follow(walk: Item, answer: Mapping[str, Any]) -> Item:
    """Return the walk after the answer of the node that it was at."""
    node = walk["at"]["node"]
    direction = walk["direction"]
    hops = [{"node": node, "direction": direction, **hop} for hop in answer["hops"]]
    gone: Item = {
        **walk,
        "hops": walk["hops"] + hops,
        "recorded": walk["recorded"]
        + [
            {"node": node, "way": direction, **_named(walk["nodes"], one)}
            for one in answer["recorded"]
        ],
        # Whatever differs from the node's own maps, with what it knew before.
        "written": {**walk["written"], node: answer["written"]},
        "steps": walk["steps"] + 1,
        "at": None,
    }
    if gone["steps"] >= MOST_STEPS:
        return _over(gone, "lost", "it goes round")
    frame = bytes.fromhex(answer["packet"])
    if answer["end"] == "dropped":
        at = {"node": node, "hook": hops[-1]["hook"], "answered": answer.get("answered", False)}
        return _over(gone, "dropped", answer["reason"], **at)
    if answer["end"] in ("pod", "node"):
        entry = {"node": node, "entry": answer["end"]}
        if answer["end"] == "pod":
            entry["pod"] = answer["pod"]
        return _arrived(gone, frame, entry)
    following = _by_address(walk["nodes"], answer["node"])
    if answer["node"] in (None, packets.read(frame).destination) and following is None:
        return _arrived(gone, frame, None)
    if following is None:
        return _over(
            gone, "lost", f"{answer['node']} has it next: no node of this run that answered"
        )
    at = {"node": following, "entry": "network", "packet": frame.hex()}
    if answer["end"] == "tunnel":
        at |= {"entry": "tunnel", "tunnel_endpoint": answer["tunnel_endpoint"]}
    return {**gone, "at": at}


def _named(nodes: Mapping[str, Item], record: Item) -> Item:
    """Return a record with the names of the pods of other nodes, which its node does not know."""
    pods = {ip: name for said in nodes.values() for name, ip in said["pods"].items()}
    ends = ("source", "destination")
    return record | {f"{end}_name": pods[record[end]] for end in ends if record[end] in pods}


def _arrived(walk: Item, frame: bytes, entry: Item | None) -> Item:
    """A packet is where it goes to: what answers it goes back."""
    arrived = {"verdict": "delivered", "at": _called(walk, entry, frame)}
    done = {**walk, "verdicts": {**walk["verdicts"], walk["direction"]: arrived}}
    if walk["direction"] == REPLY:
        return done
    back = {**done, "direction": REPLY}
    reply = packets.answer(frame)
    if entry is None:
        return _into(back, reply, _holder(walk["nodes"], packets.read(reply).destination))
    return {**back, "at": {**entry, "packet": reply.hex()}}


def _own(walk: Item, frame: bytes) -> Item:
    """What a pod sends to itself goes over its own lo, there and back: nothing of ours has it."""
    start = walk["question"]["source"]
    arrived = {"verdict": "delivered", "at": f"{start['name']} on {start['node']}"}
    said = {"hook": "kernel", "device": "lo", "verdict": "local", "rules": []}
    said["what"] = "the pod's own, by its lo; no program and no policy is asked"
    ways = {FORWARD: frame, REPLY: packets.answer(frame)}
    hops = [
        {"node": start["node"], "direction": way, **said, "packet": str(packets.read(sent))}
        for way, sent in ways.items()
    ]
    return {**walk, "hops": hops, "verdicts": dict.fromkeys(ways, arrived)}


def _into(walk: Item, frame: bytes, node: str | None) -> Item:
    """The network brings a packet of somebody outside to the node that has the address."""
    if node is None:
        address = packets.read(frame).destination
        return _over(walk, "lost", f"no node of this run has {address}")
    return {**walk, "at": {"node": node, "entry": "network", "packet": frame.hex()}}


def _over(walk: Item, verdict: str, reason: str, **more: Any) -> Item:
    said = {"verdict": verdict, "reason": reason, **more}
    return {**walk, "at": None, "verdicts": {**walk["verdicts"], walk["direction"]: said}}


def _called(walk: Item, entry: Item | None, frame: bytes) -> str:
    if entry is None:
        return f"{packets.read(frame).destination}, outside"
    if entry["entry"] == "node":
        return str(entry["node"])
    pods = walk["nodes"][entry["node"]]["pods"]
    name = next((name for name, ip in pods.items() if ip == entry["pod"]), entry["pod"])
    return f"{name} on {entry['node']}"


def _place(nodes: Mapping[str, Item], silent: Collection[str], variable: str, text: object) -> Item:
    word = str(text)
    if word in silent:
        raise Failure(f"{variable} is {word!r}, and that node did not answer, or failed.")
    if word in nodes:
        return {"kind": "node", "node": word, "name": word, "address": nodes[word]["node_ip"]}
    found = [
        {"kind": "pod", "node": node, "name": name, "address": address}
        for node, said in nodes.items()
        for name, address in said["pods"].items()
        if word in (address, name, name.replace("_", "/"), name.rpartition("_")[2])
    ]
    if len(found) > 1:
        names = ", ".join(sorted(str(one["name"]) for one in found))
        raise Failure(f"{variable} is {word!r}, which are {names}; valid is one of these.")
    if found:
        return found[0]
    address = _ipv4(variable, text, _valid(nodes, word), _unknown(silent))
    for node, said in nodes.items():
        if address in said["addresses"]:
            return {"kind": "node", "node": node, "name": "", "address": address}
    return {"kind": "outside", "node": None, "name": "", "address": address}


def _valid(nodes: Mapping[str, Item], word: str) -> str:
    """Say which pods and nodes there are, those first that are like a word."""
    pods = [name for said in nodes.values() for name in said["pods"]]
    there = "; ".join(nearest(word, one) for one in (pods, list(nodes)) if one)
    return f"a pod or a node by its name ({there}), or "


def _unknown(silent: Collection[str]) -> str:
    """Say whose pods nobody knows."""
    if not silent:
        return ""
    nodes = "a node" if len(silent) == 1 else "nodes"
    return (
        f" Pods of {nodes} that did not answer, or failed, are not known: {first(sorted(silent))}."
    )


def _ipv4(variable: str, text: object, names: str = "", more: str = "") -> str:
    try:
        return str(ipaddress.IPv4Address(str(text)))
    except ValueError:
        message = f"{variable} is {text!r}; valid is {names}an address of IPv4.{more}"
        raise Failure(message) from None


def _protocol(text: object) -> str:
    word = str(text).lower()
    if word not in packets.PROTOCOLS:
        raise Failure(f"why_protocol is {text!r}; valid are {', '.join(packets.PROTOCOLS)}.")
    return word


def _port(text: object, protocol: str) -> int:
    if protocol == "icmp":
        if text not in (None, "", 0):
            raise Failure(f"why_port is {text!r}, and icmp has no ports; valid is none.")
        return 0
    try:
        number = int(str(text))
    except ValueError:
        number = 0
    if text in (None, ""):
        raise Failure(f"why_port is missing; valid is a whole number from 1 to {_PORTS}.")
    if not 1 <= number <= _PORTS:
        raise Failure(f"why_port is {text!r}; valid is a whole number from 1 to {_PORTS}.")
    return number


def _by_address(nodes: Mapping[str, Item], address: str | None) -> str | None:
    found = (
        node for node, said in nodes.items() if address in (said["node_ip"], *said["addresses"])
    )
    return next(found, None)


def _holder(nodes: Mapping[str, Item], address: str) -> str | None:
    """Return the node that has an address, or a pod with it."""
    for node, said in nodes.items():
        if address in said["pods"].values():
            return node
    return _by_address(nodes, address)
