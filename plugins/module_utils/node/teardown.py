# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Take away everything of a node that carries one of our names (see ``names.py``).

It reads what is there and needs no plan: what a run left that was killed, or one of another
version, goes too. First what sends packets to us, then what carries them.

With something to keep it clears up after a change of the datapath: what belongs to the node itself
and to none of its pods, and is not listed.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .. import names
from ..datapath import flow_layout, reasons
from ..datapath.cells import FLOW_PROGRAM, POLICY_PROGRAM
from ..endpoints import removal
from ..endpoints.held import Held, read
from ..endpoints.wanted import KINDS
from ..engine import background, devices, files, links, routes
from ..engine.bpf import attach, clsact, hooks, maps, programs
from ..engine.bpf import links as bpf_links
from ..engine.bpf.grace import expedited
from ..engine.change import Changes
from ..installed import compiled, confirmed, pending, runs, timer, unit
from ..installed import converge as installed
from ..nat import adoption
from ..restoration import converge as restoration

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from ..engine.devices import Network


@dataclass(frozen=True)
class Keep:
    """What of a node's own datapath stays.

    :param devices: names of devices; with one end of a pair stays the other.
    :param programs: names of programs, as they are pinned.
    :param attached: by the name of a program, the devices at which it stays; one that is not in it
        stays wherever it is.
    :param maps: of the maps that not every node has, the names of those that stay.
    """

    devices: Sequence[str]
    programs: Sequence[str]
    attached: Mapping[str, Sequence[str]]
    maps: Sequence[str] = ()

    def drops(self, program: int, device: str) -> bool:
        """Say whether a program, by its id, is one of the datapath that a device does not keep."""
        name = programs.name(program)
        return name in self.gone_programs() or device not in self.attached.get(name, [device])

    def gone_programs(self) -> list[str]:
        """Names of the programs of the datapath that are not kept."""
        known = (*(hook.name for hook in reasons.HOOKS), POLICY_PROGRAM, FLOW_PROGRAM)
        return [name for name in known if name not in self.programs]


def converge(keep: Keep | None, *, check_mode: bool) -> Changes:
    """Remove what is ours: everything, or what a change of the datapath left behind.

    :param keep: None for everything: endpoints, programs, routes, devices, pins and hooks. Else
        devices of the node itself, programs, and where those are attached, that are not kept.
    :raises Unfinished: at the end, where something of an endpoint could not be removed.
    """
    changes = Changes()
    with devices.networks(check_mode=check_mode) as network, read() as held:
        here = network(None)
        if keep is None:
            _plan_all(here, held, changes)
        else:
            _plan_rest(here, keep, changes)
        with expedited(0 if check_mode else len(changes.steps)):
            changes.apply(check_mode=check_mode)
            removal.finish(held)
        held.finished(**changes.result())
    return changes


def _plan_all(here: Network, held: Held, changes: Changes) -> None:
    for file in sorted(Path("/run").glob("podnet-*.pid")):
        changes.add(f"process of {file}", {"file": True}, None, partial(_end, file))
    # What goes from here on is not brought back, by no event and no boot.
    unit.plan_removal(changes)
    confirmed.plan_removal(changes)
    runs.plan_removal(changes)
    restoration.plan_removal(changes)
    installed.plan_removal(changes)
    removal.plan(held, (), changes)
    ours = _ours(here.links)
    _plan_attachments(here, ours, lambda _program, _device: True, changes)
    for route in routes.read(here):
        if route["protocol"] == names.ROUTE_PROTOCOL:
            changes.add(routes.name(route), route, None, partial(routes.remove, here, route))
    _plan_devices(here, ours, changes)
    compiled.plan_removal(changes)
    if Path(names.PIN_ROOT).exists():
        pins = sorted(str(path) for path in Path(names.PIN_ROOT).rglob("*") if path.is_file())
        changes.add(names.PIN_ROOT, {"pins": pins}, None, partial(_forget, held))
    # Last: until then what is left after all can be undone, by this very code.
    _plan_pending_removal(changes)


def _end(file: Path) -> None:
    """End what answers probes for the length of a run, and was left by one that was killed."""
    background.stop(file)
    files.remove(file.with_suffix(".sock"))


def _plan_pending_removal(changes: Changes) -> None:
    """Have nothing undone any more: what would be is going."""
    change = pending.read()
    if change is not None:
        told = {"by": change["by"], "since": change["since"]}
        changes.add("pending change", told, None, _forget_pending)
    if pending.UNDONE.exists():
        changes.add(f"file {pending.UNDONE}", {"file": True}, None, pending.clear_undone)


def _forget_pending() -> None:
    pending.forget()
    timer.stop()


def _plan_rest(here: Network, keep: Keep, changes: Changes) -> None:
    kept = {here.links[name].index for name in keep.devices if name in here.links}
    # Devices of endpoints are among them: those, and what is attached to them, are left alone.
    gone = [
        name for name in _ours(here.links) if not kept & {here.links[name].index, _peer(here, name)}
    ]
    _plan_attachments(here, gone, keep.drops, changes)
    _plan_devices(here, gone, changes)
    if adoption.due():  # all programs are those of this version by now
        what = "flows of an earlier version"
        changes.add(what, {"queued": False}, {"queued": True}, adoption.adopt)
    for name in keep.gone_programs():
        pin = f"{names.PROGRAM_PINS}/{name}"
        if Path(pin).exists():
            changes.add(f"program {name}", {"pin": pin}, None, partial(maps.unpin, pin))
    for table in flow_layout.MAPS:
        if table.name not in keep.maps and Path(table.pin).exists():
            before = {"pin": table.pin}
            changes.add(f"map {table.name}", before, None, partial(maps.unpin, table.pin))


def _forget(held: Held) -> None:
    removal.finish(held)  # while what it needs is pinned
    shutil.rmtree(names.PIN_ROOT)


def _plan_attachments(
    here: Network, less: Collection[str], drops: Callable[[int, str], bool], changes: Changes
) -> None:
    """Detach programs from what stays.

    :param less: devices of which nothing is detached; those that go take theirs along.
    """
    theirs = tuple(f"{names.LINK_PINS}/{device}-" for device in less)
    named = {link.index: link.name for link in here.links.values()}
    for pin, attached in bpf_links.pinned(names.LINK_PINS).items():
        device = named.get(attached.target or 0, "")  # or it is at no device
        if not pin.startswith(theirs) and drops(attached.program_id, device):
            before = {"program": attached.program_id}
            changes.add(f"link {pin}", before, None, partial(bpf_links.remove, pin))
    with_clsact = clsact.devices(here.ip)
    for link in here.links.values():
        if link.index in with_clsact and link.name not in less:
            for hook, number in hooks.CLSACT_HOOKS.items():
                found = clsact.programs(here.ip, link.index, number)
                if any(ours and drops(program, link.name) for program, ours in found):
                    do = partial(clsact.remove, here.ip, link.index, number)
                    changes.add(f"filter {hook} of {link.name}", {"clsact": True}, None, do)


def _plan_devices(here: Network, going: Collection[str], changes: Changes) -> None:
    gone = set()
    for name in going:
        link = here.links[name]
        kind = names.parse_alias(link.alias)
        if link.index in gone or (kind and kind[0] in KINDS):
            continue  # an endpoint takes its device along
        do = partial(_delete, here, link.index)
        changes.add(f"device {name}", {"alias": link.alias}, None, do)
        gone.add(_peer(here, name))


def _delete(here: Network, index: int) -> None:
    links.delete(here.ip, index)
    attach.prune()


def _peer(here: Network, name: str) -> int | None:
    """Index of the other end of a pair, which goes with it."""
    link = here.links[name]
    return link.lower if link.kind == "veth" and link.netnsid is None else None


def _ours(found: Mapping[str, links.Link]) -> list[str]:
    """Names of our devices; of the pair at the gateway first the end that has its name."""
    ours = [
        link.name for link in found.values() if names.is_our_device(link.name, link.alias, link.mac)
    ]
    return sorted(ours, key=lambda name: name != names.GATEWAY_DEVICE)
