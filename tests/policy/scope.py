# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How much is run: ``make test-policy`` runs all there is, ``make test`` what time allows.

That is all cases in one cell, and a choice of them and all paths in each of those that are chosen,
less those of the bridge: its pods have the programs that those of ``routed`` have, at the same
hooks, which a unit test holds (tests/unit/test_datapath_cells.py). A pod that is isolated on a
bridge is shown to packets in tests/integration (test_policy_parts.py, test_drops_info.py).
"""

from __future__ import annotations

from tests.cells.scope import CHOSEN, LIVED
from tests.scope import WHOLE

CELLS = [CHOSEN[0], *LIVED]
EBPF = CELLS[:2]
#: Where questions of paths are put to ``why``, too, and of how many one is: each takes two seconds.
WHERE_ASKED = CELLS if WHOLE else CELLS[:1]
ONE_ASKED_OF = 1 if WHOLE else 5
#: What asks for many runs.
RUNS = EBPF if WHOLE else EBPF[:1]
#: Those to which a cluster comes from the one before while what is denied is tried; ``make test``
#: has the one that comes by another datapath, whose programs are others.
ARRIVALS = CELLS[1:] if WHOLE else CELLS[-1:]

#: Changes of policies while packets pass.
CHANGES = 1000 if WHOLE else 120
