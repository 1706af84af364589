# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The status of a node as people read it, in the order and words of ``cilium status``."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ..datapath.cells import SOCKET_PROGRAMS
from ..datapath.service_layout import NODE_PORTS
from ..drops import report as drop_report
from ..policy import report as policy_report
from ..services import report
from ..text import masquerading, networks
from ..text.tables import counted, first, line, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def render(status: Mapping[str, Any]) -> str:
    """Return the report of one node, many lines."""
    node, ipam = status["node"], status["ipam"]
    ready = [endpoint for endpoint in status["endpoints"] if endpoint["state"] == "ready"]
    cidr = ipam["pod_cidr"] or "no pod CIDR"
    lines = [
        line("Node", f"{node['name']}   {node['node_ip']}   [{node['device']}, MTU {node['mtu']}]"),
        line("Usable", "Yes" if node["usable"] else f"No: {node['reason']}"),
        *_change(status),
        line("Kernel", status["kernel"]),
        line("Routing", networks.shown(status["network_type"], status["datapath"])),
        line("Native-routing CIDR", status["native_routing_cidr"] or "none"),
        line("Attach Mode", (status["attach_mode"] or "nothing attached").upper()),
        line("Device Mode", "veth"),
        *_masquerade(status["masquerade"]),
        line("IPAM", f"IPv4: {ipam['used']}/{ipam['total']} allocated from {cidr}"),
        "Allocated addresses:",
        *([f"  {ipam['gateway']} (router)"] if ipam["gateway"] else []),
        *(
            f"  {address} ({name})"
            for address, name in sorted(ipam["addresses"].items(), key=_by_address)
        ),
        line("Endpoints", f"{len(ready)}/{len(status['endpoints'])} ready"),
        *table(
            ("Name", "IPv4", "MAC", "Device", "State"),
            _columns(status["endpoints"], ("name", "ip", "mac", "device", "state")),
        ),
        line("Peers", len(status["peers"])),
        *table(("Node", "Address", "Pod CIDR", "Route"), [_peer(peer) for peer in status["peers"]]),
        *_overlay(status),
        *_entries(status),
        *_services(status["services"]),
        *_policies(status["policies"]),
        "Programs:",
        *table(
            ("Name", "Id", "Tag", "Attached"), [_program(program) for program in status["programs"]]
        ),
        "BPF Maps:",
        *table(
            ("Name", "Type", "Used", "Size"),
            _columns(status["maps"], ("name", "type", "used", "size")),
        ),
        line("Forwarded", sum(count["packets"] for count in status["forwarded"])),
        *table(
            ("Hook", "Direction", "Verdict", "Packets", "Bytes"),
            _columns(status["forwarded"], _COUNTS),
        ),
        line("Drops", sum(count["packets"] for count in status["drops"])),
        *table(
            ("Hook", "Direction", "Reason", "Packets", "Bytes"), _columns(status["drops"], _COUNTS)
        ),
        line("Recorder", drop_report.summary(status["recorder"])),
    ]
    return "\n".join(lines)


_COUNTS = ("hook", "direction", "verdict", "packets", "bytes")


def _change(status: Mapping[str, Any]) -> list[str]:
    """Return what waits to be confirmed, and what was undone since the host has booted."""
    pending, undone = status.get("pending"), status.get("undone")
    lines = []
    if pending:
        ends = "being undone" if pending["undoing"] else f"undone in {pending['seconds']} s"
        lines.append(line("Pending", f"change by {pending['by']} of {pending['since']}, {ends}"))
    if undone:
        left = f", but for this: {undone['reason']}" if undone["reason"] else ""
        what = f"{undone['at']}, change by {undone['by']} of {undone['since']}{left}"
        lines.append(line("Undone", what))
    return lines


def _by_address(pair: tuple[str, str]) -> tuple[int, ...]:
    return tuple(int(part) for part in pair[0].split("."))


def _peer(peer: Mapping[str, Any]) -> tuple[str, ...]:
    return (peer["name"], peer["node_ip"], peer["pod_cidr"], peer["route"])


def _entries(status: Mapping[str, Any]) -> list[str]:
    """Return what stands in the kernel's own tables, and what of the plan does not."""

    def there(kind: str) -> str:
        found = status[kind]
        return f"{sum(one['present'] for one in found)}/{len(found)} present"

    def rows(kind: str, *words: str) -> list[tuple[Any, ...]]:
        return [
            (*(one.get(word) for word in words), "present" if one["present"] else "missing")
            for one in status[kind]
        ]

    added = status["rules"]
    marks = [{**rule, "mark": rule["mark"] and f"{rule['mark']:#x}"} for rule in added]
    words = ("priority", "from", "to", "mark", "iif", "oif", "table")
    return [
        line("Addresses", there("addresses")),
        *table(("Device", "Address", "State"), rows("addresses", "dev", "address")),
        line("Routes", there("routes")),
        *table(
            ("Destination", "Type", "Via", "Device", "Source", "State"),
            rows("routes", "dst", "type", "via", "dev", "src"),
        ),
        line("Neighbors", there("neighbors")),
        *table(
            ("Type", "Device", "Address", "MAC", "State"),
            rows("neighbors", "type", "dev", "dst", "lladdr"),
        ),
        line("Rules", f"none of the network, {len(added) or 'none'} of the host's own"),
        *table(("Priority", "From", "To", "Mark", "In", "Out", "Table"), _columns(marks, words)),
    ]


def _overlay(status: Mapping[str, Any]) -> list[str]:
    """Return what ``cilium bpf tunnel list`` shows, below what all tunnels share."""
    vxlan = status["vxlan"]
    if not vxlan:
        return []
    endpoint = f"{vxlan['ip']}:{vxlan['port']}"
    return [
        line("Tunnel", f"VXLAN   VNI {vxlan['vni']}   {endpoint}   [{vxlan['device']}]"),
        *table(
            ("Tunnel", "Value"),
            [
                (one["prefix"], one["endpoint"] and f"{one['endpoint']}:{vxlan['port']}")
                for one in status["tunnels"]
            ],
        ),
    ]


#: Accounts of flows that the report shows; M(podnet.fabric.nat_info) has them all.
_ACCOUNTS = 10


def _masquerade(found: Mapping[str, Any]) -> list[str]:
    """Return what ``cilium status`` says of masquerading, and what there is to mind of it."""
    nat, devices = found["nat"], [str(one["name"]) for one in found["devices"]]
    cidr = found["native_routing_cidr"]
    enabled = masquerading.shown(devices, [cidr] if cidr else found["pod_ranges"])
    details = [
        ("Non-masquerade CIDRs", found["prefixes"]),
        ("NAT Table", f"{nat['used']}/{nat['size']} ({(nat['used'] or 0) / nat['size']:.0%})"),
    ]
    minded = [
        ("Exhausted", f"{found['exhausted']} packets dropped" if found["exhausted"] else ""),
        ("Not there", first(found["missing"])),
        ("Not planned", first(found["unplanned"])),
        *(("Warning", warning) for warning in found["warnings"]),
    ]
    return [
        line("Masquerading", enabled if devices else masquerading.DISABLED),
        *(f"  {word + ':':<22}{value}" for word, value in (details if devices else ())),
        *(f"  {word + ':':<22}{value}" for word, value in minded if value),
        *table(
            ("Flows of", "Kind", "Flows", "Refused"),
            _columns(found["accounts"][:_ACCOUNTS], ("address", "kind", "flows", "refused")),
        ),
    ]


#: Frontends that the report shows; M(podnet.fabric.services_info) has them all.
_SHOWN = 50


def _services(found: Mapping[str, Any] | None) -> list[str]:
    """Return what ``cilium status`` says of the kube-proxy replacement, and ``service list``."""
    if found is None:
        return [line("Services", "None")]
    hooks, frontends = found["socket_hooks"], found["frontends"]
    coverage = "Full" if len(hooks) == len(SOCKET_PROGRAMS) else ", ".join(hooks) or "None"
    kinds = Counter(one["type"] for one in frontends)
    backends = counted(sum(len(one["backends"]) for one in frontends), "backend")
    more = len(frontends) - _SHOWN
    return [
        line("Services", f"{counted(len(frontends), 'frontend')}   {backends}"),
        "KubeProxyReplacement Details:",
        f"  Socket LB Coverage:   {coverage}   {counted(found['sockets'], 'socket')}",
        f"  NodePort Range:       {NODE_PORTS[0]}-{NODE_PORTS[1]}",
        *(f"  {f'{kind}:':<22}{number}" for kind, number in kinds.items()),
        *("  " + row for row in report.service_list({"services": frontends[:_SHOWN]})),
        *([f"  … and {more} more; services_info lists them"] if more > 0 else []),
    ]


#: Sets of rules that the report shows; M(podnet.fabric.policy_info) has them all.
_SETS = 20


def _policies(found: Mapping[str, Any] | None) -> list[str]:
    """Return which policies select pods of the node, and what they drop."""
    if found is None:
        return [line("Policies", "None")]
    isolated = ", ".join(f"{number} {way}" for way, number in found["isolated"].items())
    here = f"{len(found['names'])} here" + ("" if found["planned"] else ", none in the plan")
    counts = f"{here}   isolated pods: {isolated}   {found['audited']} audited"
    more = len(found["sets"]) - _SETS
    return [
        line("Policies", f"{counts}   {found['notes']} connections noted"),
        *("  " + row for row in policy_report.drop_list({"sets": found["sets"][:_SETS]})),
        *([f"  … and {more} more; policy_info lists them"] if more > 0 else []),
    ]


def _program(program: Mapping[str, Any]) -> tuple[str, ...]:
    devices = [place["device"] for place in program["attached"]]
    shown = ", ".join(devices) if len(devices) < 3 else f"{len(devices)} devices"
    return (program["name"], program["id"] or "-", program["tag"] or "-", shown or "nowhere")


def _columns(rows: Iterable[Mapping[str, Any]], keys: Sequence[str]) -> list[tuple[Any, ...]]:
    return [tuple(row[key] for key in keys) for row in rows]
