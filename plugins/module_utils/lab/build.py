# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bring a lab to what its inventory says: read what is up, plan the difference, apply it."""

from __future__ import annotations

import shutil
import subprocess
from functools import partial
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

from ..engine.change import Changes
from ..engine.failure import Failure
from . import keeper, network, places, spec, syscalls
from .places import HostPlace
from .removal import alone
from .spawn import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: What runs on a host of a lab enters its namespaces.
IN_CHROOT = (
    "This is a chroot, out of which the hosts of a lab would fall: they would change the files of "
    "the machine around it. A lab is built on the machine itself, or in a container."
)

#: State of what is just there or not.
UP: dict[str, Any] = {"up": True}


def present(
    lab: str, hosts: Sequence[Mapping[str, Any]], *, check_mode: bool = False
) -> dict[str, Any]:
    """Have a lab with just these hosts.

    :param hosts: as :func:`spec.parse` takes them.
    :returns: ``changed``, ``changes``, ``diff``.
    """
    spec.parse_name(lab)
    wanted = spec.parse(hosts)
    if syscalls.is_in_chroot():
        raise Failure(IN_CHROOT)
    with alone():
        return _converge(lab, wanted, check_mode=check_mode)


#: What systemd runs on a node as it boots.
_BOOT = ("/usr/local/sbin/podnet", "boot")


def reboot(lab: str, host: str, *, bare: bool = False) -> str:
    """Kill a host with all that runs in it, and build it anew; its disk is kept.

    :param bare: leave it without what its disk would bring back: its part of the pod network.
    :returns: what bringing that back has to say.
    """
    if host == spec.SWITCH or host not in places.hosts(lab):
        raise Failure(f"Lab {lab!r} has no host {host!r}.")
    with alone():
        keeper.stop(HostPlace(lab, host))
        hosts = [HostPlace(lab, name).recall() for name in places.hosts(lab) if name != spec.SWITCH]
        _converge(lab, hosts, check_mode=False)
    return "" if bare else _boot_network(places.find(lab, host))


def _boot_network(place: places.Place) -> str:
    try:
        done = subprocess.run(
            _BOOT,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=ENVIRONMENT,
            preexec_fn=place.enter,
        )
    except FileNotFoundError:  # no run has been there
        return ""
    return done.stdout


def _converge(lab: str, wanted: Sequence[spec.Host], *, check_mode: bool) -> dict[str, Any]:
    changes = Changes()
    _plan(changes, lab, wanted)
    changes.apply(check_mode=check_mode)
    if not check_mode:
        for host in wanted:
            HostPlace(lab, host.name).remember(host)
    return changes.result()


def _plan(changes: Changes, lab: str, wanted: Sequence[spec.Host]) -> None:
    """Plan in the order of what needs what: hosts, segments, links, routes."""
    files = places.STATE / lab
    changes.add(f"lab {lab}", _there(files.is_mount()), UP, partial(_mount_files, files))

    names = [spec.SWITCH, *(host.name for host in wanted)]
    for name in places.hosts(lab):
        if name not in names:
            changes.add(f"host {name}", UP, None, partial(_remove, HostPlace(lab, name)))
    for name in names:
        place = HostPlace(lab, name)
        changes.add(f"host {name}", _there(place.is_up()), UP, partial(_boot, place))

    switch = HostPlace(lab, spec.SWITCH)
    segments, ports = network.read_switch(switch) if switch.is_up() else (set(), {})
    plugged = dict.fromkeys(link.segment for host in wanted for link in host.links)
    for segment in plugged:
        create = partial(network.create_segment, switch, segment)
        changes.add(f"segment {segment}", _there(segment in segments), UP, create)
    for host in wanted:
        place = HostPlace(lab, host.name)
        _plan_sysctls(changes, place, host)
        routes = network.read_routes(place) if place.is_up() else {}
        # Before the links, while the devices are there that these routes go out of.
        _plan_old_routes(changes, place, host, routes)
        anew = _plan_links(changes, switch, ports, place, host)
        _plan_routes(changes, place, host, routes, anew)
    for segment in sorted(segments - set(plugged)):
        delete = partial(network.delete_device, switch, segment)
        changes.add(f"segment {segment}", UP, None, delete)


def _plan_sysctls(changes: Changes, place: HostPlace, host: spec.Host) -> None:
    for key, value in host.sysctls:
        before = network.read_sysctl(place, key) if place.is_up() else None
        changes.add(
            f"sysctl {key} of {host.name}",
            None if before is None else {"value": before},
            {"value": " ".join(value.split())},
            partial(network.set_sysctl, place, key, value),
        )


def _plan_links(
    changes: Changes,
    switch: HostPlace,
    ports: Mapping[str, str | None],
    place: HostPlace,
    host: spec.Host,
) -> list[spec.Link]:
    """Plan the links of a host; return those that are made anew."""
    devices = network.read_links(place) if place.is_up() else {}
    found = {
        device: network.link_state(devices[device], ports[f"{host.name}/{device}"])
        for device in devices
        if f"{host.name}/{device}" in ports
    }
    for device in sorted(set(found) - {link.device for link in host.links}):
        unplug = partial(network.delete_device, place, device)
        changes.add(f"link {device} of {host.name}", found[device], None, unplug)
    anew = []
    for link in host.links:
        before, after = found.get(link.device), network.wanted_state(link)
        if before is not None and link.address in before["addresses"]:
            before["addresses"] = [link.address]  # further ones are a role's
        if before != after:
            anew.append(link)
        plug = partial(network.create_link, switch, place, link)
        changes.add(f"link {link.device} of {host.name}", before, after, plug)
    return anew


def _plan_old_routes(
    changes: Changes, place: HostPlace, host: spec.Host, found: Mapping[str, str]
) -> None:
    for dst in sorted(set(found) - {route.dst for route in host.routes}):
        delete = partial(network.delete_route, place, spec.Route(dst, found[dst]))
        changes.add(f"route {dst} of {host.name}", {"via": found[dst]}, None, delete)


def _plan_routes(
    changes: Changes,
    place: HostPlace,
    host: spec.Host,
    found: Mapping[str, str],
    anew: Sequence[spec.Link],
) -> None:
    for route in host.routes:
        # With the device that a route goes out of, the route is gone as well.
        lost = any(IPv4Address(route.via) in link.interface.network for link in anew)
        via = None if lost else found.get(route.dst)
        changes.add(
            f"route {route.dst} of {host.name}",
            None if via is None else {"via": via},
            {"via": route.via},
            partial(network.set_route, place, route),
        )


def _there(is_there: bool) -> dict[str, Any] | None:
    return UP if is_there else None


def _boot(place: HostPlace) -> None:
    keeper.start(place)
    network.bring_loopback_up(place)
    is_switch = place.host == spec.SWITCH
    network.set_sysctls_that_exist(
        place, network.SWITCH_SYSCTLS if is_switch else network.HOST_SYSCTLS
    )


def _remove(place: HostPlace) -> None:
    keeper.stop(place)
    shutil.rmtree(place.folder, ignore_errors=True)


def _mount_files(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    syscalls.mount(
        "podnet-lab", str(folder), "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV, "mode=700"
    )
