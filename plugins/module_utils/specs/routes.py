# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``routes``."""

from __future__ import annotations

from ..engine.spec import of_list
from ..network import routes
from ..network.routes_wanted import OPTIONS

SPEC = of_list(
    "routes",
    OPTIONS,
    routes.converge,
    {
        "table": {"type": "str", "default": "main"},
        "purge": {"type": "bool", "default": False},
        "keep_devices": {"type": "list", "elements": "str", "default": []},
        "force": {"type": "bool", "default": False},
    },
)
