# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``routes``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine.spec import Spec
from ..network import routes
from ..network.routes_wanted import OPTIONS

if TYPE_CHECKING:
    from ..engine.spec import Call, Params


def _work(given: Params, call: Call) -> dict[str, Any]:
    return routes.converge(
        given["routes"],
        given["netns"],
        table=given["table"],
        purge=given["purge"],
        keep_devices=given["keep_devices"],
        force=given["force"],
        check_mode=call.check_mode,
    )


SPEC = Spec(
    arguments={
        "routes": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": OPTIONS,
        },
        "netns": {"type": "str"},
        "table": {"type": "str", "default": "main"},
        "purge": {"type": "bool", "default": False},
        "keep_devices": {"type": "list", "elements": "str", "default": []},
        "force": {"type": "bool", "default": False},
    },
    work=_work,
    needs=("pyroute2",),
)
