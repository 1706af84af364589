# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The word ``policy``: what the module ``policy_info`` says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..policy import info, report

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping


def ask(options: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    """Return the answer, and whether what was asked for is there."""
    found = info.gather(options.NAME)
    return found, bool(found["policies"]) or options.NAME is None


def render(found: Mapping[str, Any]) -> str:
    """Return it as people read it."""
    return report.render(found)
