# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""IPv4 addresses of one subnet on a device: the first is the primary one, the others secondary.

With the primary one the kernel removes the secondary ones, unless it is told to promote them.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from . import links, namespaces

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


@contextlib.contextmanager
def kept(
    netns: str | None, device: str, gone: Collection[str], stay: Collection[str]
) -> Iterator[None]:
    """Let addresses of a device go, for the length of a ``with`` block, without others of theirs.

    :param gone: the addresses that go, such as ``10.0.0.1/24``.
    :param stay: those that stay.
    """
    subnets = {links.local(address).network for address in gone if ":" not in address}
    if not any(links.local(address).network in subnets for address in stay if ":" not in address):
        yield
        return
    setting = Path("/proc/sys/net/ipv4/conf", device, "promote_secondaries")
    with namespaces.inside(netns):
        first = setting.read_text()
        # Where it is read only, as in some containers, the caller finds what the kernel took.
        with contextlib.suppress(OSError):
            setting.write_text("1")
    try:
        yield
    finally:
        with namespaces.inside(netns), contextlib.suppress(OSError):
            setting.write_text(first)
