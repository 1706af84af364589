# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``veth``."""

from __future__ import annotations

from ..engine.spec import of_list
from ..network import veth

_ITEM = {
    **veth.END_OPTIONS,
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "recreate": {"type": "bool", "default": False},
    "peer": {"type": "dict", "options": veth.END_OPTIONS},
}

SPEC = of_list("veths", _ITEM, veth.converge)
