# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Attach to tracepoints and to functions of the kernel, by links that a pin holds.

The kernel exchanges no program of such a link: another program gets a link of its own, which takes
the pin, and with it the old link goes. An event in between is seen by both.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..failure import Failure
from . import btf, links, maps, perf_event, syscall
from .hooks import HOOKS

if TYPE_CHECKING:
    from collections.abc import Collection

    from .hooks import Place

EVENTS = Path("/sys/kernel/tracing/events")


def check(place: Place) -> None:
    """Refuse a target that this kernel does not have.

    :raises Failure: names those that are most like it.
    """
    if place.hook == "tracepoint":
        _number(place)
        return
    try:
        functions, tracepoints = btf.traceable()
    except FileNotFoundError as error:
        if place.hook == "raw_tracepoint":
            return  # the kernel refuses what it does not know when it is attached
        raise Failure(
            f"hook {place.hook} needs the kernel's BTF, and this kernel has no {btf.KERNEL}; "
            "tracepoint and raw_tracepoint do without."
        ) from error
    if place.hook in ("fentry", "fexit"):
        _expect(place, functions, "function")
    else:
        _expect(place, tracepoints, "tracepoint")


def put(place: Place, program: int, program_id: int) -> None:
    """Attach a program by a new link, and pin it in the place of the old one.

    :param program: descriptor, of the id ``program_id``.
    """
    # A run that was killed may have left the right link, under either name.
    fresh = f"{place.pin}{maps.FRESH}"
    for pin in (place.pin, fresh):
        link = links.read(pin)
        if link and link.program_id == program_id:
            Path(pin).rename(place.pin)
            maps.unpin(fresh)
            return
    made = _attach(place, program)
    try:
        maps.pin(made, place.pin)
    finally:
        os.close(made)


def _attach(place: Place, program: int) -> int:
    if place.hook != "tracepoint":
        name = place.target if place.hook == "raw_tracepoint" else ""
        return syscall.raw_tracepoint_open(program, name.encode())
    event = perf_event.of_tracepoint(_number(place))
    try:
        return syscall.link_create(program, event, HOOKS[place.hook].number)
    finally:
        os.close(event)


def _number(place: Place) -> int:
    """Return the number of a tracepoint in tracefs."""
    if not EVENTS.is_dir():
        raise Failure(
            "hook tracepoint needs tracefs: mount it (mount -t tracefs tracefs "
            f"{EVENTS.parent}), or use raw_tracepoint."
        )
    known = {":".join(path.parts[-3:-1]): path for path in EVENTS.glob("*/*/id")}
    _expect(place, known, "tracepoint (category:name)")
    return int(known[place.target].read_text(encoding="ascii"))


def _expect(place: Place, known: Collection[str], what: str) -> None:
    if place.target not in known:
        like = difflib.get_close_matches(place.target, sorted(known))
        raise Failure(
            f"this kernel has no {what} {place.target!r} for hook {place.hook}"
            f"{'; it has ' + ', '.join(like) if like else ''}."
        )
