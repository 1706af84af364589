# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every case with packets: each pair of pods by each protocol and port, against the evaluator."""

from __future__ import annotations

import pytest

from .cases import CASES
from .scope import CELLS


@pytest.mark.parametrize("cell", CELLS, ids=str)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_case(case, standing):
    standing.holds(*case.steps)
