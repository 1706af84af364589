# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a node's kernel holds in a map of these, as fields: for who reads a few entries at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine.bpf import maps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .structs import Layout


def entries(table: Layout) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return key and value of each entry; none where the map is not pinned, or has other keys."""
    found = maps.open_pin(table.pin)
    if found is None:
        return []
    with found:
        if found.spec.key_size != table.spec.key_size:
            return []
        # Values of another version have fields more or less at their end (see structs.py).
        return [
            (table.unpack_key(key), table.unpack_value(value.ljust(table.spec.value_size, b"\0")))
            for key, value in found.items().items()
        ]


def prefix(key: Mapping[str, Any]) -> str:
    """Write a prefix that is a key of an LPM trie, which is 96 bits longer where it is of IPv4."""
    address, length = key["address"], key["prefixlen"]
    return f"{address}/{length - 96 if '.' in address else length}"
