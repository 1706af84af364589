# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether the maps of a node hold the services that were planned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...datapath.service_layout import BACKENDS, MAGLEV, SERVICES, SOURCE_RANGES
from ...services import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def problems(services: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what does not fit.

    :param services: as the nodes get them.
    """
    frontends = tables = ranges = 0
    addresses: set[str] = set()
    runs: set[tuple[Any, ...]] = set()
    host_ports: dict[str, int] = {}
    for service in services:
        if service["type"] == words.HOST_PORT:
            node = service["node"]
            host_ports[node] = host_ports.get(node, 0) + len(service["ports"])
            continue
        own = [service["cluster_ip"]] if service["cluster_ip"] else []
        own += [*service["external_ips"], *service["load_balancer_ips"]]
        addresses.update(own)
        balanced = len(service["load_balancer_ips"]) * len(service["source_ranges"])
        policies = (service["internal_traffic_policy"], service["external_traffic_policy"])
        for port in service["ports"]:
            makes = len(own) + (port["node_port"] is not None)
            frontends += makes
            ranges += balanced
            if makes:
                # Frontends with the same backends share their slots, unless each policy sees its
                # own part of them: how many a node has of these, a node alone would know.
                backends = tuple((each["ip"], each["port"]) for each in port["backends"])
                runs.update((policy, *backends) for policy in policies)
            if service["algorithm"] == words.MAGLEV:
                tables += makes
    most = max(host_ports.values(), default=0)
    slots = sum(len(run) - 1 for run in runs) + most
    for what, count, table in (
        (
            "frontends (an address or node port with a port each, and the addresses themselves)",
            frontends + len(addresses) + most,
            SERVICES,
        ),
        ("backends, in all of their different sets", slots, BACKENDS),
        ("frontends with the algorithm maglev", tables, MAGLEV),
        ("source ranges of all frontends", ranges, SOURCE_RANGES),
    ):
        if count > table.max_entries:
            yield (
                f"The services have {count} {what}, and the map {table.name} of a node holds "
                f"{table.max_entries}; valid are fewer services, ports or backends."
            )
