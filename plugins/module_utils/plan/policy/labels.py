# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pods by their labels: in these words a run says what a change of policies means."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from ..prefix import text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..services.around import Placed

    #: Namespace, labels and addresses of pods.
    Group = tuple[str, dict[str, str], list[str]]


def groups(pods: Iterable[Placed]) -> list[Group]:
    """Return pods of which the addresses are known, in groups that labels do not tell apart."""
    found: dict[tuple[str, frozenset[tuple[str, str]]], list[str]] = defaultdict(list)
    for each in pods:
        found[each.pod.namespace, frozenset(each.pod.labels.items())].append(text(each.ip))
    return [(namespace, dict(labels), ips) for (namespace, labels), ips in found.items()]
