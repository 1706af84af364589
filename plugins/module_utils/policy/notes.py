# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Notes by which pods get and send replies: those of connections that there are, and of none.

A note stands in the map ``nat`` under the tuple of the reply as it comes, with the way that it goes
in the field ``reserved``: ``POLICY_INGRESS`` into the pod that is its destination, or
``POLICY_EGRESS`` out of its source.
"""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

from ..datapath import clock, pinned
from ..datapath.layout import NODE_ADDRESSES, NODE_LOCAL
from ..datapath.nat_layout import NAT, NAT_ANSWERED, NAT_OUTSIDE, NAT_POLICY
from ..datapath.policy_layout import (
    POLICY_CLASSES,
    POLICY_EGRESS,
    POLICY_INGRESS,
    POLICY_PODS,
    POLICY_RULES,
)
from ..engine import namespaces, sockdiag
from ..nat import notes, queue
from . import packed
from .judge import Judge

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

_NO_PORT = bytes(2)

#: The way of what answers, by the way of what it answers; and the other way round.
_REPLY = _FORWARD = {POLICY_INGRESS: POLICY_EGRESS, POLICY_EGRESS: POLICY_INGRESS}


@contextlib.contextmanager
def judging() -> Iterator[Judge | None]:
    """Open the maps that a judge asks; None where they are not there."""
    with contextlib.ExitStack() as stack:
        classes, rules = (
            stack.enter_context(pinned.own(table)) for table in (POLICY_CLASSES, POLICY_RULES)
        )
        yield Judge(classes, rules, _own()) if classes and rules else None


def _own() -> frozenset[bytes]:
    with pinned.own(NODE_ADDRESSES) as found:
        entries = found.items() if found else {}
    flags = {key: NODE_ADDRESSES.value_row(value).flags for key, value in entries.items()}
    return frozenset(key for key in flags if flags[key] & NODE_LOCAL)


def pods() -> dict[bytes, packed.Pod]:
    """Return the pods of the node that are judged, by their addresses."""
    with pinned.own(POLICY_PODS) as found:
        entries = found.items() if found else {}
    return {address: packed.pod(value) for address, value in entries.items()}


def stale(pods: Mapping[bytes, packed.Pod]) -> list[bytes]:
    """Return the keys of notes whose connections no rule lets begin, as maps and pods are now.

    One whose answers pass in any case stays: without it the next of them would begin a connection,
    by which what it answers goes on.
    """
    with pinned.own(NAT) as found, judging() as judge:
        if not found or not judge:
            return []
        return [raw for raw in notes.keys(found.columns()[0]) if _is_stale(raw, pods, judge)]


def _is_stale(raw: bytes, pods: Mapping[bytes, packed.Pod], judge: Judge) -> bool:
    key = NAT.key_row(raw)
    pod = pods.get(notes.pod_of(key))
    if pod is None:
        return True
    other = key.source if key.reserved == POLICY_INGRESS else key.destination
    # What began the connection went to the port that replies come from.
    return not (
        judge.allows(pod, _FORWARD[key.reserved], other, key.protocol, key.source_port)
        or judge.allows(pod, key.reserved, other, key.protocol, key.destination_port)
    )


def forget(keys: Collection[bytes]) -> None:
    """Remove notes."""
    with pinned.own(NAT) as found:
        if found and keys:
            found.delete(keys)


def keep(netns: str, address: bytes, pod: packed.Pod) -> None:
    """Note the connections that a pod has and may have: they began before it was judged.

    Nothing where the kernel does not tell of sockets (CONFIG_INET_DIAG).

    :param netns: the pod's namespace, in the words of :mod:`engine.namespaces`.
    :param pod: the sets that it is to be judged by; all their entries are there.
    """
    with pinned.own(NAT) as found, judging() as judge, contextlib.suppress(sockdiag.Unsupported):
        if found and judge:
            now = clock.now()
            new = {key: _value(flags, now) for key, flags in _notes(netns, address, pod, judge)}
            queue.begin(found, {key: value for key, value in new.items() if not found.get(key)})


def _notes(
    netns: str, address: bytes, pod: packed.Pod, judge: Judge
) -> Iterator[tuple[bytes, int]]:
    """Yield key and flags of a note for each connection that may be: it says who began it."""
    protocols = (socket.IPPROTO_TCP, socket.IPPROTO_UDP)
    with namespaces.inside(netns):
        taking = {
            (protocol, one.port.to_bytes(2, "big"))
            for protocol in protocols
            for one in sockdiag.listening(protocol)
        }
        connections = [one for protocol in protocols for one in sockdiag.connected(protocol)]
    for one in connections:
        if one.own_address != address or one.address == address or one.port == _NO_PORT:
            continue
        # Who listens at its own port was called; all others have called.
        way = POLICY_INGRESS if (one.protocol, one.own_port) in taking else POLICY_EGRESS
        port = one.own_port if way == POLICY_INGRESS else one.port
        if judge.allows(pod, way, one.address, one.protocol, port):
            own, other = (address, one.own_port), (one.address, one.port)
            ends = (own, other) if way == POLICY_INGRESS else (other, own)
            (source, source_port), (destination, destination_port) = ends
            yield (
                NAT.key_struct.pack(
                    *(source, destination, source_port, destination_port),
                    *(one.protocol, _REPLY[way]),
                ),
                NAT_POLICY | NAT_ANSWERED | (NAT_OUTSIDE if way == POLICY_INGRESS else 0),
            )


def _value(flags: int, now: int) -> bytes:
    nobody, nothing = bytes(16), bytes(2)
    return NAT.value_struct.pack(
        nobody, nobody, nothing, nothing, *(flags, 0, 0, 0), now, now, *(0, 0)
    )
