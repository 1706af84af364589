# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Names in the running kernel's own type data (BTF): what can be traced by them."""

from __future__ import annotations

import functools
import struct
from pathlib import Path

#: A file for the kernel, ``vmlinux``, and one for each module, which goes on from the kernel's.
FOLDER = Path("/sys/kernel/btf")
KERNEL = FOLDER / "vmlinux"

# What is behind the 12 bytes of a type (linux/btf.h): kind -> bytes, and bytes for each member.
_BEHIND = {
    1: (4, 0),  # integer
    3: (12, 0),  # array
    4: (0, 12),  # struct
    5: (0, 12),  # union
    6: (0, 8),  # enum
    13: (0, 8),  # prototype of a function
    14: (4, 0),  # variable
    15: (0, 12),  # section
    17: (4, 0),  # tag of a declaration
    19: (0, 12),  # enum of 64 bits
}
_TYPEDEF, _FUNCTION = 8, 12
#: The kernel has a typedef of such a name for each of its tracepoints.
_TRACEPOINT = "btf_trace_"


@functools.cache
def traceable() -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of functions and of tracepoints, of the kernel and of its modules.

    :raises FileNotFoundError: the kernel has no BTF.
    """
    types, base = _read(KERNEL, b"")
    found = _names(types, base)
    for module in sorted(FOLDER.iterdir()):
        if module != KERNEL:
            found |= _names(*_read(module, base))
    tracepoints = {
        name.removeprefix(_TRACEPOINT)
        for kind, name in found
        if kind == _TYPEDEF and name.startswith(_TRACEPOINT)
    }
    functions = frozenset(name for kind, name in found if kind == _FUNCTION)
    return functions, frozenset(tracepoints)


def _read(path: Path, base: bytes) -> tuple[bytes, bytes]:
    """Return the types of a file, and the strings that they refer to, those of ``base`` first."""
    data = path.read_bytes()
    header, types, types_size, strings, strings_size = struct.unpack_from("=5I", data, 4)
    types, strings = types + header, strings + header
    return data[types : types + types_size], base + data[strings : strings + strings_size]


def _names(types: bytes, strings: bytes) -> set[tuple[int, str]]:
    """Return kind and name of each function and typedef."""
    found, at = set(), 0
    while at < len(types):
        name, info = struct.unpack_from("=2I", types, at)
        kind = info >> 24 & 0x1F
        if kind in (_FUNCTION, _TYPEDEF):
            found.add((kind, strings[name : strings.index(b"\0", name)].decode()))
        fixed, each = _BEHIND.get(kind, (0, 0))
        at += 12 + fixed + each * (info & 0xFFFF)
    return found
