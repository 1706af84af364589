# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What programs noted of connections: take away what belongs to backends that are gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..datapath import nat_layout
from ..datapath import service_layout as layout
from ..nat.flows import Flows
from . import packed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from ..engine.bpf import maps
    from .sockets import Talk

    #: Whether a frontend, by its id, has lost a backend.
    Lost = Callable[[int, bytes], bool]


def lost(listed: Mapping[int, Collection[bytes]], whole: Collection[int]) -> Lost:
    """Return a function that says whether a frontend no longer lists a backend.

    :param listed: id -> address and port of the backends.
    :param whole: ids of other frontends, which have lost nothing; all others are gone, in this run
        or by somebody's hand.
    """
    return lambda number, place: (
        place not in listed[number] if number in listed else number not in whole
    )


def sweep(tables: Mapping[str, maps.Map], is_lost: Lost) -> None:
    """Remove what clients keep, and the flows, of what is lost."""
    for name, going in ((layout.AFFINITY.name, _affinity), (nat_layout.NAT.name, _nat)):
        tables[name].delete(list(going(*tables[name].columns(), is_lost)))


def talks(tables: Mapping[str, maps.Map], is_lost: Lost) -> list[Talk]:
    """Return the sockets that talk to what is lost."""
    return list(_reverse_sockets(*tables[layout.REVERSE_SOCKETS.name].columns(), is_lost))


def forget(tables: Mapping[str, maps.Map], closed: Iterable[Talk]) -> None:
    """Remove the entries of sockets."""
    tables[layout.REVERSE_SOCKETS.name].delete(
        packed.REVERSE_SOCKET_KEY.pack(cookie, place[:16], place[16:], protocol, 0)
        for cookie, place, protocol in closed
    )


def _affinity(keys: bytes, values: bytes, is_lost: Lost) -> Iterator[bytes]:
    for key, value in layout.AFFINITY.rows(keys, values):
        if is_lost(key.id, value.address + value.port):
            yield packed.AFFINITY_KEY.pack(*key)


def _nat(keys: bytes, values: bytes, is_lost: Lost) -> Iterator[bytes]:
    for key, value in Flows(keys, values):
        # What comes back comes from the backend, what goes there is given its address.
        if value.flags & nat_layout.NAT_REVERSE:
            place = key.source + key.source_port
        else:
            place = value.destination + value.destination_port
        # Without an id it is for no service, or notes a reply.
        if value.id and is_lost(value.id, place):
            yield nat_layout.NAT.key_struct.pack(*key)


def _reverse_sockets(keys: bytes, values: bytes, is_lost: Lost) -> Iterator[Talk]:
    for key, value in layout.REVERSE_SOCKETS.rows(keys, values):
        place = key.address + key.port
        if is_lost(value.id, place):
            yield key.cookie, place, key.protocol
