"""Time a program that changes its packet: before each run the packet is put back. See again.c."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import compiler, maps
from ansible_collections.podnet.fabric.plugins.module_utils.engine.map_spec import MapSpec

from .compiled import bpf_source

if TYPE_CHECKING:
    from collections.abc import Callable

SCHED_CLS = 3  # enum bpf_prog_type

#: Bytes of a packet that are put back; it has at least as many.
HEADERS = 54
_GIVEN = struct.Struct(f"={HEADERS}sHHxx")
_PROGRAM = struct.Struct("=I")
_FIRST = struct.pack("=I", 0)


@dataclass(frozen=True)
class Fresh:
    """What a packet is before each run.

    :param step: by which its destination port goes on with each run; 1 makes each a new flow.
    :param before: called on the node before a figure is taken, for what has to be there.
    """

    tc_index: int = 0
    step: int = 0
    before: Callable[[], object] = lambda: None


class Again:
    """The program that puts packets back, and goes on to another one."""

    def __init__(self) -> None:
        """Load it."""
        self._given = maps.create(MapSpec("given", "array", 4, _GIVEN.size, 1))
        self._next = maps.create(MapSpec("program", "prog_array", 4, _PROGRAM.size, 1))
        table = {"given": self._given.fd, "program": self._next.fd}
        with compiler.compiled(bpf_source("again.c"), table) as one:
            self.program = one.load("again", SCHED_CLS)

    def prepare(self, program: int, packet: bytes, fresh: Fresh) -> None:
        """Let the next runs be those of a program on a packet."""
        given = _GIVEN.pack(packet[:HEADERS], fresh.tc_index, fresh.step)
        self._given.update({_FIRST: given})
        self._next.update({_FIRST: _PROGRAM.pack(program)})
        fresh.before()
