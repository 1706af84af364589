"""The few calls of bpf(2) that the benchmarks need. A file descriptor lives as long as we do."""

from __future__ import annotations

import ctypes
import os
import struct

SYS_BPF = 321  # x86-64; 280 on every architecture that has the common table
MAP_UPDATE_ELEM, PROG_LOAD, OBJ_GET, PROG_TEST_RUN, LINK_CREATE = 2, 5, 7, 10, 28
SCHED_CLS = 3
TCX_INGRESS, TCX_EGRESS = 46, 47

_libc = ctypes.CDLL(None, use_errno=True)


def pinned(path: str) -> int:
    """Open what is pinned at a path."""
    name = ctypes.create_string_buffer(path.encode())
    return _bpf(OBJ_GET, struct.pack("=QII", ctypes.addressof(name), 0, 0))


def update(bpf_map: int, key: bytes, value: bytes) -> None:
    """Set one entry of a map."""
    k, v = ctypes.create_string_buffer(key), ctypes.create_string_buffer(value)
    _bpf(
        MAP_UPDATE_ELEM,
        struct.pack("=IxxxxQQQ", bpf_map, ctypes.addressof(k), ctypes.addressof(v), 0),
    )


def attach(program: int, ifindex: int, where: int = TCX_INGRESS) -> int:
    """Attach a program to a device of the network namespace that we are in."""
    return _bpf(LINK_CREATE, struct.pack("=IIIIIIQ", program, ifindex, where, 0, 0, 0, 0))


def empty_program() -> int:
    """Load a program that does nothing but return 0: what a run of any program costs."""
    instructions = ctypes.create_string_buffer(bytes.fromhex("b700000000000000 9500000000000000"))
    licence = ctypes.create_string_buffer(b"GPL")
    attributes = struct.pack(
        "=IIQQ", SCHED_CLS, 2, ctypes.addressof(instructions), ctypes.addressof(licence)
    )
    return _bpf(PROG_LOAD, attributes.ljust(128, b"\0"))


def test_run(program: int, packet: bytes, context: bytes, repeat: int) -> tuple[int, int]:
    """Run a program on a packet by ``BPF_PROG_TEST_RUN``.

    :returns: what the last run returned, and nanoseconds a run.
    """
    data, ctx = ctypes.create_string_buffer(packet), ctypes.create_string_buffer(context)
    layout = "=IIIIQQIIIIQQIII"
    attributes = ctypes.create_string_buffer(
        struct.pack(
            layout,
            program,
            0,
            len(packet),
            0,
            ctypes.addressof(data),
            0,
            repeat,
            0,
            len(context),
            0,
            ctypes.addressof(ctx),
            0,
            0,
            0,
            0,
        ).ljust(80, b"\0")
    )
    _call(PROG_TEST_RUN, attributes)
    fields = struct.unpack_from(layout, attributes)
    return fields[1], fields[7]


def _bpf(command: int, attributes: bytes) -> int:
    return _call(command, ctypes.create_string_buffer(attributes, len(attributes)))


def _call(command: int, attributes: ctypes.Array[ctypes.c_char]) -> int:
    number = SYS_BPF if os.uname().machine == "x86_64" else 280
    # create_string_buffer() adds a zero byte; the kernel accepts zeros beyond what it knows.
    result = int(_libc.syscall(number, command, attributes, len(attributes) & ~7))
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"bpf command {command}: {os.strerror(error)}")
    return result
