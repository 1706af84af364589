# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A list of services as the module ``services`` gets it: ten thousand of them in some 300 kB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine import wire
from ..engine.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def pack(services: Sequence[Mapping[str, Any]]) -> str:
    """Return a list of services as one text: the option ``_services``."""
    return wire.pack(services)


def unpack(packed: str) -> list[dict[str, Any]]:
    """Return the list of services that was packed.

    :raises Failure: where it is none.
    """
    try:
        return list(wire.unpack(packed))
    except (ValueError, TypeError):
        raise Failure(
            "_services: it is not a list as JSON, compressed with zlib, in base64; leave it to the "
            "action plugin, and give services, path or src."
        ) from None
