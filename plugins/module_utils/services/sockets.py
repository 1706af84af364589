# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Close the sockets that talk to backends which a service has no more.

The program for connections notes which socket talks to which backend, by the socket's cookie. What
would else wait for an answer until it gives up is told at once.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from ..engine import namespaces, sockdiag
from ..engine.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Cookie, address and port of the backend, protocol.
Talk = tuple[int, bytes, int]

CANNOT = (
    "This kernel cannot close sockets of other processes (CONFIG_INET_DIAG_DESTROY): connections "
    "to backends that are gone end when their time is out."
)


def close(talks: Iterable[Talk]) -> list[str]:
    """Close what of these sockets is still there and connected; return warnings.

    A socket of UDP that is not connected stays: its next packet goes to another backend.
    """
    left: dict[int, dict[int, set[bytes]]] = defaultdict(lambda: defaultdict(set))
    for cookie, place, protocol in talks:
        left[protocol][cookie].add(place)
    try:
        for path in namespaces.living() if left else ():
            if not any(left.values()):
                break
            try:
                with namespaces.inside(path):
                    for protocol, cookies in left.items():
                        _close_here(protocol, cookies)
            except Failure:  # its last process has gone
                continue
    except sockdiag.Unsupported:
        return [CANNOT]
    return []


def _close_here(protocol: int, cookies: dict[int, set[bytes]]) -> None:
    if not cookies:
        return
    for found in list(sockdiag.connected(protocol)):
        places = cookies.pop(found.cookie, ())  # a cookie is one socket's in all namespaces
        if found.address + found.port in places:
            sockdiag.destroy(found)
