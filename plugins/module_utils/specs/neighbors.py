# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``neighbors``."""

from __future__ import annotations

from ..engine.spec import of_list
from ..network import neighbors

SPEC = of_list(
    "neighbors",
    neighbors.OPTIONS,
    neighbors.converge,
    {
        "devices": {"type": "list", "elements": "str", "default": []},
        "purge": {"type": "bool", "default": False},
    },
)
