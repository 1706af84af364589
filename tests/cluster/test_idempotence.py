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
    shown = "\n".join(event.result.get("msg", "") for event in run.of("ok"))
    assert f"{len(demo.nodes)}/{len(demo.nodes)} reachable" in shown, run.output
    assert "failed" not in shown
    assert differences(before, snapshots(demo)) == {}
