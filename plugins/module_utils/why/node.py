# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One node's part of an answer: who it is, and what becomes of a packet on it."""

from __future__ import annotations

import contextlib
import ipaddress
from typing import TYPE_CHECKING, Any

from ..drops import records
from ..ebpf import bpf_compile
from ..engine import pythons
from ..engine.bpf import attach, compiler, objects
from ..engine.failure import Failure
from . import copies, packets
from .way import ENTRIES, Way, known

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: As many records of drops are told of each node.
MOST_RECORDS = 5

#: What the module takes; its action plugin adds options that begin with ``_``.
ARGUMENTS: dict[str, Any] = {
    "packet": {"type": "str"},
    "entry": {"type": "str", "choices": list(ENTRIES)},
    "pod": {"type": "str"},
    "tunnel_endpoint": {"type": "str"},
    "written": {"type": "dict", "default": {}},
    "compile": {"type": "bool", "default": True},
}
RULES = {
    "required_together": [("packet", "entry")],
    "required_if": [("entry", "pod", ("pod",)), ("entry", "tunnel", ("tunnel_endpoint",))],
}


def identify() -> dict[str, Any]:
    """Return the node's address, its other ones and its pods, and whether it can compile."""
    return {**known(), "machine": objects.machine(), "compiler": _compiles()}


def answer(
    options: Mapping[str, Any], sources: Mapping[str, Any], require: Callable[[str], None]
) -> dict[str, Any]:
    """Return what becomes of a packet on this node.

    Where a program must be compiled first of which the source was not sent, ``lacks`` says which.

    :param options: as :data:`ARGUMENTS` has it.
    :param sources: what the controller read of :func:`copies.all_items`; ``objects``: what others
        have compiled of it.
    """
    frame = _frame(str(options["packet"]))
    with contextlib.ExitStack() as stack:
        pinned = copies.running()
        for program in pinned.values():
            stack.callback(program.close)
        wanted = copies.recognised(pinned, sources)
        made, lacks = _made(wanted, sources, require)
        if lacks:
            return {"lacks": lacks}
        own = {name: objects.read(made[key], key) for name, key in _keys(wanted, sources).items()}
        attacher = stack.enter_context(attach.Attacher())
        between = copies.Copies(stack, own, options["written"])
        programs = {program.info.id: name for name, program in pinned.items()}
        way = Way(between, programs, attacher)
        end = _begin(way, options, frame)
        return {
            "hops": way.hops,
            **end,
            "written": between.written(),
            "recorded": _recorded(frame),
            "objects": made,
        }


def _recorded(frame: bytes) -> list[dict[str, Any]]:
    """Return the latest drops between the ends of a packet, whatever the client's port."""
    packet = packets.read(frame)
    source = None if packet.source == packets.ANY else packet.source
    found = records.recorded(source, packet.destination, packet.protocol.upper())
    ports = packet.source_port, packet.destination_port
    # One of them is the client's, and the other one tells.
    return [
        one
        for one in found
        if one["source_port"] == ports[0] or one["destination_port"] == ports[1]
    ][:MOST_RECORDS]


def _begin(way: Way, options: Mapping[str, Any], frame: bytes) -> dict[str, Any]:
    entry = options["entry"]
    if entry == "pod":
        return way.from_pod(_address("pod", options["pod"]), frame)
    if entry == "node":
        return way.from_node(frame)
    if entry == "tunnel":
        return way.from_tunnel(frame, _address("tunnel_endpoint", options["tunnel_endpoint"]))
    return way.from_network(frame)


def _made(
    wanted: Mapping[str, Any], sources: Mapping[str, Any], require: Callable[[str], None]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the objects by their keys, and what is lacking of them."""
    made = dict(sources.get("objects") or {})
    keys = _keys(wanted, sources)
    missing = [item for name, item in wanted.items() if keys[name] not in made]
    if not missing:
        return made, {}
    if not all(bpf_compile.unit(item, sources)[0].files for item in missing):
        return made, {
            "machine": objects.machine(),
            "compiler": _compiles(),
            "programs": {item["name"]: keys[item["function"]] for item in missing},
            "wanted": missing,
        }
    require("bcc")
    return made | bpf_compile.make(missing, None, sources)["objects"], {}


def _compiles() -> bool:
    return not pythons.missing(["bcc"]) and compiler.has_headers()


def _keys(wanted: Mapping[str, Any], sources: Mapping[str, Any]) -> dict[str, str]:
    """Return program -> key of its object."""
    machine = objects.machine()
    return {
        name: objects.key(*bpf_compile.unit(item, sources), machine)
        for name, item in wanted.items()
    }


def _frame(text: str) -> bytes:
    try:
        frame = bytes.fromhex(text)
    except ValueError:
        raise Failure(
            f"packet is {text!r}; valid is an Ethernet frame in hexadecimal digits."
        ) from None
    packets.read(frame)
    return frame


def _address(option: str, text: object) -> str:
    try:
        return str(ipaddress.IPv4Address(str(text)))
    except ValueError:
        raise Failure(f"{option} is {text!r}; valid is an address of IPv4.") from None
