# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The word ``services``: what the module ``services_info`` says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..services import info, report

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping


def ask(options: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    """Return the answer, and whether each service has a backend."""
    found = info.gather(options.NAME)
    there = bool(found["services"]) or options.NAME is None
    return found, there and all(
        one["backends"] or one["outside_backends"] for one in found["services"]
    )


def render(found: Mapping[str, Any]) -> str:
    """Return it as people read it."""
    return report.render(found)
