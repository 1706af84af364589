# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compiled objects (``clang -target bpf``), loaded by libbpf in this process.

libbpf makes of an object what the kernel takes: it fits accesses to the kernel's own structs to the
running kernel (CO-RE), makes maps, and those of global variables (``.data``, ``.bss``,
``.rodata``), and joins functions that are not inlined to the programs that call them.

Each program is loaded from an opened object of its own, with all others switched off: what the
kernel says then concerns that program. The maps are those of the first.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import os
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ..failure import Failure
from ..map_spec import TYPE_NAMES, MapSpec
from . import compiler, maps, stderr
from .aim import ANY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .aim import Aim
    from .compiler import Source
    from .maps import Map

LIBRARY = "libbpf.so.1"

_libc = ctypes.CDLL(None)
_libc.vdprintf.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
_POINTER, _TEXT, _INT, _U32 = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint32
#: What libbpf prints by: level, text with places for values, the values (va_list).
_PRINT = ctypes.CFUNCTYPE(_INT, _INT, _POINTER, _POINTER)
#: Function of libbpf -> what it returns, then what it takes (bpf/libbpf.h).
_FUNCTIONS = {
    "libbpf_get_error": (ctypes.c_long, _POINTER),
    "libbpf_set_print": (_POINTER, _PRINT),
    "bpf_object__open_mem": (_POINTER, _TEXT, ctypes.c_size_t, _POINTER),
    "bpf_object__load": (_INT, _POINTER),
    "bpf_object__close": (None, _POINTER),
    "bpf_object__next_program": (_POINTER, _POINTER, _POINTER),
    "bpf_object__next_map": (_POINTER, _POINTER, _POINTER),
    "bpf_object__find_map_by_name": (_POINTER, _POINTER, _TEXT),
    "bpf_program__name": (_TEXT, _POINTER),
    "bpf_program__fd": (_INT, _POINTER),
    "bpf_program__set_autoload": (_INT, _POINTER, ctypes.c_bool),
    "bpf_program__set_type": (_INT, _POINTER, _INT),
    "bpf_program__set_expected_attach_type": (_INT, _POINTER, _INT),
    "bpf_program__set_attach_target": (_INT, _POINTER, _INT, _TEXT),
    "bpf_map__name": (_TEXT, _POINTER),
    "bpf_map__type": (_INT, _POINTER),
    "bpf_map__key_size": (_U32, _POINTER),
    "bpf_map__value_size": (_U32, _POINTER),
    "bpf_map__max_entries": (_U32, _POINTER),
    "bpf_map__map_flags": (_U32, _POINTER),
    "bpf_map__pin_path": (_TEXT, _POINTER),
    "bpf_map__set_pin_path": (_INT, _POINTER, _TEXT),
    "bpf_map__reuse_fd": (_INT, _POINTER, _INT),
    "bpf_map__fd": (_INT, _POINTER),
}

#: The level of libbpf's messages for its developers.
_DEBUG = 2


def _say(level: int, text: int, values: int) -> int:
    """Print a message of libbpf, as it does by itself until BCC, in the same process, stops it."""
    return int(_libc.vdprintf(2, text, values)) if level < _DEBUG else 0


_SAY = _PRINT(_say)


class _OpenOptions(ctypes.Structure):
    """The first fields of ``struct bpf_object_open_opts``; libbpf takes the others for zero."""

    _fields_ = (("sz", ctypes.c_size_t), ("object_name", _TEXT))


class Opened:
    """An object of which programs can be loaded. See :func:`compiled`."""

    def __init__(self, data: bytes, source: Source) -> None:
        """Hold an object's bytes."""
        self._library = library()
        self._data = data
        self._source = source
        self._fds: dict[str, int] = {}
        self._names: dict[str, str] = {}

    def own(self, name: str) -> MapSpec | None:
        """Return a map of the object, by its name in the C; None for no such."""
        call = self._library
        with self._object() as found:
            one = call.bpf_object__find_map_by_name(found, name.encode())
            if not one:
                return None
            if name.endswith(".rodata"):
                raise Failure(
                    f"map {name} of {self._source.main} holds constants, which are each version's "
                    "own; valid are maps, .data and .bss."
                )
            self._names[name] = call.bpf_map__name(one).decode()
            number = call.bpf_map__type(one)
            return MapSpec(
                self._names[name],
                TYPE_NAMES.get(number, str(number)),
                *(call.bpf_map__key_size(one), call.bpf_map__value_size(one)),
                *(call.bpf_map__max_entries(one), call.bpf_map__map_flags(one)),
            )

    def use(self, name: str, found: Map) -> None:
        """Take a map in the place of one of the object."""
        self._fds[self._names[name]] = os.dup(found.fd)

    def made(self, name: str) -> int:
        """Return the descriptor of a map of the object, once a program of it is loaded."""
        return self._fds[self._names[name]]

    def load(self, function: str, program_type: int, aim: Aim = ANY) -> int:
        """Load one of the programs; return its descriptor.

        :param program_type: enum bpf_prog_type.
        :param aim: what the program must name when it is loaded.
        :raises Failure: with the verifier's objection, and what it said before in ``log``.
        """
        call = self._library
        with self._object() as found:
            programs = dict(self._each(found, "program"))
            if function not in programs:
                raise Failure(
                    f"{self._source.main} has no program {function!r}; it has "
                    f"{', '.join(programs) or 'none'}."
                )
            for name, one in programs.items():
                call.bpf_program__set_autoload(one, name == function)
            call.bpf_program__set_type(programs[function], program_type)
            call.bpf_program__set_expected_attach_type(programs[function], aim.attach_type)
            self._bind(found)
            maps.lift_limit()
            with stderr.collected() as output:
                error = 0
                if aim.target:
                    error = call.bpf_program__set_attach_target(
                        programs[function], 0, aim.target.encode()
                    )
                error = error or call.bpf_object__load(found)
            if error:
                raise _refused(function, self._source, output[0].splitlines(), -error)
            for name, one in self._each(found, "map"):
                if name not in self._fds and call.bpf_map__fd(one) >= 0:
                    self._fds[name] = os.dup(call.bpf_map__fd(one))
            return os.dup(call.bpf_program__fd(programs[function]))

    def close(self) -> None:
        """Give the maps back; what a program or a pin holds stays."""
        for fd in self._fds.values():
            os.close(fd)
        self._fds.clear()

    def _bind(self, found: int) -> None:
        for name, one in self._each(found, "map"):
            pin = self._library.bpf_map__pin_path(one)
            if pin and name not in self._names:
                raise Failure(
                    f"map {name} of {self._source.main} asks to be pinned by its name; say where "
                    f"with maps, such as {{{name}: {pin.decode()}}}."
                )
            self._library.bpf_map__set_pin_path(one, None)
            if name in self._fds:
                self._library.bpf_map__reuse_fd(one, self._fds[name])

    def _each(self, found: int, kind: str) -> Iterator[tuple[str, int]]:
        """Yield name and handle of each ``program`` or ``map``."""
        following: Callable[[int, int | None], int | None]
        following = getattr(self._library, f"bpf_object__next_{kind}")
        name = getattr(self._library, f"bpf_{kind}__name")
        one = following(found, None)
        while one:
            yield name(one).decode(), one
            one = following(found, one)

    @contextlib.contextmanager
    def _object(self) -> Iterator[int]:
        stem = PurePosixPath(self._source.main).name.partition(".")[0]
        options = _OpenOptions(ctypes.sizeof(_OpenOptions), stem.encode())
        self._library.libbpf_set_print(_SAY)
        with stderr.collected() as output:
            found = self._library.bpf_object__open_mem(
                self._data, len(self._data), ctypes.byref(options)
            )
        if not found:
            said = _said(output[0].splitlines())
            raise Failure(f"{self._source.main} is no object that libbpf opens: {said}.")
        try:
            yield found
        finally:
            self._library.bpf_object__close(found)


def compiled(
    source: Source, _map_fds: Mapping[str, int] | None = None
) -> contextlib.closing[Opened]:
    """Open a compiled object for the length of a ``with`` block.

    :param source: its main file is the object in base64.
    :raises Failure: where libbpf is not there, or does not take it.
    """
    return contextlib.closing(Opened(base64.b64decode(source.files[source.main]), source))


def library() -> ctypes.CDLL:
    """Return libbpf.

    :raises Failure: where it is not installed.
    """
    try:
        found = ctypes.CDLL(LIBRARY)
    except OSError as error:
        raise Failure(
            f"{LIBRARY}, which loads compiled objects, is not there: install libbpf1 (Debian) or "
            "libbpf (Fedora)."
        ) from error
    for name, (result, *arguments) in _FUNCTIONS.items():
        function = getattr(found, name)
        function.restype, function.argtypes = result, arguments
    return found


def _refused(function: str, source: Source, log: list[str], error: int) -> Failure:
    verifier = [line for line in log if not line.startswith("libbpf: ")]
    reason, place = compiler.verdict(verifier, source.files)
    if not reason:
        reason = _said(log) or os.strerror(error)
    return Failure(
        f"The kernel refused {function} of {source.main}{f' at {place}' if place else ''}: "
        f"{reason}.",
        log=log[-60:],
    )


def _said(log: list[str]) -> str:
    """Return the first reason that libbpf gives."""
    lines = [line.removeprefix("libbpf: ") for line in log if line.startswith("libbpf: ")]
    return re.sub(r"\.$", "", lines[0]) if lines else ""
