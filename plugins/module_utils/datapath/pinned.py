# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The maps of a node as its kernel has them, by their layouts.

The map of another version may have another shape: fields more or less at the end of its values.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ..engine.bpf import maps
from ..engine.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .structs import Layout


def open_map(table: Layout) -> maps.Map | None:
    """Open a map to read or write it as its layout says; None where it is not pinned.

    :raises Failure: where it has another shape.
    """
    found = maps.open_pin(table.pin)
    if found is None or same_shape(table, found):
        return found
    found.close()
    has, needed = ((spec.key_size, spec.value_size) for spec in (found.spec, table.spec))
    raise Failure(
        f"map {table.name!r} pinned at {table.pin} has keys and values of {has} bytes, and this "
        f"version of the collection needs {needed}; run the role native_routing or overlay before."
    )


@contextlib.contextmanager
def own(table: Layout) -> Iterator[maps.Map | None]:
    """Open a map for the length of a ``with`` block; None where it is not pinned.

    Also where it has another shape: what another version made goes with its map.
    """
    found = maps.open_pin(table.pin)
    if found is None:
        yield None
        return
    with found:
        yield found if same_shape(table, found) else None


def same_shape(table: Layout, found: maps.Map) -> bool:
    """Say whether an open map has keys and values of the layout's sizes."""
    ours, spec = table.spec, found.spec
    return (spec.key_size, spec.value_size) == (ours.key_size, ours.value_size)


def columns(table: Layout) -> tuple[bytes, bytes]:
    """Return all keys in one piece and all values in one, of any version's values what is known.

    Nothing where the map is not pinned, or has other keys.
    """
    found = maps.open_pin(table.pin)
    if found is None:
        return b"", b""
    with found:
        if found.spec.key_size != table.spec.key_size:
            return b"", b""
        keys, values = found.columns()
    has, needed = found.spec.value_size, table.spec.value_size
    if has != needed:
        values = b"".join(value[:needed].ljust(needed, b"\0") for value in _pieces(values, has))
    return keys, values


def entries(table: Layout) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return key and value of each entry as fields, of what :func:`columns` reads."""
    keys, values = columns(table)
    return [
        (table.unpack_key(key), table.unpack_value(value))
        for key, value in zip(
            _pieces(keys, table.spec.key_size), _pieces(values, table.spec.value_size)
        )
    ]


def _pieces(whole: bytes, size: int) -> Iterator[bytes]:
    return (whole[at : at + size] for at in range(0, len(whole), size))


def prefix(key: Mapping[str, Any]) -> str:
    """Write a prefix that is a key of an LPM trie, which is 96 bits longer where it is of IPv4."""
    address, length = key["address"], key["prefixlen"]
    return f"{address}/{length - 96 if '.' in address else length}"
