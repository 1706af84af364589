# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bring a lab to what its inventory says: read what is up, plan the difference, apply it."""

from __future__ import annotations

import shutil
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

from ..engine.change import Changes
from ..engine.failure import Failure
from . import keeper, network, places, spec, syscalls
from .places import HostPlace
from .removal import alone

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def present(
    lab: str, hosts: Sequence[Mapping[str, Any]], *, check_mode: bool = False
) -> dict[str, Any]:
    """Have a lab with just these hosts.

    :param hosts: as :func:`spec.parse` takes them.
    :returns: ``changed``, ``changes``, ``diff``.
    """
    spec.parse_name(lab)
    wanted = spec.parse(hosts)
    with alone():
        return _converge(lab, wanted, check_mode=check_mode)


def reboot(lab: str, host: str) -> None:
    """Kill a host with all that runs in it, and build it anew; its disk is kept."""
    if host not in places.hosts(lab):
        raise Failure(f"Lab {lab!r} has no host {host!r}.")
    with alone():
        keeper.stop(HostPlace(lab, host))
        hosts = [HostPlace(lab, name).recall() for name in places.hosts(lab) if name != spec.SWITCH]
        _converge(lab, hosts, check_mode=False)


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
    folder = places.STATE / lab
    mounted = {"files": str(folder)} if folder.is_mount() else None
    changes.add(f"lab {lab}", mounted, {"files": str(folder)}, lambda: _mount_files(folder))

    switch = HostPlace(lab, spec.SWITCH)
    names = [spec.SWITCH, *(host.name for host in wanted)]
    for name in places.hosts(lab):
        if name not in names:
            place = HostPlace(lab, name)
            changes.add(f"host {name}", {"up": True}, None, lambda place=place: _remove(place))
    for name in names:
        place = HostPlace(lab, name)
        up = {"up": True} if place.keeper() is not None else None
        changes.add(f"host {name}", up, {"up": True}, lambda place=place: _boot(place))

    segments, ports = _observed_switch(switch)
    wanted_segments = dict.fromkeys(link.segment for host in wanted for link in host.links)
    for segment in wanted_segments:
        there = {"up": True} if segment in segments else None
        changes.add(
            f"segment {segment}",
            there,
            {"up": True},
            lambda segment=segment: network.create_segment(_pid(switch), segment),
        )
    for host in wanted:
        _plan_host(changes, switch, ports, HostPlace(lab, host.name), host)
    for segment in sorted(segments - set(wanted_segments)):
        changes.add(
            f"segment {segment}",
            {"up": True},
            None,
            lambda segment=segment: network.delete_device(_pid(switch), segment),
        )


def _plan_host(
    changes: Changes,
    switch: HostPlace,
    ports: Mapping[str, str | None],
    place: HostPlace,
    host: spec.Host,
) -> None:
    pid = place.keeper()
    for key, value in host.sysctls:
        before = None if pid is None else network.read_sysctl(pid, key)
        changes.add(
            f"sysctl {key} of {host.name}",
            None if before is None else {"value": before},
            {"value": " ".join(value.split())},
            lambda key=key, value=value: network.set_sysctl(_pid(place), key, value),
        )
    anew = _plan_links(changes, switch, ports, place, host)
    routes = {} if pid is None else network.read_routes(pid)
    for route in host.routes:
        # With the device that a route goes out of, the route is gone as well.
        lost = any(IPv4Address(route.via) in link.interface.network for link in anew)
        before = None if lost else routes.get(route.dst)
        changes.add(
            f"route {route.dst} of {host.name}",
            None if before is None else {"via": before},
            {"via": route.via},
            lambda route=route: network.set_route(_pid(place), host.name, route),
        )
    for dst in sorted(set(routes) - {route.dst for route in host.routes}):
        changes.add(
            f"route {dst} of {host.name}",
            {"via": routes[dst]},
            None,
            lambda route=spec.Route(dst, routes[dst]): network.delete_route(_pid(place), route),
        )


def _plan_links(
    changes: Changes,
    switch: HostPlace,
    ports: Mapping[str, str | None],
    place: HostPlace,
    host: spec.Host,
) -> list[spec.Link]:
    """Plan the links of a host; return those that are made anew."""
    pid = place.keeper()
    devices = {} if pid is None else network.read_links(pid)
    old = place.recall().links if pid is not None else ()
    for link in old:
        port = network.port_name(host.name, link.device)
        if port in ports and link.device not in {new.device for new in host.links}:
            changes.add(
                f"link {link.device} of {host.name}",
                network.link_state(link),
                None,
                lambda port=port: network.delete_device(_pid(switch), port),
            )
    anew = []
    for link in host.links:
        after = network.link_state(link)
        before = _link_as_found(ports, devices, host.name, link)
        if before != after:
            anew.append(link)
        changes.add(
            f"link {link.device} of {host.name}",
            before,
            after,
            lambda link=link: network.create_link(_pid(switch), _pid(place), host.name, link),
        )
    return anew


def _link_as_found(
    ports: Mapping[str, str | None],
    devices: Mapping[str, Mapping[str, Any]],
    host: str,
    link: spec.Link,
) -> dict[str, Any] | None:
    port = network.port_name(host, link.device)
    if port not in ports or link.device not in devices:
        return None
    found = devices[link.device]
    addresses = found["addresses"]
    # Further addresses are a role's.
    address = link.address if link.address in addresses else next(iter(addresses), None)
    return {
        "segment": ports[port],
        "address": address,
        "mac": found["mac"],
        "mtu": found["mtu"],
        "up": found["up"],
    }


def _observed_switch(switch: HostPlace) -> tuple[set[str], dict[str, str | None]]:
    pid = switch.keeper()
    return (set(), {}) if pid is None else network.read_switch(pid)


def _pid(place: HostPlace) -> int:
    pid = place.keeper()
    if pid is None:
        raise Failure(f"Host {place.host!r} of lab {place.lab!r} died while the lab was built.")
    return pid


def _boot(place: HostPlace) -> None:
    keeper.start(place)
    pid = _pid(place)
    network.bring_loopback_up(pid)
    is_switch = place.host == spec.SWITCH
    network.set_sysctls_that_exist(
        pid, network.SWITCH_SYSCTLS if is_switch else network.HOST_SYSCTLS
    )


def _remove(place: HostPlace) -> None:
    keeper.stop(place)
    shutil.rmtree(place.folder, ignore_errors=True)


def _mount_files(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    syscalls.mount(
        "podnet-lab", str(folder), "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV, "mode=700"
    )
