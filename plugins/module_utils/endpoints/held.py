# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a node holds of endpoints: read once, before anything is planned."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .. import names
from ..datapath.layout import ALLOCATIONS, ENDPOINT_CALLS, ENDPOINT_ISOLATED, ENDPOINTS
from ..engine import devices, namespaces, netlink, routes
from ..engine.bpf import attach, maps, programs
from ..engine.failure import Failure, Unfinished
from .wanted import KINDS, OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ..engine import links
    from .wanted import Endpoint, Node


@dataclass
class Held:
    """What the node holds.

    :param routes: to one address each: destination → route, kept up to date by who changes one.
    :param allocation_values: by the key of an endpoint's name its address, as a key of ``entries``.
    :param inodes: by the same key the inode of the namespace that was made for it.
    :param names: endpoints that leave something behind: name → whether their namespace is ours.
    :param removed: those of them that a step has removed, for :func:`removal.finish`, and whether
        their namespaces go with them.
    :param gone: addresses that endpoints have lost in this run, for the same.
    :param unfinished: endpoints that are not as they are wanted → the reason.
    """

    network: devices.Network
    attacher: attach.Attacher
    routes: dict[str, routes.Route]
    program: programs.Program | None
    delivery: programs.Program | None
    entries: maps.Map | None
    allocations: maps.Map | None
    entry_values: Mapping[bytes, bytes]
    allocation_values: Mapping[bytes, bytes]
    inodes: Mapping[bytes, int]
    names: Mapping[str, bool]
    removed: dict[str, bool] = field(default_factory=dict)
    gone: set[bytes] = field(default_factory=set)
    unfinished: dict[str, str] = field(default_factory=dict)

    @property
    def ip(self) -> Any:
        """Socket in the node's namespace."""
        return self.network.ip

    @property
    def links(self) -> Mapping[str, links.Link]:
        """Devices of the node by name."""
        return self.network.links

    def alone(self, name: str, do: Callable[[], object]) -> bool:
        """Do something for one endpoint; say whether it was done.

        What goes wrong concerns that endpoint alone: it is kept in ``unfinished``. A pod is root in
        its namespace, and may take its device away at any moment.
        """
        try:
            do()
        except Failure as failure:
            self.unfinished.setdefault(name, failure.message)
        except (netlink.Refusal, OSError) as error:
            said = _sentence(error) if isinstance(error, OSError) else f"{error}."
            self.unfinished.setdefault(name, said)
        else:
            return True
        return False

    def finished(self, **result: Any) -> None:
        """Raise Unfinished, with the result of the run, where endpoints are not as wanted."""
        if self.unfinished:
            raise Unfinished(self.unfinished, **result)

    def made_netns(self, name: str) -> bool:
        """Say whether the namespace of an endpoint's name is the one that was made for it."""
        inode = self.inodes.get(name_key(name), 0)
        return inode != 0 and inode == namespaces.inode(name)

    def allocate(self, inodes: Mapping[Endpoint, int]) -> None:
        """Write down the address of endpoints, each with the inode of the namespace made for it."""
        if self.allocations is None:
            return
        size = self.allocations.info.value_size  # less than ours, where another version made it
        none = address_key("::")
        self.allocations.update(
            {
                name_key(one.name): ALLOCATIONS.value_struct.pack(address_key(one.ip), inode, none)[
                    :size
                ]
                for one, inode in inodes.items()
            }
        )


def _sentence(error: OSError) -> str:
    where = f" {error.filename}" if error.filename else ""
    return (
        f"the kernel refused{where} with {error.strerror or error}; see what changes the pod's "
        f"namespace at this moment, and run again."
    )


@contextlib.contextmanager
def read(program_pin: str = "", delivery_pin: str | None = None) -> Iterator[Held]:
    """Read what the node holds of endpoints.

    :param program_pin: of the program that they are to have, and ``delivery_pin`` the other one.
    """
    with contextlib.ExitStack() as stack:
        network = stack.enter_context(devices.networks(check_mode=False))(None)
        attacher = stack.enter_context(attach.Attacher())
        opened = [maps.open_pin(ENDPOINTS.pin), maps.open_pin(ALLOCATIONS.pin)]
        entries, allocations = [stack.enter_context(m) if m else None for m in opened]
        found = [programs.open_pin(pin) if pin else None for pin in (program_pin, delivery_pin)]
        program, delivery = [stack.enter_context(one) if one else None for one in found]
        allocated = {
            name: ALLOCATIONS.value_row(value)
            for name, value in (allocations.items() if allocations else {}).items()
        }
        yield Held(
            network=network,
            attacher=attacher,
            routes=routes.read_hosts(network),
            program=program,
            delivery=delivery,
            entries=entries,
            allocations=allocations,
            entry_values=entries.items() if entries else {},
            allocation_values={name: row.address for name, row in allocated.items()},
            inodes={name: row.netns_inode for name, row in allocated.items()},
            names=_names(network.links.values(), allocated),
        )


def _names(found: Iterable[links.Link], allocated: Iterable[bytes]) -> dict[str, bool]:
    # An allocation without a device: its namespace is ours where nothing else is in it.
    known = {key.rstrip(b"\0").decode(): True for key in allocated}
    for link in found:
        parsed = names.parse_alias(link.alias)
        if parsed and parsed[0] in KINDS:
            known[parsed[1]] = parsed[0] == OURS
    return known


def entry_value(endpoint: Endpoint, node: Node, link: links.Link) -> bytes:
    """Value of an endpoint in the map ``endpoints``, with its host-side device."""
    return ENDPOINTS.pack_value(
        ifindex=link.index,
        mac=endpoint.mac,
        gateway_mac=node.gateway_mac,
        mtu=node.mtu,
        flags=(0 if node.non_masquerade_cidrs is None else ENDPOINT_CALLS)
        | (ENDPOINT_ISOLATED if endpoint.isolated else 0),
        netns=0 if link.netnsid is None else link.netnsid + 1,
    )


def knows_calls(value: bytes | None) -> bool:
    """Say whether a value of the map ``endpoints`` has ENDPOINT_CALLS."""
    return bool(value and ENDPOINTS.value_row(value).flags & ENDPOINT_CALLS)


def address_key(ip: str) -> bytes:
    """Key of an address in the map ``endpoints``; the value in ``allocations`` begins with it."""
    return ENDPOINTS.pack_key(address=ip)


def name_key(endpoint: str) -> bytes:
    """Key of an endpoint in the map ``allocations``."""
    return ALLOCATIONS.pack_key(name=endpoint)
