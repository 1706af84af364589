# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The list of services out of a module's options, and in the form in which it is sent to a node."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from typing import TYPE_CHECKING, Any

from ..engine.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def packed(services: Sequence[Mapping[str, Any]]) -> str:
    """Return the option ``_services``."""
    text = json.dumps(services, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(), 1)).decode()


def services(options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the list that was given, in one form or the other.

    :raises Failure: for what only a controller can read.
    """
    for word in ("path", "src"):
        if options[word] is not None:
            raise Failure(
                f"{word}: {options[word]!r} is read where Ansible runs, by the action plugin of "
                f"this module; call it as podnet.fabric.services."
            )
    if options["services"] is not None:
        return list(options["services"])
    try:
        return list(json.loads(zlib.decompress(base64.b64decode(options["_services"]))))
    except (binascii.Error, zlib.error, ValueError, TypeError):
        raise Failure(
            "_services: it is not a list as JSON, compressed with zlib, in base64; leave it to the "
            "action plugin, and give services, path or src."
        ) from None
