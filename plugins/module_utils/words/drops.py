# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The word ``drops``: what the module ``drops_info`` says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..command.table import Usage
from ..drops import info, report
from ..engine.failure import Failure

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping


def ask(options: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    """Return the answer, and whether there is no drop among what was asked for."""
    try:
        wanted = info.Filter(
            pod=options.pod,
            address=options.address,
            reasons=options.reason,
            protocol=options.protocol,
            since=options.since,
        )
        found = info.gather(wanted, options.limit)
    except Failure as wrong:
        raise Usage(wrong.message) from wrong
    return found, not found["matched"]


def render(found: Mapping[str, Any]) -> str:
    """Return it as people read it."""
    return report.render(found)
