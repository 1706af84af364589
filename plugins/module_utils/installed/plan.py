# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The node's slice of the plan on the node itself, for the command: what there shall be.

It is what the last run was to make, no more: nothing of other nodes' pods, and no secret. What a
slice says of how a run found the node is left out, so that a rerun finds the same.
"""

from __future__ import annotations

import hashlib
import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import names
from ..engine import files
from ..engine.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..engine.change import Changes

PATH = Path(names.STATE_DIR) / "plan.json"

#: What is kept of a slice, and of each of its endpoints.
WORDS = (
    *("name", "cluster", "node_ip", "addresses", "device", "device_ifindex", "device_mtu", "mtu"),
    *("network_type", "datapath", "attach_mode", "native_routing_cidr", "pod_ranges", "vxlan"),
    *("usable", "reason", "pod_cidr", "gateway_ip", "gateway_mac", "health_ip", "vpc_gateway"),
    *("subnet", "capacity", "services", "policies", "isolation", "masquerade", "peers", "metrics"),
    "flows",
)
#: What is in every slice.
NEEDED = ("name", "cluster", "node_ip", "network_type", "datapath", "usable", "services", "peers")
ENDPOINT_WORDS = ("name", "kind", "ip", "mac", "netns", "isolated")


def kept(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is written down of a slice."""
    endpoints = [
        {word: one[word] for word in ENDPOINT_WORDS if word in one} for one in node["endpoints"]
    ]
    return {**{word: node[word] for word in WORDS if word in node}, "endpoints": endpoints}


def plan(node: Mapping[str, Any], changes: Changes) -> None:
    """Write a slice down."""
    data = json.dumps(kept(node), separators=(",", ":"), sort_keys=True).encode()
    found = None if not PATH.exists() else _state(PATH.read_bytes())
    changes.add(f"file {PATH}", found, _state(data), partial(files.write, PATH, data))


def plan_removal(changes: Changes) -> None:
    """Forget it."""
    if PATH.exists():
        changes.add(f"file {PATH}", {"file": True}, None, partial(files.remove, PATH))


def read() -> dict[str, Any] | None:
    """Return what was written down; None where nothing was.

    :raises Failure: where somebody's hand has been there.
    """
    try:
        found = json.loads(PATH.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        found = None
    if not isinstance(found, dict) or not set(NEEDED) <= set(found):
        raise Failure(f"{PATH} is not what a run writes; podnet.fabric.site writes it anew")
    return found


def _state(data: bytes) -> dict[str, Any]:
    """Return what a diff shows: in a large cluster the file is long."""
    return {"sha256": hashlib.sha256(data).hexdigest()}
