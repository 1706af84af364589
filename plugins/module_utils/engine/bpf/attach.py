# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What it takes to attach a program to a place, to find, move and detach it.

Reading many places costs some system calls each. A tc hook has two mechanisms: tcx, and clsact
where the kernel has no tcx. A link's pin gets its name only after our clsact filter of the same
hook is gone, so a pin means that no filter of ours is there, and netlink is not asked.
"""

from __future__ import annotations

import contextlib
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...names import LINK_PINS
from .. import namespaces
from ..failure import Failure
from ..lean import IPRoute
from ..netlink import socket as netlink_socket
from . import clsact, links, maps, syscall, tracing
from .grace import expedited
from .hooks import CLSACT_HOOKS, HOOKS, Mechanism, Place, has_tcx, mechanism, place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .programs import Program
    from .syscall import LinkInfo


@dataclass(frozen=True)
class Attached:
    """A program that is attached.

    :param stale: pins of links of ours at the same place that have another name than the place
        gives them: what a device that was renamed or a run that was killed leaves behind.
    """

    program_id: int
    mechanism: Mechanism
    link_id: int = 0
    stale: tuple[str, ...] = ()


def devices(netns: str | None = None) -> list[str]:
    """Return the names of all devices of a namespace."""
    with namespaces.inside(netns):
        return [name for _index, name in socket.if_nameindex()]


class Attacher:
    """Reads and changes many places; keeps a netlink socket a namespace open meanwhile."""

    def __init__(self) -> None:
        """Open nothing yet."""
        self._stack = contextlib.ExitStack()
        self._sockets: dict[str | None, Any] = {}
        self._clsact: dict[str | None, set[int]] = {}

    def __enter__(self) -> Attacher:
        """Return itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close the sockets."""
        self._stack.close()

    def exists(self, place: Place) -> bool:
        """Say whether the device or the cgroup of a place is there.

        :raises Failure: there is no such tracepoint or function, and what there is instead.
        """
        if HOOKS[place.hook].kind == "cgroup":
            return Path(place.target).is_dir()
        if HOOKS[place.hook].kind == "tracing":
            # What is attached is there: the names that a kernel has are many.
            if self.find(place) is None:
                tracing.check(place)
            return True
        if place.netns is not None and not namespaces.exists(place.netns):
            return False
        with namespaces.inside(place.netns):
            return _index(place.target) is not None

    def find(self, place: Place) -> Attached | None:
        """Say which program of ours is attached to a place, None where there is none."""
        hook = HOOKS[place.hook]
        own = (place.pin, f"{place.pin}{maps.FRESH}")
        if hook.kind == "cgroup":
            cgroup = _cgroup_id(place.target)
            return _first(place.pin, own, "cgroup", lambda link: link.target == cgroup)
        if hook.kind == "tracing":
            return _first(place.pin, own, "tracing", lambda link: link.target is None)
        with namespaces.inside(place.netns):
            index = _index(place.target)
            if index is None:
                return None
            if hook.kind == "xdp":
                return _first(place.pin, own, "xdp", lambda link: link.target == index)
            if has_tcx():
                # The hook's own list is the truth: the same index may be another device, of a
                # namespace that had this name before.
                ids = {
                    number
                    for _program, number in syscall.program_query(index, hook.number, links=True)
                }
                found = _first(place.pin, own[:1], "tcx", lambda link: link.id in ids)
                if ids - {found.link_id if found else 0}:
                    pins = (place.pin, *links.pinned(place.folder))
                    found = _first(
                        place.pin, dict.fromkeys(pins), "tcx", lambda link: link.id in ids
                    )
                if found:
                    return found
            program = self._filter(place, index)
            return None if program is None else Attached(program, "clsact")

    def _filter(self, place: Place, index: int) -> int | None:
        ip = self._socket(place.netns)
        if ip is None or index not in self._clsact[place.netns]:
            return None
        found = clsact.programs(ip, index, CLSACT_HOOKS[place.hook])
        return next((program for program, ours in found if ours), None)

    def _socket(self, netns: str | None) -> Any:
        if netns not in self._sockets and IPRoute is not None:
            ip = self._stack.enter_context(netlink_socket(netns))
            self._sockets[netns], self._clsact[netns] = ip, clsact.devices(ip)
        return self._sockets.get(netns)

    def put(self, place: Place, program: Program, how: Mechanism) -> None:
        """Attach a program in a way; no packet sees the place empty where one was attached.

        :raises Failure: the device or cgroup is not there, or the kernel refuses.
        """
        found = self.find(place)
        try:
            if how == "cgroup":
                self._put_cgroup(place, program, found)
                return
            if how == "tracing":
                tracing.put(place, program.fd, program.info.id)
                return
            with namespaces.inside(place.netns):
                index = _index(place.target)
                if index is None:
                    raise Failure(f"device {place.target!r} of {place} does not exist.")
                if how == "clsact":
                    self._put_clsact(place, program, index, found)
                else:
                    self._put_device_link(place, program, index, found)
        except OSError as error:
            raise Failure(
                f"The kernel refused to attach program {program.info.name} to {place}: "
                f"{error.strerror}.{_XDP_HINT if how == 'xdp' else ''}"
            ) from error

    def _put_cgroup(self, place: Place, program: Program, found: Attached | None) -> None:
        if found:
            _take_over(place, program, found)
            return
        folder = os.open(place.target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            links.put(place.pin, program.fd, folder, HOOKS[place.hook].number)
        finally:
            os.close(folder)

    def _put_device_link(
        self, place: Place, program: Program, index: int, found: Attached | None
    ) -> None:
        def leave_clsact() -> None:
            if self._filter(place, index) is not None:
                self._remove_filter(place, index)

        hook = HOOKS[place.hook]
        if found and found.mechanism != "clsact":
            if found.stale and hook.kind == "tc":  # of a run that was killed half way
                leave_clsact()
            _take_over(place, program, found)
            return
        links.put(
            *(place.pin, program.fd, index, hook.number),
            flags=hook.flags,
            before_commit=leave_clsact if found else lambda: None,
        )

    def _put_clsact(
        self, place: Place, program: Program, index: int, found: Attached | None
    ) -> None:
        ip = self._socket(place.netns)
        clsact.put(ip, index, CLSACT_HOOKS[place.hook], program.fd, program.info.name)
        self._clsact[place.netns].add(index)
        for pin in (place.pin, *(found.stale if found else ())):
            links.remove(pin)

    def _remove_filter(self, place: Place, index: int) -> None:
        if clsact.remove(self._socket(place.netns), index, CLSACT_HOOKS[place.hook]):
            self._clsact[place.netns].discard(index)

    def remove(self, place: Place) -> None:
        """Detach what is ours from a place."""
        found = self.find(place)
        links.remove(place.pin)
        if found is None:
            return
        for pin in found.stale:
            links.remove(pin)
        if found.mechanism == "clsact":
            with namespaces.inside(place.netns):
                index = _index(place.target)
                if index is not None:
                    self._remove_filter(place, index)

    def ensure(self, places: Iterable[Place], program: Program, mode: str = "auto") -> list[Place]:
        """Attach one program to many places; return those where something was done."""
        ways = {place: mechanism(place.hook, mode) for place in places}
        todo = [
            place
            for place, how in ways.items()
            if not _runs(self.find(place), program.info.id, how)
        ]
        with expedited(len(todo)):
            for place in todo:
                self.put(place, program, ways[place])
        return todo

    def places_of(
        self, program_id: int, folder: str = LINK_PINS, netns: str | None = None
    ) -> list[Place]:
        """Return the places where a program is attached as ours; clsact in one namespace only."""
        found = [
            place
            for pin, link in links.pinned(folder).items()
            if link.program_id == program_id and link.target != 0
            for place in [place_of(pin, folder)]
            if place
        ]
        if netns is not None and not namespaces.exists(netns):
            return found
        ip = self._socket(netns)
        for index in sorted(self._clsact.get(netns, ())):
            for hook, parent in CLSACT_HOOKS.items():
                if (program_id, True) in clsact.programs(ip, index, parent):
                    with namespaces.inside(netns):
                        found.append(Place(hook, socket.if_indextoname(index), netns, folder))
        return found

    def everything(self, hook: str, target: str, netns: str | None = None) -> list[Attached]:
        """Return all programs at a hook of a target in their order, ours or not."""
        row = HOOKS[hook]
        if row.kind == "cgroup":
            folder = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                found = syscall.program_query(folder, row.number)
            finally:
                os.close(folder)
            return [Attached(number, "cgroup") for number, _link in found]
        with namespaces.inside(netns):
            index = _index(target)
            if index is None:
                return []
            ip = self._socket(netns)
            if row.kind == "xdp":
                return _xdp(ip, index)
            attached: list[Attached] = []
            if has_tcx():
                attached += [
                    Attached(number, "tcx", link)
                    for number, link in syscall.program_query(index, row.number, links=True)
                ]
            if ip is not None and index in self._clsact[netns]:
                filters = clsact.programs(ip, index, CLSACT_HOOKS[hook])
                attached += [Attached(number, "clsact") for number, _ours in filters]
            return attached


def prune(folder: str = LINK_PINS) -> list[str]:
    """Remove pins of links whose device or cgroup is gone; return their paths."""
    gone = [pin for pin, link in links.pinned(folder).items() if link.target == 0]
    for pin in gone:
        links.remove(pin)
    return gone


_XDP_HINT = " Another program, or another mode of XDP, is attached there."


def _first(
    wanted: str, pins: Iterable[str], how: Mechanism, live: Callable[[LinkInfo], bool]
) -> Attached | None:
    """Return the first of some pinned links that is live; the pins of the others are stale.

    The pin of the first is stale too where it has not the name that it should have.
    """
    found = [(pin, link) for pin in pins for link in [links.read(pin)] if link and live(link)]
    if not found:
        return None
    stale = tuple(pin for pin, _link in found if pin != wanted)
    return Attached(found[0][1].program_id, how, found[0][1].id, stale)


def _take_over(place: Place, program: Program, found: Attached) -> None:
    """Give a link that is there the right name and the right program; remove the stale ones."""
    for pin in found.stale:
        link = links.read(pin)
        if link and link.id == found.link_id:
            Path(pin).rename(place.pin)
        else:
            links.remove(pin)
    links.exchange(place.pin, program.fd)


def _runs(found: Attached | None, program_id: int, how: Mechanism) -> bool:
    return found is not None and found == Attached(program_id, how, found.link_id)


def _xdp(ip: Any, index: int) -> list[Attached]:
    if ip is None:
        return []
    found = ip.get_links(index)[0].get_attr("IFLA_XDP")
    number = found.get_attr("IFLA_XDP_PROG_ID") if found else None
    return [Attached(number, "xdp")] if number else []


def _index(device: str) -> int | None:
    try:
        return socket.if_nametoindex(device)
    except OSError:
        return None


def _cgroup_id(path: str) -> int:
    try:
        return Path(path).stat().st_ino
    except OSError:
        return -1
