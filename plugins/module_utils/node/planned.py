# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run left on the node that words of the command need, or why it is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine.failure import Failure
from ..installed import plan
from .presence import ABSENT, has_network

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def slice_here() -> dict[str, Any]:
    """Return the node's slice of the plan.

    :raises Failure: where there is none.
    """
    return there(plan.PATH, plan.read)


def there(path: Path, read: Callable[[], dict[str, Any] | None]) -> dict[str, Any]:
    """Return what is read of a file that every run writes.

    :raises Failure: where it is not there: no network is either, or somebody has removed it.
    """
    found = read()
    if found is not None:
        return found
    if has_network():
        raise Failure(
            f"{path} is missing, by which this node's network is judged; podnet.fabric.site writes "
            "it anew"
        )
    raise Failure(f"{ABSENT}: there is no {path}")
