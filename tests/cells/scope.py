# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""In which cells ``make test`` runs what takes many runs; ``make test-cells`` and its like: in all.

The cells are rows of one table, ``datapath/cells.py``, and the code asks for one column at a time:
four of the six rows have every value of every column (tests/unit/test_datapath_cells.py). So what
takes runs is shown in those four. The other two are among the switches: a live cluster comes to
them, everybody reaches everybody there, and a node holds what a fresh install holds.
"""

from __future__ import annotations

from tests.scope import WHOLE

from .cells import CELLS

#: Less those of whose values others have each.
EACH_VALUE = [*CELLS[:3], CELLS[5]]

#: Where a cluster lives its life.
CHOSEN = CELLS if WHOLE else EACH_VALUE

#: Of the cells after the first, in which tests/cluster, tests/services and tests/masquerade are,
#: those in which tests of this folder are. To a bridge a live cluster is switched.
LIVED = [cell for cell in CHOSEN[1:] if WHOLE or cell.datapath != "bridge"]

#: Where it lives through what each cell goes through alike: checks of services and masquerading
#: that come and go, which tests/services and tests/masquerade show as well; runs that are killed,
#: which tests/loss kills.
ALIKE = CHOSEN if WHOLE else CHOSEN[-1:]
