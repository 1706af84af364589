# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wanted of the kernel and is not there: ``status`` names it, ``restore`` puts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Lack:
    """One object that is not there as it is wanted.

    :param item: the one that was asked for.
    :param what: what a person would call it, such as ``route 10.0.0.0/24``.
    :param put: brings it; raises :class:`Failure` where the kernel refuses. None where it cannot or
        must not be brought: its device is gone, or somebody else's stands in its place.
    """

    item: Mapping[str, Any]
    what: str
    put: Callable[[], object] | None
