# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A run over what stands already does nothing."""

from __future__ import annotations

from .probes import differences, snapshots


def test_a_second_run_changes_nothing_on_any_host(demo):
    before = snapshots(demo, *demo.nodes, "gateway", "vpc-server")
    run = demo.play("demo").ok()
    assert run.changed == {}
    assert {event.host for event in run.of("ok")} >= {*demo.nodes, "gateway"}
    assert differences(before, snapshots(demo, *before)) == {}


def test_health_finds_everything_and_leaves_nothing(demo):
    before = snapshots(demo)
    run = demo.play("health").ok()
    lines = run.result(next(iter(demo.nodes)), "Show the cluster")["msg"]
    count = len(demo.nodes)
    assert lines[:2] == [
        f"Cluster health:         {count}/{count} reachable",
        "Verdict:                OK",
    ], run.output
    assert differences(before, snapshots(demo)) == {}
