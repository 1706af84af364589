# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Endpoints that go: first no packet finds them, then their devices go, all at once.

Last go their flows, before anybody else can have their addresses.
"""

from __future__ import annotations

import contextlib
import socket
from functools import partial
from typing import TYPE_CHECKING

from .. import names
from ..datapath.layout import ENDPOINTS
from ..engine import links, namespaces
from ..engine.bpf import attach
from ..nat import sweep
from . import pod_device
from .held import name_key

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..engine.change import Changes
    from .held import Held


def plan(held: Held, kept: Collection[str], changes: Changes) -> None:
    """Remove the endpoints of this node that are not ``kept``."""
    for name, ours in sorted(held.names.items()):
        if name not in kept:
            held.alone(name, partial(_plan, name, held, changes, ours=ours))


def _plan(name: str, held: Held, changes: Changes, *, ours: bool) -> None:
    with_netns = ours and _goes_along(name, held)
    before = {"device": names.endpoint_device(name), "netns": name if with_netns else None}
    do = partial(_remove, held, name, with_netns=with_netns)
    changes.add(f"endpoint {name}", before, None, do)


def _goes_along(name: str, held: Held) -> bool:
    """Say whether the namespace of an endpoint's name is the endpoint's.

    Then it goes, with all that the pod made in it: its name and, once no process is in it, its
    devices. A namespace that somebody else made under this name stays, unless nothing is in it.
    """
    if held.made_netns(name):
        return True
    pod = pod_device.read(name, held.links.get(names.endpoint_device(name)))
    return pod.ours or bool(pod.renamed) or not (pod.present or pod.others)


def _remove(held: Held, name: str, *, with_netns: bool) -> None:
    """Let no packet find the endpoint any more; :func:`finish` does the rest."""
    address = held.allocation_values.get(name_key(name))
    if address:
        drop_entry(name, address, held)
    held.removed[name] = with_netns


def finish(held: Held) -> None:
    """Remove the devices of removed endpoints all at once, then what belongs to them.

    With the flows of all addresses that are gone. Allocations go last: a run that is killed before
    finds by them what is left.
    """
    if held.removed:
        _remove_devices(held)
    if held.gone:
        sweep.forget(held.gone, {*held.entry_values, *held.allocation_values.values()})
        held.gone.clear()
    if held.removed and held.allocations:
        held.allocations.delete([name_key(name) for name in held.removed])
    held.removed.clear()


def _remove_devices(held: Held) -> None:
    devices = [names.endpoint_device(name) for name in held.removed]
    links.delete_many(held.ip, [held.links[name].index for name in devices if name in held.links])
    attach.prune()
    for name, with_netns in list(held.removed.items()):
        if with_netns and not held.alone(name, partial(namespaces.delete, name)):
            del held.removed[name]  # its allocation stays, and tells the next run of it


def drop_entry(name: str, address: bytes, held: Held) -> None:
    """Let an endpoint lose its address, unless another one of this run has that now."""
    entry = held.entries.get(address) if held.entries else None
    if held.entries and entry:
        with contextlib.suppress(OSError):  # no device: nobody's
            device = socket.if_indextoname(ENDPOINTS.unpack_value(entry)["ifindex"])
            if device != names.endpoint_device(name):
                return
        held.entries.delete([address])
    held.gone.add(address)
