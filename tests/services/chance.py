# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What chance gives: how far counts may lie from their mean."""

from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

#: How often a fair draw may be called unfair.
ONCE = 1e-6


def fair_bounds(draws: int, sides: int) -> tuple[int, int]:
    """Return the least and the most of ``draws`` that one of so many equal sides gets.

    A fair draw lies outside for any of its sides at most once in a million.
    """
    share = 1 / sides
    odds = [comb(draws, n) * share**n * (1 - share) ** (draws - n) for n in range(draws + 1)]
    tail = ONCE / (2 * sides)
    return _within(odds, tail), draws - _within(odds[::-1], tail)


def _within(odds: list[float], tail: float) -> int:
    """Return the first number at which the sum of the odds exceeds the tail."""
    total = 0.0
    for number, each in enumerate(odds):
        total += each
        if total > tail:
            return number
    return len(odds)


def assert_fair(answers: Collection[str], sides: Collection[str]) -> None:
    """Fail where the answers are not from all of these, each with a fair share."""
    answers = list(answers)
    counts = {side: answers.count(side) for side in sides}
    least, most = fair_bounds(len(answers), len(sides))
    assert sum(counts.values()) == len(answers), set(answers) - set(sides)
    assert all(least <= count <= most for count in counts.values()), (counts, least, most)
