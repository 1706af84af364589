# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The system call bpf(2): one function for each command that is used here.

Objects are file descriptors, which the caller closes; errors are OSError with the kernel's errno.
Layouts are those of ``union bpf_attr`` and of the info structs in linux/bpf.h, written as
:mod:`struct` formats; what is left out at their end is zero for the kernel.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# System call number of bpf: the generic one first, for aarch64, riscv64 and what comes later.
_NUMBER = {"x86_64": 321, "ppc64le": 361, "s390x": 351}.get(platform.machine(), 280)

# enum bpf_cmd
_MAP_CREATE, _MAP_LOOKUP, _MAP_UPDATE, _MAP_DELETE, _MAP_NEXT_KEY = 0, 1, 2, 3, 4
_PROG_LOAD, _OBJ_PIN, _OBJ_GET, _PROG_TEST_RUN = 5, 6, 7, 10
_PROG_BY_ID, _MAP_BY_ID, _INFO, _PROG_QUERY = 13, 14, 15, 16
_RAW_TRACEPOINT_OPEN, _MAP_LOOKUP_AND_DELETE = 17, 21
_MAP_FREEZE, _MAP_LOOKUP_BATCH, _MAP_UPDATE_BATCH, _MAP_DELETE_BATCH = 22, 24, 26, 27
_LINK_CREATE, _LINK_UPDATE, _LINK_DETACH, _PROG_BIND_MAP = 28, 29, 34, 35

# enum bpf_link_type (cgroup, XDP, tcx) -> where its info has target and attach type. The info of
# XDP has none, and is zero there.
_LINK_TARGETS = {3: "=I12xQI4x", 6: "=I12xII8x", 11: "=I12xII8x"}

#: What a map answers that has no batch operations (linux/errno.h, unknown to Python).
ENOTSUPP = 524

_pointer = ctypes.addressof
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.syscall.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_long]


@dataclass(frozen=True)
class MapInfo:
    """What the kernel says of a map; sizes in bytes, ``type`` and ``flags`` as in linux/bpf.h."""

    id: int
    type: int
    key_size: int
    value_size: int
    max_entries: int
    flags: int
    name: str


@dataclass(frozen=True)
class ProgramInfo:
    """What the kernel says of a program; ``run_ns`` and ``runs`` count while bpf_stats_enabled."""

    id: int
    type: int
    tag: str
    name: str
    map_ids: tuple[int, ...]
    runs: int
    run_ns: int


@dataclass(frozen=True)
class LinkInfo:
    """What the kernel says of a link.

    :param target: ifindex or cgroup id; 0 where that is gone, None for a link of another type.
    """

    id: int
    type: int
    program_id: int
    target: int | None
    attach_type: int


@dataclass(frozen=True)
class TestRun:
    """Outcome of :func:`program_test_run`; ``duration`` is the mean of one run in nanoseconds."""

    retval: int
    data: bytes
    context: bytes
    duration: int


def map_create(
    map_type: int,
    key_size: int,
    value_size: int,
    max_entries: int,
    *,
    flags: int = 0,
    name: str = "",
) -> int:
    """Make a map and return its descriptor; a name has at most 15 characters."""
    attr = struct.pack(
        "=7I16s", map_type, key_size, value_size, max_entries, flags, 0, 0, name.encode()
    )
    return _bpf(_MAP_CREATE, attr)


def map_lookup(fd: int, key: bytes, size: int) -> bytes | None:
    """Value of a key, ``size`` bytes (per-CPU: of all CPUs), or None where it is not there."""
    value = ctypes.create_string_buffer(size)
    try:
        _bpf(_MAP_LOOKUP, struct.pack("=I4xQQQ", fd, _address(key), _pointer(value), 0))
    except FileNotFoundError:
        return None
    return value.raw


def map_update(fd: int, key: bytes, value: bytes, flags: int = 0) -> None:
    """Set the value of a key; flags: 1 only where it is new, 2 only where it exists."""
    _bpf(_MAP_UPDATE, struct.pack("=I4xQQQ", fd, _address(key), _address(value), flags))


def map_delete(fd: int, key: bytes) -> None:
    """Remove a key; FileNotFoundError where it is not there."""
    _bpf(_MAP_DELETE, struct.pack("=I4xQQQ", fd, _address(key), 0, 0))


def map_push(fd: int, value: bytes) -> None:
    """Put a value behind the others of a queue."""
    _bpf(_MAP_UPDATE, struct.pack("=I4xQQQ", fd, 0, _address(value), 0))


def map_pop(fd: int, size: int) -> bytes | None:
    """Take the first value out of a queue, None where it is empty."""
    value = ctypes.create_string_buffer(size)
    try:
        _bpf(_MAP_LOOKUP_AND_DELETE, struct.pack("=I4xQQQ", fd, 0, _pointer(value), 0))
    except FileNotFoundError:
        return None
    return value.raw


def map_next_key(fd: int, key: bytes | None, size: int) -> bytes | None:
    """Key after ``key`` (None: the first), or None after the last."""
    following = ctypes.create_string_buffer(size)
    at = 0 if key is None else _address(key)
    try:
        _bpf(_MAP_NEXT_KEY, struct.pack("=I4xQQQ", fd, at, _pointer(following), 0))
    except FileNotFoundError:
        return None
    return following.raw


def map_lookup_batch(
    fd: int, position: bytes | None, count: int, key_size: int, value_size: int
) -> tuple[bytes, bytes, bytes | None]:
    """Up to ``count`` entries from a position on (None: from the start).

    Returns the keys and the values, each in one piece, and the position to go on from, None at
    the end. ENOSPC: ``count`` is less than what one hash bucket holds.
    """
    keys = ctypes.create_string_buffer(key_size * count)
    values = ctypes.create_string_buffer(value_size * count)
    following = ctypes.create_string_buffer(max(key_size, 4))
    at = 0 if position is None else _address(position)
    attr = bytearray(
        struct.pack(
            "=4Q2I2Q",
            *(at, _pointer(following), _pointer(keys), _pointer(values)),
            *(count, fd, 0, 0),
        )
    )
    last = False
    try:
        _bpf(_MAP_LOOKUP_BATCH, attr)
    except FileNotFoundError:
        last = True
    (got,) = struct.unpack_from("=I", attr, 32)
    # What .raw gives is a copy of all the room.
    found = ctypes.string_at(keys, got * key_size), ctypes.string_at(values, got * value_size)
    return (*found, None if last else following.raw)


def map_update_batch(fd: int, keys: bytes, values: bytes, count: int) -> None:
    """Set ``count`` entries, keys and values each in one piece."""
    _bpf(
        _MAP_UPDATE_BATCH,
        struct.pack("=4Q2I2Q", 0, 0, _address(keys), _address(values), count, fd, 0, 0),
    )


def map_delete_batch(fd: int, keys: bytes, count: int) -> int:
    """Remove ``count`` keys; return how many were removed before one that is not there."""
    attr = bytearray(struct.pack("=4Q2I2Q", 0, 0, _address(keys), 0, count, fd, 0, 0))
    try:
        _bpf(_MAP_DELETE_BATCH, attr)
    except FileNotFoundError:
        return int(struct.unpack_from("=I", attr, 32)[0])
    return count


def map_freeze(fd: int) -> None:
    """Let no process write to the map from now on."""
    _bpf(_MAP_FREEZE, struct.pack("=I", fd))


def map_by_id(number: int) -> int:
    """Open a map by its id."""
    return _bpf(_MAP_BY_ID, struct.pack("=III", number, 0, 0))


def map_info(fd: int) -> MapInfo:
    """Ask the kernel what a map is."""
    _expect(fd, "map")
    info = _info(fd, struct.Struct("=6I16s"))
    kind, number, key_size, value_size, max_entries, flags, name = info
    return MapInfo(number, kind, key_size, value_size, max_entries, flags, _text(name))


def pin(fd: int, path: str) -> None:
    """Pin a map, a program or a link; FileExistsError where the path is taken."""
    name = path.encode() + b"\0"
    _bpf(_OBJ_PIN, struct.pack("=QII", _address(name), fd, 0))


def get(path: str) -> int:
    """Open what is pinned at a path."""
    name = path.encode() + b"\0"
    return _bpf(_OBJ_GET, struct.pack("=QII", _address(name), 0, 0))


def program_load(
    program_type: int,
    code: bytes,
    license_: str,
    *,
    name: str = "",
    attach_type: int = 0,
    log: bytearray | None = None,
    log_level: int = 1,
) -> int:
    """Load a program and return its descriptor.

    :param code: instructions, 8 bytes each.
    :param name: at most 15 characters are kept.
    :param log: room that the verifier fills with what it says, up to a zero byte.
    :param log_level: what it says: 1 every instruction, 4 (BPF_LOG_STATS) no more than figures.
    """
    words = license_.encode() + b"\0"
    room = (ctypes.c_char * len(log)).from_buffer(log) if log else None
    attr = struct.pack(
        "=2I2Q2IQ2I16s2I",
        *(program_type, len(code) // 8, _address(code), _address(words)),
        *(log_level if log else 0, len(log or b""), _pointer(room) if room else 0, 0, 0),
        *(name.encode()[:15], 0, attach_type),
    )
    return _bpf(_PROG_LOAD, attr, tries=9)


def program_by_id(number: int) -> int:
    """Open a program by its id."""
    return _bpf(_PROG_BY_ID, struct.pack("=III", number, 0, 0))


def program_info(fd: int) -> ProgramInfo:
    """Ask the kernel what a program is."""
    _expect(fd, "prog")
    # The map ids come in a second call: the first one says how many there are.
    layout = struct.Struct("=II8s32xIIQ16s112x2Q")
    count = _info(fd, layout)[4]
    ids = (ctypes.c_uint32 * count)()
    at = ctypes.addressof(ids) if count else 0
    kind, number, tag, _uid, count, _at, name, ns, runs = _info(
        fd, layout, struct.pack("=52xIQ", count, at)
    )
    return ProgramInfo(number, kind, tag.hex(), _text(name), tuple(ids[:count]), runs, ns)


def program_bind_map(fd: int, map_fd: int) -> None:
    """Keep a map alive, and listed, with a program that does not use it."""
    _bpf(_PROG_BIND_MAP, struct.pack("=III", fd, map_fd, 0))


def program_test_run(
    fd: int, data: bytes, *, context: bytes = b"", repeat: int = 1, room: int = 4096
) -> TestRun:
    """Run a program on a packet.

    :param context: ``struct __sk_buff`` or another context struct to start with.
    :param room: bytes by which the packet may grow.
    """
    out = ctypes.create_string_buffer(len(data) + room)
    context_out = ctypes.create_string_buffer(len(context))
    attr = bytearray(
        struct.pack(
            "=4I2Q4I2Q2I",
            *(fd, 0, len(data), len(out), _address(data), _pointer(out), repeat, 0),
            *(len(context), len(context), _address(context) if context else 0),
            *(_pointer(context_out) if context else 0, 0, 0),
        )
    )
    _bpf(_PROG_TEST_RUN, attr)
    retval, _size_in, size_out = struct.unpack_from("=3I", attr, 4)
    (duration,) = struct.unpack_from("=I", attr, 36)
    return TestRun(retval, out.raw[:size_out], context_out.raw, duration)


def program_query(target: int, attach_type: int, *, links: bool = False) -> list[tuple[int, int]]:
    """Programs at a hook in the order in which they run, each with the id of its link (0: none).

    :param target: ifindex, or the descriptor of a cgroup's folder.
    :param links: ask for the links too: tcx, whose kernels know the question.
    """
    room = 64  # no hook takes more programs
    programs, link_ids = (ctypes.c_uint32 * room)(), (ctypes.c_uint32 * room)()
    attr = bytearray(
        struct.pack(
            "=4IQI4x4Q",
            *(target, attach_type, 0, 0, ctypes.addressof(programs), room, 0),
            *(ctypes.addressof(link_ids) if links else 0, 0, 0),
        )
    )
    _bpf(_PROG_QUERY, attr)
    (count,) = struct.unpack_from("=I", attr, 24)
    return list(zip(programs[:count], link_ids[:count]))


def link_create(program: int, target: int, attach_type: int, flags: int = 0) -> int:
    """Attach a program to an ifindex, or to the descriptor of a cgroup's folder or a perf event."""
    return _bpf(_LINK_CREATE, struct.pack("=4I2Q", program, target, attach_type, flags, 0, 0))


def raw_tracepoint_open(program: int, name: bytes = b"") -> int:
    """Attach a program to a tracepoint, or to what it was loaded for where it says no name."""
    at = _address(name) if name else 0
    return _bpf(_RAW_TRACEPOINT_OPEN, struct.pack("=QI4x", at, program))


def link_update(link: int, program: int) -> None:
    """Put another program in the place of a link's own, in one step."""
    _bpf(_LINK_UPDATE, struct.pack("=4I", link, program, 0, 0))


def link_detach(link: int) -> None:
    """Detach a link's program, whoever else holds the link."""
    _bpf(_LINK_DETACH, struct.pack("=I", link))


def link_info(fd: int) -> LinkInfo:
    """Ask the kernel what a link is."""
    _expect(fd, "link")
    kind, number, program_id, *_rest = _info(fd, struct.Struct("=3I20x"))
    if kind not in _LINK_TARGETS:
        return LinkInfo(number, kind, program_id, None, 0)
    _kind, target, attach_type = _info(fd, struct.Struct(_LINK_TARGETS[kind]))
    return LinkInfo(number, kind, program_id, target, attach_type)


def _bpf(command: int, attr: bytes | bytearray, tries: int = 1) -> int:
    buffer = (ctypes.c_char * len(attr)).from_buffer_copy(attr)
    result = int(_libc.syscall(_NUMBER, command, ctypes.addressof(buffer), len(attr)))
    number = ctypes.get_errno()
    if isinstance(attr, bytearray):
        attr[:] = buffer.raw
    # The verifier gives up where a signal comes meanwhile, be it one that stops or traces us.
    if result < 0 and number == errno.EAGAIN and tries > 1:
        return _bpf(command, attr, tries - 1)
    if result < 0:
        if number == ENOTSUPP:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        raise OSError(number, os.strerror(number))
    return result


def _info(fd: int, layout: struct.Struct, start: bytes = b"") -> tuple[Any, ...]:
    buffer = ctypes.create_string_buffer(start, layout.size)
    _bpf(_INFO, struct.pack("=IIQ", fd, layout.size, ctypes.addressof(buffer)))
    return layout.unpack(buffer.raw)


def _expect(fd: int, kind: str) -> None:
    # The kernel tells about any object, and each has a layout of its own. Its name for the file
    # says what it is: bpf-map, bpf-prog, bpf_link (bpf-link in later kernels).
    if not re.fullmatch(
        f"anon_inode:.?bpf[-_]{kind}.?", str(Path(f"/proc/self/fd/{fd}").readlink())
    ):
        raise OSError(errno.EINVAL, f"no bpf {kind}")


def _address(data: bytes) -> int:
    # The bytes object itself: the kernel only reads it, and the caller's name keeps it alive.
    return int(ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0)


def _text(name: bytes) -> str:
    return name.split(b"\0", 1)[0].decode(errors="replace")
