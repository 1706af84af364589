# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The programs that a node runs, loaded once more beside them, between maps of their own.

What programs only read are the node's own maps. What they write are copies: so a packet that is
asked about leaves no trace, and what it would have left is known to what comes after it.
"""

from __future__ import annotations

import itertools
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import names
from ..datapath import (
    drop_layout,
    event_layout,
    flow_layout,
    flow_tasks,
    layout,
    nat_layout,
    policy_layout,
    reasons,
    service_layout,
    tasks,
)
from ..datapath.cells import POLICY_PROGRAM
from ..ebpf import bpf_compile
from ..engine import fields
from ..engine.bpf import maps, objects, programs, syscall
from ..engine.failure import Failure
from ..engine.map_spec import MapSpec

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Optional

    from ..datapath.structs import Layout

    #: Map -> key -> value as :meth:`Map.items` has it, None where the entry went; all hexadecimal.
    Written = dict[str, dict[str, Optional[str]]]

#: Maps that no program writes to. All others get a copy, those of later versions, too.
READ_ALONE = (
    *(layout.ENDPOINTS, layout.IPCACHE, layout.CONFIG, layout.NODE_ADDRESSES),
    *(service_layout.SERVICES, service_layout.BACKENDS, service_layout.MAGLEV),
    *(service_layout.SOURCE_RANGES, nat_layout.MASQUERADE, nat_layout.NON_MASQUERADE),
    *(policy_layout.POLICY_PODS, policy_layout.POLICY_CLASSES, policy_layout.POLICY_RULES),
)
#: Copies that begin empty: counters, records of drops, the program of policies, what nothing but
#: taking it out shows, and what is there for who looks at packets: nobody looks at these.
_FRESH = (
    *(layout.METRICS, nat_layout.NAT_QUEUE, policy_layout.POLICY_STAGE),
    *drop_layout.MAPS,
    *event_layout.MAPS,
    flow_layout.FLOW_STAGE,
)
#: Of these the keys are there, and nothing is counted yet.
_ZEROED = (policy_layout.POLICY_COUNTERS,)
#: What tells the verdict, and rules and sets of policies; both begin with the packets.
_COUNTERS = (layout.METRICS, policy_layout.POLICY_COUNTERS)
#: What a packet leaves for those after it.
_LASTING = (
    *(nat_layout.NAT, nat_layout.NAT_QUOTA, nat_layout.NAT_TOTAL, nat_layout.NAT_STATE),
    *(nat_layout.NAT_SEEN, nat_layout.CALLS, nat_layout.FRAGMENTS, service_layout.AFFINITY),
)

SCHED_CLS = programs.TYPES["sched_cls"]
#: Of ``struct __sk_buff``: its size up to what is set here, and where the device's number is.
_SKB, _IFINDEX, _TC_INDEX = 192, 40, 44
#: ``PACKET_SNAT_DONE`` of bpf/lib/packet.h, in ``tc_index``: no address is to be changed any more.
_SETTLED = 0x706E
_HOOKS = {hook.number: hook.name for hook in reasons.HOOKS}
_VERDICTS = {verdict.number: verdict for verdict in reasons.VERDICTS}
_KINDS = {
    policy_layout.POLICY_RULE: "rule",
    policy_layout.POLICY_SET: "set",
    policy_layout.POLICY_AUDIT: "audit",
}


@dataclass(frozen=True)
class Outcome:
    """What became of a packet in a program.

    :param verdict: None where the program left it alone.
    :param rules: what was counted of policies: the kind and the name.
    """

    verdict: reasons.Verdict | None
    frame: bytes
    answered: bool
    rules: tuple[tuple[str, str], ...]


def items(names: Iterable[str]) -> list[dict[str, Any]]:
    """Return, in the words of ``bpf_program``, all programs that those of these names may be.

    A program was made with or without what its node has; its digest says which.
    """
    return [
        {**flow_tasks.program(name, words, flows), "name": f"{name}/{number}"}
        for name in names
        for number, (words, flows) in enumerate(itertools.product(_without(), (False, True)))
    ]


def all_items() -> list[dict[str, Any]]:
    """Return the same of all programs that see packets."""
    return items(program_names())


def program_names() -> list[str]:
    """Return the names of all programs that see packets."""
    seen = [hook.name for hook in reasons.HOOKS if hook.attach != "cgroup"]
    return [*seen, POLICY_PROGRAM]


def running() -> dict[str, programs.Program]:
    """Open the programs that are pinned here, by their names; the caller closes them."""
    found = {}
    for name in program_names():
        program = programs.open_pin(f"{names.PROGRAM_PINS}/{name}")
        if program is not None:
            found[name] = program
    return found


def recognised(
    pinned: Mapping[str, programs.Program], sources: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return of each program the item that it was made of.

    :raises Failure: for a program that was made of other sources.
    """
    found: dict[str, dict[str, Any]] = {}
    for item in items(pinned):
        name = item["function"]
        source, _maps = bpf_compile.unit(item, sources)
        made = programs.digest(source, name, SCHED_CLS, map_pins=item["maps"])
        if made == pinned[name].digest:
            found[name] = item
    other = sorted(set(pinned) - set(found))
    if other:
        raise Failure(
            f"program {other[0]} of this node was made of other sources than those of this version "
            "of the collection, so nobody can be asked for it; run podnet.fabric.site before."
        )
    return found


def _without() -> Iterator[tuple[str, ...]]:
    words = sorted(tasks.WITHOUT.values())
    for size in range(len(words) + 1):
        yield from itertools.combinations(words, size)


class Copies:
    """Copies of a node's programs, as long as ``stack`` is open."""

    def __init__(
        self,
        stack: contextlib.ExitStack,
        made: Mapping[str, objects.Object],
        written: Written,
    ) -> None:
        """Make the maps.

        :param made: program -> its bytecode.
        :param written: what packets before this one left here.
        :raises Failure: where a map is not pinned.
        """
        self._stack = stack
        self._made = made
        self._fds: dict[str, int] = {}
        self.tables = {table.name: self._table(table) for table in layout.PROGRAM_MAPS}
        if Path(flow_layout.FLOW_STAGE.pin).exists():  # its copy has no program: nothing is counted
            self.tables[flow_layout.FLOW_STAGE.name] = self._table(flow_layout.FLOW_STAGE)
        self._before = {table.name: self.tables[table.name].items() for table in _LASTING}
        for name, entries in written.items():
            self._put(name, entries)
        if POLICY_PROGRAM in made:
            stage = policy_layout.POLICY_STAGE
            key = stage.pack_key(zero=0)
            self.tables[stage.name].update({key: struct.pack("=I", self._program(POLICY_PROGRAM))})

    def _table(self, table: Layout) -> maps.Map:
        found = maps.open_pin(table.pin)
        if found is None:
            raise Failure(f"map {table.name}: nothing is pinned at {table.pin} on this node.")
        self._stack.enter_context(found)
        if table in READ_ALONE:
            return found
        own = self._stack.enter_context(maps.create(found.spec))
        if table in _FRESH:
            return own
        entries = found.items()
        if table in _ZEROED:
            entries = {key: bytes(len(value)) for key, value in entries.items()}
        own.restore(entries)
        return own

    def _put(self, name: str, entries: Mapping[str, str | None]) -> None:
        if name not in {table.name for table in _LASTING}:
            raise Failure(f"written: {name!r} is no map of what lasts.")
        raw = {bytes.fromhex(key): value for key, value in entries.items()}
        table = self.tables[name]
        table.restore({key: bytes.fromhex(value) for key, value in raw.items() if value})
        table.delete([key for key, value in raw.items() if value is None])

    def written(self) -> Written:
        """Return what packets have left here."""
        found: Written = {}
        for table in _LASTING:
            before, after = self._before[table.name], self.tables[table.name].items()
            entries: dict[str, str | None] = {
                key.hex(): value.hex() for key, value in after.items() if before.get(key) != value
            }
            entries |= {key.hex(): None for key in before.keys() - after.keys()}
            if entries:
                found[table.name] = entries
        return found

    def run(
        self,
        name: str,
        frame: bytes,
        ifindex: int,
        *,
        tunnel: tuple[int, int] | None = None,
        settled: bool = False,
    ) -> Outcome:
        """Run a program on a packet.

        :param ifindex: device that it comes in, or goes out, by.
        :param tunnel: network identifier and remote end of the tunnel that it came out of.
        :param settled: whether no address of it is to be changed any more.
        """
        program = self._program(name)
        if tunnel or settled:
            program = self._begun(program, tunnel, settled=settled)
        context = bytearray(_SKB)
        struct.pack_into("=I", context, _IFINDEX, ifindex)
        before = [self._counted(table) for table in _COUNTERS]
        done = syscall.program_test_run(program, frame, context=bytes(context))
        verdicts, counted = (
            sorted(key for key, packets in self._counted(table).items() if packets != old.get(key))
            for table, old in zip(_COUNTERS, before)
        )
        verdict = _VERDICTS[verdicts[0][0] % layout.VERDICTS] if verdicts else None
        rules = tuple((_KINDS[kind], self._name(number, kind)) for number, kind in counted)
        answered = bool(verdict and verdict.drops and done.retval == _REDIRECT)
        return Outcome(verdict, done.data, answered, rules)

    def _counted(self, table: Layout) -> dict[tuple[int, ...], int]:
        """Return the packets that a map has counted, by its keys."""
        sums = self.tables[table.name].sums()
        return {table.key_struct.unpack(key): value[0] for key, value in sums.items()}

    def _name(self, number: int, kind: int) -> str:
        table = policy_layout.POLICY_NAMES
        own = policy_layout.POLICY_SET if kind == policy_layout.POLICY_AUDIT else kind
        found = maps.open_pin(table.pin)
        if found is None:
            return str(number)
        with found:
            raw = found.get(table.pack_key(number=number, kind=own))
        return fields.text(raw) if raw else str(number)

    def _program(self, name: str) -> int:
        if name not in self._fds:
            fds = {table: each.fd for table, each in self.tables.items()}
            code = objects.code(self._made[name], name, fds)
            maps.lift_limit()
            fd = syscall.program_load(SCHED_CLS, code, self._made[name].license, name=name)
            self._stack.callback(os.close, fd)
            self._fds[name] = fd
        return self._fds[name]

    def _begun(self, program: int, tunnel: tuple[int, int] | None, *, settled: bool) -> int:
        """Load what sets a packet up as no context of a test run can, and goes on to a program."""
        jump = self._stack.enter_context(maps.create(_JUMP))
        jump.update({bytes(4): struct.pack("=I", program)})
        fd = syscall.program_load(SCHED_CLS, _beginning(jump.fd, tunnel, settled=settled), "GPL")
        self._stack.callback(os.close, fd)
        return fd


_REDIRECT = 7  # TC_ACT_REDIRECT
_JUMP = MapSpec("podnet_why", "prog_array", 4, 4, 1)
#: Of the C's ``struct tunnel_key``. No packet of a test run was ever in a tunnel; what a program
#: sets goes out of it, so its local address is what the program after it reads for the remote one.
_TUNNEL_KEY, _KEY_LOCAL = 44, 28


def _beginning(jump: int, tunnel: tuple[int, int] | None, *, settled: bool) -> bytes:
    """Return the bytecode: set the tunnel's key and the mark, and go on by a tail call."""
    code = [_insn(0xBF, 6, 1)]  # r6 = context
    if settled:
        code += [_insn(0xB7, 2, number=_SETTLED), _insn(0x63, 6, 2, _TC_INDEX)]
    if tunnel:
        code += [_insn(0x7A, 10, offset=at) for at in range(-48, 0, 8)]  # zeros on the stack
        code += [
            *(_insn(0xB7, 2, number=tunnel[0]), _insn(0x63, 10, 2, -48)),
            *(_insn(0xB4, 2, number=_signed(tunnel[1])), _insn(0x63, 10, 2, -48 + _KEY_LOCAL)),
            *(_insn(0xBF, 1, 6), _insn(0xBF, 2, 10), _insn(0x07, 2, number=-48)),
            *(_insn(0xB7, 3, number=_TUNNEL_KEY), _insn(0xB7, 4)),
            _insn(0x85, number=21),  # bpf_skb_set_tunnel_key
        ]
    code += [
        *(_insn(0xBF, 1, 6), _insn(0x18, 2, 1, number=jump), _insn(0), _insn(0xB7, 3)),
        _insn(0x85, number=12),  # bpf_tail_call
        *(_insn(0xB7, number=2), _insn(0x95)),  # TC_ACT_SHOT
    ]
    return b"".join(code)


def _insn(
    opcode: int, destination: int = 0, source: int = 0, offset: int = 0, number: int = 0
) -> bytes:
    return struct.pack("<BBhi", opcode, source << 4 | destination, offset, number)


def _signed(number: int) -> int:
    return number - (1 << 32) if number >= 1 << 31 else number
