# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Short waits for the kernel's grace periods while many programs are attached or detached.

The kernel waits for one RCU grace period, some 13 ms, for each tcx link and each clsact qdisc that
comes or goes, one after the other: 3 s for the 250 pods of a node. With expedited grace periods
it is 0.04 s.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# System call number of membarrier; the generic one for aarch64, riscv64 and what comes later.
_NUMBERS = {"x86_64": 324, "ppc64le": 365, "s390x": 356}
_MEMBARRIER = _NUMBERS.get(platform.machine(), 283)
#: linux/membarrier.h: the kernel waits for an RCU grace period.
_GLOBAL = 1

_libc = ctypes.CDLL(None, use_errno=True)

SWITCH = "/sys/kernel/rcu_expedited"
#: From as many changes on it is worth it.
MANY = 8


def wait() -> None:
    """Wait until no program runs any more that has read what this process has just replaced.

    Where the kernel has no such call (CONFIG_MEMBARRIER), nothing is waited for.
    """
    _libc.syscall(_MEMBARRIER, _GLOBAL, 0, 0)


@contextlib.contextmanager
def expedited(changes: int) -> Iterator[None]:
    """Have short grace periods for the length of a ``with`` block, where ``changes`` are many.

    The switch belongs to the machine. Where it is on already it is somebody's wish, or another
    process's that will put it back, and is left alone; no lock could tell, since namespaces have
    each their own view of this file. Where it cannot be written nothing happens.
    """
    with contextlib.ExitStack() as stack:
        if changes >= MANY:
            with contextlib.suppress(OSError):
                switch = os.open(SWITCH, os.O_RDWR | os.O_CLOEXEC)
                stack.callback(os.close, switch)
                if os.pread(switch, 16, 0).strip() == b"0":
                    stack.callback(_off_at_the_end(switch))
                    os.pwrite(switch, b"1", 0)
        yield


def _off_at_the_end(switch: int) -> Callable[[], object]:
    """Start who turns it off when this process ends, by whatever end, or calls what is returned."""
    ending, ours = os.pipe()
    keeper = os.fork()
    if keeper == 0:
        try:
            os.setsid()  # what kills this process's group does not reach it
            os.close(ours)
            os.read(ending, 1)  # nothing comes; it returns when nobody holds the other end
            os.pwrite(switch, b"0", 0)
        finally:
            os._exit(0)
    os.close(ending)

    def end() -> None:
        os.close(ours)
        os.waitpid(keeper, 0)

    return end
