# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a node's maps hold of policies, as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..datapath import pinned
from ..datapath import policy_layout as layout
from ..datapath.cells import POLICY_PROGRAM
from ..datapath.layout import ALLOCATIONS
from ..datapath.nat_layout import NAT
from ..engine import addresses, fields, patterns
from ..engine.bpf import programs
from ..names import PROGRAM_PINS
from ..nat import notes
from . import packed
from .held import read
from .wanted import DIRECTIONS, EGRESS, INGRESS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .held import Held

    Item = dict[str, Any]

#: By direction, what a pod's sets are called.
_WORDS = {INGRESS: ("ingress", "audit_ingress"), EGRESS: ("egress", "audit_egress")}


def gather(pattern: str | None = None) -> dict[str, Any]:
    """Return policies, their rules and pods with what was counted, and the use of the maps.

    :param pattern: name, or pattern as of a shell, of the policies to return; None for all.
    """
    with read() as held:
        counted = _counted(held)
        pods = _pods(held)
        sets = [_set(number, held, counted) for number in _used(held)]
        return {
            "policies": [
                each
                for each in _policies(held, pods, counted)
                if pattern is None or patterns.fits(each["name"], pattern)
            ],
            "sets": sets,
            "pods": pods,
            "isolated": {way: sum(bool(pod[way]) for pod in pods) for way in DIRECTIONS},
            "audited": sum(bool(pod["audit_ingress"] or pod["audit_egress"]) for pod in pods),
            "judges": _judges(),
            "notes": sum(1 for _key in notes.keys(pinned.columns(NAT)[0])),
            "maps": _maps(held),
        }


def _judges() -> bool:
    """Say whether programs find the one that judges."""
    program = programs.open_pin(f"{PROGRAM_PINS}/{POLICY_PROGRAM}")
    if program is None:
        return False
    with program, pinned.own(layout.POLICY_STAGE) as stage:
        return bool(
            stage and stage.get(bytes(4)) == layout.POLICY_STAGE.value_struct.pack(program.info.id)
        )


def _counted(held: Held) -> Mapping[tuple[int, int], Item]:
    """Return what was counted, by number and kind."""
    table = held.tables.get(layout.POLICY_COUNTERS.name)
    return {
        packed.NUMBER.unpack(key): {"packets": packets, "bytes": octets}
        for key, (packets, octets) in (table.sums() if table else {}).items()
    }


def _used(held: Held) -> list[int]:
    return sorted({number for pod in held.pods.values() for number in pod.sets})


def _pods(held: Held) -> list[Item]:
    names = {value["address"]: key["name"] for key, value in pinned.entries(ALLOCATIONS)}
    found = []
    for address, pod in sorted(held.pods.items()):
        ip = addresses.text(address)
        listed = {
            word: _listed(held.set_name(number)) if number else []
            for word, number in zip(pod._fields[1:], pod[1:])
        }
        judged = address in held.isolated
        found.append({"name": names.get(ip), "ip": ip, **listed, "judged": judged})
    return found


def _listed(name: str) -> list[str]:
    """Return the policies out of the name of a set."""
    return name.split()[1:]


def _set(number: int, held: Held, counted: Mapping[tuple[int, int], Item]) -> Item:
    name = held.set_name(number)
    nothing = {"packets": 0, "bytes": 0}
    return {
        "number": number,
        "direction": name.split()[0],
        "policies": _listed(name),
        "pods": [
            addresses.text(address)
            for address, pod in sorted(held.pods.items())
            if number in pod.sets
        ],
        "entries": len(held.rules.get(number, ())),
        "dropped": counted.get((number, layout.POLICY_SET), nothing),
        "would_drop": counted.get((number, layout.POLICY_AUDIT), nothing),
    }


def _policies(
    held: Held, pods: list[Item], counted: Mapping[tuple[int, int], Item]
) -> Iterator[Item]:
    """Yield the policies that a pod of the node has, by name; one that is audited has no others."""
    rules: dict[str, list[Item]] = {}
    for key, raw in held.names.items():
        number, kind = packed.NUMBER.unpack(key)
        if kind == layout.POLICY_RULE:
            name = fields.text(raw)
            one = {"name": name, "number": number, **counted.get((number, kind), {})}
            rules.setdefault(name.partition(" ")[0], []).append(one)
    named = {name for pod in pods for words in _WORDS.values() for w in words for name in pod[w]}
    for name in sorted(named):
        selects = {
            way: [pod["name"] or pod["ip"] for pod in pods if any(name in pod[w] for w in words)]
            for way, words in _WORDS.items()
        }
        enforced = any(name in pod[way] for pod in pods for way in DIRECTIONS)
        own = sorted(rules.get(name, ()), key=lambda one: str(one["name"]))
        yield {"name": name, "audit": not enforced, **selects, "rules": own}


def _maps(held: Held) -> list[Item]:
    counts = {
        layout.POLICY_PODS.name: len(held.pods),
        layout.POLICY_CLASSES.name: sum(map(len, held.classes.values())),
        layout.POLICY_RULES.name: sum(map(len, held.rules.values())),
        layout.POLICY_COUNTERS.name: len(held.counters),
        layout.POLICY_NAMES.name: len(held.names),
    }
    return [
        {
            "name": table.name,
            "used": counts[table.name] if table.name in held.tables else None,
            "size": held.tables[table.name].info.max_entries
            if table.name in held.tables
            else table.max_entries,
        }
        for table in layout.TABLES
    ]
