# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The status of a node as people read it, in the order and words of ``cilium status``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_NETWORKS = {"native_routing": "Native", "overlay": "VXLAN"}
_HOSTS = {"ebpf": "BPF", "bridge": "Bridge", "routed": "Routed"}
_INDENT = 24


def render(status: Mapping[str, Any]) -> str:
    """Return the report of one node, many lines."""
    node, ipam = status["node"], status["ipam"]
    ready = [endpoint for endpoint in status["endpoints"] if endpoint["state"] == "ready"]
    network, host = _NETWORKS[status["network_type"]], _HOSTS[status["datapath"]]
    lines = [
        _line(
            "Node", f"{node['name']}   {node['node_ip']}   [{node['device']}, MTU {node['mtu']}]"
        ),
        _line("Usable", "Yes" if node["usable"] else f"No: {node['reason']}"),
        _line("Kernel", status["kernel"]),
        _line("Routing", f"Network: {network}   Host: {host}"),
        _line("Native-routing CIDR", status["native_routing_cidr"] or "none"),
        _line("Attach Mode", (status["attach_mode"] or "nothing attached").upper()),
        _line("Device Mode", "veth"),
        _line("Masquerading", "Disabled"),
        _line("IPAM", f"IPv4: {ipam['used']}/{ipam['total']} allocated from {ipam['pod_cidr']}"),
        "Allocated addresses:",
        *([f"  {ipam['gateway']} (router)"] if ipam["gateway"] else []),
        *(
            f"  {address} ({name})"
            for address, name in sorted(ipam["addresses"].items(), key=_by_address)
        ),
        f"Endpoints:              {len(ready)}/{len(status['endpoints'])} ready",
        *_table(
            ("Name", "IPv4", "MAC", "Device", "State"),
            status["endpoints"],
            ("name", "ip", "mac", "device", "state"),
        ),
        f"Peers:                  {len(status['peers'])}",
        *_table(
            ("Node", "Address", "Pod CIDR", "Route"), [_peer(peer) for peer in status["peers"]]
        ),
        "Programs:",
        *_table(
            ("Name", "Id", "Tag", "Attached"), [_program(program) for program in status["programs"]]
        ),
        "BPF Maps:",
        *_table(("Name", "Type", "Used", "Size"), status["maps"], ("name", "type", "used", "size")),
        "Forwarded:",
        *_table(("Hook", "Direction", "Verdict", "Packets", "Bytes"), status["forwarded"], _COUNTS),
        f"Drops:                  {sum(count['packets'] for count in status['drops'])}",
        *_table(("Hook", "Direction", "Reason", "Packets", "Bytes"), status["drops"], _COUNTS),
    ]
    return "\n".join(lines)


_COUNTS = ("hook", "direction", "verdict", "packets", "bytes")


def _line(word: str, value: object) -> str:
    return f"{word + ':':<{_INDENT}}{value}"


def _by_address(pair: tuple[str, str]) -> tuple[int, ...]:
    return tuple(int(part) for part in pair[0].split("."))


def _peer(peer: Mapping[str, Any]) -> tuple[str, ...]:
    route = "direct" if peer["direct"] else "gateway"
    return (peer["name"], peer["node_ip"], peer["pod_cidr"], route)


def _program(program: Mapping[str, Any]) -> tuple[str, ...]:
    devices = [place["device"] for place in program["attached"]]
    shown = ", ".join(devices) if len(devices) < 3 else f"{len(devices)} devices"
    return (program["name"], program["id"] or "-", program["tag"] or "-", shown or "nowhere")


def _table(heads: Sequence[str], rows: Iterable[Any], keys: Sequence[str] = ()) -> list[str]:
    cells = [
        [str(row[key]) if row[key] is not None else "-" for key in keys]
        if keys
        else [str(cell) for cell in row]
        for row in rows
    ]
    if not cells:
        return []
    widths = [
        max(len(line[column]) for line in [list(heads), *cells]) for column in range(len(heads))
    ]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()
        for line in [list(heads), *cells]
    ]
