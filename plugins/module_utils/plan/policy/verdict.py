# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The verdict that tables give, step for step as the datapath looks it up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import ports
from .blocks import BITS, Block
from .classes import ANY
from .tables import NO_RULE, NOT_ISOLATED, Entry, Numbers

if TYPE_CHECKING:
    from .tables import Tables

#: Verdicts that no rule gave.
UNPOLICED, DENIED = 0, None


class Judge:
    """Looks verdicts up; the lengths of prefixes that the tables have are gathered once."""

    def __init__(self, held: Tables) -> None:
        """Take the tables of a cluster or a node."""
        self._held = held
        self._lengths = sorted({each.length for each in held.classes.entries}, reverse=True)

    def peers(self, address: int) -> int:
        """Return the class of an address, 128 bits: that of the longest block that holds it."""
        for length in self._lengths:
            shift = BITS - length
            found = self._held.classes.entries.get(Block(address >> shift << shift, length))
            if found is not None:
                return found
        raise LookupError(address)

    def numbers(self, pod: str) -> Numbers:
        """Return the sets of a pod; none for what is no pod."""
        return self._held.pods.get(pod, Numbers())

    def rule(self, number: int, address: int, protocol: int, port: int) -> int | None:
        """Return the rule of a set that lets through, :data:`UNPOLICED` or :data:`DENIED`.

        :param address: of the other side.
        :param protocol: IP protocol number.
        :param port: of the destination; 0 where the protocol has none.
        """
        if number == NOT_ISOLATED:
            return UNPOLICED
        entries = self._held.sets[number].entries
        whole = ports.prefix(ports.word(protocol, port), ports.BITS)
        for peers in (self.peers(address), ANY):
            for prefix in (whole, *reversed([*whole.shorter()])):
                rule = entries.get(Entry(peers, prefix))
                if rule is not None:
                    return DENIED if rule == NO_RULE else rule
        return DENIED

    def allows(
        self, source: tuple[str, int], destination: tuple[str, int], protocol: int, port: int
    ) -> bool:
        """Say whether a packet passes both of its ends, each (name of a pod or "", address).

        What an address says to itself is nobody's business but its own.
        """
        if source[1] == destination[1]:
            return True
        egress, ingress = self.numbers(source[0]).egress, self.numbers(destination[0]).ingress
        return (
            self.rule(egress, destination[1], protocol, port) is not DENIED
            and self.rule(ingress, source[1], protocol, port) is not DENIED
        )
