# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one exception that the layers below a module raise."""

from __future__ import annotations


class Failure(Exception):
    """One clear sentence for the user: what is wrong, its value, and what would be valid.

    ``details`` are returned beside the message, such as the log of the compiler.
    """

    def __init__(self, message: str, **details: object) -> None:
        """Keep the sentence and what belongs to it."""
        super().__init__(message)
        self.message = message
        self.details = details
