# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Plain data as one short text, for options of modules: JSON, compressed with zlib, in base64."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from typing import Any

#: The fastest: a run packs once, and every node unpacks.
LEVEL = 1


def pack(data: Any) -> str:
    """Return data as one text."""
    raw = json.dumps(data, separators=(",", ":")).encode()
    return base64.b64encode(zlib.compress(raw, LEVEL)).decode()


def unpack(packed: str) -> Any:
    """Return the data that was packed.

    :raises ValueError: where it is none.
    """
    try:
        return json.loads(zlib.decompress(base64.b64decode(packed)))
    except (binascii.Error, zlib.error, TypeError) as error:
        raise ValueError(packed) from error
