# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Say all that is wrong with an inventory at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..engine.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SHOWN = 10
_NAMED = 3


def refuse(problems: Iterable[str]) -> None:
    """Raise one failure with every sentence, in the order found; none where there is none.

    The message shows the first ten, ``problems`` beside it has them all.
    """
    sentences = list(dict.fromkeys(problems))
    if not sentences:
        return
    message = sentences[:_SHOWN]
    if len(sentences) > _SHOWN:
        message.append(f"... and {len(sentences) - _SHOWN} more.")
    raise Failure("\n".join(message), problems=sentences)


def some(names: Sequence[str]) -> str:
    """Return names as a sentence holds them: a few, and how many more."""
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
