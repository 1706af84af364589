# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reruns, new versions and other ways of attaching lose no packet and no connection."""

from __future__ import annotations

import pytest

from tests.cluster.cluster import ROOT

from .attached import attached, pinned
from .traffic import CONTROLLER, NOTHING, QDISC, controllers, nothing_is_lost
from .versions import other_maps, other_programs

#: What is done to the running cluster, one after the other: version and attach mode afterwards.
STEPS = {
    "a rerun": ("checkout", "tcx"),
    "other programs": ("other programs", "tcx"),
    "clsact instead of tcx": ("other programs", "clsact"),
    "a rerun with clsact": ("other programs", "clsact"),
    "other programs with clsact": ("checkout", "clsact"),
    "maps that have grown": ("other maps", "clsact"),
    "tcx instead of clsact": ("other maps", "tcx"),
}
START = ("checkout", "tcx")


@pytest.fixture(scope="module")
def versions(tmp_path_factory):
    """Collection paths by version."""
    return {
        "checkout": ROOT / ".build/collections",
        "other programs": other_programs(tmp_path_factory.mktemp("programs")),
        "other maps": other_maps(tmp_path_factory.mktemp("maps")),
    }


@pytest.fixture(scope="module")
def run_site(pair, versions):
    """Bring the cluster to a version and an attach mode."""
    state = [START]

    def run(version, mode):
        # What the cluster has come up with is tcx: to name it would be a change of the plan.
        pair.variables["podnet_attach_mode"] = "auto" if mode == "tcx" else mode
        done = pair.play("site", ANSIBLE_COLLECTIONS_PATH=str(versions[version])).ok()
        state[0] = (version, mode)
        return done

    run.state = state
    return run


@pytest.mark.parametrize("step", STEPS)
def test_nothing_is_lost_over(step, pair, run_site):
    earlier = [START, *STEPS.values()][list(STEPS).index(step)]
    if run_site.state[0] != earlier:
        run_site(*earlier)
    (before_version, before_mode), (version, mode) = earlier, STEPS[step]
    places, programs = attached(pair), pinned(pair)
    # The kernel stops a device's queues while a clsact qdisc comes or goes (qdisc_graft): what is
    # sent meanwhile is lost, whoever asks for it. Replacing what is in the qdisc does not do that.
    with nothing_is_lost(pair, but=QDISC if mode != before_mode else NOTHING):
        done = run_site(version, mode)

    now = attached(pair)
    # One program at every place and in the wanted way, at the same places as before.
    assert {how for here in now.values() for how, _program in here} == {mode}
    assert {place for place, here in now.items() if len(here) != 1} == set()
    assert now.keys() == places.keys()
    assert len(now) == sum(2 + len(pods_and_health(pair, node)) for node in pair.nodes)
    kept = {name for name, program in pinned(pair).items() if programs[name] == program}
    assert kept == (set() if version != before_version else set(programs))
    assert {program for here in now.values() for _how, program in here} == set(
        pinned(pair).values()
    )
    if (version, mode) == (before_version, before_mode):
        assert done.changed == {}
        assert now == places
    else:
        assert done.changed.keys() == pair.nodes.keys()


def pods_and_health(cluster, node):
    return [*cluster.pods(node), "podnet-health"]


def test_the_controllers_connection_lives_through_everything(pair, versions, run_site):
    """Over switches of cells, a teardown and a first run: no reset, no long silence."""
    version, _mode = run_site.state[0]
    here = {"ANSIBLE_COLLECTIONS_PATH": str(versions[version])}
    pair.variables["podnet_attach_mode"] = "auto"
    cells = [("bridge", "overlay"), ("routed", "native_routing"), ("ebpf", "overlay")]
    with nothing_is_lost(pair, but=CONTROLLER, of=controllers(pair)):
        for datapath, network_type in cells:
            pair.variables.update(podnet_datapath=datapath, podnet_network_type=network_type)
            pair.play("site", **here).ok()
        pair.play("teardown", **here).ok()
        pair.play("site", **here).ok()
