# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How one map that programs and modules share is written down: its shape, its fields, its pin.

Fields are added at the end of a value and never moved: an upgrade reads what the version before it
wrote. A key that changes says what it was. Addresses are family-neutral: 16 bytes, IPv4 is
::ffff:a.b.c.d. Ports are in network order.
"""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from functools import cached_property
from struct import Struct
from typing import TYPE_CHECKING, Any

from ..engine import fields
from ..engine.map_spec import NO_PREALLOC, MapSpec
from ..names import MAP_PINS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: What keys that hold a family say: of an address, or of the packets that an entry is for.
FAMILY_IPV4, FAMILY_IPV6 = 0, 1

#: C declaration of each field type of :mod:`engine.fields` that is used in a layout.
C_TYPES = {
    "u8": "__u8 {}",
    "u16": "__u16 {}",
    "u32": "__u32 {}",
    "u64": "__u64 {}",
    "be16": "__be16 {}",
    "be32": "__be32 {}",
    "mac": "__u8 {}[6]",
    "ip16": "struct address {}",
    "bytes(20)": "__u8 {}[20]",
    "bytes(96)": "__u8 {}[96]",
    "bytes(256)": "char {}[256]",
    "bytes(32762)": "__u16 {}[MAGLEV_POSITIONS]",
}

#: Format of :mod:`struct` of each field type that is a number as this machine has it. All others
#: are bytes there: an address, a port in network order, a name.
_NUMBERS = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q"}


def struct_of(of: Iterable[fields.Field]) -> Struct:
    """Return what packs and unpacks fields without a loop over them, for thousands of entries."""
    return Struct(
        "=" + "".join(_NUMBERS.get(f.type) or f"{fields.codec(f.type).size}s" for f in of)
    )


@dataclass(frozen=True)
class Field(fields.Field):
    """One member of a key or a value, and what it says."""

    what: str


@dataclass(frozen=True)
class Layout:
    """One map: what the kernel needs to create it and what C and Python need to read it.

    :param old_key: the key of the release before, where it was another one: fields that are new are
        0 in the entries that an upgrade carries over.
    """

    name: str
    type: str
    what: str
    key: tuple[Field, ...]
    value: tuple[Field, ...]
    max_entries: int
    no_prealloc: bool = False
    old_key: tuple[Field, ...] = ()

    @property
    def spec(self) -> MapSpec:
        """Shape that the kernel is asked for."""
        flags = NO_PREALLOC if self.no_prealloc else 0
        return MapSpec(
            self.name,
            self.type,
            fields.size(self.key),
            fields.size(self.value),
            self.max_entries,
            flags,
        )

    @property
    def pin(self) -> str:
        """Where the map is pinned."""
        return f"{MAP_PINS}/{self.name}"

    @cached_property
    def key_struct(self) -> Struct:
        """A key as :func:`struct_of` has it."""
        return struct_of(self.key)

    @cached_property
    def value_struct(self) -> Struct:
        """A value as :func:`struct_of` has it."""
        return struct_of(self.value)

    @cached_property
    def _rows(self) -> tuple[Any, Any]:
        return (
            namedtuple(f"{self.name}_key", [f.name for f in self.key]),
            namedtuple(f"{self.name}_value", [f.name for f in self.value]),
        )

    def key_row(self, raw: bytes) -> Any:
        """Return a key with a name for each field: numbers as they are, all else as bytes."""
        return self._rows[0]._make(self.key_struct.unpack(raw))

    def value_row(self, raw: bytes) -> Any:
        """Return a value so; of another version's, with fields more or less, what is known."""
        size = self.value_struct.size
        return self._rows[1]._make(self.value_struct.unpack(raw[:size].ljust(size, b"\0")))

    def rows(self, keys: bytes, values: bytes) -> Iterator[tuple[Any, Any]]:
        """Yield :meth:`key_row` and :meth:`value_row` of each entry of this version's shape.

        :param keys: all keys in one piece, as :meth:`Map.columns` returns them; ``values`` too.
        """
        key, value = self._rows
        return zip(
            map(key._make, self.key_struct.iter_unpack(keys)),
            map(value._make, self.value_struct.iter_unpack(values)),
        )

    def pack_key(self, **values: Any) -> bytes:
        """Bytes of a key."""
        return fields.pack(self.key, values)

    def pack_value(self, **values: Any) -> bytes:
        """Bytes of a value."""
        return fields.pack(self.value, values)

    def unpack_key(self, raw: bytes) -> dict[str, Any]:
        """Fields of a key."""
        return fields.unpack(self.key, raw)

    def unpack_value(self, raw: bytes) -> dict[str, Any]:
        """Fields of a value."""
        return fields.unpack(self.value, raw)

    def task(self, **extra: Any) -> dict[str, Any]:
        """Return the map as one item of ``bpf_map``'s option ``maps``."""
        return {
            "path": self.pin,
            "name": self.name,
            "type": self.type,
            "key": [{"name": f.name, "type": f.type} for f in self.key],
            "old_key": [{"name": f.name, "type": f.type} for f in self.old_key],
            "value": [{"name": f.name, "type": f.type} for f in self.value],
            "max_entries": self.max_entries,
            "flags": ["no_prealloc"] if self.no_prealloc else [],
            "on_mismatch": "grow",  # an upgrade that adds a field keeps the entries
            **extra,
        }
