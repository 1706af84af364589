# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Flows of pods that are gone: a new pod may get the address, and is to get none of theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..datapath import nat_layout as layout
from ..datapath import pinned
from . import notes, queue
from .flows import Flows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

#: Entries of these are of pods of this node in any case.
_OF_PODS = layout.NAT_MASQUERADE | layout.NAT_INBOUND


def forget(gone: Collection[bytes], known: Collection[bytes]) -> None:
    """Remove flows, calls and accounts of addresses that are gone, and of pods that nobody knows.

    The latter are of a run that was killed.

    :param known: addresses of all endpoints of the node.
    """
    with pinned.own(layout.NAT) as found:
        if found:
            found.delete(list(_stale(Flows(*found.columns()), frozenset(gone), known)))
    queue.close(gone, known)
    _forget_calls(gone, known)


def _forget_calls(gone: Collection[bytes], known: Collection[bytes]) -> None:
    with pinned.own(layout.CALLS) as found:
        if found:
            pods = {key: layout.CALLS.key_row(key).pod for key in found.items()}
            found.delete([key for key, pod in pods.items() if pod in gone or pod not in known])


def _stale(found: Flows, gone: frozenset[bytes], known: Collection[bytes]) -> Iterator[bytes]:
    for key, value in found:
        flags = value.flags
        if flags & layout.NAT_POLICY:
            # To who gets the address of the other side, too, it says nothing.
            if {key.source, key.destination} & gone or notes.pod_of(key) not in known:
                yield layout.NAT.key_struct.pack(*key)
            continue
        # Who began the flow, and gets its answers.
        pod = value.destination if flags & layout.NAT_REVERSE else key.source
        unknown = flags & _OF_PODS and not flags & layout.NAT_HOST and pod not in known
        if unknown or pod in gone:
            yield layout.NAT.key_struct.pack(*key)
