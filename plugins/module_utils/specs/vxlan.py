# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``vxlan``."""

from __future__ import annotations

from ..engine import kinds
from ..engine.spec import Spec
from ..vxlan import VXLAN

SPEC = Spec(
    arguments={
        "vxlans": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": VXLAN.options(),
        },
        "netns": {"type": "str"},
    },
    work=lambda given, call: kinds.converge(
        VXLAN, given["vxlans"], given["netns"], check_mode=call.check_mode
    ),
    needs=("pyroute2",),
)
