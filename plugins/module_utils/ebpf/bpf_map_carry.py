# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The entries of a map of another shape, in the shape that is wanted.

Programs write to the old map until others, which know the new one, stand in their places. What they
begin meanwhile is brought over once more around that moment, in the process that replaces both.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..engine import fields
from ..engine.bpf import maps
from ..engine.bpf.maps import Map
from ..engine.failure import Failure
from ..engine.map_spec import PER_CPU
from .bpf_map_shown import shape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..engine.fields import Field
    from .bpf_map_wanted import Wanted


#: Types of which programs make entries.
_MADE_BY_PROGRAMS = ("hash", "lru_hash")


@dataclass
class _Replaced:
    """A map in whose place another one is pinned; ``seen``: keys that were carried over."""

    item: Wanted
    old: Map
    new: Map
    seen: set[bytes]


#: What this process has replaced, while programs may still use the old maps.
_replaced: list[_Replaced] = []


def carried(item: Wanted, current: Map) -> dict[bytes, bytes]:
    """Return the entries of an open map of another shape in that of the wanted one.

    :raises Failure: where the task does not say how, or they do not fit.
    """
    held = _in_new_shape(item, current)
    if item.purge:
        held = {key: value for key, value in held.items() if key in item.entries}
    if len({*held, *item.entries}) > item.spec.max_entries:
        raise Failure(
            f"map {item.path}: its {len(held)} entries and those of the task do not fit in "
            f"max_entries {item.spec.max_entries}."
        )
    return held


def follow(item: Wanted, old: Map, new: Map, held: Mapping[bytes, bytes]) -> None:
    """Keep in mind that one map has taken the place of another, with the entries ``held``."""
    if item.spec.type in _MADE_BY_PROGRAMS and not item.purge:
        both = (Map(os.dup(old.fd)), Map(os.dup(new.fd)))
        _replaced.append(_Replaced(item, *both, set(held)))


def catch_up() -> None:
    """Bring over what programs have begun in maps that this process has replaced since it last did.

    What is in the new map already stays as it is there. What a full map has no room for is left
    out.
    """
    for one in _replaced:
        begun = {
            key: value
            for key, value in _in_new_shape(one.item, one.old).items()
            if key not in one.seen and one.new.get(key) is None
        }
        one.seen.update(begun)
        with contextlib.suppress(Failure):
            one.new.restore(begun)


def leave() -> None:
    """Give up the old maps: no program uses them any more."""
    for one in _replaced:
        one.old.close()
        one.new.close()
    _replaced.clear()


def _in_new_shape(item: Wanted, current: Map) -> dict[bytes, bytes]:
    old, new = current.spec, item.spec
    differs = ", ".join(
        f"{name} {have!r} instead of {want!r}"
        for (name, have), want in zip(shape(old).items(), shape(new).values())
        if have != want
    )
    if item.on_mismatch == "fail":
        raise Failure(
            f"map {item.path} is there with {differs}. Remove it, or let on_mismatch: migrate make "
            "a new one with its entries."
        )
    per_cpu = old.type in PER_CPU
    if per_cpu != (new.type in PER_CPU) or {"prog_array", "queue"} & {old.type, new.type}:
        raise Failure(
            f"map {item.path} is there with {differs}; entries of prog arrays and queues cannot be "
            "carried over, nor those of a per-CPU map into one that is none, or back: remove the "
            "map."
        )
    old_key = item.old_key or item.key
    old_value = item.old_value or item.value
    if item.on_mismatch == "grow":
        old_key = item.key if old.key_size == new.key_size else old_key
        old_value = _beginning(item.value, old.value_size)
    for name, described, size in (
        ("old_key", old_key, old.key_size),
        ("old_value", old_value, old.value_size),
    ):
        if fields.size(described) != size:
            raise Failure(
                f"map {item.path} is there with {differs}. To carry its entries over, describe "
                f"its fields in {name}: {size} bytes, not {fields.size(described)}."
            )
    held = {}
    for key, value in current.items().items():
        new_key = _translated(old_key, item.key, key)
        each = maps.each_cpu(value, old.value_size) if per_cpu else [value]
        parts = [_translated(old_value, item.value, one) for one in each]
        held[new_key] = maps.all_cpus(parts) if per_cpu else parts[0]
    return held


def _beginning(of: Sequence[Field], size: int) -> Sequence[Field]:
    """Take the first fields that fill ``size`` bytes, else all."""
    counts = [count for count in range(1, len(of)) if fields.size(of[:count]) == size]
    return of[: counts[0]] if counts else of


def _translated(old: Sequence[Field], new: Sequence[Field], raw: bytes) -> bytes:
    """Fields of the same name keep their values; new ones are zero."""
    if old == new:
        return raw
    found = fields.unpack(old, raw)
    parts = []
    for field in new:
        one = (field,)
        known = field.name in found and not field.padding
        parts.append(
            fields.pack(one, {field.name: found[field.name]}) if known else bytes(fields.size(one))
        )
    return b"".join(parts)
