# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A frontend in the words of a diff: services and backends, and no bytes of maps."""

from __future__ import annotations

import ipaddress
import zlib
from typing import TYPE_CHECKING, Any

from ..datapath import service_layout as layout
from ..engine import addresses, protocols
from . import packed, words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .packed import Numbers
    from .wanted import Prefix, Run

    State = dict[str, Any]


def where(key: bytes) -> str:
    """Write a frontend's address and port."""
    row = layout.SERVICES.key_row(key)
    return packed.place_text(row.address + row.port)


def name(key: bytes, full_name: str | None) -> str:
    """Name a frontend as ``service default/svc:svc-webport/TCP 10.10.252.131:80``."""
    protocol = protocols.name(layout.SERVICES.key_row(key).protocol)
    return f"service {full_name or f'without a name, {protocol}'} {where(key)}"


def backends(run: Run) -> list[str]:
    """Write the backends of a run, each with its state."""
    return [f"{packed.place_text(place)} ({state})" for place, state in run.backends()]


def prefixes(found: Iterable[Prefix]) -> list[str]:
    """Write source ranges."""
    texts = []
    for bits, raw in found:
        length = bits - 32 - (96 if addresses.is_ipv4(raw) else 0)
        texts.append(str(ipaddress.ip_network((packed.address_text(raw), length), strict=False)))
    return sorted(texts)


def state(
    full_name: str | None,
    numbers: Numbers,
    inside: Run,
    outside: Run,
    ranges: Iterable[Prefix],
    table: bytes | None,
) -> State:
    """Return a frontend with everything that belongs to it.

    :param numbers: of it, of which the slots are left out: where its backends stand says nothing.
    """
    said: State = {
        "name": full_name,
        "type": words.kind(numbers.kind),
        "id": numbers.id,
        "backends": ", ".join(backends(inside)) or "none",
    }
    if numbers.flags & layout.SERVICE_OUTSIDE and outside != inside:
        said["outside_backends"] = ", ".join(backends(outside)) or "none"
    if numbers.flags:
        said["flags"] = ", ".join(words.flags(numbers.flags))
    if numbers.affinity:
        said["session_affinity"] = numbers.affinity
    found = prefixes(ranges)
    if found:
        said["source_ranges"] = ", ".join(found)
    if table is not None:
        said["maglev_table"] = f"{zlib.crc32(table):08x}"
    return said
