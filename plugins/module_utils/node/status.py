# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a node's datapath is and does, read from its kernel."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from .. import names
from ..datapath import counts, entries, reasons
from ..datapath.cells import (
    POLICY_PROGRAM,
    SOCKET_PROGRAMS,
    cell_of,
    devices_of,
    socket_pin,
)
from ..datapath.drop_layout import DROPS
from ..datapath.nat_layout import NAT
from ..datapath.policy_layout import POLICY_STAGE
from ..drops.usage import usage as usage_of_recorder
from ..endpoints.wanted import KINDS
from ..engine import links, netlink, rules
from ..engine.bpf import attach, hooks, programs
from ..engine.bpf import links as bpf_links
from ..installed import pending, trouble
from ..nat import status as masquerading
from ..policy import info as policies
from ..policy import notes
from ..restoration.entries import look
from ..services import info as services
from . import lacking, pods, presence, tunnels

if TYPE_CHECKING:
    from collections.abc import Mapping

#: How the names of programs at sockets begin, and where they are attached.
_SOCKET, _ROOT_CGROUP = "socket_", "the node's cgroup"


def read(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return the status of a node (see RETURN of the module ``status_info``).

    :param node: its part of the plan.
    """
    with netlink.socket() as ip, attach.Attacher() as attacher:
        devices = links.dump(ip)
        found = _programs(node, devices, attacher)
        ruled = rules.added(ip)
    held = pods.held(node)
    counted = counts.verdicts()
    masquerade = masquerading.read(node["masquerade"])
    recorder = usage_of_recorder()
    judging, at_sockets = _policies(node), _socket_programs(node)
    datapath: dict[str, Any] = {
        "endpoints": _endpoints(node, held),
        "services": _services(node, at_sockets),
        "policies": judging,
        "programs": [*found, *at_sockets, *_policy_program(node, judging)],
        # Thousands of entries are counted already.
        "maps": counts.use_of_maps(
            {NAT.name: masquerade["nat"]["used"], DROPS.name: recorder["used"]}
        ),
    }
    here = any(one["used"] is not None for one in datapath["maps"])
    seen, absent = look(entries.build(node))
    lost = {**lacking.of_datapath(node, datapath), **absent}
    return {
        "node": {
            **{key: node.get(key) for key in ("name", "node_ip", "device", "mtu")},
            "usable": node["usable"] and not any(lost.values()),
            "reason": _reason(node, lost, here=here),
        },
        "missing": lost,
        "kernel": os.uname().release,
        "network_type": node["network_type"],
        "datapath": node["datapath"],
        "native_routing_cidr": node["native_routing_cidr"],
        "attach_mode": _attach_mode(found),
        "ipam": _ipam(node, held),
        "peers": [dict(peer) for peer in node["peers"]],
        "vxlan": node["vxlan"],
        "tunnels": tunnels.read(node["datapath"]) if node["vxlan"] else [],
        "masquerade": {**masquerade, "exhausted": _exhausted(counted)},
        **datapath,
        **seen,
        "rules": ruled,
        "forwarded": [count for count in counted if not count["drops"]],
        "drops": [count for count in counted if count["drops"]],
        "recorder": recorder,
        "pending": _pending(),
        "undone": pending.undone(),
    }


def _pending() -> dict[str, Any] | None:
    """Return the change that waits to be confirmed; None where none does."""
    change = pending.read()
    if change is None:
        return None
    words = ("by", "since", "undoing")
    return {**{word: change[word] for word in words}, "seconds": round(change["left"])}


def _attach_mode(found: list[dict[str, Any]]) -> str | None:
    mechanisms = {place["mechanism"] for program in found for place in program["attached"]}
    return ", ".join(sorted(mechanisms)) or None


def _reason(node: Mapping[str, Any], lost: Mapping[str, list[str]], *, here: bool) -> str:
    if not node["usable"]:
        return str(node["reason"])
    if here:
        return lacking.sentence(lost)
    told = trouble.read()
    return f"{presence.ABSENT}: {told}" if told else presence.ABSENT


def _ipam(node: Mapping[str, Any], held: list[dict[str, Any]]) -> dict[str, Any]:
    allocated = {one["ip"]: one["name"] for one in held if one["ip"]}
    return {
        "pod_cidr": node["pod_cidr"],
        "used": len(allocated),
        "total": node["capacity"]["addresses"],
        "usable_pods": node["capacity"]["usable_pods"],
        "gateway": node["gateway_ip"],
        "addresses": allocated,
    }


def _endpoints(node: Mapping[str, Any], held: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Hold what is there against the plan: what is planned in its order, then what is not."""
    by_name = {one["name"]: one for one in held}
    found = []
    for planned in node["endpoints"]:
        one = by_name.pop(planned["name"], {})
        same = one.get("ip") == planned["ip"] and one["isolated"] == planned["isolated"]
        ready = one.get("ready") and same
        words = {word: planned[word] for word in ("name", "kind", "ip", "mac")}
        state = "ready" if ready else "not ready"
        found.append({**words, "device": one.get("device"), "state": state})
    return found + [{**one, "kind": "unknown", "state": "not planned"} for one in by_name.values()]


def _services(node: Mapping[str, Any], at_sockets: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the frontends and who balances sockets; None where the cluster has no services."""
    if not node["services"]:
        return None
    found = services.gather(use_of_maps=False)
    covered = [one["name"] for one in at_sockets if one["attached"]]
    return {
        "socket_hooks": [name.removeprefix(_SOCKET) for name in covered],
        "frontends": found["services"],
        "sockets": len(found["reverse_sockets"]),
    }


def _socket_programs(node: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the programs at the node's sockets; none where the cluster has no services."""
    if not node["services"]:
        return []
    attached = {link.program_id for link in bpf_links.pinned(names.LINK_PINS).values()}
    found = []
    for name in SOCKET_PROGRAMS:
        place = {"device": _ROOT_CGROUP, "hook": f"cgroup_{name}", "mechanism": "link"}
        one = _pinned(f"{_SOCKET}{name}", socket_pin(name))
        found.append({**one, "attached": [place] if one["id"] in attached else []})
    return found


def _policy_program(
    node: Mapping[str, Any], judging: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """Return the program that judges pods, which others hand packets over to."""
    if judging is None or not node["isolation"]:
        return []
    one = _pinned(POLICY_PROGRAM, f"{names.PROGRAM_PINS}/{POLICY_PROGRAM}")
    place = {"device": POLICY_STAGE.name, "hook": "tail_call", "mechanism": "prog_array"}
    return [{**one, "attached": [place] if judging["judges"] else []}]


def _pinned(name: str, pin: str) -> dict[str, Any]:
    """Return a program by its pin, attached nowhere."""
    program = programs.open_pin(pin)
    if program is None:
        return {"name": name, "id": None, "tag": None, "attached": []}
    with program:
        return {"name": name, "id": program.info.id, "tag": program.info.tag, "attached": []}


def _policies(node: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what policies do here; None where the cluster has none, and the kernel neither."""
    if not node["policies"] and not notes.pods():
        return None
    found = policies.gather()
    words = ("sets", "isolated", "audited", "notes", "judges")
    return {
        "names": [one["name"] for one in found["policies"]],
        "planned": bool(node["policies"]),
        **{word: found[word] for word in words},
    }


def _programs(
    node: Mapping[str, Any], devices: Mapping[str, links.Link], attacher: attach.Attacher
) -> list[dict[str, Any]]:
    cell = cell_of(node)
    hosts = [
        link.name
        for link in devices.values()
        if (names.parse_alias(link.alias) or ("",))[0] in KINDS
    ]
    places: dict[str, list[Any]] = {
        **dict.fromkeys(cell.pods.values(), hosts),
        **{name: devices_of(node, at) for name, at in cell.programs.items()},
    }
    found: list[dict[str, Any]] = []
    for hook in reasons.HOOKS:
        if hook.name not in places:
            continue
        program = programs.open_pin(f"{names.PROGRAM_PINS}/{hook.name}")
        if program is None:
            found.append({"name": hook.name, "id": None, "tag": None, "attached": []})
            continue
        with program:
            attached = []
            for device in places[hook.name]:
                here = (
                    attacher.find(hooks.Place(hook.attach, str(device)))
                    if device in devices
                    else None
                )
                if here and here.program_id == program.info.id:
                    attached.append(
                        {"device": device, "hook": hook.attach, "mechanism": here.mechanism}
                    )
            found.append(
                {
                    "name": hook.name,
                    "id": program.info.id,
                    "tag": program.info.tag,
                    "attached": attached,
                }
            )
    return found


def _exhausted(counted: list[dict[str, Any]]) -> int:
    return sum(count["packets"] for count in counted if count["verdict"] == "nat_exhausted")
