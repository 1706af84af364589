# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The word ``flows``: what the module ``flows_info`` says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..command.table import from_user
from ..node.strangers import refuse_pods
from ..talkers import info, report

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping


def ask(options: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    """Return the answer, and whether flows are counted here at all."""
    with from_user():
        refuse_pods({"pod": options.pod and [options.pod]})
        wanted = info.Filter(
            pod=options.pod,
            address=options.address,
            protocol=options.protocol,
            port=options.port,
            since=options.since,
        )
        found = info.gather(wanted, options.top, options.sort)
    return found, found["counter"]["used"] is not None


def render(found: Mapping[str, Any]) -> str:
    """Return it as people read it."""
    return report.render(found)
