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

    from ..engine.bpf import maps
    from ..nat.flows import Key, Value

_NO_PORT = bytes(2)

#: Protocols whose packets do not say who began. TCP says it, and sockets of pods that it has; ICMP
#: echo, too.
_SAY_NOT_WHO_BEGINS = (socket.IPPROTO_UDP, socket.IPPROTO_SCTP)
#: The ports that Linux gives to clients begin here (net.ipv4.ip_local_port_range).
_FIRST_OF_CLIENTS = (32768).to_bytes(2, "big")
#: For so many seconds after a pod is selected its flows may be older than that: a flow is forgotten
#: after a minute, and a run of many nodes selects minutes before pods are judged.
_UNSURE = 300
_KEPT = NAT_POLICY | NAT_ANSWERED | NAT_OUTSIDE

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


def stale(pods: Mapping[bytes, packed.Pod], selected: Mapping[bytes, int]) -> list[bytes]:
    """Return the keys of notes whose connections no rule lets begin, as maps and pods are now.

    One whose answers pass in any case stays: without it the next of them would begin a connection,
    by which what it answers goes on. It goes where it may be wrong about who began, see ``turn``:
    where another one says that they are no answers, or nothing has answered yet.

    :param selected: since when each pod is judged, seconds since boot.
    """
    with pinned.own(NAT) as found, judging() as judge:
        if not found or not judge:
            return []
        stale = []
        for raw, key, row in notes.entries(*found.columns()):
            pod = pods.get(notes.pod_of(key))
            if _begins(key, pod, judge):
                continue
            if not _answers(key, pod, judge) or _is_no_answer(key, row, selected, found):
                stale.append(raw)
        return stale


def _is_no_answer(key: Key, row: Value, selected: Mapping[bytes, int], table: maps.Map) -> bool:
    unheard = not row.flags & NAT_ANSWERED and _may_be_wrong(key, row, selected)
    return unheard or table.get(_turned(key)) is not None


def _begins(key: Key, pod: packed.Pod | None, judge: Judge) -> bool:
    """Say whether rules let through what a note says began."""
    # It went to the port that replies come from.
    way, port = _FORWARD[key.reserved], key.source_port
    return pod is not None and judge.allows(pod, way, _other(key), key.protocol, port)


def _answers(key: Key, pod: packed.Pod | None, judge: Judge) -> bool:
    """Say whether rules let through what a note says answers."""
    way, port = key.reserved, key.destination_port
    return pod is not None and judge.allows(pod, way, _other(key), key.protocol, port)


def _other(key: Key) -> bytes:
    """Return the address of the pod's other side."""
    other: bytes = key.source if key.reserved == POLICY_INGRESS else key.destination
    return other


def _turned(key: Key) -> bytes:
    """Return the key of the note that says the other side began."""
    return NAT.key_struct.pack(
        *(key.destination, key.source, key.destination_port, key.source_port),
        *(key.protocol, _FORWARD[key.reserved]),
    )


def _may_be_wrong(key: Key, row: Value, selected: Mapping[bytes, int]) -> bool:
    """Say whether a note may have been made by an answer: by one to a client, as its ports say."""
    since = selected.get(notes.pod_of(key), 0)
    return (
        bool(since)  # an older version did not say
        and key.protocol in _SAY_NOT_WHO_BEGINS
        and row.created < (since + _UNSURE) * 10**9
        and key.destination_port < _FIRST_OF_CLIENTS <= key.source_port
    )


def turn(pods: Mapping[bytes, packed.Pod], selected: Mapping[bytes, int]) -> None:
    """Note the other way round flows that pods had before they were judged, and are noted wrongly.

    The first packet that was judged of such a flow may have been an answer. Where its ports say so,
    it goes on as long as what its client sends is let through, though its server may begin nothing.

    :param pods: what pods are to be judged by; all their entries are there.
    :param selected: since when each pod is judged, seconds since boot.
    """
    with pinned.own(NAT) as found, judging() as judge:
        if not found or not judge:
            return
        now = clock.now()
        new = {}
        for _raw, key, row in notes.entries(*found.columns()):
            pod = pods.get(notes.pod_of(key))
            if pod is None or not row.flags & NAT_ANSWERED or not _may_be_wrong(key, row, selected):
                continue
            if _begins(key, pod, judge) or not _answers(key, pod, judge):
                continue
            if found.get(_turned(key)) is None:
                new[_turned(key)] = _value(row.flags & _KEPT, now)
        queue.begin(found, new)


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
