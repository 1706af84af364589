# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The queue of flows, and the accounts on which they are for as long as they are in it."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from ..datapath import nat_layout as layout
from ..datapath import pinned

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from ..engine.bpf import maps

#: Of no account: no flow has all flags.
_NOBODY = bytes(16) + b"\xff" * 4 + bytes(4)
_WHOLE, _HALF = 1 << 64, 1 << 63


@contextlib.contextmanager
def opened() -> Iterator[maps.Map | None]:
    """Open the queue for the length of a ``with`` block; None where there is none."""
    found = pinned.open_map(layout.NAT_QUEUE)
    if found is None:
        yield None
        return
    with found:
        yield found


def element(key: bytes, created: int) -> bytes:
    """Return what stands in the queue for a flow that is on no account."""
    return key + created.to_bytes(8, sys.byteorder) + _NOBODY


def begin(table: maps.Map, new: Mapping[bytes, bytes]) -> None:
    """Make entries of flows that are on no account, as those of older versions are.

    :param table: the map ``nat``.
    """
    if not new:
        return
    table.update(new)
    with opened() as elements:
        if elements is None:
            return
        for key, value in new.items():
            elements.push(element(key, layout.NAT.value_row(value).created))
        correct(len(new))


def close(addresses: Collection[bytes], known: Collection[bytes]) -> None:
    """Take accounts out of the map, and what is on them out of the queue.

    :param addresses: of the pods whose accounts go; those of pods that are not ``known`` go, too.
    """
    with pinned.own(layout.NAT_QUOTA) as accounts:
        if not accounts:
            return
        going = {
            key: value
            for key, value in accounts.items().items()
            if key[:16] in addresses or (_is_of_a_pod(key) and key[:16] not in known)
        }
        if any(layout.NAT_QUOTA.unpack_value(value)["flows"] for value in going.values()):
            _take_out(set(going))
        accounts.delete(going)


def _is_of_a_pod(account: bytes) -> bool:
    kind = layout.NAT_QUOTA.key_row(account).kind
    return kind in (0, layout.NAT_INBOUND) or bool(kind & layout.NAT_POLICY)


def _take_out(accounts: Collection[bytes]) -> None:
    """Go through the queue once; what stays goes behind the others, as it does when looked at."""
    with opened() as elements:
        if elements is None:
            return
        at = layout.NAT_QUEUE.value_struct.size - 4 - layout.NAT_QUOTA.key_struct.size
        taken = 0
        for _turn in range(max(0, _total())):
            one = elements.pop()
            if one is None:
                break
            if one[at:-4] in accounts:
                taken += 1
            else:
                elements.push(one)
        correct(-taken)


def correct(by: int) -> None:
    """Add to the number of flows that runs put into the queue, or took out of it."""
    table = layout.NAT_TOTAL
    key = table.pack_key(by=1)
    found = pinned.open_map(table)
    if found is None:
        return
    with found:
        flows = table.unpack_value(found.get(key) or bytes(table.value_struct.size))["flows"]
        found.update({key: table.pack_value(flows=(flows + by) % _WHOLE)})


def _total() -> int:
    flows = sum(value["flows"] for _key, value in pinned.entries(layout.NAT_TOTAL)) % _WHOLE
    return int((flows + _HALF) % _WHOLE - _HALF)
