# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An address of either family in 16 bytes, as maps have it: IPv4 a.b.c.d is ::ffff:a.b.c.d."""

from __future__ import annotations

import socket

#: What IPv4 has in front of its four bytes.
MAPPED = bytes(10) + b"\xff\xff"
#: The unspecified address, ``::``.
ANY = bytes(16)


def packed(text: str) -> bytes:
    """Return the bytes of an address.

    :raises ValueError: for a text that is none.
    """
    try:
        if ":" in text:
            return socket.inet_pton(socket.AF_INET6, text)
        return MAPPED + socket.inet_pton(socket.AF_INET, text)
    except OSError as error:
        raise ValueError(f"{text!r} is no address") from error


def family(text: str) -> int:
    """Return the family of an address that is written as people do, for a socket."""
    return int(socket.AF_INET6 if ":" in text else socket.AF_INET)


def at(address: str, port: int) -> str:
    """Write an address and a port, 0 for none, as people do."""
    if not port:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def is_ipv4(raw: bytes) -> bool:
    """Say whether an address is one of IPv4."""
    return raw.startswith(MAPPED)


def text(raw: bytes) -> str:
    """Write an address as people do."""
    if is_ipv4(raw):
        return socket.inet_ntop(socket.AF_INET, raw[12:])
    return socket.inet_ntop(socket.AF_INET6, raw)
