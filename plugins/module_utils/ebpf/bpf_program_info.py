# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The programs that are attached or pinned on a host, as data."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine.bpf import attach, hooks, links, maps, programs
from . import mounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..engine.bpf.programs import Program


def gather(
    devices: Sequence[str] | None,
    cgroups: Sequence[str] | None,
    pins: Sequence[str],
    netns: str | None,
) -> list[dict[str, Any]]:
    """Describe the programs that are attached or pinned somewhere, each once, by their ids.

    :param devices: those of ``netns`` to look at; None: all.
    :param cgroups: folders of cgroups to look at; None: the root of cgroup2.
    :param pins: paths of pins, or of folders of them.
    """
    found: dict[int, dict[str, Any]] = {}
    with attach.Attacher() as attacher:
        for path in (file for pin in pins for file in maps.pins(pin)):
            try:
                program = programs.open_pin(path)
            except maps.NotThis:
                _add_tracing(found, path)
                continue
            if program:
                with program:
                    _entry(found, program)["pins"].append(path)
        root = mounts.cgroup2_root()
        targets = {
            "device": attach.devices(netns) if devices is None else devices,
            "cgroup": ([root] if root else []) if cgroups is None else cgroups,
        }
        for hook, row in hooks.HOOKS.items():
            kind = row.target
            # A row with flags is another mode of a hook that stands in a row of its own. Hooks of
            # tracing are found by their links' pins.
            for target in () if row.flags or row.kind == "tracing" else targets[kind]:
                for one in attacher.everything(hook, target, netns if kind == "device" else None):
                    place = {
                        "hook": hook,
                        kind: target,
                        "mechanism": one.mechanism,
                        "link_id": one.link_id or None,
                    }
                    # It may be gone meanwhile.
                    with (
                        contextlib.suppress(FileNotFoundError),
                        programs.by_id(one.program_id) as program,
                    ):
                        _entry(found, program)["attached"].append(place)
    return [found[number] for number in sorted(found)]


def _add_tracing(found: dict[int, dict[str, Any]], path: str) -> None:
    """Add the program of a pinned link to a tracepoint or a function."""
    place = hooks.place_of(path, str(Path(path).parent))
    if place is None or hooks.HOOKS[place.hook].kind != "tracing":
        return
    with contextlib.suppress(OSError):  # of others, or gone meanwhile
        link = links.read(path)
        if link:
            with programs.by_id(link.program_id) as program:
                _entry(found, program)["attached"].append(
                    {
                        "hook": place.hook,
                        hooks.HOOKS[place.hook].target: place.target,
                        "mechanism": "tracing",
                        "link_id": link.id,
                    }
                )


def _entry(found: dict[int, dict[str, Any]], program: Program) -> dict[str, Any]:
    info = program.info
    if info.id not in found:
        used = []
        for number in info.map_ids:
            with maps.by_id(number) as one:
                if one.spec != programs.DIGEST_MAP:
                    used.append({"id": number, "name": one.info.name, "type": one.type})
        found[info.id] = {
            "id": info.id,
            "name": info.name,
            "type": program.type,
            "tag": info.tag,
            "digest": program.digest or None,
            "maps": used,
            "pins": [],
            "attached": [],
            "runs": info.runs,
            "run_ns": info.run_ns,
        }
    return found[info.id]
