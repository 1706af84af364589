# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The sources of all programs that see packets, for the command of a node."""

from __future__ import annotations

from functools import cache

from ..module_utils.ebpf.bpf_sources import gather_own
from ..module_utils.installed import sources
from ..module_utils.why import copies


def of_all_programs(*, texts: bool) -> dict[str, str]:
    """Return what ``installed.sources.plan`` takes.

    :param texts: whether the texts go along, or the digest alone, by which a node knows its own.
    """
    folded = _folded()
    digest = {"digest": sources.digest(folded)}
    return {**digest, "text": folded} if texts else digest


@cache
def _folded() -> str:
    return sources.fold(gather_own(copies.all_items()))
