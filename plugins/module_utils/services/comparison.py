# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From what is wanted and what is held to what is written and removed, map by map."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..datapath import service_layout as layout
from ..engine.change import nothing
from ..engine.failure import Failure
from . import maglev, packed, said, words
from .slots import Slots

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..datapath.structs import Layout
    from ..engine.change import Changes
    from .held import Held
    from .wanted import Frontend, Prefix, Run, Wanted


#: Numbers of frontends are less than this, and none is given twice: enough for all times.
ID_MAX = 2**31


@dataclass
class Plan:
    """What a run writes and removes, in the order of its fields.

    :param slots: slot -> backend, for runs that nobody uses.
    :param frontends: what the map ``services`` gets, addresses alone after all frontends.
    :param gone: keys of frontends that go, then those of addresses alone.
    :param listed: id of each frontend that loses something -> address and port of the backends that
        it still lists in any state; none where it goes itself.
    :param counts: how many frontends there are afterwards, and how many of them from outside.
    """

    slots: dict[int, bytes] = field(default_factory=dict)
    names: dict[int, bytes] = field(default_factory=dict)
    ranges: set[tuple[int, Prefix]] = field(default_factory=set)
    tables: dict[int, bytes] = field(default_factory=dict)
    frontends: dict[bytes, bytes] = field(default_factory=dict)
    gone: list[bytes] = field(default_factory=list)
    gone_names: set[int] = field(default_factory=set)
    gone_ranges: set[tuple[int, Prefix]] = field(default_factory=set)
    gone_tables: set[int] = field(default_factory=set)
    listed: dict[int, set[bytes]] = field(default_factory=dict)
    counts: tuple[int, int] = (0, 0)
    next_id: int = 1


class Comparison:
    """One node's services."""

    def __init__(self, wanted: Wanted, held: Held, changes: Changes, *, purge: bool) -> None:
        """Compare everything; each frontend that differs becomes a step of ``changes``."""
        self.wanted, self.held, self.changes = wanted, held, changes
        self.plan = Plan()
        self._slots = Slots(held.size(layout.BACKENDS))
        self._taken: dict[bytes, int] = {}
        self._tables: dict[bytes, bytes] = {}
        self._ids: set[int] = set()
        # What a killed run left keeps its number until it is gone.
        ids = {numbers.id for numbers in held.frontends.values()}
        ids.update(held.names, held.ranges, held.maglev, [0, held.state.next_id - 1])
        self.plan.next_id = max(number for number in ids if number < ID_MAX) + 1
        for numbers in held.frontends.values():
            self._slots.use(numbers.first, numbers.total)
            self._slots.use(numbers.outside_first, numbers.outside_total)
        gone = self._gone(purge=purge)
        self._check_room(gone)
        self._remove(gone)
        for key, one in wanted.frontends.items():
            self._compare(key, one)
        self._compare_addresses()
        self._find_leftovers()
        kept = self._afterwards(gone)
        outside = sum(1 for flags in kept if flags & layout.SERVICE_OUTSIDE)
        self.plan.counts = (len(kept), outside)

    def _gone(self, *, purge: bool) -> list[bytes]:
        """Keys of the frontends that go: of listed services, and with a purge of all others."""
        found = []
        for key, numbers in self.held.frontends.items():
            if key not in self.wanted.frontends:
                service = (self.held.name(numbers.id) or "").partition(":")[0]
                if purge or service in self.wanted.services:
                    found.append(key)
        # By name: numbers are each node's own, and people compare what nodes say.
        return sorted(
            found, key=lambda key: (self.held.name(self.held.frontends[key].id) or "", key)
        )

    def _check_room(self, gone: Iterable[bytes]) -> None:
        """Refuse more than the maps hold."""
        left = self.held.frontends.keys() - set(gone)
        together = self.wanted.frontends.keys() | left
        addresses = self.wanted.addresses.keys() | {_address_alone(key) for key in left}
        self._fits("frontends", len(together) + len(addresses), layout.SERVICES)
        self._fits("frontends", len(together), layout.SERVICE_NAMES)
        wanted = self.wanted.frontends.values()
        runs = {run.slots for one in wanted for run in (one.inside, one.outside)}
        backends = sum(len(run) for run in runs) // packed.SLOT_SIZE
        self._fits("backends", backends, layout.BACKENDS)
        tables = sum(1 for one in wanted if one.flags & layout.SERVICE_MAGLEV)
        self._fits("frontends with the algorithm maglev", tables, layout.MAGLEV)
        ranges = sum(len(one.ranges) for one in wanted)
        self._fits("source ranges", ranges, layout.SOURCE_RANGES)

    def _fits(self, what: str, count: int, table: Layout) -> None:
        size = self.held.size(table)
        if count > size:
            raise Failure(
                f"services: they make {count} {what}, and map {table.name!r} holds {size}; list "
                f"fewer services."
            )

    def _remove(self, gone: Iterable[bytes]) -> None:
        held, plan = self.held, self.plan
        for key in gone:
            numbers = held.frontends[key]
            name = held.name(numbers.id)
            self.changes.add(said.name(key, name), self._before(numbers), None, nothing)
            plan.gone.append(key)
            plan.listed[numbers.id] = set()
            plan.gone_names |= {numbers.id} & held.names.keys()
            plan.gone_ranges |= {(numbers.id, one) for one in held.ranges.get(numbers.id, ())}
            plan.gone_tables |= {numbers.id} & held.maglev.keys()

    def _compare(self, key: bytes, one: Frontend) -> None:
        held = self.held
        numbers = held.frontends.get(key)
        if numbers is not None and not (0 < numbers.id < ID_MAX and numbers.id not in self._ids):
            numbers = None  # only a hand can have given it that number
        name = packed.name_bytes(one.name)
        table = self._table(one)
        if numbers is not None:
            self._ids.add(numbers.id)
            number = numbers.id
            if (
                numbers.kind == one.kind
                and numbers.flags == one.flags
                and numbers.affinity == one.affinity
                and self._holds(one.inside, numbers.first, numbers.active, numbers.total)
                and self._holds(
                    one.outside,
                    numbers.outside_first,
                    numbers.outside_active,
                    numbers.outside_total,
                )
                and held.names.get(number) == name
                and held.ranges.get(number, set()) == one.ranges
                and held.maglev.get(number) == table
            ):
                return
        else:
            number = self.plan.next_id
            self.plan.next_id += 1
        self._change(key, one, numbers, number, table)

    def _change(
        self,
        key: bytes,
        one: Frontend,
        numbers: packed.Numbers | None,
        number: int,
        table: bytes | None,
    ) -> None:
        """Plan what a new frontend needs, or one that differs."""
        plan, held = self.plan, self.held
        after = packed.Numbers(
            *(number, one.kind, one.flags),
            *self._placed(one.inside, numbers and (numbers.first, numbers.active, numbers.total)),
            *self._placed(
                one.outside,
                numbers and (numbers.outside_first, numbers.outside_active, numbers.outside_total),
            ),
            one.affinity,
        )
        old = held.frontends.get(key)
        before = None if old is None else self._before(old)
        state = said.state(one.name, after, one.inside, one.outside, one.ranges, table)
        if before == state:  # bytes that no word stands for
            before = {**state, "altered": True}
        self.changes.add(said.name(key, one.name), before, state, nothing)
        plan.frontends[key] = packed.FRONTEND.pack(*after)
        plan.names[number] = packed.name_bytes(one.name)
        there = held.ranges.get(number, set())
        plan.ranges |= {(number, prefix) for prefix in one.ranges - there}
        plan.gone_ranges |= {(number, prefix) for prefix in there - one.ranges}
        if table is None:
            plan.gone_tables |= {number} & held.maglev.keys()
        elif held.maglev.get(number) != table:
            plan.tables[number] = table
        if old is not None and old.id == number:
            self._lose(old, one)

    def _lose(self, old: packed.Numbers, one: Frontend) -> None:
        """Note what a frontend had and no longer lists."""
        listed = set(one.resting)
        for run in (one.inside, one.outside):
            listed.update(packed.places(run.slots))
        had: set[bytes] = set()
        for run in self.held.runs(old):
            had.update(packed.places(run.slots))
        if had - listed:
            self.plan.listed[old.id] = listed

    def _holds(self, run: Run, first: int, active: int, total: int) -> bool:
        return (
            active == run.active
            and total * packed.SLOT_SIZE == len(run.slots)
            and self.held.run(first, total) == run.slots
        )

    def _placed(self, run: Run, place: tuple[int, int, int] | None) -> tuple[int, int, int]:
        """Return first slot, active and total of a run that is there, or is written."""
        total = len(run.slots) // packed.SLOT_SIZE
        if place is not None and self._holds(run, place[0], run.active, place[2]):
            return place[0], run.active, total
        if run.slots not in self._taken:
            first = self._taken[run.slots] = self._slots.take(total)
            for position in range(total):
                at = position * packed.SLOT_SIZE
                self.plan.slots[first + position] = run.slots[at : at + packed.SLOT_SIZE]
        return self._taken[run.slots], run.active, total

    def _table(self, one: Frontend) -> bytes | None:
        """Return the table of Maglev that a frontend needs; the same backends share the work."""
        if not one.flags & layout.SERVICE_MAGLEV or not one.outside.active:
            return None
        active = one.outside.slots[: one.outside.active * packed.SLOT_SIZE]
        if active not in self._tables:
            backends = [packed.place_text(place) for place in packed.places(active)]
            self._tables[active] = maglev.packed(backends)
        return self._tables[active]

    def _before(self, numbers: packed.Numbers) -> said.State:
        held, number = self.held, numbers.id
        ranges, table = held.ranges.get(number, ()), held.maglev.get(number)
        return said.state(held.name(number), numbers, *self.held.runs(numbers), ranges, table)

    def _compare_addresses(self) -> None:
        """Addresses alone come and go with their frontends; else somebody has changed them."""
        plan, held = self.plan, self.held
        told = {_address_alone(key) for key in (*plan.frontends, *plan.gone)}
        others = held.frontends.keys() - self.wanted.frontends.keys() - set(plan.gone)
        left = {_address_alone(key) for key in others}
        for key, kind in sorted(self.wanted.addresses.items()):
            value, before = packed.address_alone(kind), held.addresses.get(key)
            if before == value:
                continue
            plan.frontends[key] = packed.FRONTEND.pack(*value)
            if key not in told:
                self.changes.add(
                    _address_name(key), _of_address(before), _of_address(value), nothing
                )
        for key in sorted(held.addresses.keys() - self.wanted.addresses.keys() - left):
            plan.gone.append(key)
            if key not in told:
                was = _of_address(held.addresses[key])
                self.changes.add(_address_name(key), was, None, nothing)

    def _find_leftovers(self) -> None:
        """Find what belongs to no frontend: a run was killed."""
        held, plan = self.held, self.plan
        ids = {numbers.id for numbers in held.frontends.values()}
        lost = {
            "names": set(held.names) - ids,
            "source_ranges": set(held.ranges) - ids,
            "maglev_tables": set(held.maglev) - ids,
        }
        before = {word: len(found) for word, found in lost.items() if found}
        if held.state.sweep:
            before["to_be_swept"] = True
        if not before:
            return
        self.changes.add("what services that are gone left", before, None, nothing)
        plan.gone_names |= lost["names"]
        plan.gone_tables |= lost["maglev_tables"]
        plan.gone_ranges |= {
            (number, prefix) for number in lost["source_ranges"] for prefix in held.ranges[number]
        }

    def _afterwards(self, gone: Iterable[bytes]) -> list[int]:
        """Flags of all frontends that there are in the end."""
        going = set(gone)
        others = [
            numbers.flags
            for key, numbers in self.held.frontends.items()
            if key not in going and key not in self.wanted.frontends
        ]
        return others + [one.flags for one in self.wanted.frontends.values()]

    def listed(self) -> dict[int, set[bytes]]:
        """Return for all frontends that stay what :attr:`Plan.listed` says of some."""
        found: dict[int, set[bytes]] = {}
        for key, numbers in self.held.frontends.items():
            places = found.setdefault(numbers.id, set())
            one = self.wanted.frontends.get(key)
            places.update(one.resting if one else ())
            for run in (one.inside, one.outside) if one else self.held.runs(numbers):
                places.update(packed.places(run.slots))
        return {**found, **self.plan.listed}


def _of_address(numbers: packed.Numbers | None) -> dict[str, Any] | None:
    if numbers is None:
        return None
    kind = words.kind(numbers.kind)
    changed = numbers != packed.address_alone(numbers.kind)
    return {"type": kind, **({"numbers": list(numbers)} if changed else {})}


def _address_alone(key: bytes) -> bytes:
    return packed.frontend_key(key[:16], 0, 0)


def _address_name(key: bytes) -> str:
    return f"service address {packed.address_text(key[:16])}"
