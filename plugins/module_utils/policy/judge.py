# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The verdict on a connection, as programs come to it: by the same look-ups in the same maps."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..datapath import policy_layout as layout
from . import packed

if TYPE_CHECKING:
    from ..engine.bpf import maps

_WITH_PORTS = (socket.IPPROTO_TCP, socket.IPPROTO_UDP, socket.IPPROTO_SCTP)
_ANY = bytes(4)
_NOTHING = packed.RULE.pack(0)


@dataclass(frozen=True)
class Judge:
    """Judges by the maps ``policy_classes`` and ``policy_rules``.

    :param own: addresses of this node, which reaches its own pods whatever rules say.
    """

    classes: maps.Map
    rules: maps.Map
    own: frozenset[bytes] = frozenset()

    def allows(self, pod: packed.Pod, way: int, other: bytes, protocol: int, port: bytes) -> bool:
        """Say whether what begins a connection gets in or out of a pod.

        :param way: ``POLICY_INGRESS`` or ``POLICY_EGRESS``: where it goes, seen from the pod.
        :param other: the other side's address.
        :param port: of the destination, in network order.
        """
        number, _audited = pod.to(way)
        if not number or (way == layout.POLICY_INGRESS and other in self.own):
            return True
        partition = packed.number(pod.partition)
        key = packed.CLASS_KEY.pack(layout.POLICY_CLASS_ALL_BITS, partition, other)
        found = self.classes.get(key)
        if found is None or found == _ANY:
            return False
        for peers in (found, _ANY):
            key = packed.RULE_KEY.pack(
                layout.POLICY_RULE_ALL_BITS,
                packed.number(number),
                peers,
                protocol,
                0,
                port if protocol in _WITH_PORTS else bytes(2),
            )
            rule = self.rules.get(key)
            if rule is not None:
                return rule != _NOTHING
        return False
