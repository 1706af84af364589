# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the recorder of drops has, as data."""

from __future__ import annotations

import socket
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ..datapath import clock, pinned, reasons
from ..datapath import drop_layout as layout
from ..engine import addresses, protocols
from . import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    Record = dict[str, Any]

_HOOKS = {hook.number: hook for hook in reasons.HOOKS}
_VERDICTS = {verdict.number: verdict for verdict in reasons.VERDICTS}
#: Hooks at which the device says who sent a packet, whatever its source address does.
_SENDERS = ("from_container", "guard")
_ETHERNET, _IPV4 = 14, b"\x08\x00"
#: Types of ICMP that quote a packet.
_ERRORS = (b"\x03", b"\x0b", b"\x0c")
_SECOND = 1_000_000_000


def read(others: Mapping[str, str] | None = None) -> list[Record]:
    """Return all records, the latest first, as RETURN of the module ``drops_info`` shows them.

    :param others: address -> pod of another node, as somebody said.
    """
    keys, values = pinned.columns(layout.DROPS)
    known = names.read(others) if keys else None
    now, wall = clock.now(), time.time()
    found = [
        (max(0, clock.elapsed(now, value.last)), value)
        for _key, value in layout.DROPS.rows(keys, values)
        if value.packets
    ]
    found.sort(key=lambda one: one[0])
    return [_record(value, known, now, wall) for _idle, value in found] if known else []


def recorded(
    source: str | None = None,
    destination: str | None = None,
    protocol: str | None = None,
    port: int | None = None,
) -> list[Record]:
    """Return the records of packets between two ends, the latest first.

    :param source: address that sent them; None for any, as of what follows.
    :param destination: address that they were for.
    :param protocol: a word of :data:`protocols.NUMBERS`, or a number in digits.
    :param port: the destination's.
    """
    wanted = (source, destination, protocol, port)
    words = ("source", "destination", "protocol", "destination_port")
    return [
        record
        for record in read()
        if all(asked is None or record[word] == asked for word, asked in zip(words, wanted))
    ]


def _record(value: Any, known: names.Names, now: int, wall: float) -> Record:
    hook, verdict = _HOOKS.get(value.hook), _VERDICTS.get(value.reason)
    head = value.head[: value.captured]
    source, destination = (_address(raw) for raw in (value.source, value.destination))
    device, pod = known.devices.get(value.ifindex, (None, None))
    protocol = protocols.name(value.protocol) if source else None
    sender = pod if hook and hook.name in _SENDERS else None
    return {
        "hook": hook.name if hook else str(value.hook),
        "direction": hook.direction if hook else None,
        "reason": verdict.name if verdict else str(value.reason),
        "what": verdict.what if verdict else None,
        "source": source,
        "source_name": sender or known.of(source),
        "source_port": int.from_bytes(value.source_port, "big"),
        "destination": destination,
        "destination_name": known.of(destination),
        "destination_port": int.from_bytes(value.destination_port, "big"),
        "protocol": protocol,
        "ethertype": f"0x{value.ethertype.hex()}",
        "quoted": _quotes(head, protocol, value),
        "device": device or f"device {value.ifindex}",
        "pod": pod,
        "policies": list(known.sets.get(value.policy_set, ())) if value.policy_set else [],
        "packets": value.packets,
        "bytes": value.bytes,
        "first": _time(now, value.first, wall),
        "last": _time(now, value.last, wall),
        "length": value.length,
        "head": head.hex(),
    }


def _address(raw: bytes) -> str | None:
    """Write an address; None where the program had not read one."""
    return None if raw == addresses.ANY else addresses.text(raw)


def _quotes(head: bytes, protocol: str | None, value: Any) -> bool:
    """Say whether a packet is an ICMP error, and its ends those of what would answer its quote."""
    if head[12:_ETHERNET] != _IPV4 or len(head) <= _ETHERNET + 20:
        return False
    kind = _ETHERNET + (head[_ETHERNET] & 15) * 4
    if head[_ETHERNET + 9] != socket.IPPROTO_ICMP or head[kind : kind + 1] not in _ERRORS:
        return False
    return protocol != "ICMP" or value.source_port + value.destination_port != bytes(4)


def _time(now: int, then: int, wall: float) -> str:
    """Write a time of the programs' clock as the wall's, in UTC."""
    return at(wall - max(0, clock.elapsed(now, then)) / _SECOND)


def at(wall: float) -> str:
    """Write a time of the wall's clock in UTC; texts of later times are greater."""
    return datetime.fromtimestamp(wall, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
