"""What the kernel's verifier has to walk to take a program, and the stack that the program needs.

A kernel of 5.10 or 6.1 gives up after a million instructions and walks other ways than this one:
the limits are far below. Policy and IPv6 come on top.
"""

from __future__ import annotations

import itertools
import os
import re
import signal
import struct
from typing import TYPE_CHECKING

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import (
    cells,
    flow_layout,
    layout,
    reasons,
)
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import (
    compiler,
    hooks,
    maps,
    objects,
    programs,
    syscall,
)

from tests.scope import WHOLE

from .node import BPF

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MOST_STEPS, MOST_STACK, MOST_LINES = 190_000, 464, 400
BPF_LOG_STATS = 4
BPF_JMP, BPF_JMP32 = 5, 6
BPF_JA, BPF_CALL, BPF_EXIT = 0x00, 0x80, 0x90
#: What programs are compiled without, where a cluster has no use for it.
WORDS = ("NO_POLICY", "NO_SERVICES", "NO_MASQUERADE")
EVERY: tuple[tuple[str, ...], ...] = tuple(
    tuple(word for word, left_out in zip(WORDS, choice) if left_out)
    for choice in itertools.product((False, True), repeat=3)
)
#: All of it, which is the longest way, and nothing; what is between them with the whole.
WITHOUT = EVERY if WHOLE else (EVERY[0], EVERY[-1])
#: Where flows are counted, which is more of the same: with all else, and with none of it.
FLOWS = ("WITH_FLOWS",), ("WITH_FLOWS", *WORDS)
TABLES = (*layout.PROGRAM_MAPS, *flow_layout.MAPS)
#: The same of the program that others hand packets over to.
JUDGES = [choice for choice in WITHOUT if "NO_POLICY" not in choice]


@pytest.fixture(scope="module")
def tables() -> Iterator[dict[str, int]]:
    """Make the maps: name -> descriptor."""
    made = {table.name: maps.create(table.spec) for table in TABLES}
    yield {name: table.fd for name, table in made.items()}
    for table in made.values():
        table.close()


def walked(code: bytes, license_: str, hook: str) -> tuple[int, int]:
    """Let the kernel take a program: instructions that it walked, and bytes of stack."""
    log = bytearray(1 << 16)
    row = hooks.HOOKS[hook]
    number = row.number if row.loaded_for else 0
    fd = syscall.program_load(
        programs.TYPES[row.program],
        code,
        license_,
        attach_type=number,
        log=log,
        log_level=BPF_LOG_STATS,
    )
    os.close(fd)
    said = log.decode().rstrip("\0")
    steps = re.search(r"^processed (\d+) insns", said, re.MULTILINE)
    stack = re.search(r"^stack depth ([\d+]+)", said, re.MULTILINE)
    assert steps, said
    assert stack, said
    return int(steps[1]), sum(map(int, stack[1].split("+")))


def compiled(hook: str, without: Iterable[str], tables: dict[str, int]) -> objects.Object:
    """Compile one of our files."""
    files = {path.name: path.read_text() for path in BPF.glob("*.c")}
    files |= {f"lib/{path.name}": path.read_text() for path in (BPF / "lib").glob("*.h")}
    source = compiler.Source(
        main=f"{hook}.c",
        files=files,
        cflags=tuple(f"-D{word}" for word in without),
        standin=compiler.read_folder(BPF / "include"),
    )
    with compiler.compiled(source, tables) as one:
        return one.to_object()


def falls_back(code: bytes) -> list[int]:
    """Return the instructions after which execution falls, without a jump, into a loop's beginning.

    Kernels up to 6.1 refuse these (check_cfg in kernel/bpf/verifier.c: "back-edge from insn"): a
    loop may go round by a jump alone. They walk as this does, the way on before the branch.
    """
    count = len(code) // 8
    seen, done = bytearray(count), [0] * count
    found, stack = [], [0]
    seen[0] = 1
    while stack:
        at = stack[-1]
        opcode, _registers, offset = struct.unpack_from("<BBh", code, at * 8)
        jumps = opcode & 7 in (BPF_JMP, BPF_JMP32) and opcode & 0xF0 != BPF_CALL
        if jumps and opcode & 0xF0 == BPF_EXIT:
            ways = []
        elif jumps and opcode & 0xF0 == BPF_JA:
            ways = [at + 1 + offset]
        else:
            ways = [at + 1, at + 1 + offset] if jumps else [at + 1]
        if done[at] == len(ways):
            seen[stack.pop()] = 2
            continue
        way = ways[done[at]]
        done[at] += 1
        if not seen[way]:
            seen[way] = 1
            stack.append(way)
        elif seen[way] == 1 and not jumps:
            found.append(at)
    return found


@pytest.mark.parametrize(
    ("hook", "without"),
    [
        pytest.param(hook.name, without, id="-".join((hook.name, *without)))
        for hook in reasons.HOOKS
        for without in ((*WITHOUT, *FLOWS) if hook.name != "socket" else WITHOUT[:1])
    ]
    + [pytest.param("policy", without, id="-".join(("policy", *without))) for without in JUDGES]
    + [
        pytest.param("policy", FLOWS[0], id="policy-WITH_FLOWS"),
        pytest.param("flows", (), id="flows"),
    ],
)
def test_the_verifier_has_room(hook, without, tables, capsys):
    found = compiled(hook, without, tables)
    rows = {row.name: row.attach for row in reasons.HOOKS} | dict.fromkeys(
        ("policy", "flows"), "tc_ingress"
    )
    for name in cells.SOCKET_PROGRAMS if hook == "socket" else (hook,):
        code = objects.code(found, name, tables)
        at = f"cgroup_{name}" if hook == "socket" else rows[hook]
        assert falls_back(code) == []
        steps, stack = walked(code, found.license, at)
        with capsys.disabled():
            print(
                f"\n{name:16}{' '.join(without):37}{len(code) // 8:6} instructions, "
                f"the verifier walks {steps:7} of {MOST_STEPS}, stack {stack:3} of {MOST_STACK}",
                end="",
            )
        assert (steps <= MOST_STEPS, stack <= MOST_STACK) == (True, True), (steps, stack)


def test_a_program_is_loaded_though_a_signal_comes_meanwhile(tables):
    found = compiled("from_netdev", (), tables)
    code = objects.code(found, "from_netdev", tables)
    came: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, _frame: came.append(number))
    try:
        # The verifier walks for a tenth of a second.
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        walked(code, found.license, "tc_ingress")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert came == [signal.SIGALRM]


def test_no_file_of_c_is_long():
    lines = {
        path.name: len(path.read_text().splitlines())
        for path in [*BPF.glob("*.c"), *(BPF / "lib").glob("*.h")]
    }
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}
