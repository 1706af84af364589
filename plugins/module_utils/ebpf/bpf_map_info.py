# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What pinned maps hold, as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine import fields
from ..engine.bpf import maps
from ..engine.failure import Failure
from .bpf_map_shown import shape, values
from .bpf_map_wanted import field_list

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..engine.fields import Field


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
