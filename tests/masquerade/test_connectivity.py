# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The connectivity test knows whom the outside is to see, and says so where it sees another one."""

from __future__ import annotations

from .vpc import OUTSIDE


def results(cluster, run):
    name = next(iter(cluster.nodes))
    lines = run.result(name, "Show how the scenarios went")["msg"]
    words = [line.split() for line in lines if line.startswith("  ") and "Scenario" not in line]
    return {line[0]: line[1] for line in words}, lines


def outside(name):
    address = OUTSIDE[name].partition("/")[0]
    return ("-e", f"podnet_outside_host={name}", "-e", f"podnet_outside_address={address}")


def test_pods_are_seen_as_their_node_where_they_are_masqueraded(cluster):
    run = cluster.play("connectivity", "-e", "podnet_scenarios=outside", *outside("internet"))
    found, lines = results(cluster, run.ok())
    assert found["pod-to-outside-masqueraded"] == "passed", lines
    assert found["pod-to-outside"] == "skipped"
    assert found["path-mtu"] == "passed"


def test_whoever_is_seen_as_another_one_is_named(cluster):
    run = cluster.play(
        *("connectivity", "-e", "podnet_scenarios=pod-to-outside,pod-to-outside-masqueraded"),
        *("-e", "podnet_masquerade=false"),  # and the nodes masquerade
        *outside("internet"),
    )
    assert run.status != 0
    _found, lines = results(cluster, run)
    assert any("it should have been seen as " in line for line in lines), lines
