# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""eBPF maps: made, pinned and filled as wanted, whole tables in one system call."""

from __future__ import annotations

import contextlib
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from ..engine import fields
from ..engine.bpf import maps, programs
from ..engine.change import Changes
from ..engine.failure import Failure
from .bpf_map_carry import carried, follow
from .bpf_map_shown import label, shape, values
from .bpf_map_wanted import prefix

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..engine.bpf.maps import Map
    from .bpf_map_wanted import Wanted

#: Up to so many entries are looked up one by one, where the rest of the map does not matter.
_FEW = 256


def converge(items: Sequence[Wanted], *, check_mode: bool) -> dict[str, Any]:
    """Bring maps and entries to what is wanted; return what a module returns."""
    changes = Changes()
    with contextlib.ExitStack() as stack:
        opened: dict[str, Map] = {}
        for item in items:
            current = maps.open_pin(item.path)
            if current:
                opened[item.path] = stack.enter_context(current)
            _plan(item, opened, stack, changes, check_mode=check_mode)
        changes.apply(check_mode=check_mode)
        described = [
            {"path": item.path, "id": opened[item.path].info.id if item.path in opened else None}
            for item in items
            if item.present
        ]
    return {**changes.result(), "maps": described}


def _plan(
    item: Wanted,
    opened: dict[str, Map],
    stack: contextlib.ExitStack,
    changes: Changes,
    *,
    check_mode: bool,
) -> None:
    current = opened.get(item.path)
    what = f"map {item.path}"
    if not item.present:
        if current:
            changes.add(what, shape(current.spec), None, partial(maps.unpin, item.path))
        return
    before, after = shape(current.spec) if current else None, shape(item.spec)
    held: dict[bytes, bytes] = {}
    made = before != after
    if current is None:
        changes.add(what, None, after, partial(_create, item, opened, stack, {}))
    elif made:
        held = carried(item, current)
        changes.add(
            what,
            before,
            {**after, "entries_carried_over": len(held)},
            partial(_create, item, opened, stack, held),
        )
    else:
        held = _held(item, current)
    if item.spec.type == "prog_array":
        _plan_programs(item, held, opened, changes, check_mode=check_mode)
    else:
        _plan_entries(item, held, opened, changes, made=made)


def _create(
    item: Wanted, opened: dict[str, Map], stack: contextlib.ExitStack, held: Mapping[bytes, bytes]
) -> None:
    fresh = stack.enter_context(maps.create(item.spec))
    fresh.restore(held)
    # Filled before it has its name: nobody sees it half empty.
    fresh.restore({key: _whole(item, key, held) for key in item.entries})
    fresh.pin(item.path)
    if item.path in opened:
        follow(item, opened[item.path], fresh, held)
    opened[item.path] = fresh


def _held(item: Wanted, current: Map) -> dict[bytes, bytes]:
    """Entries that are there, as far as they matter."""
    if not item.purge and len(item.entries) + len(item.programs) <= _FEW:
        found = {key: current.get(key) for key in (*item.entries, *item.programs)}
        return {key: value for key, value in found.items() if value is not None}
    everything = current.items()
    if item.spec.type == "lpm_trie":
        return {prefix(key): value for key, value in everything.items()}
    return everything


def _whole(item: Wanted, key: bytes, held: Mapping[bytes, bytes]) -> bytes:
    """Return the value of an entry as the map is to have it, with what is kept of it."""
    wanted = maps.whole(item.spec, item.entries[key])
    there = held.get(key)
    if there is None or not any(field.keep for field in item.value):
        return wanted
    slot = len(wanted) // len(maps.each_cpu(wanted, item.spec.value_size))
    return b"".join(
        fields.kept(item.value, wanted[at : at + slot], there[at : at + slot])
        for at in range(0, len(wanted), slot)
    )


def _plan_entries(
    item: Wanted,
    held: Mapping[bytes, bytes],
    opened: dict[str, Map],
    changes: Changes,
    *,
    made: bool,
) -> None:
    """Add one step for all entries; of a map that is ``made`` the making has filled it."""
    whole = {key: _whole(item, key, held) for key in item.entries}
    fresh = {key: value for key, value in whole.items() if held.get(key) != value}
    gone = [key for key in held if key not in item.entries] if item.purge else []
    if fresh or gone:
        before = _shown(item, {key: held[key] for key in (*fresh, *gone) if key in held})
        after = _shown(item, fresh)
        write = partial(_write, item, opened, fresh, gone, crowded=len({*held, *fresh}))
        changes.add(f"entries of map {item.path}", before, after, bool if made else write)


def _shown(item: Wanted, entries: Mapping[bytes, bytes]) -> dict[str, Any]:
    return {
        label(item.key, key): values(item.spec.type, item.value, value)
        for key, value in entries.items()
    }


def _write(
    item: Wanted,
    opened: Mapping[str, Map],
    fresh: Mapping[bytes, bytes],
    gone: Sequence[bytes],
    *,
    crowded: int,
) -> None:
    current = opened[item.path]
    # New entries first, so that nothing is missing for a moment; unless there is no room for both.
    if crowded > item.spec.max_entries:
        current.delete(gone)
        current.restore(fresh)
    else:
        current.restore(fresh)
        current.delete(gone)


def _plan_programs(
    item: Wanted,
    held: Mapping[bytes, bytes],
    opened: dict[str, Map],
    changes: Changes,
    *,
    check_mode: bool,
) -> None:
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    pins: dict[bytes, str] = {}
    for key, pin in item.programs.items():
        program = programs.open_pin(pin)
        if program is None and not check_mode:
            raise Failure(f"map {item.path}: program {pin}: nothing is pinned there.")
        number = program.info.id if program else None
        if program:
            program.close()
        if number is None or _number(held.get(key)) != number:
            pins[key] = pin
            after[label(item.key, key)] = {"program": pin}
            if key in held:
                before[label(item.key, key)] = {"program": f"id {_number(held[key])}"}
    gone = [key for key in held if key not in item.programs] if item.purge else []
    before.update({label(item.key, key): {"program": f"id {_number(held[key])}"} for key in gone})
    if before or after:
        what = f"entries of map {item.path}"
        changes.add(what, before, after, partial(_write_programs, item, opened, pins, gone))


def _write_programs(
    item: Wanted, opened: Mapping[str, Map], pins: Mapping[bytes, str], gone: Sequence[bytes]
) -> None:
    current = opened[item.path]
    for key, pin in pins.items():
        program = programs.open_pin(pin)
        if program is None:
            raise Failure(f"map {item.path}: program {pin}: nothing is pinned there.")
        with program:
            current.update({key: program.fd.to_bytes(4, sys.byteorder)})
    current.delete(gone)


def _number(raw: bytes | None) -> int | None:
    return None if raw is None else int.from_bytes(raw, sys.byteorder)
