# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Flows of a version that had no queue of them: nobody would take them away."""

from __future__ import annotations

from pathlib import Path

from ..datapath import nat_layout as layout
from ..datapath import pinned
from ..datapath.clock import elapsed
from ..engine.bpf import maps
from ..names import MAP_PINS
from . import queue
from .flows import Flows, is_over, read

#: The map in which that version noted whose turn it was.
_TURNS = f"{MAP_PINS}/nat_flows"


def due() -> bool:
    """Say whether such a version was here."""
    return Path(_TURNS).exists()


def adopt() -> None:
    """Put live flows into the queue, on no account, and remove the others.

    Afterwards all programs are those of this version. A flow that is in it twice does no harm.
    """
    found = read()
    with queue.opened() as elements:
        if elements:
            over, live = _sorted(found)
            table = pinned.open_map(layout.NAT)
            if table:
                with table:
                    table.delete(over)
            for element in live:
                elements.push(element)
            queue.correct(len(live))
    maps.unpin(_TURNS)


def _sorted(found: Flows) -> tuple[list[bytes], list[bytes]]:
    """Return the keys of entries that are over, and what stands in the queue for others."""
    over, live = [], []
    for key, value in found:
        raw = layout.NAT.key_struct.pack(*key)
        if is_over(key.protocol, value.flags, elapsed(found.now, value.used)):
            over.append(raw)
        elif not value.flags & layout.NAT_REVERSE:
            live.append(queue.element(raw, value.created))
    return over, live
