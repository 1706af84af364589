# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""eBPF maps as a task asks for them: checked, with keys and values as bytes."""

from __future__ import annotations

import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from ..engine import fields
from ..engine.failure import Failure
from ..engine.fields import Field, KeptField
from ..engine.map_spec import ARRAYS, FLAGS, MapSpec
from .bpf_map_shown import label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Types that a task can make, and those whose entries come and go.
CREATABLE = (
    *("hash", "lru_hash", "percpu_hash", "lru_percpu_hash", "lpm_trie"),
    *("array", "percpu_array", "prog_array", "queue"),
)

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
    if kind == "queue" and (key or item["entries"] or item["purge"]):
        raise Failure(f"map {path}: a queue has no keys, and programs alone fill it.")
    if not ((key or kind == "queue") and value and item["max_entries"]):
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
    if prefix(raw) != raw:
        raise Failure(
            f"entry {label(key, raw)} has bits behind its prefix; {label(key, prefix(raw))} is "
            "valid."
        )


def prefix(raw: bytes) -> bytes:
    """Return a key of an LPM trie without the bits behind its prefix."""
    length, data = int.from_bytes(raw[:_LENGTH], sys.byteorder), raw[_LENGTH:]
    behind = (1 << (8 * len(data) - length)) - 1
    return raw[:_LENGTH] + (int.from_bytes(data, "big") & ~behind).to_bytes(len(data), "big")
