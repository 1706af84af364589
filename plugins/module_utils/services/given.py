# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The list of services out of a module's options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine.failure import Failure
from . import wire

if TYPE_CHECKING:
    from collections.abc import Mapping


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
    return wire.unpack(options["_services"])
