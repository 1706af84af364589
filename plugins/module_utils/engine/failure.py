# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one exception that the layers below a module raise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Failure(Exception):
    """One clear sentence for the user: what is wrong, its value, and what would be valid.

    ``details`` are returned beside the message, such as the log of the compiler.
    """

    def __init__(self, message: str, **details: object) -> None:
        """Keep the sentence and what belongs to it."""
        super().__init__(message)
        self.message = message
        self.details = details


class Unfinished(Failure):
    """All has been done but what ``unfinished`` names; raised at the end, with the whole result.

    :param unfinished: object that was left → the reason, one sentence.
    :param result: what the module would return (``changed``, ``changes``, ``diff`` …).
    """

    def __init__(self, unfinished: Mapping[str, str], **result: Any) -> None:
        """Keep what was left, and what was done."""
        left = [{"name": name, "reason": reason} for name, reason in unfinished.items()]
        each = " ".join(f"{name}: {reason}" for name, reason in unfinished.items())
        super().__init__(
            f"All is done but {', '.join(map(repr, unfinished))}. {each}",
            unfinished=left,
            **result,
        )
        self.unfinished = unfinished
        self.result = result
