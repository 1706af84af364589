# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How much is run: ``make test-policy`` runs all there is, ``make test`` what time allows.

That is all cases by native routing, and of the other cells one of each datapath, with some cases
that differ in what is looked up; the paths of packets are all walked in each cell that is run.
"""

from __future__ import annotations

import os

from tests.cells.cells import CELLS as ALL_CELLS

WHOLE = os.environ.get("POLICY_SCOPE") == "whole"

NATIVE, OVERLAY, BRIDGE, _BRIDGE_OVERLAY, _ROUTED, ROUTED_OVERLAY = ALL_CELLS
CELLS = ALL_CELLS if WHOLE else [NATIVE, OVERLAY, BRIDGE, ROUTED_OVERLAY]
EBPF, CLASSIC = CELLS[:2], CELLS[2:]
#: What asks for many runs.
RUNS = EBPF if WHOLE else EBPF[:1]

#: Changes of policies while packets pass.
CHANGES = 1000 if WHOLE else 200
