# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the kernel's routing table says of a packet."""

from __future__ import annotations

import errno
import os
import socket
from dataclasses import dataclass

from ..engine.netlink import Refusal
from ..engine.netlink import socket as netlink_socket
from ..engine.routes import NOWHERE, TYPES

#: What the kernel answers instead of a route, and means by it.
_ERRORS = {
    errno.EINVAL: "a blackhole",
    errno.EACCES: "prohibited",
    errno.EHOSTUNREACH: "unreachable, or the device that it came by does not forward",
    errno.EXDEV: "the way back to its source is by another device (rp_filter)",
}


@dataclass(frozen=True)
class Route:
    """Device, next hop (None: the destination itself) and the source that a process gets."""

    device: str
    gateway: str | None
    source: str | None


def route(destination: str, source: str | None = None, device: str | None = None) -> Route | str:
    """Ask the kernel for the way of a packet; return a sentence where there is none.

    :param device: by which it came in; None for one of the node itself.
    """
    asked: dict[str, object] = {"dst": destination}
    if device:
        asked |= {"iif": socket.if_nametoindex(device), "src": source}
    with netlink_socket(None) as ip:
        try:
            (found,) = ip.route("get", **asked)
        except Refusal as error:
            number = getattr(error, "code", 0) or 0
            said = _ERRORS.get(number) or os.strerror(number)
            return f"the kernel has no route to {destination}: {said}"
    kind = TYPES.get(int(found["type"]))
    if kind in NOWHERE:
        return f"the kernel's route to {destination} is {kind}"
    number = found.get_attr("RTA_OIF")
    return Route(
        socket.if_indextoname(number), found.get_attr("RTA_GATEWAY"), found.get_attr("RTA_PREFSRC")
    )
