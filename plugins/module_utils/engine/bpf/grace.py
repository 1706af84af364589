# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Short waits for the kernel's grace periods while many programs are attached or detached.

The kernel waits for one RCU grace period, some 13 ms, for each tcx link and each clsact qdisc that
comes or goes, one after the other: 3 s for the 250 pods of a node. With expedited grace periods
it is 0.04 s.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SWITCH = "/sys/kernel/rcu_expedited"
#: From as many changes on it is worth it.
MANY = 8


@contextlib.contextmanager
def expedited(changes: int) -> Iterator[None]:
    """Have short grace periods for the length of a ``with`` block, where ``changes`` are many.

    The switch belongs to the machine. Where it is on already it is somebody's wish, or another
    process's that will put it back, and is left alone; no lock could tell, since namespaces have
    each their own view of this file. Where it cannot be written nothing happens.
    """
    switch = Path(SWITCH)
    turned = False
    with contextlib.suppress(OSError):
        if changes >= MANY and switch.read_text(encoding="ascii").strip() == "0":
            switch.write_text("1", encoding="ascii")
            turned = True
    try:
        yield
    finally:
        if turned:
            switch.write_text("0", encoding="ascii")
