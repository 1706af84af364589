# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Short waits for the kernel's grace periods while many programs are attached or detached.

The kernel waits for one RCU grace period, some 13 ms, for each tcx link and each clsact qdisc that
comes or goes, one after the other: 3 s for the 250 pods of a node. With expedited grace periods
it is 0.04 s.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ...names import STATE_DIR

if TYPE_CHECKING:
    from collections.abc import Iterator

SWITCH = "/sys/kernel/rcu_expedited"
#: What the switch was before us, while it is on: a run that is killed leaves it to the next one.
RECORD = Path(STATE_DIR) / "rcu_expedited"
#: From as many changes on it is worth it.
MANY = 8


@contextlib.contextmanager
def expedited(changes: int) -> Iterator[None]:
    """Have short grace periods for the length of a ``with`` block, where ``changes`` are many.

    The switch belongs to the machine, so it is put back as it was; one process at a time holds
    it, or another would find it on and leave it on. Where it cannot be written nothing happens.
    """
    with contextlib.ExitStack() as stack:
        if changes >= MANY or (changes and RECORD.exists()):
            with contextlib.suppress(OSError):
                switch = os.open(SWITCH, os.O_RDWR | os.O_CLOEXEC)
                stack.callback(os.close, switch)
                fcntl.flock(switch, fcntl.LOCK_EX)
                stack.callback(_put_back, switch, _remembered(switch))
                os.pwrite(switch, b"1", 0)
        yield


def _remembered(switch: int) -> bytes:
    with contextlib.suppress(FileNotFoundError):
        return RECORD.read_bytes()
    before = os.pread(switch, 16, 0)
    RECORD.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    RECORD.write_bytes(before)
    return before


def _put_back(switch: int, before: bytes) -> None:
    os.pwrite(switch, before, 0)
    RECORD.unlink(missing_ok=True)
