# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every case with packets: each pair of pods by each protocol and port, against the evaluator."""

from __future__ import annotations

import pytest

from tests.scope import WHOLE

from .cases import CASES
from .scope import CELLS

#: In the other cells packets come to the same judge with the same maps, by other paths: so a choice
#: of cases does there. ``make test-policy`` runs them all.
SOME = [case for case in CASES if case.kind in ("kubernetes", "example", "write-up")]


@pytest.mark.parametrize(
    ("case", "cell"),
    [(case, cell) for cell in CELLS for case in (CASES if WHOLE or cell == CELLS[0] else SOME)],
    ids=str,
)
def test_a_case(case, standing):
    standing.holds(*case.steps)
