# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What labs there are on this machine, as plain data."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from . import places

if TYPE_CHECKING:
    from collections.abc import Sequence


def labs(names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the labs of these names, or all of them, with their hosts and pods."""
    return [
        {"name": lab, "hosts": [_host(places.HostPlace(lab, name)) for name in places.hosts(lab)]}
        for lab in places.labs()
        if not names or lab in names
    ]


def _host(host: places.HostPlace) -> dict[str, Any]:
    links = host.recall().links
    return {
        "name": host.host,
        "up": host.is_up(),
        "links": [{**asdict(link), "mac": link.mac} for link in links],
        "pods": places.pods(host),
    }
