# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""eBPF programs: compiled, loaded, pinned and attached as wanted.

The order keeps the old programs running until all is known to be good: every source is compiled
and passes the verifier first; then each attachment gets its new program in one step; then the
pins. When an attachment fails, those done before it go back to what they ran.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine import pythons
from ..engine.bpf import attach, compiler, hooks, links, maps, objects, programs
from ..engine.bpf.grace import expedited
from ..engine.change import Changes
from ..engine.failure import Failure
from . import bpf_map_carry

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from ..engine.bpf.attach import Attached, Attacher
    from ..engine.bpf.hooks import Place
    from ..engine.bpf.maps import Map
    from ..engine.bpf.programs import Program
    from .bpf_program_wanted import Wanted


@dataclass
class _Run:
    """What one run holds open, and how to take back what it has attached."""

    attacher: Attacher
    stack: contextlib.ExitStack
    check_mode: bool
    opened: dict[int, Program] = field(default_factory=dict)
    undo: list[Callable[[], object]] = field(default_factory=list)

    def program(self, number: int) -> Program | None:
        """Open a program by id once; it stays alive for the run, to go back to."""
        if number not in self.opened:
            try:
                self.opened[number] = self.stack.enter_context(programs.by_id(number))
            except FileNotFoundError:
                return None
        return self.opened[number]


def converge(
    items: Sequence[Wanted],
    *,
    mode: str,
    netns: str | None,
    check_mode: bool,
    require: Callable[[str], None],
    made: Mapping[str, Any],
) -> dict[str, Any]:
    """Bring programs and attachments to what is wanted; return what a module returns.

    Where a program must be loaded of which there is neither an object nor the source, nothing is
    changed, and ``lacks`` says which.

    :param made: key -> object that another host has made, as ``objects.written`` has it.
    :param require: called with the name of a library before it is needed.
    """
    changes = Changes()
    with contextlib.ExitStack() as stack:
        run = _Run(stack.enter_context(attach.Attacher()), stack, check_mode)
        _check_targets(items, mode, run, require)
        old = {item.pin: _opened(item.pin, stack) for item in items}
        ready = {item.pin: _running(item, old[item.pin], run) for item in items if item.present}
        todo = [] if check_mode else [i for i in items if i.present and ready[i.pin] is None]
        found = {i.key: objects.read(made[i.key], i.key) for i in todo if i.key in made}
        lacking = _lacking(todo, made)
        if lacking:
            return {**changes.result(), "programs": [], "lacks": lacking}
        if any(item.key not in found and item.source.dialect == "bcc" for item in todo):
            require("bcc")
        loader = stack.enter_context(programs.Loader(found))
        for item in todo:
            fresh = loader.load(
                item.source,
                item.function,
                item.type,
                aim=item.aim,
                map_pins=item.maps,
            )
            ready[item.pin] = stack.enter_context(fresh)
        _plan_maps(items, loader.fresh, run, changes)
        for item in items:
            _plan_places(item, old[item.pin], ready.get(item.pin), mode, netns, run, changes)
        for item in items:
            _plan_pin(item, old[item.pin], ready.get(item.pin), changes)
        with expedited(0 if check_mode else len(changes.steps)):
            try:
                # What takes long, the verifier, is behind us, and what is left takes milliseconds.
                bpf_map_carry.catch_up()
                changes.apply(check_mode=check_mode)
                bpf_map_carry.catch_up()
            except BaseException:
                for step in reversed(run.undo):
                    with contextlib.suppress(Failure, OSError):
                        step()
                raise
        bpf_map_carry.leave()
        described = [_described(item, ready.get(item.pin)) for item in items if item.present]
    return {**changes.result(), "programs": described}


def lacks(
    items: Sequence[Wanted], made: Mapping[str, Any], also: Collection[str] = ()
) -> dict[str, Any]:
    """Say what must be compiled first, as the module's ``lacks`` does; empty where nothing must.

    What a program needs beside it, such as its maps, need not be there yet.

    :param made: as for :func:`converge`.
    :param also: keys of objects that are wanted, whether their programs run or not.
    """
    with contextlib.ExitStack() as stack:
        run = _Run(stack.enter_context(attach.Attacher()), stack, check_mode=True)
        todo = [
            item
            for item in items
            if item.present
            and (item.key in also or _running(item, _opened(item.pin, stack), run) is None)
        ]
    return _lacking(todo, made)


def _lacking(items: Sequence[Wanted], made: Mapping[str, Any]) -> dict[str, Any]:
    lacking = [item for item in items if item.key not in made and not item.source.files]
    if not lacking:
        return {}
    return {
        "machine": objects.machine(),
        "compiler": not pythons.missing(["bcc"]) and compiler.has_headers(),
        "programs": {item.name: item.key for item in lacking},
    }


def _opened(pin: str, stack: contextlib.ExitStack) -> Program | None:
    found = programs.open_pin(pin)
    return found and stack.enter_context(found)


def _check_targets(
    items: Sequence[Wanted], mode: str, run: _Run, require: Callable[[str], None]
) -> None:
    for item in items:
        for place in [*item.places, *item.leave]:
            if hooks.mechanism(place.hook, mode) == "clsact":
                require("pyroute2")
        for place in item.places:
            # In check mode a task before this one may have said that it would make them, unless
            # they are the kernel's own.
            if run.check_mode and hooks.HOOKS[place.hook].kind != "tracing":
                continue
            try:
                there = run.attacher.exists(place)
            except Failure as failure:
                raise Failure(f"program {item.name}: {failure.message}") from failure
            if not there:
                raise Failure(f"program {item.name}: there is no {place}: its target is not there.")


def _running(item: Wanted, pinned: Program | None, run: _Run) -> Program | None:
    """Return the program that is loaded already: the pinned one, or one found attached."""
    ids = set()
    for path in item.maps.values():
        found = maps.open_pin(path)
        if found is None:
            return None
        with found:
            ids.add(found.info.id)
    candidates = [pinned]
    if pinned is None:
        attached = [run.attacher.find(place) for place in item.places]
        candidates = [run.program(one.program_id) for one in attached if one]
    for program in candidates:
        if program and program.digest == item.digest and ids <= set(program.info.map_ids):
            return program
    return None


def _plan_maps(
    items: Sequence[Wanted], fresh: Mapping[str, Map], run: _Run, changes: Changes
) -> None:
    """Add a step for each map that a source makes itself and that is not pinned yet."""
    missing = {
        path: name
        for item in items
        if item.present
        for name, path in item.maps.items()
        if path in fresh or (run.check_mode and name in item.own_maps and not Path(path).exists())
    }
    for path, name in missing.items():
        do = partial(_pin_map, fresh[path], path, run) if path in fresh else bool
        changes.add(f"map {path}", None, {"pin": path, "name": name}, do)


def _pin_map(found: Map, path: str, run: _Run) -> None:
    found.pin(path)
    run.undo.append(partial(maps.unpin, path))


def _plan_places(
    item: Wanted,
    old: Program | None,
    program: Program | None,
    mode: str,
    netns: str | None,
    run: _Run,
    changes: Changes,
) -> None:
    """Add a step for each place; ``program`` is None where check mode has not loaded it."""
    elsewhere = [] if old is None else run.attacher.places_of(old.info.id, item.folder, netns)
    places = list(item.places) if item.present else []
    leave = list(item.leave)
    if item.present:
        _check_elsewhere(item, elsewhere)
    if not item.present:
        leave = list(dict.fromkeys([*item.places, *leave, *elsewhere]))
    elif program is None or (old and program.info.id != old.info.id):
        # A new version goes wherever the old one is: others may have attached the pinned program.
        places = list(dict.fromkeys([*places, *(p for p in elsewhere if p not in leave)]))
    for place in places:
        found = run.attacher.find(place)
        how = hooks.mechanism(place.hook, mode)
        before = _attached(found, item, program, run)
        after = {"program": _short(item.digest), "mechanism": how}
        what = f"program {item.name} at {place}"
        changes.add(
            what,
            before,
            after,
            partial(_attach, place, program, how, found, run) if program else bool,
        )
    for place in leave:
        found = run.attacher.find(place)
        what = f"program {item.name} at {place}"
        before = _attached(found, item, program, run)
        changes.add(what, before, None, partial(_detach, place, found, run))


def _check_elsewhere(item: Wanted, elsewhere: Sequence[Place]) -> None:
    """Refuse to go on where the old version is attached to what the new one cannot be."""
    for place in elsewhere:
        if place not in item.leave and not item.takes(place):
            raise Failure(
                f"program {item.name}: it is attached to {place}, which this version is not loaded "
                "for; list that hook with state absent, or give this version another name."
            )


def _plan_pin(item: Wanted, old: Program | None, program: Program | None, changes: Changes) -> None:
    do: Callable[[], object] = bool  # in check mode nothing is loaded, and nothing done
    if not item.present:
        do = partial(maps.unpin, item.pin)
    elif program:
        do = partial(program.pin, item.pin)
    changes.add(
        f"program {item.name}",
        None if old is None else {"pin": item.pin, "program": _label(old, item, program)},
        {"pin": item.pin, "program": _short(item.digest)} if item.present else None,
        do,
    )


def _attached(
    found: Attached | None, item: Wanted, program: Program | None, run: _Run
) -> dict[str, Any] | None:
    if found is None:
        return None
    runs = run.program(found.program_id)
    state: dict[str, Any] = {
        "program": _label(runs, item, program) if runs else f"id {found.program_id}",
        "mechanism": found.mechanism,
    }
    return {**state, "stale": list(found.stale)} if found.stale else state


def _label(found: Program, item: Wanted, program: Program | None) -> str:
    """Name a program by its digest; by its id too where only that tells it from the wanted one."""
    short = _short(found.digest) or "of others"
    same = program is not None and program.info.id == found.info.id
    return (
        short
        if same or not item.present or found.digest != item.digest
        else (f"{short} with maps of before (id {found.info.id})")
    )


def _attach(
    place: Place, program: Program, how: hooks.Mechanism, found: Attached | None, run: _Run
) -> None:
    back = _way_back(place, found, run)
    run.attacher.put(place, program, how)
    run.undo.append(back)


def _detach(place: Place, found: Attached | None, run: _Run) -> None:
    back = _way_back(place, found, run)
    run.attacher.remove(place)
    run.undo.append(back)


def _way_back(place: Place, found: Attached | None, run: _Run) -> Callable[[], object]:
    """Return what brings a place back to what it is."""
    if found and found.mechanism == "tracing":
        # Its link is held until the run ends: the kernel attaches no program twice to a function,
        # and lets go of a link some time after its pin is gone.
        link = run.stack.enter_context(links.opened(place.pin))
        if link is not None:
            return partial(maps.pin, link, place.pin)
    return partial(_restore, place, found, run)


def _restore(place: Place, found: Attached | None, run: _Run) -> None:
    program = run.program(found.program_id) if found else None
    if found and program:
        run.attacher.put(place, program, found.mechanism)
    else:
        run.attacher.remove(place)


def _described(item: Wanted, program: Program | None) -> dict[str, Any]:
    return {
        "name": item.name,
        "pin": item.pin,
        "digest": item.digest,
        "id": program.info.id if program else None,
        "tag": program.info.tag if program else None,
        "attached": [str(place) for place in item.places],
    }


def _short(digest: str) -> str:
    return digest[:12]
