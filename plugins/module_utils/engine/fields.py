# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keys and values of maps as people write them: typed fields one after the other, no padding
between them but what ``pad(n)`` says.
"""

from __future__ import annotations

import ipaddress
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from . import addresses
from .failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_MAC = re.compile(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}")
_SIZED = re.compile(r"(bytes|pad)\((\d+)\)")


@dataclass(frozen=True)
class Codec:
    """How one type stands in memory: its size in bytes and the way there and back."""

    size: int
    pack: Callable[[Any], bytes]
    unpack: Callable[[bytes], Any]


def _integer(size: int, order: str) -> Codec:
    def pack(value: Any) -> bytes:
        number = int(value)
        if isinstance(value, float) and number != value:
            raise ValueError
        return number.to_bytes(size, order)  # type: ignore[arg-type]

    return Codec(size, pack, lambda raw: int.from_bytes(raw, order))  # type: ignore[arg-type]


def _pack_mac(value: Any) -> bytes:
    if not _MAC.fullmatch(str(value)):
        raise ValueError
    return bytes.fromhex(str(value).replace(":", ""))


def text(raw: bytes) -> str:
    """Return a text that zero bytes follow."""
    return raw.rstrip(b"\0").decode(errors="backslashreplace")


def _bytes(size: int) -> Codec:
    def pack(value: Any) -> bytes:
        raw = str(value).encode()
        if len(raw) > size:
            raise ValueError
        return raw.ljust(size, b"\0")

    return Codec(size, pack, text)


#: Every type of a fixed size. ``ip16`` is of either family, see :mod:`addresses`.
TYPES: dict[str, Codec] = {
    **{f"u{bits}": _integer(bits // 8, sys.byteorder) for bits in (8, 16, 32, 64)},
    **{f"be{bits}": _integer(bits // 8, "big") for bits in (16, 32, 64)},
    "mac": Codec(6, _pack_mac, lambda raw: raw.hex(":")),
    "ipv4": Codec(
        4,
        lambda value: ipaddress.IPv4Address(value).packed,
        lambda raw: str(ipaddress.IPv4Address(raw)),
    ),
    "ipv6": Codec(
        16,
        lambda value: ipaddress.IPv6Address(value).packed,
        lambda raw: str(ipaddress.IPv6Address(raw)),
    ),
    "ip16": Codec(16, lambda value: addresses.packed(str(value)), addresses.text),
}


def codec(kind: str) -> Codec:
    """Return the codec of a type: a key of :data:`TYPES`, ``bytes(n)`` (text), ``pad(n)`` (zeros).

    :raises Failure: for a type that is none.
    """
    if kind in TYPES:
        return TYPES[kind]
    sized = _SIZED.fullmatch(kind)
    if not sized or not int(sized[2]):
        valid = ", ".join([*TYPES, "bytes(n)", "pad(n)"])
        raise Failure(f"type {kind!r} is not known; valid are {valid}.")
    return _bytes(int(sized[2]))


@dataclass(frozen=True)
class Field:
    """One member of a key or a value."""

    name: str
    type: str
    #: Whether an entry that is there keeps what it has in this field.
    keep: ClassVar[bool] = False

    @property
    def padding(self) -> bool:
        """Say whether it is zeros that nobody names."""
        return self.type.startswith("pad(")


class KeptField(Field):
    """A member that a program writes; in a new entry it is 0, or what is given."""

    keep: ClassVar[bool] = True


def size(fields: Sequence[Field]) -> int:
    """Bytes of all fields together."""
    return sum(codec(field.type).size for field in fields)


def pack(fields: Sequence[Field], values: Mapping[str, Any]) -> bytes:
    """Bytes of a key or a value.

    :raises Failure: a field without a value, a value without a field, a value that does not fit.
    """
    named = {field.name for field in fields if not field.padding}
    needed = {field.name for field in fields if not field.padding and not field.keep}
    if not needed <= set(values) <= named:
        raise Failure(f"entry {dict(values)} must have the fields {', '.join(sorted(needed))}.")
    parts = []
    for field in fields:
        kind = codec(field.type)
        try:
            left_out = field.padding or field.name not in values
            parts.append(bytes(kind.size) if left_out else kind.pack(values[field.name]))
        except (ValueError, OverflowError, TypeError):
            raise Failure(
                f"{field.name}: {values[field.name]!r} is not a value of type {field.type}."
            ) from None
    return b"".join(parts)


def kept(fields: Sequence[Field], wanted: bytes, held: bytes) -> bytes:
    """Return the wanted bytes of a value, with those held in the fields that are kept."""
    found = bytearray(wanted)
    at = 0
    for field in fields:
        end = at + codec(field.type).size
        if field.keep:
            found[at:end] = held[at:end]
        at = end
    return bytes(found)


def unpack(fields: Sequence[Field], raw: bytes) -> dict[str, Any]:
    """Fields of a key or a value, from its bytes."""
    found, at = {}, 0
    for field in fields:
        kind = codec(field.type)
        if not field.padding:
            found[field.name] = kind.unpack(raw[at : at + kind.size])
        at += kind.size
    return found
