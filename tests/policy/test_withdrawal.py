# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The last test: policies are taken away with all else, and a node is what it was before."""

from __future__ import annotations

import pytest

from tests.cluster.probes import differences, snapshots

from .scope import CELLS
from .test_paths import POLICIES


@pytest.mark.parametrize("cell", CELLS[-1:], ids=str)
def test_teardown_leaves_nothing(standing):
    standing.site(POLICIES)
    standing.end()
    standing.cluster.play("teardown").ok()
    found = snapshots(standing.cluster)
    for sections in found.values():
        # What runs in the pods is the lab's matter, not the network's.
        for section in ("cgroups", "files"):
            sections[section] = [line for line in sections[section] if "/podnet-pods" not in line]
    assert differences(standing.before, found) == {}
