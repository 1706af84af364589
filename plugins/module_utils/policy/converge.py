# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All policies of a node in one call, in an order in which no packet meets half a set.

New sets and classes are written beside the old ones, each with its names and counters; then each
pod's entry is one update, by which it goes over to them; and what no pod has is taken away last, by
a call with ``purge``. A run that is killed leaves what the next one completes: it is all read from
the maps.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ..datapath import clock
from ..datapath import policy_layout as layout
from ..datapath.layout import ENDPOINT_ISOLATED, ENDPOINTS
from ..engine.bpf import grace
from ..engine.change import Changes, announce, nothing
from ..engine.failure import Failure
from . import meaning, notes, packed
from .comparison import compare
from .held import pinned, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..engine.bpf import maps
    from .comparison import Does, Plan
    from .held import Held
    from .wanted import Wanted

#: What a pod is to send and get, of those whose entry says so.
_WAYS = layout.POLICY_INGRESS, layout.POLICY_EGRESS


def converge(
    wanted: Wanted,
    does: Does,
    *,
    check_mode: bool,
    groups: Iterable[meaning.Group] | None = None,
) -> dict[str, Any]:
    """Let this node hold the policies of its pods, and nothing else where it ``does`` purge.

    Return what the module returns.

    :param groups: the pods of the cluster by their labels, in whose words the diff says what the
        changes mean; None: it does not.
    :raises Failure: before anything is changed, where maps are missing.
    """
    changes = Changes()
    with read() as held:
        if not check_mode:  # in check mode a role before this one would have pinned them
            pinned(held)
        plan = compare(wanted, held, changes, does)
        pods = wanted.pods if does.purge else {**held.pods, **wanted.pods}
        left = notes.stale(held.pods, held.selected)
        if left and does.write and not changes.steps:  # of a run that was killed
            changes.add("notes of connections", {"not_allowed": len(left)}, None, nothing)
        if changes.steps and not check_mode:
            announce()
            apply(plan, wanted, held)
            notes.forget(notes.stale(pods, held.selected))
        result = changes.result()
        if groups is not None and changes.steps:
            told = meaning.of_maps(wanted, held, groups)
            result["diff"]["after"] |= {verb: lines or ["nothing"] for verb, lines in told.items()}
    return result


def apply(plan: Plan, wanted: Wanted, held: Held) -> None:
    """Write, then remove; lines that have nothing to do do nothing."""
    tables = held.tables
    pods, endpoints = tables[layout.POLICY_PODS.name], tables.get(ENDPOINTS.name)
    classes, rules = tables[layout.POLICY_CLASSES.name], tables[layout.POLICY_RULES.name]
    names, counters = tables[layout.POLICY_NAMES.name], tables[layout.POLICY_COUNTERS.name]
    names.update(plan.names)
    counters.update(dict.fromkeys(plan.counters, packed.NO_COUNTS))
    rules.update(plan.rules)
    classes.update(plan.classes)
    narrowed = _narrowed(plan.pods, held)
    _keep(narrowed, wanted)
    notes.turn(plan.pods, held.selected)
    pods.update(_values(plan.pods, held))
    _keep(narrowed, wanted)  # what began meanwhile
    if endpoints:
        _judge_no_more(plan.deaf, endpoints)
    gone = plan.gone_pods or plan.gone_rules or plan.gone_classes
    if gone and (plan.pods or plan.deaf):
        grace.wait()  # for programs that have read what was there before
    pods.delete(plan.gone_pods)
    rules.delete(plan.gone_rules)
    classes.delete(plan.gone_classes)
    counters.delete(plan.gone_counters)
    names.delete(plan.gone_names)


def _values(pods: Mapping[bytes, packed.Pod], held: Held) -> dict[bytes, bytes]:
    now = clock.now() // 10**9
    return {
        address: packed.pod_value(
            pod, held.selected.get(address, now) if address in held.isolated else now
        )
        for address, pod in pods.items()
    }


def _narrowed(pods: Mapping[bytes, packed.Pod], held: Held) -> dict[bytes, packed.Pod]:
    """Return the pods that are judged already, and from now on in one more direction.

    What the others have is kept when ``endpoints`` says of them that they are judged.
    """
    return {
        address: pod
        for address, pod in pods.items()
        if address in held.isolated
        and any(
            any(pod.to(way)) and not any(held.pods.get(address, packed.NO_POD).to(way))
            for way in _WAYS
        )
    }


def _keep(pods: Mapping[bytes, packed.Pod], wanted: Wanted) -> None:
    for address, pod in pods.items():
        netns = wanted.netns.get(address)
        if netns is not None:
            # A pod that goes at this moment has no connections to keep.
            with contextlib.suppress(Failure):
                notes.keep(netns, address, pod)


def _judge_no_more(pods: Iterable[bytes], endpoints: maps.Map) -> None:
    for address in pods:
        raw = endpoints.get(address)
        if raw is None:
            continue
        value = ENDPOINTS.unpack_value(raw)
        flags = value["flags"] & ~ENDPOINT_ISOLATED
        endpoints.update({address: ENDPOINTS.pack_value(**{**value, "flags": flags})})
