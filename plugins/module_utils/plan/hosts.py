# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of a host stands in the way of a node's part of the plan: a table of checks.

Each says in a sentence what is in the way, its value, what would be valid, and the way out. A run
stops here, before any node is changed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from . import firewall
from .problems import some

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Check = Callable[[Mapping[str, Any], Mapping[str, Any]], Iterator[str]]

#: The oldest kernel that has every helper and hook of the programs.
KERNEL = (5, 10)
#: Variables with the packages of the libraries, and of the compiler.
PACKAGES = ("podnet_node_packages", "podnet_compiler_packages")
DISTRIBUTIONS = "Debian, Fedora, RHEL, or one whose ID_LIKE in /etc/os-release names one of them"


def problems(node: Mapping[str, Any], seen: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for everything that stands in the way.

    :param node: the node's part of the plan.
    :param seen: what M(podnet.fabric.node_info) returned.
    """
    for check in CHECKS:
        yield from check(node, seen)


def _kernel(node: Mapping[str, Any], seen: Mapping[str, Any]) -> Iterator[str]:
    found = re.match(r"(\d+)\.(\d+)", str(seen.get("kernel", "")))
    if found and tuple(map(int, found.groups())) < KERNEL:
        oldest = ".".join(map(str, KERNEL))
        yield f"{node['name']} runs Linux {seen['kernel']}; valid is Linux {oldest} or newer."


def _attach_mode(node: Mapping[str, Any], seen: Mapping[str, Any]) -> Iterator[str]:
    if node["attach_mode"] == "tcx" and not seen.get("tcx", True):
        yield (
            f"podnet_attach_mode of {node['name']} is tcx, which its Linux {seen['kernel']} does "
            "not have; valid is auto or clsact, or Linux 6.6 or newer."
        )


def _libraries(node: Mapping[str, Any], seen: Mapping[str, Any]) -> Iterator[str]:
    missing = list(seen.get("missing") or ())
    needs_compiler = seen.get("compiles") and not seen.get("compiler", True)
    absent = [*missing, *(["bcc"] if needs_compiler else ())]
    by = [word for word, wanted in zip(PACKAGES, (missing, needs_compiler)) if wanted]
    lacks = f"{node['name']} has no Python library {some(absent)}"
    if missing and seen.get("check_mode"):
        yield (
            f"{lacks}, which a check needs to look at it; valid is a first run without --check, "
            "which installs it, or a host on which it is installed."
        )
    elif absent and not seen.get("distribution") and set(by) - set(seen.get("packages") or ()):
        yield (
            f"{lacks}, and is of a distribution ({seen.get('os') or 'unknown'}) whose packages for "
            f"it are not known; valid is {DISTRIBUTIONS}, or {' and '.join(by)} with their names."
        )


def _clsact(node: Mapping[str, Any], seen: Mapping[str, Any]) -> Iterator[str]:
    if node["attach_mode"] != "clsact" and seen.get("tcx", True):
        return
    ours = {str((seen.get("device") or {}).get("name"))}
    ours |= {str(one["name"]) for one in seen.get("egress_devices") or () if node["masquerade"]}
    for device in seen.get("ingress_qdiscs") or ():
        if device in ours:
            out = " or podnet_attach_mode auto" if seen.get("tcx") else ""
            yield (
                f"{device} of {node['name']} has an ingress qdisc, where programs are to be "
                f"attached by clsact (podnet_attach_mode {node['attach_mode']}), and a device has "
                "one of the two; valid is none: move its filters to a clsact qdisc and `tc qdisc "
                f"del dev {device} ingress`{out}."
            )


def _listening(node: Mapping[str, Any], _seen: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was found with the services: see ``services/listening``."""
    yield from node.get("in_the_way", ())


def _tunnel_port(node: Mapping[str, Any], seen: Mapping[str, Any]) -> Iterator[str]:
    vxlan = node["vxlan"]
    if not vxlan:
        return
    external = node["datapath"] == "ebpf"
    port, vni = int(vxlan["port"]), int(vxlan["vni"])
    way_out = f"podnet_vxlan_port is {port}; valid is a port that nothing else of the node has"
    for other in seen.get("foreign_vxlans") or ():
        if other["port"] != port:
            continue
        # Two that each have their own identifiers share the port; one that takes all has it alone.
        if external or other["external"] or other["vni"] == vni:
            yield (
                f"{way_out}: its VXLAN device {other['name']} (VNI {other['vni']}) is somebody "
                f"else's and has it on {node['name']}; give podnet_vxlan_port another port on all "
                "nodes, or remove that device."
            )
    for one in seen.get("listening") or ():
        if (one["protocol"], one["port"]) == ("UDP", port) and one["pid"] is not None:
            yield (
                f"{way_out}: on {node['name']} {one['process']} (process {one['pid']}) listens at "
                f"{one['address']}; give podnet_vxlan_port another port on all nodes, or end that "
                "process."
            )


def _routes(node: Mapping[str, Any], seen: Mapping[str, Any]) -> Iterator[str]:
    ours = {peer["pod_cidr"]: f"pods of {peer['name']}" for peer in node["peers"]}
    ours[node["pod_cidr"]] = "its own pods"
    for route in seen.get("foreign_routes") or ():
        what = ours.get(route["dst"])
        if what:
            via = f" via {route['via']}" if route["via"] else ""
            dev = f" dev {route['dev']}" if route["dev"] else ""
            yield (
                f"{node['name']} has a route to {route['dst']}{via}{dev} (protocol "
                f"{route['protocol']}), to {what}, that this network did not make; valid is none: "
                f"`ip route del {route['dst']}{via}{dev}`, and the run makes its own."
            )


CHECKS: tuple[Check, ...] = (
    _kernel,
    _attach_mode,
    _libraries,
    _clsact,
    _listening,
    _tunnel_port,
    _routes,
    firewall.problems,
)
