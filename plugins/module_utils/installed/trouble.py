# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why the last boot of the host brought nothing back: for those who ask what is wrong."""

from __future__ import annotations

from pathlib import Path

from ..engine import files

#: It goes with the next boot.
PATH = Path("/run/podnet-boot")


def note(sentence: str) -> None:
    """Write down what stands in the way."""
    files.write(PATH, sentence.encode())


def clear() -> None:
    """Forget it."""
    files.remove(PATH)


def read() -> str | None:
    """Return what was written down, None where nothing was."""
    try:
        return PATH.read_text()
    except FileNotFoundError:
        return None
