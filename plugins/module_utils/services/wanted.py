# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From services to the frontends that this node shall have, and what cannot be asked for.

Ten thousand services come through here in each run: a table says what a service's addresses become,
and the loop below it does no more for each port and backend than it must.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from ..datapath import service_layout as layout
from ..engine import addresses, protocols
from ..engine.failure import Failure
from . import packed, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Service = Mapping[str, Any]
    #: Prefix length and address of a prefix, as source_ranges has them less the id.
    Prefix = tuple[int, bytes]

PORTS = (1, 65535)
#: A frontend counts its backends in 16 bits.
BACKENDS_MAX = 65535


@dataclass(frozen=True)
class Kind:
    """What the addresses of one word of a service become.

    :param port: word of a port's item that has the number; where that has none is no frontend.
    :param allocated: word of the service that says that the planner chose.
    :param ranges: the service's source ranges hold for it.
    """

    number: int
    flags: int
    port: str = "port"
    allocated: str | None = None
    ranges: bool = False


#: Word of a service -> what its address or addresses become.
ADDRESSES = {
    "cluster_ip": Kind(layout.SERVICE_CLUSTER_IP, 0, allocated="cluster_ip_allocated"),
    "external_ips": Kind(layout.SERVICE_EXTERNAL_IP, layout.SERVICE_OUTSIDE),
    "load_balancer_ips": Kind(
        layout.SERVICE_LOAD_BALANCER,
        layout.SERVICE_OUTSIDE,
        allocated="load_balancer_ips_allocated",
        ranges=True,
    ),
}
#: What needs no address of the service's own.
ON_NODES = Kind(layout.SERVICE_NODE_PORT, layout.SERVICE_OUTSIDE, port="node_port")
ON_HOST = Kind(layout.SERVICE_HOST_PORT, layout.SERVICE_OUTSIDE)


class Run(NamedTuple):
    """Backends as slots hold them: those that take new connections, then the terminating ones.

    While none is active, those that terminate and still serve take new connections. Those of each
    kind are sorted: so programs look for one of them (``service_find`` in ``bpf/lib/service.h``).
    """

    slots: bytes
    active: int

    def backends(self) -> list[tuple[bytes, str]]:
        """Return address and port of each backend, with its state."""
        return [
            (place, words.ACTIVE if at < self.active else words.TERMINATING)
            for at, place in enumerate(packed.places(self.slots))
        ]


NOTHING = Run(b"", 0)


class Frontend(NamedTuple):
    """One frontend as it shall be.

    :param name: ``namespace/service:port/PROTOCOL``.
    :param inside: for clients of the cluster.
    :param outside: for those from outside.
    :param resting: address and port of backends that are listed and in neither run.
    """

    name: str
    kind: int
    flags: int
    affinity: int
    inside: Run
    outside: Run
    ranges: frozenset[Prefix]
    resting: tuple[bytes, ...]


@dataclass
class Wanted:
    """What all services together come to on this node.

    :param frontends: key in the map ``services`` -> frontend.
    :param addresses: keys of the addresses that services have, with port and protocol 0 -> kind:
        what is an external IP and nothing else is another's address for clients of the cluster.
    :param services: names of all services that were given, with frontends here or not.
    """

    frontends: dict[bytes, Frontend]
    addresses: dict[bytes, int]
    services: set[str]


class _Place(NamedTuple):
    """One address of a service."""

    kind: Kind
    address: bytes
    flags: int
    ranges: frozenset[Prefix]


def frontends(
    services: Sequence[Service], *, node: str | None, node_addresses: frozenset[bytes]
) -> Wanted:
    """Return what this node shall have.

    :param node: name of this node, by which it knows its own backends.
    :param node_addresses: of all nodes, as map keys: their other ports are no services'.
    :raises Failure: for the first value that is wrong.
    """
    wanted = Wanted({}, {}, set())
    for service in services:
        name = service["name"]
        if name in wanted.services:
            raise Failure(f"services: name {name!r} is given twice; each service needs its own.")
        wanted.services.add(name)
        if service.get("type") == words.HOST_PORT and service.get("node") != node:
            continue
        _check(service, node)
        places = list(_places(service))
        for port in service["ports"]:
            _add(wanted, service, port, places, node)
        for place in places if service["ports"] else ():
            if place.kind in ADDRESSES.values() and place.address not in node_addresses:
                key = packed.frontend_key(place.address, 0, 0)
                if wanted.addresses.get(key) in (None, layout.SERVICE_EXTERNAL_IP):
                    wanted.addresses[key] = place.kind.number
    return wanted


def _check(service: Service, node: str | None) -> None:
    name = service["name"]
    policies = [
        service.get(f"{side}_traffic_policy") or words.CLUSTER for side in ("internal", "external")
    ]
    for side, policy in zip(("internal", "external"), policies):
        if policy not in words.POLICIES:
            valid = " or ".join(words.POLICIES)
            raise Failure(_invalid(name, f"{side}_traffic_policy", policy, valid))
    if words.LOCAL in policies and node is None:
        raise Failure(
            f"node: is not given, and service {name!r} has traffic policy Local; valid is the name "
            f"that its backends on this node have as their node."
        )
    algorithm = service.get("algorithm") or words.RANDOM
    if algorithm not in words.ALGORITHMS:
        raise Failure(_invalid(name, "algorithm", algorithm, " or ".join(words.ALGORITHMS)))
    affinity = service.get("session_affinity") or 0
    if not 0 <= affinity <= words.AFFINITY_MAX:
        valid = f"0, for none, to {words.AFFINITY_MAX} seconds"
        raise Failure(_invalid(name, "session_affinity", affinity, valid))


def _places(service: Service) -> Iterator[_Place]:
    """Addresses of a service, and what the frontends at each have in common."""
    name = service["name"]
    common = layout.SERVICE_MAGLEV if service.get("algorithm") == words.MAGLEV else 0
    if service.get("external_traffic_policy") == words.LOCAL:
        common |= layout.SERVICE_LOCAL_OUTSIDE
    if service.get("type") == words.HOST_PORT:
        host_ip = service.get("host_ip")
        address = addresses.ANY if host_ip is None else _address(name, "host_ip", host_ip)
        inside = host_ip is not None and ipaddress.ip_address(host_ip).is_loopback
        yield _Place(ON_HOST, address, 0 if inside else ON_HOST.flags, frozenset())
        return
    for word, kind in ADDRESSES.items():
        given = service.get(word)
        flags = kind.flags | (common if kind.flags & layout.SERVICE_OUTSIDE else 0)
        if kind.allocated and service.get(kind.allocated):
            flags |= layout.SERVICE_ALLOCATED
        ranges = _ranges(service) if given and kind.ranges else frozenset()
        if ranges:
            flags |= layout.SERVICE_SOURCE_RANGES
        for text in [given] if isinstance(given, str) else given or ():
            yield _Place(kind, _address(name, word, text), flags, ranges)
    yield _Place(ON_NODES, addresses.ANY, ON_NODES.flags | common, frozenset())


def _add(
    wanted: Wanted,
    service: Service,
    port: Mapping[str, Any],
    places: Sequence[_Place],
    node: str | None,
) -> None:
    """Add the frontends of one port of a service."""
    name, word = service["name"], port.get("protocol") or "TCP"
    protocol = words.PROTOCOLS.get(word)
    if protocol is None:
        raise Failure(_invalid(name, "protocol", word, " or ".join(words.PROTOCOLS)))
    runs = _Runs(name, port.get("backends") or (), node)
    inside = runs.of(local=service.get("internal_traffic_policy") == words.LOCAL)
    outside = runs.of(local=service.get("external_traffic_policy") == words.LOCAL)
    full_name = words.name_of(service, port)
    if len(full_name.encode()) > packed.NAME_SIZE:
        valid = f"has at most {packed.NAME_SIZE} bytes"
        raise Failure(f"services: {full_name!r} is too long; service, port and protocol {valid}.")
    affinity = service.get("session_affinity") or 0
    _number(name, "port", port["port"], PORTS)
    for kind, address, flags, ranges in places:
        number = port.get(kind.port)
        if number is None:
            continue
        own_flags = flags
        if kind is ON_NODES:
            _number(name, "node_port", number, layout.NODE_PORTS)
            if port.get("node_port_allocated"):
                own_flags |= layout.SERVICE_ALLOCATED
        key = packed.frontend_key(address, number, protocol)
        if key in wanted.frontends:
            raise _twice(wanted.frontends[key].name, full_name, key, kind)
        from_outside = outside if flags & layout.SERVICE_OUTSIDE else NOTHING
        wanted.frontends[key] = Frontend(
            *(full_name, kind.number, own_flags, affinity, inside, from_outside, ranges),
            runs.resting,
        )


class _Runs:
    """The backends of one port: a run of all of them, and one of this node's alone."""

    def __init__(
        self, service: str, backends: Sequence[Mapping[str, Any]], node: str | None
    ) -> None:
        self._node = node
        pairs = [(_slot(service, backend), backend) for backend in backends]
        self._sorted = sorted(pairs, key=itemgetter(0))
        slots = [slot for slot, _backend in self._sorted]
        self.resting: tuple[bytes, ...] = ()
        if len(set(slots)) != len(backends):
            raise Failure(
                f"services: a backend of {service!r} is given twice for one port: "
                f"{_repeated(slots)}; name each once."
            )
        if len(backends) > BACKENDS_MAX:
            raise Failure(
                f"services: a port of {service!r} has {len(backends)} backends; at most "
                f"{BACKENDS_MAX} are possible."
            )
        states = {backend.get("state") or words.ACTIVE for backend in backends}
        for state in states.difference(words.STATES):
            raise Failure(_invalid(service, "state", state, ", ".join(words.STATES)))
        if states <= {words.ACTIVE}:
            self._all = Run(b"".join(slots), len(backends))
            return
        self._all = self._run(local=False)
        self.resting = tuple(
            slot[: packed.PLACE_SIZE]
            for slot, backend in self._sorted
            if backend.get("state") in words.RESTING
        )

    def of(self, *, local: bool) -> Run:
        """Return a run."""
        return self._run(local=True) if local else self._all

    def _run(self, *, local: bool) -> Run:
        active: list[bytes] = []
        terminating: list[bytes] = []
        silent: list[bytes] = []
        for slot, backend in self._sorted:
            if local and backend.get("node") != self._node:
                continue
            state = backend.get("state") or words.ACTIVE
            if state == words.ACTIVE:
                active.append(slot)
            elif state == words.TERMINATING:
                (terminating if backend.get("answers", True) else silent).append(slot)
        if active:
            return Run(b"".join([*active, *terminating, *silent]), len(active))
        return Run(b"".join([*terminating, *silent]), len(terminating))


def _slot(service: str, backend: Mapping[str, Any]) -> bytes:
    port = _number(service, "port of a backend", backend["port"], PORTS)
    address = _address(service, "ip of a backend", backend["ip"])
    return address + port.to_bytes(2, "big") + b"\0\0"


def _ranges(service: Service) -> frozenset[Prefix]:
    found = set()
    for text in service.get("source_ranges") or ():
        try:
            prefix = ipaddress.ip_network(text)
        except ValueError:
            valid = "a prefix like 203.0.113.0/24, with no bits behind it"
            raise Failure(_invalid(service["name"], "source_ranges", text, valid)) from None
        # The id stands before the address, and 96 bits before one of IPv4.
        bits = 32 + prefix.prefixlen + (96 if prefix.version == 4 else 0)
        found.add((bits, addresses.packed(str(prefix.network_address))))
    return frozenset(found)


def _address(service: str, word: str, text: str) -> bytes:
    try:
        return addresses.packed(text)
    except (ValueError, TypeError):
        raise Failure(
            _invalid(service, word, text, "an address like 10.10.252.131 or fd00::1")
        ) from None


def _number(service: str, word: str, value: int, valid: tuple[int, int]) -> int:
    low, high = valid
    if not low <= value <= high:
        raise Failure(_invalid(service, word, value, f"{low} to {high}"))
    return value


def _invalid(service: str, word: str, value: object, valid: str) -> str:
    return f"services: {word} {value!r} of {service!r} is not valid; valid is {valid}."


def _repeated(slots: Sequence[bytes]) -> str:
    return next(packed.place_text(one) for one in slots if slots.count(one) > 1)


def _twice(first: str, second: str, key: bytes, kind: Kind) -> Failure:
    row = layout.SERVICES.key_row(key)
    if row.address == addresses.ANY:
        what = f"{'node_port' if kind is ON_NODES else 'port'} {int.from_bytes(row.port, 'big')}"
    else:
        what = packed.place_text(row.address + row.port)
    return Failure(
        f"services: {what}/{protocols.name(row.protocol)} is that of {first!r} and of {second!r}; "
        f"it can be one's alone."
    )
