# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a network is on the node, and what is said where none is."""

from __future__ import annotations

from pathlib import Path

from ..names import MAP_PINS

#: Of a node where no run was, or a teardown.
ABSENT = "the pod network is not on this node; the playbook site brings it up"


def has_network() -> bool:
    """Say whether a network is on the node, of whatever cell."""
    return Path(MAP_PINS).is_dir()


def told(report: str) -> str:
    """Return a report on the node's network, or, where there is none, that."""
    return report if has_network() else ABSENT
