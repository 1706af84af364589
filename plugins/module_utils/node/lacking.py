# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a node's kernel does not have of its part of the plan, and the sentence about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..datapath import reasons
from ..datapath.cells import POLICY_PROGRAM, SOCKET_PROGRAMS, cell_of, devices_of
from ..datapath.policy_layout import POLICY_STAGE
from ..text.tables import first

if TYPE_CHECKING:
    from collections.abc import Mapping


#: The words for one of a kind that are no plural less its s.
_ONE = {"addresses": "address"}


def of_datapath(node: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, list[str]]:
    """Name ``programs`` by the place that has none, ``maps``, and ``endpoints`` that are not ready.

    What the node's cell does not have is not missing, nor is anything where it got no pod CIDR.

    :param found: ``programs``, ``services``, ``policies``, ``maps``, ``endpoints`` of its status.
    """
    if not node["usable"]:
        return {"programs": [], "maps": [], "endpoints": []}
    return {
        "programs": _programs(node, found),
        "maps": [one["name"] for one in found["maps"] if one["used"] is None],
        "endpoints": [one["name"] for one in found["endpoints"] if one["state"] == "not ready"],
    }


def sentence(lost: Mapping[str, list[str]]) -> str:
    """Return how many of each kind a node lacks, and the first of them; empty if it lacks none."""
    return "; ".join(
        f"{_counted(len(names), kind)} {'not ready' if kind == 'endpoints' else 'missing'}: "
        f"{first(names)}"
        for kind, names in lost.items()
        if names
    )


def _counted(number: int, kind: str) -> str:
    return f"1 {_ONE.get(kind, kind[:-1])}" if number == 1 else f"{number} {kind}"


def _programs(node: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    cell = cell_of(node)
    # An endpoint without its device is not ready; there is no place for a program.
    pods = [one["device"] for one in found["endpoints"] if one["state"] != "not planned"]
    wanted = {
        **{name: [device for device in pods if device] for name in cell.pods.values()},
        **{name: devices_of(node, places) for name, places in cell.programs.items()},
    }
    attached = {
        (program["name"], place["device"])
        for program in found["programs"]
        for place in program["attached"]
    }
    balancing = found["services"]
    return (
        [
            f"{hook.name} at {hook.attach} of {device}"
            for hook in reasons.HOOKS
            for device in wanted.get(hook.name, ())
            if (hook.name, device) not in attached
        ]
        + [
            f"socket_{name} at cgroup_{name}"
            for name in SOCKET_PROGRAMS
            if balancing and name not in balancing["socket_hooks"]
        ]
        + (
            [f"{POLICY_PROGRAM} in {POLICY_STAGE.name}"]
            if node["isolation"] and not found["policies"]["judges"]
            else []
        )
    )
