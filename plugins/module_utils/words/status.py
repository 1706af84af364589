# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The word ``status``: what the module ``status_info`` says, by the slice that a run left here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..node import planned, status, status_report

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping


def ask(_options: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    """Return the answer, and whether the node is as planned."""
    found = status.read(planned.slice_here())
    return {"status": found}, bool(found["node"]["usable"])


def render(found: Mapping[str, Any]) -> str:
    """Return it as people read it."""
    return status_report.render(found["status"])
