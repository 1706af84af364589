# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs: load, pin and recognise them.

A program says itself what it was made of: a frozen map of one entry, ``podnet_digest``, is bound
to it and holds the hash of sources, flags, kernel and so on. It goes where the program goes, so
"unchanged" is read off what the kernel runs, and no file can be out of step with it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
from typing import TYPE_CHECKING

from ..failure import Failure
from ..map_spec import MapSpec
from . import clang, compiler, libbpf, maps, objects, syscall
from .aim import ANY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import ModuleType

    from .aim import Aim
    from .compiler import Compiled, Source
    from .libbpf import Opened
    from .maps import Map
    from .objects import Object

DIGEST_MAP = MapSpec("podnet_digest", "array", 4, 32, 1)
#: Part of every digest: raise it when programs are to be loaded anew for a change in this engine.
ENGINE = 2

#: Name -> number in enum bpf_prog_type.
TYPES = {
    "socket_filter": 1,
    "sched_cls": 3,
    "sched_act": 4,
    "xdp": 6,
    "tracepoint": 5,
    "cgroup_skb": 8,
    "cgroup_sock": 9,
    "sock_ops": 13,
    "cgroup_device": 15,
    "raw_tracepoint": 17,
    "cgroup_sock_addr": 18,
    "cgroup_sysctl": 23,
    "cgroup_sockopt": 25,
    "tracing": 26,
}
TYPE_NAMES = {number: name for name, number in TYPES.items()}

#: Where programs of a source are made, each by its function ``compiled``.
DIALECTS: dict[str, ModuleType] = {"bcc": compiler, "libbpf": clang, "object": libbpf}

_KEY = bytes(4)
#: Bytes for what the verifier says of a program that it refuses.
LOG_ROOM = 1 << 24


class Program:
    """An open program; closed by ``close`` or at the end of a ``with`` block.

    ``digest`` is the hash that :class:`Loader` left with it as hexadecimal, "" where there is none.
    """

    def __init__(self, fd: int) -> None:
        """Take over a descriptor; it is closed here even when it is no program's."""
        self.fd = fd
        try:
            self.info = syscall.program_info(fd)
            self.digest = _digest(self.info)
        except OSError:
            os.close(fd)
            raise
        self.type = TYPE_NAMES.get(self.info.type, str(self.info.type))

    def __enter__(self) -> Program:
        """Return the program itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close the program."""
        self.close()

    def close(self) -> None:
        """Give the descriptor back; a second call does nothing."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def pin(self, path: str) -> None:
        """Pin the program; what was pinned there before is replaced in one step."""
        maps.pin(self.fd, path)


def open_pin(path: str) -> Program | None:
    """Open the program pinned at a path, None where nothing is."""
    fd = maps.open_path(path)
    if fd is None:
        return None
    try:
        return Program(fd)
    except OSError as error:
        raise maps.NotThis(f"What is pinned at {path} is no program.") from error


def by_id(number: int) -> Program:
    """Open a program by its id; FileNotFoundError where it is gone."""
    return Program(syscall.program_by_id(number))


def name(number: int) -> str:
    """Name of a program that runs, by its id."""
    fd = syscall.program_by_id(number)
    try:
        return syscall.program_info(fd).name
    finally:
        os.close(fd)


def digest(
    source: Source,
    function: str,
    program_type: int,
    *,
    aim: Aim = ANY,
    map_pins: Mapping[str, str] | None = None,
) -> str:
    """Hash of all that decides what is loaded, as hexadecimal."""
    parts = {
        "files": source.fingerprint,
        "what": [
            *(source.cflags, function, program_type, aim.attach_type),
            *([aim.target] if aim.target else []),
        ],
        "maps": dict(map_pins or {}),
        "kernel": [platform.release(), platform.version(), platform.machine()],
        "engine": ENGINE,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class Loader:
    """Loads programs. Functions of one source, with the same maps, are compiled together, once.

    What it holds open meanwhile goes at the end of a ``with`` block.
    """

    def __init__(self, made: Mapping[str, Object] | None = None) -> None:
        """Hold nothing yet.

        :param made: by their keys, the objects that need not be compiled.
        """
        self._made = made or {}
        self._stack = contextlib.ExitStack()
        self._maps: dict[str, Map] = {}
        self._compiled: list[tuple[Source, dict[str, str], Compiled | Opened]] = []
        #: Path -> map that a source has made and that is to be pinned there.
        self.fresh: dict[str, Map] = {}

    def __enter__(self) -> Loader:
        """Return the loader itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Let go of what was compiled; what was loaded stays."""
        self._stack.close()

    def load(
        self,
        source: Source,
        function: str,
        program_type: int,
        *,
        aim: Aim = ANY,
        map_pins: Mapping[str, str] | None = None,
    ) -> Program:
        """Compile, where there is no object of it, load and mark a program.

        :param aim: what the program names; a target only where libbpf loads it.
        :param map_pins: name in the C -> pin of the map that it stands for. One that the C makes
            itself is taken from there, or else is in :attr:`fresh` after.
        :raises Failure: an error of the compiler or the verifier, a pin without a map.
        """
        pins = dict(map_pins or {})
        self._open(pins.values())
        found = self._made.get(objects.key(source, pins, objects.machine()))
        if found:
            self._expect(pins, source)
            fds = {name: self._maps[path].fd for name, path in pins.items()}
            fd = _loaded(found, source, function, program_type, aim.attach_type, fds)
        else:
            compiled = self._compile(source, pins)
            fd = compiled.load(function, program_type, aim)
            self._keep(compiled, pins)
        try:
            _mark(fd, digest(source, function, program_type, aim=aim, map_pins=pins))
            # A map that the function does not use, as it may stand in a header, is bound too: that
            # the program knows the maps pinned now is then one comparison of ids.
            used = syscall.program_info(fd).map_ids
            for path in pins.values():
                if self._maps[path].info.id not in used:
                    syscall.program_bind_map(fd, self._maps[path].fd)
        except BaseException:
            os.close(fd)
            raise
        return Program(fd)

    def _open(self, paths: Iterable[str]) -> None:
        for path in paths:
            found = None if path in self._maps else maps.open_pin(path)
            if found:
                self._maps[path] = self._stack.enter_context(found)

    def _expect(self, pins: Mapping[str, str], source: Source) -> None:
        """Refuse a pin that has no map, and gets none from the source."""
        for name, path in pins.items():
            if path not in self._maps:
                raise Failure(f"map {name} of {source.main}: nothing is pinned at {path}.")

    def _keep(self, compiled: Compiled | Opened, pins: Mapping[str, str]) -> None:
        """Hold the maps that a source has made for the task's pins."""
        for name, path in pins.items():
            if path not in self._maps:
                fresh = maps.Map(os.dup(compiled.made(name)))
                self.fresh[path] = self._maps[path] = self._stack.enter_context(fresh)

    def _compile(self, source: Source, pins: dict[str, str]) -> Compiled | Opened:
        for known, with_pins, before in self._compiled:
            if (known, with_pins) == (source, pins):
                return before
        map_fds = {name: self._maps[path].fd for name, path in pins.items() if path in self._maps}
        done: Compiled | Opened
        try:
            done = self._stack.enter_context(DIALECTS[source.dialect].compiled(source, map_fds))
        except Failure as failure:
            if "PN_FD_" in failure.message:
                self._expect(pins, source)
            raise
        for name, path in pins.items():
            own = done.own(name)
            if own is None:
                self._expect({name: path}, source)
            elif path in self._maps:
                _same_shape(own, self._maps[path].spec, f"{name} of {source.main}", path)
                done.use(name, self._maps[path])
        self._compiled.append((source, pins, done))
        return done


def _same_shape(own: MapSpec, pinned: MapSpec, what: str, path: str) -> None:
    """Refuse a pinned map in the place of one of another shape."""
    for word in ("type", "key_size", "value_size", "max_entries"):
        here, there = getattr(own, word), getattr(pinned, word)
        # An object may leave the number of entries to libbpf.
        if here not in (0, there):
            raise Failure(
                f"map {what} has {word} {here}, and what is pinned at {path} has {there}: remove "
                "that pin, or give the map another path."
            )


def _loaded(
    found: Object,
    source: Source,
    function: str,
    program_type: int,
    attach_type: int,
    map_fds: Mapping[str, int],
) -> int:
    """Load a function of an object; return the program's descriptor."""
    try:
        code = objects.code(found, function, map_fds)
    except Failure as failure:
        raise Failure(f"{source.main}: {failure.message}") from failure
    maps.lift_limit()

    def load(log: bytearray | None = None) -> int:
        return syscall.program_load(
            program_type, code, found.license, name=function, attach_type=attach_type, log=log
        )

    try:
        return load()
    except OSError as error:
        refused = error
    log = bytearray(LOG_ROOM)
    with contextlib.suppress(OSError):
        os.close(load(log))
    lines = log.partition(b"\0")[0].decode(errors="replace").splitlines()
    reason, _place = compiler.verdict(lines, {})
    last = next((line for line in reversed(lines) if re.match(r"\d+: \(", line)), "")
    raise Failure(
        f"The kernel refused {function} of {source.main}"
        f"{f' at its instruction {last}' if last else ''}: {reason or refused.strerror}.",
        log=lines[-60:],
        refused_object=True,
    ) from refused


def _mark(fd: int, hexadecimal: str) -> None:
    with maps.create(DIGEST_MAP) as mark:
        mark.update({_KEY: bytes.fromhex(hexadecimal)})
        syscall.map_freeze(mark.fd)
        try:
            syscall.program_bind_map(fd, mark.fd)
        except OSError as error:
            raise Failure(
                f"Linux 5.10 or newer is needed to tell one program from another; "
                f"this is {platform.release()} ({error.strerror})."
            ) from error


def _digest(info: syscall.ProgramInfo) -> str:
    for number in info.map_ids:
        with maps.by_id(number) as found:
            if found.spec == DIGEST_MAP:
                return (found.get(_KEY) or b"").hex()
    return ""
