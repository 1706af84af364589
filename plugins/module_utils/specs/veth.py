# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``veth``."""

from __future__ import annotations

from ..engine.spec import Spec
from ..network import veth

_ITEM = {
    **veth.END_OPTIONS,
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "recreate": {"type": "bool", "default": False},
    "peer": {"type": "dict", "options": veth.END_OPTIONS},
}

SPEC = Spec(
    arguments={
        "veths": {"type": "list", "elements": "dict", "required": True, "options": _ITEM},
        "netns": {"type": "str"},
    },
    work=lambda given, call: veth.converge(
        given["veths"], given["netns"], check_mode=call.check_mode
    ),
    needs=("pyroute2",),
)
