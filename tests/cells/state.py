# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All that the network holds on a node, less the numbers that the kernel gave: two installs of one
cell compare as equal, whatever was there before them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.podnet.fabric.plugins.module_utils.datapath import layout
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import maps
from ansible_collections.podnet.fabric.plugins.module_utils.lab import places
from ansible_collections.podnet.fabric.plugins.module_utils.names import MAP_PINS

from tests.cluster.probes import Snapshot, snapshot
from tests.services.maps import services

if TYPE_CHECKING:
    from ansible_collections.podnet.fabric.plugins.module_utils.engine.map_spec import MapSpec

    from tests.cluster.cluster import Cluster

#: Numbers by which the kernel knows devices, ports of a bridge, programs and links.
NUMBERS = {
    "ifindex",
    "link_index",
    "link_netnsid",
    "iif",
    "id",
    "prog_id",
    "link_id",
    "no",
    "port_id",
    "designated_port",
}
#: The same, and times, in lines that are no JSON; and MAC addresses that the kernel rolled.
TEXT = re.compile(
    r"(?<=program )\d+|(?<=link )\d+|^\d+(?= +cgroup_)|(?<=\bid )\d+| \(id: \d+\)|(?<=bytes )\d+"
    r"|\b(?!0[ae]:58|02:00|00:00|01:00|33:33|ff:ff)[0-9a-f]{2}(:[0-9a-f]{2}){5}\b"
)

TABLES = (
    *(layout.ENDPOINTS, layout.IPCACHE, layout.CONFIG, layout.ALLOCATIONS),
    layout.NODE_ADDRESSES,
)


def states(cluster: Cluster) -> dict[str, Snapshot]:
    """Return the state of each node, as sorted lines by section."""
    return {node: _state(cluster, node) for node in cluster.nodes}


def _state(cluster: Cluster, node: str) -> Snapshot:
    found = {**snapshot(cluster, node), "maps": _maps(cluster, node)}
    return {section: sorted(map(_without_numbers, lines)) for section, lines in found.items()}


def _without_numbers(line: str) -> str:
    head, brace, rest = line.partition("{")
    if not brace or not rest.endswith("}"):
        return TEXT.sub("", line)
    return TEXT.sub("", head + json.dumps(_strip(json.loads(brace + rest)), sort_keys=True))


def _strip(told: Any) -> Any:
    if isinstance(told, dict):
        return {key: _strip(value) for key, value in told.items() if key not in NUMBERS}
    return [_strip(each) for each in told] if isinstance(told, list) else told


def _maps(cluster: Cluster, node: str) -> list[str]:
    lines = []
    for table in TABLES:
        for entry in cluster.json(node, "bpftool", "-j", "map", "dump", "pinned", table.pin):
            key, value = (bytes(int(word, 16) for word in entry[part]) for part in ("key", "value"))
            fields = {**table.unpack_key(key), **table.unpack_value(value)}
            said = {
                name: bool(field) if name.endswith(("_ifindex", "_inode")) else field
                for name, field in fields.items()
            }
            lines.append(f"{table.name} {json.dumps(said, sort_keys=True)}")
    # Numbers and slots of services tell their history.
    return lines + [f"service {each}" for each in services(cluster, node).items()]


def shapes(cluster: Cluster) -> dict[str, dict[str, MapSpec]]:
    """Return the shape of each map that is pinned, by node."""
    return {
        node: {
            Path(pin).name: _shape(cluster, node, pin)
            for pin in cluster.exec(node, "find", MAP_PINS, "-type", "f").splitlines()
        }
        for node in cluster.nodes
    }


def _shape(cluster: Cluster, node: str, pin: str) -> MapSpec:
    keeper = places.HostPlace(cluster.lab, node).pid()
    found = maps.open_pin(f"/proc/{keeper}/root{pin}")
    assert found is not None, f"{node} has no map {pin}"
    with found:
        return found.spec
