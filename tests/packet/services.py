"""Services for the node under test: what its maps hold of them, and what its programs noted."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.podnet.fabric.plugins.module_utils.datapath import (
    layout,
    nat_layout,
    reasons,
    service_layout,
)
from ansible_collections.podnet.fabric.plugins.module_utils.engine import addresses
from ansible_collections.podnet.fabric.plugins.module_utils.services import packed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .node import Node

TCP, UDP = 6, 17
Backend = tuple[str, int]
KINDS = {
    "cluster_ip": service_layout.SERVICE_CLUSTER_IP,
    "node_port": service_layout.SERVICE_NODE_PORT,
    "external_ip": service_layout.SERVICE_EXTERNAL_IP,
    "load_balancer": service_layout.SERVICE_LOAD_BALANCER,
    "host_port": service_layout.SERVICE_HOST_PORT,
}


def plain(address: str) -> str:
    """Return an address out of a map as one writes it."""
    found = ipaddress.ip_address(address)
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


@dataclass
class Services:
    """The services of a node: fill the maps, read what became of flows."""

    node: Node
    state: dict[str, int] = field(default_factory=dict)
    _slot: int = 1
    _id: int = 0

    def reset(self) -> None:
        """Empty every map of services."""
        for table in (*service_layout.MAPS, *nat_layout.MAPS):
            if table.name in self.node.tables and table.type in ("hash", "lru_hash", "lpm_trie"):
                self.node.tables[table.name].delete(list(self.node.tables[table.name].items()))
        while self.node.tables["nat_queue"].pop():
            pass
        total = nat_layout.NAT_TOTAL
        none = total.pack_value(flows=0)
        self.node.tables[total.name].update({total.pack_key(by=by): none for by in (0, 1)})
        seen = nat_layout.NAT_SEEN
        nothing = seen.pack_value(pod_flows=0, host_flows=0)
        self.node.tables[seen.name].update({seen.pack_key(zero=0): nothing})
        words = dict.fromkeys((one.name for one in service_layout.SERVICE_STATE.value), 0)
        self.set_state(**words)

    def add(
        self,
        address: str,
        port: int,
        backends: Sequence[Backend],
        *,
        kind: str = "cluster_ip",
        protocol: int = TCP,
        flags: int = 0,
        active: int | None = None,
        outside: Sequence[Backend] | None = None,
        affinity: int = 0,
        number: int = 0,
    ) -> int:
        """Add a frontend; return its number.

        :param active: how many of the backends take new connections, all unless given.
        :param outside: backends for clients from outside, the same unless given.
        :param number: the number that it has already; 0 for a new one.
        """
        self._id += not number
        number = number or self._id
        if kind != "cluster_ip":
            flags |= service_layout.SERVICE_OUTSIDE
        first = self._write_backends(backends)
        outside_first = first if outside is None else self._write_backends(outside)
        from_outside = backends if outside is None else outside
        count = len(backends) if active is None else active
        value = service_layout.SERVICES.pack_value(
            id=number,
            kind=KINDS[kind],
            flags=flags,
            first=first,
            active=count,
            total=len(backends),
            outside_first=outside_first,
            outside_active=count if outside is None else len(from_outside),
            outside_total=len(from_outside),
            affinity=affinity,
        )
        self._write(address, port, protocol, value)
        if address != "::":
            alone = dict.fromkeys((one.name for one in service_layout.SERVICES.value), 0)
            alone["kind"] = KINDS[kind]
            self._write(address, 0, 0, service_layout.SERVICES.pack_value(**alone))
        outside_too = bool(flags & service_layout.SERVICE_OUTSIDE)
        self.set_state(
            frontends=self.state["frontends"] + 1, outside=self.state["outside"] + outside_too
        )
        return number

    def allow(self, frontend: int, prefix: str) -> None:
        """Let clients of a prefix in."""
        network = ipaddress.IPv4Network(prefix)
        key = service_layout.SOURCE_RANGES.pack_key(
            prefixlen=32 + 96 + network.prefixlen,
            id=frontend,
            address=str(network.network_address),
        )
        value = service_layout.SOURCE_RANGES.pack_value(allowed=1)
        self.node.tables["source_ranges"].update({key: value})

    def set_table(self, frontend: int, positions: Iterable[int]) -> None:
        """Give a frontend its table of Maglev."""
        packed = struct.pack(f"={service_layout.MAGLEV_POSITIONS}H", *positions)
        key = service_layout.MAGLEV.pack_key(id=frontend)
        self.node.tables["maglev"].update({key: packed})

    def noted(self, name: str) -> int:
        """Return a word of the map ``nat_seen``."""
        raw = self.node.tables["nat_seen"].get(bytes(4)) or b""
        return int(nat_layout.NAT_SEEN.unpack_value(raw)[name])

    def counted(self, hook: str, verdict: str) -> int:
        """Return how many packets a hook counted for a verdict."""
        hooks = {one.name: one.number for one in reasons.HOOKS}
        verdicts = {one.name: one.number for one in reasons.VERDICTS}
        key = layout.METRICS.pack_key(index=hooks[hook] * layout.VERDICTS + verdicts[verdict])
        return self.node.tables["metrics"].sums()[key][0]

    def flows(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Return what comes in -> how it goes on, by "address:port" of source and destination."""
        found = {}
        for key, value in self.node.tables["nat"].items().items():
            comes = nat_layout.NAT.unpack_key(key)
            goes = nat_layout.NAT.unpack_value(value)
            found[_places(comes)] = goes | {"goes": _places(goes)}
        return found

    def change_flow(self, comes: tuple[str, str], **values: Any) -> None:
        """Change fields of an entry; without any, the entry is forgotten."""
        table = self.node.tables["nat"]
        for key, raw in table.items().items():
            if _places(nat_layout.NAT.unpack_key(key)) == comes:
                if not values:
                    table.delete([key])
                    return
                goes = nat_layout.NAT.unpack_value(raw) | values
                table.update({key: nat_layout.NAT.pack_value(**goes)})
                return
        raise LookupError(comes)

    def _write_backends(self, backends: Sequence[Backend]) -> int:
        first = self._slot
        self._slot += len(backends)
        self.node.tables["backends"].update(
            {
                service_layout.BACKENDS.pack_key(slot=first + position): (
                    service_layout.BACKENDS.pack_value(address=address, port=port, reserved=0)
                )
                for position, (address, port) in enumerate(backends)
            }
        )
        return first

    def _write(self, address: str, port: int, protocol: int, value: bytes) -> None:
        key = packed.frontend_key(addresses.packed(address), port, protocol)
        self.node.tables["services"].update({key: value})

    def set_state(self, **values: int) -> None:
        """Write the map ``service_state``, with these of its words changed."""
        self.state |= values
        value = service_layout.SERVICE_STATE.pack_value(**self.state)
        key = service_layout.SERVICE_STATE.pack_key(zero=0)
        self.node.tables["service_state"].update({key: value})


def _places(entry: dict[str, Any]) -> tuple[str, str]:
    source, destination = plain(entry["source"]), plain(entry["destination"])
    return f"{source}:{entry['source_port']}", f"{destination}:{entry['destination_port']}"
