"""What the tables are made of."""

from __future__ import annotations

from typing import Any


def ratio(one: dict[str, Any]) -> str:
    """Say a median and half the distance of its quartiles."""
    return f"{one['ratio']:.3f} ±{(one['high'] - one['low']) / 2:.3f}"


def time(nanoseconds: float) -> str:
    """Say what everything else is a ratio to."""
    return f"1 ({nanoseconds / 1000:.1f} µs)"


def columns(rows: list[list[str]]) -> str:
    """Lay out rows, the first cell of each to the left and the others to the right."""
    first = max(len(row[0]) for row in rows)
    widths = [max(len(cell) for cell in column) for column in list(zip(*rows))[1:]]
    return "\n".join(
        f"  {row[0]:<{first}}" + "".join(f"  {c:>{w}}" for c, w in zip(row[1:], widths))
        for row in rows
    )
