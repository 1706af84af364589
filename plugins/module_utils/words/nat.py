# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The word ``nat``: what the module ``nat_info`` says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..command.table import from_user
from ..nat import filters, info, report

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping


def ask(options: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    """Return the answer, and whether there is room for more flows."""
    with from_user():
        wanted = filters.Filter(
            protocol=options.protocol and options.protocol.upper(),
            direction=options.direction and options.direction.upper(),
            source=options.source,
            destination=options.destination,
            translation=options.translation,
            kinds=options.kind,
            all=options.all,
        )
        found = info.gather(wanted, options.limit)
    return found, not found["warnings"]


def render(found: Mapping[str, Any]) -> str:
    """Return it as people read it."""
    return "\n".join([report.render(found), *found["warnings"]])
