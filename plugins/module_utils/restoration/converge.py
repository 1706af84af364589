# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All that a host needs so that the pod network comes back by itself after an event of the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import host, record
from .entries import check

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..engine.change import Changes


def converge(
    entries: Mapping[str, list[dict[str, Any]]],
    device: int | None,
    changes: Changes,
    *,
    check_mode: bool,
) -> Changes:
    """Write down what there shall be, then have what looks after it.

    :param entries: see ``datapath.entries``.
    :param device: number of the node's device.
    :param changes: what is to be done before, such as the command that is started.
    :raises Failure: before anything is changed, for an entry that cannot be.
    """
    check(entries)
    record.plan(entries, changes)
    host.plan(device, changes)
    changes.apply(check_mode=check_mode)
    return changes


def plan_removal(changes: Changes) -> None:
    """Take it away: first nothing comes back any more."""
    record.plan_removal(changes)
    host.plan_removal(changes)
