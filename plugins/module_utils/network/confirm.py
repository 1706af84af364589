# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Entries as the kernel shows them: it passes over words that it does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping


def confirmed(took: str, wished: Mapping[str, Any], shown: dict[str, Any] | None) -> dict[str, Any]:
    """Return an entry as the kernel shows it.

    :param took: begins a sentence, such as ``routes[0]: the kernel took the route to 10.0.0.0/8``.
    :param shown: None or nothing where the kernel has none.
    :raises Failure: where it is not there, or not as it was asked for.
    """
    if not shown:
        raise Failure(f"{took} without an error and does not show it.")
    different = [
        f"{word}={value!r} as {shown.get(word)!r}"
        for word, value in wished.items()
        if shown.get(word) != value
    ]
    if different:
        raise Failure(
            f"{took} without an error and shows {', '.join(different)}; it does not support that."
        )
    return shown
