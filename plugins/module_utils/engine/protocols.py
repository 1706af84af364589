# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Protocols of layer 4 by their names and their numbers in the IP header."""

from __future__ import annotations

import socket

NUMBERS = {
    "ICMP": socket.IPPROTO_ICMP,
    "TCP": socket.IPPROTO_TCP,
    "UDP": socket.IPPROTO_UDP,
    "SCTP": socket.IPPROTO_SCTP,
}
_NAMES = {number: name for name, number in NUMBERS.items()}


def numbers(*names: str) -> dict[str, int]:
    """Return the numbers of some of them, in this order."""
    return {name: NUMBERS[name] for name in names}


def name(number: int) -> str:
    """Return the name of one, or its number in digits."""
    return _NAMES.get(number, str(number))
