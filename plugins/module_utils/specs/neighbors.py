# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``neighbors``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine.spec import Spec
from ..network import neighbors

if TYPE_CHECKING:
    from ..engine.spec import Call, Params


def _work(given: Params, call: Call) -> dict[str, Any]:
    return neighbors.converge(
        given["neighbors"],
        given["netns"],
        purge_devices=given["devices"],
        purge=given["purge"],
        check_mode=call.check_mode,
    )


SPEC = Spec(
    arguments={
        "neighbors": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": neighbors.OPTIONS,
        },
        "netns": {"type": "str"},
        "devices": {"type": "list", "elements": "str", "default": []},
        "purge": {"type": "bool", "default": False},
    },
    work=_work,
    needs=("pyroute2",),
)
