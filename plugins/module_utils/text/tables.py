# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Text for people: a word and its value, and tables below it."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_INDENT = 24


def line(word: str, value: object) -> str:
    """Return ``Word:    value`` with all values of a report one below the other."""
    return f"{word + ':':<{_INDENT}}{value}"


def table(
    heads: Sequence[str], rows: Iterable[Sequence[object]], *, indent: int = 2, gap: int = 2
) -> list[str]:
    """Return the lines of a table, heads first; none where there is no row.

    :param indent: spaces in front of each line.
    :param gap: spaces between columns.
    """
    cells = [["-" if cell is None else str(cell) for cell in row] for row in rows]
    if not cells:
        return []
    everything = [list(heads), *cells]
    widths = [max(len(row[column]) for row in everything) for column in range(len(heads))]
    return [
        " " * indent
        + (" " * gap).join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
        for row in everything
    ]


def counted(number: int, word: str) -> str:
    """Return how many there are of something, such as ``1 way`` and ``2 ways``."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def nearest(word: str, words: Iterable[str], shown: int = 5) -> str:
    """Return as :func:`first` does those that are most like a word, which is none of them."""
    like = difflib.SequenceMatcher(b=word)

    def distance(one: str) -> tuple[float, str]:
        like.set_seq1(one)
        return -like.ratio(), one

    return first(sorted({*words}, key=distance), shown)


def first(words: Sequence[str], shown: int = 5) -> str:
    """Return the first words of many, and how many more there are."""
    more = f" and {len(words) - shown} more" if len(words) > shown else ""
    return ", ".join(words[:shown]) + more
