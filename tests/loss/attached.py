# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which programs the kernel of a lab host runs, asked past the collection's own reading."""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING

from ansible_collections.podnet.fabric.plugins.module_utils.engine import namespaces
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import syscall
from ansible_collections.podnet.fabric.plugins.module_utils.lab import places

if TYPE_CHECKING:
    from tests.cluster.cluster import Cluster

#: Place at a device -> enum bpf_attach_type, and tc's word.
HOOKS = {"ingress": 46, "egress": 47}


def attached(cluster: Cluster) -> dict[str, list[tuple[str, int]]]:
    """By ``NODE DEVICE HOOK``: mechanism and id of each program there, in their order."""
    found: dict[str, list[tuple[str, int]]] = {}
    for node in cluster.nodes:
        with namespaces.inside(namespaces.of_process(places.HostPlace(cluster.lab, node).pid())):
            devices = [(index, name) for index, name in socket.if_nameindex() if name != "lo"]
            for index, device in devices:
                for hook, number in HOOKS.items():
                    ids = syscall.program_query(index, number, links=True)
                    here = [("tcx", program) for program, _link in ids]
                    # Debian's tc has no JSON for these.
                    shown = cluster.exec(node, "tc", "filter", "show", "dev", device, hook)
                    here += [("clsact", int(number)) for number in re.findall(r" id (\d+) ", shown)]
                    if here:
                        found[f"{node} {device} {hook}"] = here
    return found


def pinned(cluster: Cluster) -> dict[str, int]:
    """By ``NODE PROGRAM``: id of the pinned program."""
    return {
        f"{node} {pin.rpartition('/')[2]}": program["id"]
        for node in cluster.nodes
        for program in json.loads(cluster.exec(node, "bpftool", "-jf", "prog"))
        for pin in program.get("pinned", [])
        if pin.startswith("/sys/fs/bpf/podnet/programs/")
    }
