# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who may talk to whom, and what the policies that isolate have kept out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .cut import cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Lists of isolating policies that are shown.
SETS = 100


def shown(
    matrix: Mapping[str, Any] | None, statuses: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any] | None:
    """Return the matrix and what was counted; None where there is neither.

    :param matrix: see ``policy.matrix``.
    """
    held = [one["policies"] for one in statuses.values() if one.get("policies")]
    sets = _isolating(held)
    if matrix is None and not sets:
        return None
    return {
        "matrix": matrix,
        "sets": cut(sets, SETS),
        "notes": sum(one["notes"] for one in held),
        "silent": sum(one["planned"] and not one["judges"] for one in held),
    }


def _isolating(held: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what nodes have counted, of the same policies once, what dropped most first."""
    found: dict[tuple[str, tuple[str, ...]], dict[str, Any]] = {}
    for one in held:
        for each in one["sets"]:
            key = each["direction"], tuple(each["policies"])
            named = {"direction": key[0], "policies": ", ".join(key[1])}
            row = found.setdefault(key, {**named, "pods": 0, "dropped": 0, "would_drop": 0})
            row["pods"] += len(each["pods"])
            row["dropped"] += each["dropped"]["packets"]
            row["would_drop"] += each["would_drop"]["packets"]
    return sorted(found.values(), key=lambda row: (-row["dropped"], row["policies"]))
