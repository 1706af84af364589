# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the compiler made of a source, as data that another host of the same machine type loads.

An object holds the bytecode of each function. Where the bytecode refers to a map it has the map's
place in a sorted list of names, and gets the descriptor of that host's own map when it is loaded.

An object comes from another host: nothing of it is believed that is not checked here. Its
``digest`` tells a damaged one, and no forged one; see docs/bpf.md for what is trusted.
"""

from __future__ import annotations

import base64
import hashlib
import json
import platform
import re
import struct
import sys
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..failure import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .compiler import Source

#: Raise it when objects of before cannot be read any more.
FORMAT = 1
#: BPF_COMPLEXITY_LIMIT_INSNS: the kernel takes no longer program.
MOST_INSTRUCTIONS = 1_000_000

_FIELDS = ("format", "key", "machine", "byteorder", "maps", "license", "functions")
_INSTRUCTION = struct.Struct("=BBhi")
# linux/bpf.h: BPF_LD | BPF_IMM | BPF_DW, which takes two instructions; BPF_JMP | BPF_CALL; and what
# stands in the source register of the former: a plain number, a map's descriptor.
_LOAD_NUMBER, _CALL = 0x18, 0x85
_PLAIN, _MAP = 0, 1
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Object:
    """Bytecode.

    :param maps: their names in the C, sorted; an instruction refers to one by its place here.
    :param functions: name -> instructions.
    :param license: what the C says, or "GPL".
    """

    maps: tuple[str, ...]
    functions: Mapping[str, bytes]
    license: str


def machine() -> str:
    """Return the machine type of this host, as ``uname -m`` has it."""
    return platform.machine()


def key(source: Source, maps: Iterable[str], machine_type: str) -> str:
    """Hash of all that decides what the compiler makes, as hexadecimal.

    :param maps: names in the C of the maps that are bound when it is loaded.
    """
    parts = [FORMAT, machine_type, source.fingerprint, list(source.cflags), sorted(maps)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def made(functions: Mapping[str, bytes], map_fds: Mapping[str, int], license_: str) -> Object:
    """Return what a compiler made with maps of these descriptors.

    :raises Failure: where it refers to something else, such as a map that the source makes itself.
    """
    names = sorted(map_fds)
    places = {map_fds[name]: place for place, name in enumerate(names)}
    return Object(
        tuple(names), {name: _with(code, places) for name, code in functions.items()}, license_
    )


def code(found: Object, function: str, map_fds: Mapping[str, int]) -> bytes:
    """Return a function's bytecode with the descriptors of this host's maps.

    :raises Failure: where there is no such function.
    """
    if function not in found.functions:
        raise Failure(f"there is no function {function!r} that is not static.")
    fds = {place: map_fds[name] for place, name in enumerate(found.maps)}
    return _with(found.functions[function], fds)


def _with(instructions: bytes, maps: Mapping[int, int]) -> bytes:
    """Replace what stands for maps; refuse what the checks of :func:`read` would."""
    result = bytearray(instructions)
    at, end = 0, len(instructions)
    if end % _INSTRUCTION.size or not 0 < end <= MOST_INSTRUCTIONS * _INSTRUCTION.size:
        raise Failure(f"{end} bytes are no bytecode.")
    while at < end:
        opcode, registers, offset, number = _INSTRUCTION.unpack_from(instructions, at)
        source = registers >> 4 if sys.byteorder == "little" else registers & 15
        if opcode == _CALL and source != 0:
            raise Failure("it calls functions that are not inlined.")
        if opcode == _LOAD_NUMBER:
            second = instructions[at + _INSTRUCTION.size : at + 2 * _INSTRUCTION.size]
            if source == _MAP:
                if number not in maps or any(second) or len(second) < _INSTRUCTION.size:
                    raise Failure("it refers to a map that is not one of the task's.")
                _INSTRUCTION.pack_into(result, at, opcode, registers, offset, maps[number])
            elif source != _PLAIN:
                raise Failure("it refers to an object of the kernel that is no map.")
            at += _INSTRUCTION.size
        at += _INSTRUCTION.size
    return bytes(result)


def written(found: Object, its_key: str) -> dict[str, Any]:
    """Return an object as it travels, in JSON's types."""
    functions = {
        name: base64.b64encode(zlib.compress(code)).decode()
        for name, code in sorted(found.functions.items())
    }
    values = (
        *(FORMAT, its_key, machine(), sys.byteorder),
        *(list(found.maps), found.license, functions),
    )
    data = dict(zip(_FIELDS, values))
    return {**data, "digest": _digest(data)}


def read(data: object, its_key: str, machine_type: str | None = None) -> Object:
    """Read an object that came from elsewhere.

    :param its_key: the key of what was asked for.
    :param machine_type: that of the host that is to load it; without it this one's.
    :raises Failure: for anything that :func:`written` does not write.
    """
    try:
        return _read(data, its_key, machine_type or machine())
    except Failure as failure:
        raise Failure(f"The object {its_key[:16]} is refused: {failure.message}") from failure


def _read(data: object, its_key: str, machine_type: str) -> Object:
    if not isinstance(data, dict) or set(data) != {*_FIELDS, "digest"}:
        raise Failure("it has not the fields of one.")
    if data["digest"] != _digest({name: data[name] for name in _FIELDS}):
        raise Failure("its digest is not that of its content.")
    wanted = {"format": FORMAT, "key": its_key, "machine": machine_type}
    for name, value in wanted.items():
        if data[name] != value:
            raise Failure(f"its {name} is {data[name]!r}; valid is {value!r}.")
    if machine_type == machine() and data["byteorder"] != sys.byteorder:
        raise Failure(f"its byteorder is {data['byteorder']!r}; valid is {sys.byteorder!r}.")
    maps, functions = data["maps"], data["functions"]
    if not isinstance(maps, list) or not all(map(_is_name, maps)) or maps != sorted(set(maps)):
        raise Failure("its maps are no sorted list of names.")
    if not isinstance(functions, dict) or not functions or not all(map(_is_name, functions)):
        raise Failure("its functions have no names.")
    if not isinstance(data["license"], str) or not data["license"].isascii():
        raise Failure("its license is no text.")
    places = {place: place for place in range(len(maps))}
    codes = {name: _unpacked(text) for name, text in functions.items()}
    if data["byteorder"] == sys.byteorder:
        codes = {name: _with(code, places) for name, code in codes.items()}
    return Object(tuple(maps), codes, data["license"])


def _is_name(name: object) -> bool:
    return isinstance(name, str) and bool(_NAME.fullmatch(name))


def _unpacked(text: object) -> bytes:
    try:
        packed = base64.b64decode(str(text), validate=True)
        most = MOST_INSTRUCTIONS * _INSTRUCTION.size
        reader = zlib.decompressobj()
        found = reader.decompress(packed, most)
    except (ValueError, zlib.error) as error:
        raise Failure("its bytecode cannot be unpacked.") from error
    if not reader.eof or reader.unused_data:
        raise Failure("its bytecode cannot be unpacked.")
    return found


def _digest(data: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
