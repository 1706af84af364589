# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Take away everything of a node that carries one of our names (see ``names.py``).

It reads what is there and needs no plan: what a run left that was killed, or one of another
version, goes too. First what sends packets to us, then what carries them.
"""

from __future__ import annotations

import contextlib
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import names
from .endpoints import removal
from .endpoints.held import Held, read
from .endpoints.wanted import KINDS
from .engine import devices, links, routes
from .engine.bpf import attach, clsact
from .engine.bpf import links as bpf_links
from .engine.bpf.grace import expedited
from .engine.change import Changes

if TYPE_CHECKING:
    from collections.abc import Mapping


#: What keeps systemd-networkd from deleting our routes (see roles/node).
NETWORKD_SETTINGS = Path("/etc/systemd/networkd.conf.d/50-podnet.conf")


def converge(*, check_mode: bool) -> Changes:
    """Remove endpoints, programs, routes, devices, pins and settings of ours."""
    changes = Changes()
    with devices.networks(check_mode=check_mode) as network, read() as held:
        here = network(None)
        removal.plan(held, (), changes)
        _plan_programs(here.ip, here.links, changes)
        for route in routes.read(here):
            if route["protocol"] == names.ROUTE_PROTOCOL:
                changes.add(routes.name(route), route, None, partial(routes.remove, here, route))
        _plan_devices(here.ip, here.links, changes)
        if Path(names.PIN_ROOT).exists():
            pins = sorted(str(path) for path in Path(names.PIN_ROOT).rglob("*") if path.is_file())
            changes.add(names.PIN_ROOT, {"pins": pins}, None, partial(_forget, held))
        if NETWORKD_SETTINGS.exists():
            changes.add(str(NETWORKD_SETTINGS), {"file": True}, None, _remove_networkd_settings)
        with expedited(0 if check_mode else len(changes.steps)):
            changes.apply(check_mode=check_mode)
            removal.finish(held)
    return changes


def _forget(held: Held) -> None:
    removal.finish(held)  # while what it needs is pinned
    shutil.rmtree(names.PIN_ROOT)


def _remove_networkd_settings() -> None:
    NETWORKD_SETTINGS.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # it holds settings of others
        NETWORKD_SETTINGS.parent.rmdir()


def _plan_programs(ip: Any, found: Mapping[str, links.Link], changes: Changes) -> None:
    # Those of a device of ours go with it.
    theirs = tuple(f"{names.LINK_PINS}/{device}-" for device in _ours(found))
    for pin, attached in bpf_links.pinned(names.LINK_PINS).items():
        if not pin.startswith(theirs):
            before = {"program": attached.program_id}
            changes.add(f"link {pin}", before, None, partial(bpf_links.remove, pin))
    with_clsact = clsact.devices(ip)
    for link in found.values():
        if link.index in with_clsact and link.name not in _ours(found):
            for hook, number in attach.CLSACT_HOOKS.items():
                if any(ours for _program, ours in clsact.programs(ip, link.index, number)):
                    do = partial(clsact.remove, ip, link.index, number)
                    changes.add(f"filter {hook} of {link.name}", {"clsact": True}, None, do)


def _plan_devices(ip: Any, found: Mapping[str, links.Link], changes: Changes) -> None:
    gone = set()
    for name in _ours(found):
        link = found[name]
        kind = names.parse_alias(link.alias)
        if name in gone or (kind and kind[0] in KINDS):
            continue  # an endpoint takes its device along
        changes.add(
            f"device {name}", {"alias": link.alias}, None, partial(links.delete, ip, link.index)
        )
        # The other end of a pair goes with it.
        gone |= {
            other.name
            for other in found.values()
            if link.kind == "veth" and other.index == link.lower
        }


def _ours(found: Mapping[str, links.Link]) -> list[str]:
    # A device gets its alias after it is made: if a run was killed in between, its name tells.
    pair = [name for name in (names.GATEWAY_DEVICE, names.GATEWAY_PEER) if name in found]
    aliased = [name for name, link in found.items() if names.parse_alias(link.alias)]
    return list(dict.fromkeys([*pair, *aliased]))
