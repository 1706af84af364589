# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A live cluster with services goes from cell to cell, and nothing stays behind.

``make test-switches`` goes from each cell to each other one. A run compares object by object what
is there with what a cell has, and knows no switch; so ``make test`` goes a round through all six
cells, and changes one thing at a time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import pairwise, permutations
from typing import TYPE_CHECKING

import pytest

from tests.cluster.cluster import inventory
from tests.cluster.probes import PYTHON, differences, everybody_reaches_everybody
from tests.scope import WHOLE

from .cells import CELLS, DATAPATHS, NETWORK_TYPES, SERVICES, Cell
from .circuit import circuit
from .servers import THERE
from .state import states

if TYPE_CHECKING:
    import subprocess

    from tests.cluster.cluster import Cluster
    from tests.cluster.probes import Snapshot

EVERY = list(permutations(CELLS, 2))
NATIVE, OVERLAY = NETWORK_TYPES
#: Each datapath changes its network type, and for another one in one of the networks.
ROUND = [
    *(Cell("ebpf", NATIVE), Cell("ebpf", OVERLAY), Cell("bridge", OVERLAY), Cell("bridge", NATIVE)),
    *(Cell("routed", NATIVE), Cell("routed", OVERLAY), Cell("ebpf", OVERLAY), Cell("ebpf", NATIVE)),
]
STEPS = circuit(EVERY) if WHOLE else list(pairwise(ROUND))

#: Milliseconds for which two pods may not reach each other, at most, beside other tests.
BOUND = 5_000

#: The same where ``pn_vxlan`` is made anew: until the pods have moved, which takes a few tasks.
BOUND_RENEWED = 30_000


def test_the_circuit_has_every_switch_once():
    assert sorted(circuit(EVERY)) == sorted((a, b) for a in CELLS for b in CELLS if a != b)
    assert all(before[1] == after[0] for before, after in zip(STEPS, STEPS[1:]))


def test_a_live_cluster_comes_to_each_cell_and_leaves_it():
    assert {a for a, _b in STEPS} == {b for _a, b in STEPS} == set(CELLS)
    changed = {(a.datapath == b.datapath, a.network_type == b.network_type) for a, b in STEPS}
    assert {(True, False), (False, True)} <= changed
    assert {a.datapath for a, b in STEPS if a.network_type != b.network_type} == set(DATAPATHS)


@dataclass
class Live:
    """A cluster that is switched, with what a fresh install of each cell holds.

    :param ping: what counts the echoes between two pods across nodes.
    :param interruptions: milliseconds by switch.
    """

    cluster: Cluster
    fresh: dict[Cell, dict[str, Snapshot]]
    pods: dict[str, str]
    ping: subprocess.Popen[str]
    interruptions: dict[tuple[Cell, Cell], int] = field(default_factory=dict)

    def interruption(self) -> int:
        """Milliseconds without an answer since this was last asked."""
        self.ping.stdin.write("\n")
        self.ping.stdin.flush()
        report = json.loads(self.ping.stdout.readline() or "null")
        assert report, self.ping.stderr.read()
        return report["longest"]


def site(cluster, cell):
    cluster.variables.update(cell.variables)
    cluster.play("site").ok()


@pytest.fixture(scope="module")
def live(make_module_cluster):
    """A cluster that stands in the circuit's first cell."""
    cluster = make_module_cluster(inventory(pods=3, **SERVICES))
    fresh = {}
    for cell in [*CELLS[1:], CELLS[0]]:
        site(cluster, cell)
        fresh[cell] = states(cluster)
        if cell != STEPS[0][0]:
            cluster.down()
            cluster.up()
    pods = cluster.pods()
    (here, _own), *_others, (_place, there) = pods.items()
    with cluster.start(here, *PYTHON, str(THERE / "interruption.py"), there) as ping:
        yield Live(cluster, fresh, pods, ping)
        ping.kill()


def table(interruptions):
    """Return the interruptions in Markdown: from the cell of a row to that of a column."""
    rows = [["ms", *map(str, CELLS)], ["---"] * (len(CELLS) + 1)]
    for before in CELLS:
        cells = [str(interruptions.get((before, after), "")) for after in CELLS]
        rows.append([str(before), *cells])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step[0]} to {step[1]}")
def test_a_switch_keeps_the_pods_and_leaves_nothing_of_the_old_cell(step, live):
    after = step[1]
    live.interruption()
    site(live.cluster, after)
    live.interruptions[step] = live.interruption()
    assert live.cluster.pods() == live.pods
    everybody_reaches_everybody(live.cluster)
    assert differences(live.fresh[after], states(live.cluster)) == {}


def test_how_long_each_switch_interrupted(live, capsys):
    with capsys.disabled():
        print(f"\n\n{table(live.interruptions)}\n")
    assert live.interruptions.keys() == set(STEPS)
    for (before, after), milliseconds in live.interruptions.items():
        overlays = before.network_type == after.network_type == "overlay"
        renewed = overlays and "ebpf" in {before.datapath, after.datapath}
        assert milliseconds < (BOUND_RENEWED if renewed else BOUND), (before, after)
