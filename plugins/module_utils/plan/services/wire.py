# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A list of services as the module ``services`` gets it: ten thousand of them in some 300 kB."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

#: The fastest: a run packs once, and every node unpacks.
LEVEL = 1


def pack(services: list[dict[str, Any]]) -> str:
    """Return a list of services as one text."""
    raw = json.dumps(services, separators=(",", ":")).encode()
    return base64.b64encode(zlib.compress(raw, LEVEL)).decode()


def unpack(packed: str) -> list[dict[str, Any]]:
    """Return the list of services that was packed."""
    services: list[dict[str, Any]] = json.loads(zlib.decompress(base64.b64decode(packed)))
    return services
