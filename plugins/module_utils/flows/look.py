# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look at packets while they pass: one looker at a time, for as long as its lease lasts."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..datapath import clock
from ..datapath import event_layout as layout
from ..engine.bpf import maps, programs, syscall
from ..engine.bpf.ring import Ring
from ..engine.failure import Failure
from ..names import MAP_PINS
from . import conditions, known, program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .known import Known
    from .wanted import Wanted

_ABSENT = (
    "Packets of this node cannot be looked at: the pod network is not on it, or an earlier version "
    "of it is; run podnet.fabric.site before."
)

#: Seconds: how long programs go on without hearing from who looks; how often he says that he is
#: there, reads what was written, and asks who addresses are.
LEASE, RENEWAL, PAUSE, NAMES = 5.0, 1.0, 0.02, 5.0

#: Bytes of the ring: some 7,700 packets. A larger one would not stay in the caches.
RING = 1 << 20

_SECOND = 1_000_000_000
_ZERO = struct.pack("=I", 0)


@dataclass
class Batch:
    """What came since the last one.

    :param events: as :data:`event_layout.EVENT` has them, the earliest first.
    :param known: who addresses are.
    :param lost: packets and sockets for which there was no room.
    """

    events: list[Any]
    known: Known
    lost: int


@contextlib.contextmanager
def looking(
    wanted: Wanted,
    others: Mapping[str, str],
    *,
    size: int = RING,
    tables: Mapping[str, maps.Map] | None = None,
    folder: Path = Path(MAP_PINS),
    knows: Callable[[Mapping[str, str]], Known] = known.read,
) -> Iterator[Callable[[], Batch]]:
    """Look for the length of a ``with`` block; what it gives is called for what came meanwhile.

    It is called at least every second, or the lease ends.

    :param others: address -> pod of another node.
    :param tables: maps of the node, where they are not those that are pinned.
    :param folder: where who looks keeps others out: his program has the one place.
    :param knows: how it is found out who addresses are.
    :raises Failure: somebody looks already; there is no pod network.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_alone(folder))
        here = tables or _opened(stack)
        look = _Look(stack, here, size, wanted, knows(others))
        at = time.monotonic()

        def batch() -> Batch:
            nonlocal at
            if time.monotonic() - at >= NAMES:
                at = time.monotonic()
                look.ask(knows(others))
            return look.batch()

        yield batch


class _Look:
    """The program, the ring and the lease of who looks."""

    def __init__(
        self,
        stack: contextlib.ExitStack,
        tables: Mapping[str, maps.Map],
        size: int,
        wanted: Wanted,
        who: Known,
    ) -> None:
        self._tables = tables
        self._ring = Ring(size)
        stack.callback(self._ring.close)
        self._asked: list[conditions.Condition] | None = None
        self._wanted, self._known = wanted, who
        self._renewed = 0.0
        sockets = tables[layout.EVENT_SOCKETS.name]
        while sockets.pop() is not None:
            pass  # of who looked before
        self._lost = self._counted()
        stack.callback(self.end)
        self.ask(who)

    def ask(self, who: Known) -> None:
        """Put the program in its place that asks what is wanted."""
        self._known = who
        asked = conditions.of(self._wanted, who)
        if asked != self._asked:
            fds = {name: table.fd for name, table in self._tables.items()}
            code = program.make(fds, self._ring.fd, clock.ticks(LEASE), asked)
            fd = _loaded(code)
            try:
                number = fd.to_bytes(4, sys.byteorder)
                self._tables[layout.EVENT_STAGE.name].update({_ZERO: number})
            finally:
                os.close(fd)
            self._asked = asked
        self._renew()

    def batch(self) -> Batch:
        """Return what came since the last time, and say that somebody is there."""
        if time.monotonic() - self._renewed >= RENEWAL:
            self._renew()
        rows = [layout.EVENT_SCRATCH.value_row(raw) for raw in self._ring.read()]
        sockets = self._tables[layout.EVENT_SOCKETS.name]
        for raw in iter(sockets.pop, None):
            rows.append(layout.EVENT_SOCKETS.value_row(raw))
        rows.sort(key=lambda row: row.time)
        counted = self._counted()
        lost, self._lost = counted - self._lost, counted
        return Batch(rows, self._known, lost)

    def end(self) -> None:
        """Let programs go on alone."""
        self._lease(0)
        self._tables[layout.EVENT_STAGE.name].delete([_ZERO])

    def _renew(self) -> None:
        self._lease(clock.now() + int(LEASE * _SECOND))
        self._renewed = time.monotonic()

    def _lease(self, until: int) -> None:
        lease = layout.EVENT_LEASE
        self._tables[lease.name].update({_ZERO: lease.pack_value(until=until, ticks=0)})

    def _counted(self) -> int:
        return sum(self._tables[layout.EVENT_LOST.name].sums()[_ZERO])


def _loaded(code: bytes) -> int:
    maps.lift_limit()
    log = bytearray(1 << 16)
    try:
        return syscall.program_load(programs.TYPES["sched_cls"], code, "GPL", name="podnet_observe")
    except OSError as error:
        with contextlib.suppress(OSError):
            syscall.program_load(programs.TYPES["sched_cls"], code, "GPL", log=log)
        said = log.decode(errors="replace").rstrip("\0").splitlines()[-3:]
        raise Failure(
            f"The kernel refused the program that looks at packets: {error.strerror}. "
            f"{' '.join(said)}"
        ) from error


def _opened(stack: contextlib.ExitStack) -> dict[str, maps.Map]:
    found = {}
    for table in layout.MAPS:
        one = maps.open_pin(table.pin)
        if one is None:
            raise Failure(_ABSENT)
        found[table.name] = stack.enter_context(one)
    return found


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the lock, on the folder itself; a process that ends gives it back, however it ends."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise Failure(_ABSENT) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = _holder(os.fstat(descriptor).st_ino)
        os.close(descriptor)
        raise Failure(
            f"Another process{holder} looks at the packets of this node, and one can at a time; "
            "try again when it has ended."
        ) from None
    try:
        yield
    finally:
        os.close(descriptor)


def _holder(inode: int) -> str:
    """Name the process that holds the lock, where it shows from here."""
    for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
        words = line.split()
        if words[1] == "FLOCK" and words[5].endswith(f":{inode}"):
            return f" ({words[4]})"
    return ""
