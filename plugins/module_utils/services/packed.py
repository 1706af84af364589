# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The maps of services as :mod:`struct` has them: thousands of entries without a loop over fields.

A port is two bytes in network order there, and an address 16.
"""

from __future__ import annotations

from typing import NamedTuple

from ..datapath import service_layout as layout
from ..datapath.structs import FAMILY_IPV4, FAMILY_IPV6
from ..engine import addresses

FRONTEND_KEY = layout.SERVICES.key_struct
_NO_PORT = bytes(3)
#: the fields of :class:`Numbers`
FRONTEND = layout.SERVICES.value_struct
BACKEND = layout.BACKENDS.value_struct
#: the fields of :class:`state.State`
STATE = layout.SERVICE_STATE.value_struct
REVERSE_SOCKET_KEY = layout.REVERSE_SOCKETS.key_struct
AFFINITY_KEY = layout.AFFINITY.key_struct
SOURCE_RANGE_KEY = layout.SOURCE_RANGES.key_struct
#: number of a frontend, as it is the key of names and of tables of Maglev
ID = layout.SERVICE_NAMES.key_struct

#: Address and port of a backend in its slot; two zero bytes follow.
PLACE_SIZE = 18
SLOT_SIZE = BACKEND.size
NAME_SIZE = 256


class Numbers(NamedTuple):
    """Value of a frontend in the map ``services``."""

    id: int
    kind: int
    flags: int
    first: int
    active: int
    total: int
    outside_first: int
    outside_active: int
    outside_total: int
    affinity: int


def frontend_key(address: bytes, port: int, protocol: int) -> bytes:
    """Return the key of a frontend; any address is one of IPv4."""
    family = FAMILY_IPV4 if address == addresses.ANY or addresses.is_ipv4(address) else FAMILY_IPV6
    return FRONTEND_KEY.pack(address, port.to_bytes(2, "big"), protocol, family)


def is_address(key: bytes) -> bool:
    """Say whether the key of a frontend is that of an address alone: neither port nor protocol."""
    return key[16:19] == _NO_PORT


def address_alone(kind: int) -> Numbers:
    """Return the value of an address alone: of what kind it is, and nothing else."""
    return Numbers(0, kind, *[0] * 8)


def address_text(raw: bytes) -> str:
    """Write an address of a service; any address of the node is 0.0.0.0."""
    return "0.0.0.0" if raw == addresses.ANY else addresses.text(raw)  # noqa: S104


def place_text(place: bytes) -> str:
    """Write an address and the port behind it as people do: ``172.16.1.235:80``."""
    text, port = address_text(place[:16]), int.from_bytes(place[16:18], "big")
    return f"[{text}]:{port}" if ":" in text else f"{text}:{port}"


def places(slots: bytes) -> list[bytes]:
    """Address and port of each backend of a run of slots."""
    return [slots[at : at + PLACE_SIZE] for at in range(0, len(slots), SLOT_SIZE)]


def name_bytes(name: str) -> bytes:
    """Value of a name in the map ``service_names``."""
    return name.encode().ljust(NAME_SIZE, b"\0")
