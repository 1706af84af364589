# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a node has counted of aggregated flows, as data: who talks to whom at which service."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ..datapath import clock, flow_layout, pinned, reasons
from ..drops import names
from ..drops.records import at
from ..engine import addresses, protocols
from .usage import is_used, places

if TYPE_CHECKING:
    from collections.abc import Mapping

    Record = dict[str, Any]

_TABLE = flow_layout.FLOWS
_VERDICTS = {verdict.number: verdict.name for verdict in reasons.VERDICTS}
_SECOND = 1_000_000_000
#: Fields that are summed over accounts and CPUs.
_SUMS = (
    *("packets", "bytes", "back_packets", "back_bytes", "dropped"),
    *("syns", "retries", "resets", "rtts", "rtt_sum"),
)


def read(others: Mapping[str, str] | None = None) -> list[Record]:
    """Return all flows, as RETURN of the module ``flows_info`` shows them, in no order.

    :param others: address -> pod of another node, as somebody said.
    """
    rows = _rows()
    if not rows:
        return []
    known = names.read(others)
    now, wall = clock.now(), time.time()
    found: dict[tuple[Any, ...], list[Any]] = {}
    for row in rows:
        found.setdefault((row.client, row.server, row.port, row.protocol), []).append(row)
    return [_record(same, known, now, wall) for same in found.values()]


def _rows() -> list[Any]:
    with pinned.own(_TABLE) as flows:
        return [_TABLE.value_row(value) for value in places(flows) if is_used(value)]


def _record(rows: list[Any], known: names.Names, now: int, wall: float) -> Record:
    last = min(rows, key=lambda row: clock.elapsed(now, row.last))
    sums = {word: sum(getattr(row, word) for row in rows) for word in _SUMS}
    taken = [row for row in rows if row.rtts]
    shortest = min((row.rtt_min for row in taken), default=0)
    latest = min(taken, key=lambda row: clock.elapsed(now, row.last)).rtt_last if taken else 0
    handshakes, total = sums.pop("rtts"), sums.pop("rtt_sum")
    client, server = addresses.text(last.client), addresses.text(last.server)
    return {
        "client": client,
        "client_name": known.of(client),
        "server": server,
        "server_name": known.of(server),
        "port": int.from_bytes(last.port, "big"),
        "protocol": protocols.name(last.protocol),
        **sums,
        "handshakes": handshakes,
        "rtt": {
            "last": _milliseconds(latest),
            "min": _milliseconds(shortest),
            "mean": _milliseconds(total / handshakes),
        }
        if handshakes
        else None,
        "verdict": _VERDICTS.get(last.verdict, str(last.verdict)),
        "first": _time(now, max(rows, key=lambda row: clock.elapsed(now, row.first)).first, wall),
        "last": _time(now, last.last, wall),
    }


def _milliseconds(nanoseconds: float) -> float:
    return round(nanoseconds / 1_000_000, 3)


def _time(now: int, then: int, wall: float) -> str:
    return at(wall - max(0, clock.elapsed(now, then)) / _SECOND)
