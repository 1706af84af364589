# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sets of numbers as kernel settings have them: ``8080,30000-32767``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_RANGE = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")
#: Numbers are ports.
LAST = 65535


def numbers(text: str) -> frozenset[int]:
    """Return the numbers of a text; of an empty one none.

    :raises ValueError: where it is not written so, or goes beyond :data:`LAST`.
    """
    found: set[int] = set()
    for part in text.split(",") if text else ():
        ends = _RANGE.fullmatch(part.strip())
        if ends is None:
            raise ValueError(f"{part!r} is no range of ports")
        first, last = int(ends[1]), int(ends[2] or ends[1])
        if not first <= last <= LAST:
            raise ValueError(f"{part!r} is no range of ports")
        found.update(range(first, last + 1))
    return frozenset(found)


def text(found: Collection[int]) -> str:
    """Write numbers in the one way in which the kernel shows them."""
    parts: list[list[int]] = []
    for number in sorted(found):
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(f"{first}-{last}" if first < last else f"{first}" for first, last in parts)
