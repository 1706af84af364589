# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the module ``policy`` as a plan gives them: parts, each packed once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine import wire
from ..engine.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def pack(options: Mapping[str, Any]) -> str:
    """Return options as one text: an item of the option ``_policies``."""
    return wire.pack(dict(options))


def unpack(parts: Iterable[str]) -> dict[str, Any]:
    """Return the options that were packed, in however many parts.

    :raises Failure: where one is none.
    """
    found: dict[str, Any] = {}
    try:
        for part in parts:
            found.update(wire.unpack(part))
    except (ValueError, TypeError):
        raise Failure(
            "_policies: it has no mapping as JSON, compressed with zlib, in base64; leave it to "
            "the action plugin of converge, and give classes, sets and pods."
        ) from None
    return found
