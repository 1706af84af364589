# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""eBPF maps: made, pinned and filled as wanted, whole tables in one system call."""

from __future__ import annotations

import contextlib
import re
import sys
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from ..engine import fields
from ..engine.bpf import maps, programs
from ..engine.change import Changes
from ..engine.failure import Failure
from ..engine.fields import Field, KeptField
from ..engine.map_spec import ARRAYS, PER_CPU, MapSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..engine.bpf.maps import Map

#: Name -> bit of BPF_F_... of a map.
FLAGS = {
    "no_prealloc": 1,
    "no_common_lru": 2,
    "rdonly": 8,
    "wronly": 16,
    "zero_seed": 64,
    "rdonly_prog": 128,
    "wronly_prog": 256,
    "mmapable": 1024,
}

#: Types that a task can make, and those whose entries come and go.
CREATABLE = (
    *("hash", "lru_hash", "percpu_hash", "lru_percpu_hash", "lpm_trie"),
    *("array", "percpu_array", "prog_array"),
)

#: Up to so many entries are looked up one by one, where the rest of the map does not matter.
_FEW = 256
#: Bytes of the length that a key of an LPM trie starts with.
_LENGTH = 4
_PROGRAM = (Field("program", "u32"),)


@dataclass(frozen=True)
class Wanted:
    """One map as it is asked for.

    :param entries: what shall be in it; of a prog array the values are pins.
    :param on_mismatch: whether a map of another shape is an error (``fail``), or replaced by one
        with its entries; with ``grow`` its value is the beginning of the new one.
    :param old_key: fields of that other map, where they are not the same; as is ``old_value``.
    """

    path: str
    present: bool
    spec: MapSpec
    key: Sequence[Field]
    value: Sequence[Field]
    entries: Mapping[bytes, bytes]
    programs: Mapping[bytes, str]
    purge: bool
    on_mismatch: str
    old_key: Sequence[Field]
    old_value: Sequence[Field]


def wanted(item: Mapping[str, Any]) -> Wanted:
    """Read one item of the module's option ``maps``.

    :raises Failure: for a type, a field or an entry that cannot be.
    """
    path, kind = item["path"], item["type"]
    name = item["name"] or re.sub(r"\W", "_", PurePosixPath(path).name)[:15]
    if not re.fullmatch(r"[\w.]{1,15}", name):
        raise Failure(f"map name {name!r}: a name has 1 to 15 letters, digits, dots and _.")
    if item["state"] == "absent":
        shape = MapSpec(name, kind or "hash", 0, 0, 0)
        return Wanted(path, False, shape, (), (), {}, {}, False, "fail", (), ())
    key, value = field_list(item["key"]), field_list(item["value"])
    if kind == "prog_array":
        value = _PROGRAM
    spec = MapSpec(
        name,
        kind,
        fields.size(key),
        fields.size(value),
        item["max_entries"],
        sum(FLAGS[flag] for flag in set(item["flags"])),
    )
    if not (key and value and item["max_entries"]):
        raise Failure(f"map {path}: key, value and max_entries are needed to make a map.")
    if item["purge"] and kind in ARRAYS:
        raise Failure(
            f"map {path}: purge removes entries, and those of an {kind} are always there."
        )
    entries, pins = _entries(item, key, value)
    if len(entries) + len(pins) > spec.max_entries:
        raise Failure(
            f"map {path}: {len(entries) + len(pins)} entries do not fit in max_entries "
            f"{spec.max_entries}."
        )
    return Wanted(
        path=path,
        present=True,
        spec=spec,
        key=key,
        value=value,
        entries=entries,
        programs=pins,
        purge=item["purge"],
        on_mismatch=item["on_mismatch"],
        old_key=field_list(item["old_key"]),
        old_value=field_list(item["old_value"]),
    )


def field_list(items: Sequence[Mapping[str, Any]]) -> tuple[Field, ...]:
    """Read a list of fields as a task describes them."""
    found = tuple(
        (KeptField if item.get("keep") else Field)(item.get("name") or "", item["type"])
        for item in items
    )
    unnamed = next((field for field in found if not field.name and not field.padding), None)
    if unnamed:
        raise Failure(f"a field of type {unnamed.type} has no name; only pad(n) needs none.")
    return found


def _entries(
    item: Mapping[str, Any], key: Sequence[Field], value: Sequence[Field]
) -> tuple[dict[bytes, bytes], dict[bytes, str]]:
    entries: dict[bytes, bytes] = {}
    pins: dict[bytes, str] = {}
    for entry in item["entries"]:
        try:
            packed = fields.pack(key, entry["key"])
            if item["type"] == "lpm_trie":
                _check_prefix(key, packed)
            if item["type"] == "prog_array":
                pins[packed] = str(entry["value"]["program"])
            else:
                entries[packed] = fields.pack(value, _value(entry, value))
        except (KeyError, TypeError, AttributeError):
            raise Failure(f"map {item['path']}: entry {entry} needs a key and a value.") from None
        except Failure as failure:
            raise Failure(f"map {item['path']}: {failure.message}") from None
    if len(entries) + len(pins) < len(item["entries"]):
        counted = Counter(fields.pack(key, entry["key"]) for entry in item["entries"])
        twice = label(key, counted.most_common(1)[0][0])
        raise Failure(f"map {item['path']}: entry {twice} is given twice.")
    return entries, pins


def _value(entry: Mapping[str, Any], value: Sequence[Field]) -> Mapping[str, Any]:
    # An entry of fields that are all kept needs to name none of them.
    nothing = all(field.keep or field.padding for field in value)
    given: Mapping[str, Any] = entry.get("value", {}) if nothing else entry["value"]
    return given


def _check_prefix(key: Sequence[Field], raw: bytes) -> None:
    """Refuse bits behind the prefix: to the kernel, keys that differ there alone are one entry."""
    bits = 8 * (len(raw) - _LENGTH)
    if int.from_bytes(raw[:_LENGTH], sys.byteorder) > bits:
        raise Failure(f"entry {label(key, raw)}: a prefix has up to {bits} bits.")
    if _prefix(raw) != raw:
        raise Failure(
            f"entry {label(key, raw)} has bits behind its prefix; {label(key, _prefix(raw))} is "
            "valid."
        )


def _prefix(raw: bytes) -> bytes:
    """Return a key of an LPM trie without the bits behind its prefix."""
    length, data = int.from_bytes(raw[:_LENGTH], sys.byteorder), raw[_LENGTH:]
    behind = (1 << (8 * len(data) - length)) - 1
    return raw[:_LENGTH] + (int.from_bytes(data, "big") & ~behind).to_bytes(len(data), "big")


def label(key: Sequence[Field], raw: bytes) -> str:
    """Write a key for people: ``10.0.0.1``, or ``address=10.0.0.0 prefixlen=24``."""
    found = fields.unpack(key, raw)
    if len(found) == 1:
        return str(next(iter(found.values())))
    return " ".join(f"{name}={value}" for name, value in found.items())


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
        held = _carried(item, current)
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


def shape(spec: MapSpec) -> dict[str, Any]:
    """Describe a map by what makes two maps the same to a program."""
    return {
        "type": spec.type,
        "key_size": spec.key_size,
        "value_size": spec.value_size,
        "max_entries": spec.max_entries,
        "flags": [name for name, bit in FLAGS.items() if spec.all_flags & bit],
    }


def _create(
    item: Wanted, opened: dict[str, Map], stack: contextlib.ExitStack, held: Mapping[bytes, bytes]
) -> None:
    fresh = stack.enter_context(maps.create(item.spec))
    fresh.restore(held)
    # Filled before it has its name: nobody sees it half empty.
    fresh.restore({key: _whole(item, key, held) for key in item.entries})
    fresh.pin(item.path)
    opened[item.path] = fresh


def _carried(item: Wanted, current: Map) -> dict[bytes, bytes]:
    """Entries of a map of another shape, in the new shape."""
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
    if per_cpu != (new.type in PER_CPU) or "prog_array" in (old.type, new.type):
        raise Failure(
            f"map {item.path} is there with {differs}; entries of prog arrays cannot be carried "
            "over, nor those of a per-CPU map into one that is none, or back: remove the map."
        )
    old_key = item.old_key or item.key
    old_value = item.old_value or item.value
    if item.on_mismatch == "grow":
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
    if item.purge:
        held = {key: value for key, value in held.items() if key in item.entries}
    if len({*held, *item.entries}) > new.max_entries:
        raise Failure(
            f"map {item.path}: its {len(held)} entries and those of the task do not fit in "
            f"max_entries {new.max_entries}."
        )
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


def _held(item: Wanted, current: Map) -> dict[bytes, bytes]:
    """Entries that are there, as far as they matter."""
    if not item.purge and len(item.entries) + len(item.programs) <= _FEW:
        found = {key: current.get(key) for key in (*item.entries, *item.programs)}
        return {key: value for key, value in found.items() if value is not None}
    everything = current.items()
    if item.spec.type == "lpm_trie":
        return {_prefix(key): value for key, value in everything.items()}
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
        before = {
            label(item.key, key): values(item.spec.type, item.value, held[key])
            for key in fresh
            if key in held
        }
        before.update(
            {label(item.key, key): values(item.spec.type, item.value, held[key]) for key in gone}
        )
        after = {
            label(item.key, key): values(item.spec.type, item.value, value)
            for key, value in fresh.items()
        }
        write = partial(_write, item, opened, fresh, gone, crowded=len({*held, *fresh}))
        changes.add(f"entries of map {item.path}", before, after, bool if made else write)


def values(kind: str, value: Sequence[Field], raw: bytes) -> Any:
    """Value for people; of a per-CPU map a list where the CPUs differ."""
    size = fields.size(value)
    if kind not in PER_CPU:
        return fields.unpack(value, raw)
    slot = len(raw) // maps.possible_cpus()
    each = [fields.unpack(value, raw[at : at + size]) for at in range(0, len(raw), slot)]
    return each[0] if all(one == each[0] for one in each) else each


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


def gather(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Describe pinned maps.

    :param items: each with ``path``, a pin or a folder of pins, and the fields in ``key`` and
        ``value``, with which the entries are decoded.
    """
    return [
        described
        for item in items
        for path in maps.pins(item["path"])
        for described in [_described(path, field_list(item["key"]), field_list(item["value"]))]
        if described
    ]


def _described(path: str, key: Sequence[Field], value: Sequence[Field]) -> dict[str, Any] | None:
    try:
        current = maps.open_pin(path)
    except maps.NotThis:
        return None
    if current is None:
        return None
    with current:
        found = {
            "path": path,
            "id": current.info.id,
            "name": current.info.name,
            **shape(current.spec),
            "used": current.count(),
        }
        if not (key and value):
            return found
        if (fields.size(key), fields.size(value)) != (found["key_size"], found["value_size"]):
            raise Failure(
                f"map {path} has keys of {found['key_size']} and values of {found['value_size']} "
                f"bytes; the fields describe {fields.size(key)} and {fields.size(value)}."
            )
        entries = [
            {"key": fields.unpack(key, raw), "value": values(current.type, value, held)}
            for raw, held in current.items().items()
        ]
        return {**found, "entries": entries}


def _number(raw: bytes | None) -> int | None:
    return None if raw is None else int.from_bytes(raw, sys.byteorder)
