# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The word ``drops``: what the module ``drops_info`` says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..command.table import from_user
from ..drops import info, report
from ..node.strangers import refuse_pods

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping


def ask(options: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    """Return the answer, and whether there is no drop among what was asked for."""
    with from_user():
        refuse_pods({"pod": options.pod and [options.pod]})
        wanted = info.Filter(
            pod=options.pod,
            address=options.address,
            reasons=options.reason,
            protocol=options.protocol,
            since=options.since,
        )
        found = info.gather(wanted, options.limit)
    return found, not found["matched"]


def render(found: Mapping[str, Any]) -> str:
    """Return it as people read it."""
    return report.render(found)
