# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Netlink sockets in a namespace, through pyroute2's low-level IPRoute.

NDB, pyroute2's own convergence, poisons itself on a changed route (pyroute2#1122): reading and
comparing is done by our own code.
"""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING, Any

from . import namespaces
from .failure import Failure
from .lean import IPRoute, NetlinkError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What a request raises that the kernel refuses, outside of :func:`doing`.
Refusal = NetlinkError


@contextlib.contextmanager
def socket(netns: str | None = None) -> Iterator[Any]:
    """Open an ``IPRoute`` in a namespace; its requests act there wherever the caller is."""
    with namespaces.inside(netns):
        # Extended acknowledgements: the kernel's own sentence instead of "Invalid argument".
        ip = IPRoute(ext_ack=True)
    # pyroute2 0.9.7 forgets this default of its own, and nlm_request() then fails.
    getattr(ip, "status", {}).setdefault("nlm_generator", False)
    try:
        yield ip
    finally:
        ip.close()


@contextlib.contextmanager
def doing(what: str) -> Iterator[None]:
    """Turn the kernel's refusal of a request into one sentence that names the object."""
    try:
        yield
    except NetlinkError as error:
        reason = error.args[1] if len(error.args) > 1 else error
        raise Failure(f"The kernel refused {what}: {reason}.") from error


@contextlib.contextmanager
def unless_gone() -> Iterator[None]:
    """Pass over the kernel's refusal of a request to a device that has gone by itself."""
    try:
        yield
    except Failure as failure:
        if getattr(failure.__cause__, "code", None) != errno.ENODEV:
            raise
