# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The flows that a node translates, as data."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from ..datapath import nat_layout as layout
from ..datapath import pinned
from ..datapath.clock import elapsed
from ..engine import addresses, protocols
from ..engine.failure import Failure
from . import words
from .filters import translated
from .flows import is_over, read
from .usage import accounts, usage

if TYPE_CHECKING:
    from .filters import Filter
    from .flows import Key, Value

_SECOND = 1_000_000_000


def gather(wanted: Filter, limit: int = 0) -> dict[str, Any]:
    """Return the flows that are wanted, and the use of the table and of ports.

    :param limit: most entries to return; 0 for all.
    """
    if limit < 0:
        raise Failure(f"limit: {limit} entries cannot be returned; 0 stands for all.")
    found = read()
    matching = [
        (_order(key, value), key, value)
        for key, value in found
        if wanted.takes(key, value, found.now)
    ]
    matching.sort(key=lambda one: one[0])
    use = usage(found)
    return {
        "entries": [
            _entry(key, value, found.now) for _order, key, value in matching[: limit or None]
        ],
        "matched": len(matching),
        "masquerades": bool(pinned.entries(layout.MASQUERADE)),
        **{word: use[word] for word in ("table", "ports", "warnings")},
        "accounts": accounts(),
    }


def _order(key: Key, value: Value) -> bytes:
    """Sort by protocol and by who began, and answers behind what they answer."""
    reverse = value.flags & layout.NAT_REVERSE
    if reverse:
        ends = (value.destination, value.destination_port, value.source, value.source_port)
    else:
        ends = (key.source, key.source_port, key.destination, key.destination_port)
    return b"".join((key.protocol.to_bytes(2, "big"), *ends, bytes((reverse,))))


def _entry(key: Key, value: Value, now: int) -> dict[str, Any]:
    idle = max(0, elapsed(now, value.used))
    closing = words.CLOSING if value.flags & layout.NAT_CLOSING else words.OPEN
    return {
        "protocol": protocols.name(key.protocol),
        "direction": words.direction(value.flags),
        "source": _text(key.source),
        "source_port": int.from_bytes(key.source_port, "big"),
        "destination": _text(key.destination),
        "destination_port": int.from_bytes(key.destination_port, "big"),
        "translations": [
            {"kind": word, "address": _text(address), "port": int.from_bytes(port, "big")}
            for word, address, port in translated(key, value)
        ],
        "kind": words.kind(value.flags),
        "age_seconds": max(0, elapsed(now, value.created)) // _SECOND,
        "idle_seconds": idle // _SECOND,
        "state": words.OVER if is_over(key.protocol, value.flags, idle) else closing,
        "service_id": value.id or None,
    }


#: Thousands of flows have few addresses.
_text = functools.lru_cache(maxsize=4096)(addresses.text)
