# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is too long for a page: the first of it, and how much is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


def cut(rows: Sequence[Any], count: int) -> dict[str, Any]:
    """Return the first of some ``rows``, and how many ``more`` there are."""
    return {"rows": list(rows[:count]), "more": max(0, len(rows) - count)}
