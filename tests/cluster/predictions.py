# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check mode says what the run then does, and writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .probes import differences, snapshots

if TYPE_CHECKING:
    from collections.abc import Callable

    from .cluster import Cluster, Run
    from .probes import Snapshot


def predicted_then_done(
    cluster: Cluster,
    playbook: str = "site",
    held: Callable[[Any], dict[str, Snapshot]] = snapshots,
) -> Run:
    """Check, then run; return the run, which changed what the check had said.

    :param held: reads all that the nodes hold, of what they do not change by themselves.
    """
    before = held(cluster)
    check = cluster.play(playbook, "--check", "--diff").ok()
    assert differences(before, held(cluster)) == {}
    done = cluster.play(playbook, "--diff").ok()
    predicted = _said(check)
    twice = {host: [line for line in lines if lines.count(line) > 1] for host, lines in predicted}
    assert not any(twice.values()), twice
    # A run completes what one of its tasks made in another one, and says so again.
    assert [(host, set(lines)) for host, lines in predicted] == [
        (host, set(lines)) for host, lines in _said(done)
    ]
    without = [event.task for event in check.of("changed") if not event.result.get("diff")]
    assert without == [], "tasks that change something and show no difference"
    return done


def _said(run: Run) -> list[tuple[str, list[str]]]:
    """By host, what is changed."""
    return [
        (host, [line for lines in tasks.values() for line in lines])
        for host, tasks in sorted(run.changed.items())
    ]
