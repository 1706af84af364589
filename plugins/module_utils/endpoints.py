# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All endpoints of a node in one call: namespace, veth pair, address, route, program, map entries.

An endpoint comes up in an order in which no packet passes before it is complete: the program
before the devices are up, the map entry, by which others reach it, last. It goes in the opposite
order. Its allocation is written before all else and goes after all else: a run that is killed
leaves nothing that the next one, or a teardown, does not know of.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import names, pod_device
from .datapath.layout import ALLOCATIONS, ENDPOINT_HOST, ENDPOINTS
from .engine import links, namespaces, netlink
from .engine.bpf import attach, maps, programs
from .engine.bpf.grace import expedited
from .engine.change import Changes
from .engine.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

HOOK = "tc_ingress"
_NO_MAC = "00:00:00:00:00:00"
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


@dataclass(frozen=True)
class Endpoint:
    """One pod as the plan wants it.

    :param netns: namespace that it lives in, in the words of :mod:`engine.namespaces`; None: one
        that is made for it, named after it, and removed with it.
    """

    name: str
    ip: str
    mac: str
    netns: str | None = None

    @property
    def device(self) -> str:
        """Host-side device."""
        return names.endpoint_device(self.name)

    @property
    def namespace(self) -> str:
        """Namespace that it lives in."""
        return self.netns or self.name

    @property
    def alias(self) -> str:
        """Alias of the host-side device; its kind says whether the namespace is ours to remove."""
        return names.alias(_ATTACHED if self.netns else _OURS, self.name)


#: Kinds in the alias of a host-side device: its namespace is ours to remove, or was there before.
KINDS = _OURS, _ATTACHED = "endpoint", "attached"

#: The name stands in the device's alias, which has 255 characters (IFALIASZ less one).
_NAME_MAX = 255 - max(len(names.alias(kind, "")) for kind in KINDS)


@dataclass(frozen=True)
class Node:
    """What all endpoints of a node share.

    :param host_addresses: the node's own, which pods reach through its stack.
    :param mtu: of the pods' devices, bytes.
    :param program: pin of the program at their host-side devices.
    """

    gateway_ip: str
    gateway_mac: str
    host_addresses: Sequence[str]
    mtu: int
    program: str
    attach_mode: str


@dataclass
class Held:
    """What the node holds, read before anything is planned.

    :param names: endpoints that leave something behind: name → whether their namespace is ours.
    :param removed: those of them that a step has removed, for :func:`finish_removals`.
    """

    ip: Any
    attacher: attach.Attacher
    links: Mapping[str, links.Link]
    program: programs.Program | None
    entries: maps.Map | None
    allocations: maps.Map | None
    entry_values: Mapping[bytes, bytes]
    allocation_values: Mapping[bytes, bytes]
    names: Mapping[str, bool]
    removed: dict[str, bool] = field(default_factory=dict)


def converge(wanted: Sequence[Endpoint], node: Node, *, purge: bool, check_mode: bool) -> Changes:
    """Make ``wanted`` endpoints complete; with ``purge`` remove the others of this node.

    :raises Failure: before anything is changed, for names, addresses or namespaces that clash.
    """
    _validate(wanted, node)
    changes = Changes()
    with held(node.program) as found:
        if wanted and not check_mode:  # in check mode a role before this one would have pinned them
            _check_pins(node, found)
        if purge:
            plan_removals(found, [endpoint.name for endpoint in wanted], changes)
        else:
            _check_taken(wanted, found)
        for endpoint in wanted:
            _plan(endpoint, node, found, changes)
        _plan_entries(wanted, node, found, changes, purge=purge)
        with expedited(0 if check_mode else len(changes.steps)):
            changes.apply(check_mode=check_mode)
            finish_removals(found)
    return changes


def plan_removals(held: Held, kept: Collection[str], changes: Changes) -> None:
    """Remove the endpoints of this node that are not ``kept``."""
    for name, ours in sorted(held.names.items()):
        if name not in kept:
            before = {"device": names.endpoint_device(name), "netns": name if ours else None}
            do = partial(_remove, held, name, ours=ours)
            changes.add(f"endpoint {name}", before, None, do)


def _validate(wanted: Sequence[Endpoint], node: Node) -> None:
    for what, values in (
        ("name", [endpoint.name for endpoint in wanted]),
        ("ip", [endpoint.ip for endpoint in wanted]),
    ):
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise Failure(
                f"endpoints: {what} {twice!r} is given twice; each endpoint needs its own."
            )
    for endpoint in wanted:
        if not _is_ipv4(endpoint.ip):
            raise Failure(
                f"endpoints: ip {endpoint.ip!r} of {endpoint.name!r} is not an IPv4 address; "
                f"valid is one like 10.111.160.1."
            )
        if endpoint.ip in node.host_addresses:
            raise Failure(
                f"endpoints: ip {endpoint.ip!r} of {endpoint.name!r} is one of host_addresses, the "
                f"node's own; give the endpoint another one."
            )
        if not _MAC.fullmatch(endpoint.mac):
            raise Failure(
                f"endpoints: mac {endpoint.mac!r} of {endpoint.name!r} is not a MAC address; "
                f"valid is one like 0a:58:0a:6f:a0:01, in lower case."
            )
        if endpoint.netns is not None and not namespaces.exists(endpoint.netns):
            raise Failure(
                f"endpoints: netns {endpoint.netns!r} of {endpoint.name!r} does not exist; leave "
                f"it out, and one is made."
            )
        if "/" in endpoint.name or len(endpoint.name) > _NAME_MAX or not endpoint.name:
            raise Failure(
                f"endpoints: name {endpoint.name!r} is not valid; a name has 1 to {_NAME_MAX} "
                f"characters and no slash."
            )


def _check_pins(node: Node, held: Held) -> None:
    if held.program is None or held.entries is None or held.allocations is None:
        raise Failure(
            f"program {node.program!r} or the maps beside it are not pinned; the role "
            f"native_routing pins them."
        )


def _check_taken(wanted: Sequence[Endpoint], held: Held) -> None:
    """Without a purge, endpoints that are not listed keep their addresses."""
    listed = {_name(endpoint.name) for endpoint in wanted}
    taken = {
        address: ALLOCATIONS.unpack_key(name)["name"]
        for name, address in held.allocation_values.items()
        if name not in listed
    }
    for endpoint in wanted:
        owner = taken.get(_address(endpoint.ip))
        if owner is not None:
            raise Failure(
                f"endpoints: ip {endpoint.ip!r} of {endpoint.name!r} is that of endpoint "
                f"{owner!r} of this node; give it another one, or let purge: true remove the other."
            )


@contextlib.contextmanager
def held(program_pin: str = "") -> Iterator[Held]:
    """Read what the node holds of endpoints; ``program_pin`` where they are to be made."""
    with contextlib.ExitStack() as stack:
        ip = stack.enter_context(netlink.socket())
        attacher = stack.enter_context(attach.Attacher())
        opened = [maps.open_pin(ENDPOINTS.pin), maps.open_pin(ALLOCATIONS.pin)]
        entries, allocations = [stack.enter_context(m) if m else None for m in opened]
        program = programs.open_pin(program_pin) if program_pin else None
        if program:
            stack.enter_context(program)
        found = links.dump(ip)
        allocated = allocations.items() if allocations else {}
        yield Held(
            ip=ip,
            attacher=attacher,
            links=found,
            program=program,
            entries=entries,
            allocations=allocations,
            entry_values=entries.items() if entries else {},
            allocation_values=allocated,
            names=_names(found.values(), allocated),
        )


def _names(found: Iterable[links.Link], allocated: Iterable[bytes]) -> dict[str, bool]:
    # An allocation without a device: its namespace is ours where nothing else is in it.
    known = {key.rstrip(b"\0").decode(): True for key in allocated}
    for link in found:
        parsed = names.parse_alias(link.alias)
        if parsed and parsed[0] in KINDS:
            known[parsed[1]] = parsed[0] == _OURS
    return known


def _plan(endpoint: Endpoint, node: Node, held: Held, changes: Changes) -> None:
    link = held.links.get(endpoint.device)
    if link is not None and link.kind != "veth":
        raise Failure(
            f"endpoints: device {endpoint.device!r} of endpoint {endpoint.name!r} is a "
            f"{link.kind or 'physical'} device and not ours; remove or rename it."
        )
    pod = pod_device.read(endpoint.namespace)
    if link is None or pod.lower != link.index:
        foreign = (*pod.others, *((pod_device.NAME,) if pod.present else ()))
        if foreign:
            raise Failure(
                f"endpoints: netns {endpoint.namespace!r} of endpoint {endpoint.name!r} holds "
                f"{', '.join(foreign)}, which we did not make; give the endpoint another name, or "
                f"remove what is there."
            )
    before = _actual(endpoint, node, link, pod, held)
    # A namespace may be somebody else's, and an entry that of another endpoint with this address.
    foreign_words = ("netns", "map_entry") if endpoint.netns else ("map_entry",)
    nothing = not any(value for word, value in before.items() if word not in foreign_words)
    do = partial(_complete, endpoint, node, held, link if pod.present else None)
    changes.add(
        f"endpoint {endpoint.name}", None if nothing else before, _wanted(endpoint, node), do
    )


def _actual(
    endpoint: Endpoint,
    node: Node,
    link: links.Link | None,
    pod: pod_device.PodDevice,
    held: Held,
) -> dict[str, Any]:
    entry = held.entry_values.get(_address(endpoint.ip))
    whole = link is not None and entry == _entry(endpoint, node, link.index)
    allocation = held.allocation_values.get(_name(endpoint.name))
    return {
        "netns": endpoint.namespace if namespaces.exists(endpoint.namespace) else None,
        "device": link
        and {
            "name": link.name,
            "mac": link.mac,
            "mtu": link.mtu,
            "alias": link.alias,
            "up": link.up,
        },
        "pod_device": {"mac": pod.mac, "mtu": pod.mtu, "up": pod.up} if pod.present else None,
        "addresses": list(pod.addresses),
        "gateway": pod.gateway,
        "program": _attached(endpoint, held) if link else None,
        "map_entry": entry and ("whole" if whole else "stale"),
        "allocation": allocation and ALLOCATIONS.unpack_value(allocation)["address"],
    }


def _wanted(endpoint: Endpoint, node: Node) -> dict[str, Any]:
    device = {"mac": node.gateway_mac, "mtu": node.mtu, "alias": endpoint.alias, "up": True}
    return {
        "netns": endpoint.namespace,
        "device": {"name": endpoint.device, **device},
        "pod_device": {"mac": endpoint.mac, "mtu": node.mtu, "up": True},
        "addresses": [f"{endpoint.ip}/32"],
        "gateway": node.gateway_ip,
        "program": attach.mechanism(HOOK, node.attach_mode),
        "map_entry": "whole",
        "allocation": endpoint.ip,
    }


def _attached(endpoint: Endpoint, held: Held) -> str | None:
    """How the wanted program is attached; None where it is another one or none."""
    found = held.attacher.find(attach.Place(HOOK, endpoint.device))
    if found is None or held.program is None or found.program_id != held.program.info.id:
        return None
    return f"{found.mechanism}, twice" if found.stale else found.mechanism


def _complete(endpoint: Endpoint, node: Node, held: Held, link: links.Link | None) -> None:
    """Bring an endpoint up; each line does nothing where its work is done."""
    assert held.program
    assert held.entries
    assert held.allocations
    _forget_old_address(endpoint, held)
    held.allocations.update({_name(endpoint.name): _address(endpoint.ip)})
    if endpoint.netns is None:
        namespaces.create(endpoint.namespace)
    if link is None:
        _make_pair(endpoint, node, held)
    index = links.get(held.ip, endpoint.device).index
    Path(f"/proc/sys/net/ipv6/conf/{endpoint.device}/disable_ipv6").write_text("1\n")
    links.set_(held.ip, index, alias=endpoint.alias, mac=node.gateway_mac, mtu=node.mtu)
    held.attacher.ensure([attach.Place(HOOK, endpoint.device)], held.program, node.attach_mode)
    pod_device.converge(
        endpoint.namespace,
        mac=endpoint.mac,
        mtu=node.mtu,
        address=endpoint.ip,
        gateway=node.gateway_ip,
    )
    links.set_(held.ip, index, up=True)
    held.entries.update({_address(endpoint.ip): _entry(endpoint, node, index)})


def _make_pair(endpoint: Endpoint, node: Node, held: Held) -> None:
    if endpoint.device in held.links:  # its other end is gone with a namespace, or in another one
        links.delete(held.ip, held.links[endpoint.device].index)
    links.add_veth(
        held.ip,
        {"name": endpoint.device, "mac": node.gateway_mac, "mtu": node.mtu},
        {"name": pod_device.NAME, "mac": endpoint.mac, "mtu": node.mtu},
        endpoint.namespace,
    )


def _forget_old_address(endpoint: Endpoint, held: Held) -> None:
    old = held.allocation_values.get(_name(endpoint.name))
    if old and old != _address(endpoint.ip):
        _drop_entry(endpoint.name, old, held)


def _drop_entry(name: str, address: bytes, held: Held) -> None:
    """Remove the entry of an address, unless another endpoint of this run has the address now."""
    entry = held.entries.get(address) if held.entries else None
    if held.entries is None or entry is None:
        return
    with contextlib.suppress(OSError):  # no device: nobody's
        device = socket.if_indextoname(ENDPOINTS.unpack_value(entry)["ifindex"])
        if device != names.endpoint_device(name):
            return
    held.entries.delete([address])


def _remove(held: Held, name: str, *, ours: bool) -> None:
    """Let no packet find the endpoint any more; :func:`finish_removals` does the rest."""
    address = held.allocation_values.get(_name(name))
    if address:
        _drop_entry(name, address, held)
    held.removed[name] = ours


def finish_removals(held: Held) -> None:
    """Remove the devices of removed endpoints all at once, then what belongs to them.

    Allocations go last: a run that is killed before finds by them what is left.
    """
    if not held.removed:
        return
    devices = [names.endpoint_device(name) for name in held.removed]
    links.delete_many(held.ip, [held.links[name].index for name in devices if name in held.links])
    attach.prune()
    for name, ours in held.removed.items():
        if ours and not pod_device.read(name).others:
            namespaces.delete(name)
    if held.allocations:
        held.allocations.delete([_name(name) for name in held.removed])
    held.removed.clear()


def _plan_entries(
    wanted: Sequence[Endpoint], node: Node, held: Held, changes: Changes, *, purge: bool
) -> None:
    """Entries that belong to no endpoint: the node's own addresses, and stale ones."""
    host = ENDPOINTS.pack_value(
        ifindex=0, mac=_NO_MAC, gateway_mac=node.gateway_mac, mtu=0, flags=ENDPOINT_HOST
    )
    for address in node.host_addresses:
        found = held.entry_values.get(_address(address))
        changes.add(
            f"host address {address}",
            None if found is None else {"entry": found.hex()},
            {"entry": host.hex()},
            partial(_update, held, {_address(address): host}),
        )
    if purge:
        known = {_address(endpoint.ip) for endpoint in wanted}
        known |= {_address(address) for address in node.host_addresses}
        # Those of endpoints that are removed in this run go with them.
        known |= set(held.allocation_values.values())
        for key in sorted(set(held.entry_values) - known):
            address = ENDPOINTS.unpack_key(key)["address"]
            entry = {"entry": held.entry_values[key].hex()}
            changes.add(f"stale address {address}", entry, None, partial(_delete, held, key))


def _update(held: Held, entries: Mapping[bytes, bytes]) -> None:
    if held.entries:
        held.entries.update(entries)


def _delete(held: Held, key: bytes) -> None:
    if held.entries:
        held.entries.delete([key])


def _entry(endpoint: Endpoint, node: Node, ifindex: int) -> bytes:
    return ENDPOINTS.pack_value(
        ifindex=ifindex, mac=endpoint.mac, gateway_mac=node.gateway_mac, mtu=node.mtu, flags=0
    )


def _address(ip: str) -> bytes:
    return ENDPOINTS.pack_key(address=ip)


def _name(endpoint: str) -> bytes:
    return ALLOCATIONS.pack_key(name=endpoint)


def _is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True
