# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bytecode that is made for one question: instructions by their names, jumps to labels.

What is asked is known when somebody asks, and no compiler is at hand then. See the kernel's
Documentation/bpf/standardization/instruction-set.rst.
"""

from __future__ import annotations

import struct

#: Sizes of a load or store, bytes -> bits of the opcode.
_SIZES = {1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18}
_JUMPS = {"always": 0x05, "==": 0x15, ">": 0x25, "&": 0x45, "!=": 0x55, ">=": 0x35, "s<=": 0xD5}
_SOURCE_REGISTER = 0x08
#: What a register is combined with a number by, 64 bits wide.
_OPERATIONS = {"+": 0x07, "|": 0x47, "&": 0x57, "<<": 0x67}

R0, R1, R2, R3, R4, R6, R7, R8, R9, FRAME = 0, 1, 2, 3, 4, 6, 7, 8, 9, 10


class Code:
    """Instructions in their order. Registers are numbers; offsets and sizes are bytes."""

    def __init__(self) -> None:
        """Begin with none."""
        self._code: list[bytes] = []
        self._labels: dict[str, int] = {}
        self._jumps: list[tuple[int, str]] = []
        self._made = 0

    def fresh(self) -> str:
        """Return a label that no other is."""
        self._made += 1
        return f"{self._made}"

    def label(self, name: str) -> None:
        """Let a name stand for the instruction that comes next."""
        self._labels[name] = len(self._code)

    def copy(self, to: int, register: int) -> None:
        """Copy a register."""
        self._add(0xBF, to, register)

    def number(self, to: int, number: int) -> None:
        """Set a register to a number of up to 64 bits."""
        if number < 1 << 31:
            self._add(0xB7, to, number=number)
        else:
            self._wide(to, 0, number & 0xFFFFFFFF, number >> 32)

    def table(self, to: int, descriptor: int) -> None:
        """Set a register to a map."""
        self._wide(to, 1, descriptor, 0)

    def change(self, operation: str, register: int, number: int) -> None:
        """Combine a register with a number of up to 31 bits."""
        self._add(_OPERATIONS[operation], register, number=number)

    def mask(self, register: int, by: int) -> None:
        """Leave of a register the bits of another one."""
        self._add(0x5F, register, by)

    def add(self, register: int, other: int) -> None:
        """Add another register."""
        self._add(0x0F, register, other)

    def subtract(self, register: int, other: int) -> None:
        """Subtract another register."""
        self._add(0x1F, register, other)

    def load(self, to: int, register: int, offset: int, size: int) -> None:
        """Load what is in memory."""
        self._add(0x61 | _SIZES[size], to, register, offset)

    def store(self, register: int, offset: int, size: int, value: int) -> None:
        """Store a register."""
        self._add(0x63 | _SIZES[size], register, value, offset)

    def store_number(self, register: int, offset: int, size: int, number: int) -> None:
        """Store a number of up to 31 bits."""
        self._add(0x62 | _SIZES[size], register, 0, offset, number)

    def call(self, helper: int) -> None:
        """Call a helper by its number."""
        self._add(0x85, number=helper)

    def leave(self) -> None:
        """End."""
        self._add(0x95)

    def jump(self, label: str, when: str = "always", register: int = 0, number: int = 0) -> None:
        """Jump where a register is so to a number of up to 31 bits."""
        self._jumps.append((len(self._code), label))
        self._add(_JUMPS[when], register, number=number)

    def jump_by(self, label: str, when: str, register: int, other: int) -> None:
        """Jump where a register is so to another one."""
        self._jumps.append((len(self._code), label))
        self._add(_JUMPS[when] | _SOURCE_REGISTER, register, other)

    def made(self) -> bytes:
        """Return the bytecode."""
        for at, label in self._jumps:
            distance = struct.pack("=h", self._labels[label] - at - 1)
            self._code[at] = self._code[at][:2] + distance + self._code[at][4:]
        return b"".join(self._code)

    def _add(
        self, opcode: int, to: int = 0, source: int = 0, offset: int = 0, number: int = 0
    ) -> None:
        self._code.append(struct.pack("=BBhi", opcode, source << 4 | to, offset, number))

    def _wide(self, to: int, source: int, low: int, high: int) -> None:
        for opcode, word in ((0x18, low), (0, high)):
            registers = source << 4 | to if opcode else 0
            self._code.append(struct.pack("=BBhI", opcode, registers, 0, word))
