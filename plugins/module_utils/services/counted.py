# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How many frontends and backends there are, of the one map that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..datapath import pinned
from ..datapath.service_layout import SERVICES
from . import packed

if TYPE_CHECKING:
    from collections.abc import Mapping


def counted() -> Mapping[str, int]:
    """Return how many ``frontends`` there are, of them ``empty``, and ``active`` backends.

    Frontends of one service share their backends, which count once; ``terminating`` are those that
    take no new connection.
    """
    keys, values = pinned.columns(SERVICES)
    size = packed.FRONTEND_KEY.size
    found = [
        packed.Numbers(*numbers)
        for at, numbers in enumerate(packed.FRONTEND.iter_unpack(values))
        if not packed.is_address(keys[at * size : (at + 1) * size])
    ]
    runs = {(one.first, one.active, one.total) for one in found}
    runs |= {(one.outside_first, one.outside_active, one.outside_total) for one in found}
    return {
        "frontends": len(found),
        "empty": sum(not one.total and not one.outside_total for one in found),
        "active": sum(active for _first, active, _total in runs),
        "terminating": sum(total - active for _first, active, total in runs),
    }
