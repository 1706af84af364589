# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Perf events of tracepoints, which programs are attached to: perf_event_open(2)."""

from __future__ import annotations

import ctypes
import os
import platform
import struct

# Number of the system call: the generic one for aarch64, riscv64 and what comes later.
_NUMBER = {"x86_64": 298, "ppc64le": 319, "s390x": 331}.get(platform.machine(), 241)

# From linux/perf_event.h.
_TYPE_TRACEPOINT, _FIRST_SIZE, _CLOSE_ON_EXEC = 2, 64, 8
_ALL_PROCESSES, _FIRST_CPU, _NO_GROUP = -1, 0, -1

_libc = ctypes.CDLL(None, use_errno=True)


def of_tracepoint(number: int) -> int:
    """Open the event of a tracepoint, by its number in tracefs; return its descriptor.

    :raises OSError: with the kernel's errno.
    """
    # struct perf_event_attr in its first version: type, size, config.
    attr = struct.pack("=IIQ48x", _TYPE_TRACEPOINT, _FIRST_SIZE, number)
    buffer = (ctypes.c_char * len(attr)).from_buffer_copy(attr)
    where = (_ALL_PROCESSES, _FIRST_CPU, _NO_GROUP, _CLOSE_ON_EXEC)
    fd = int(_libc.syscall(_NUMBER, ctypes.byref(buffer), *where))
    if fd < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return fd
